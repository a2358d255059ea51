"""Layers that are heard through the host's own door for attention functions, `optimized_attention_override`.

It stands there for the length of one model call and does what stood there before: another pack's function, or
none.  Queries and keys come as the host multiplies them, after norms and rotations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from selagg_core.prompt.messages import message
from selagg_core.prompt.words import Prompt
from selagg_core.recording.joint import Tokens
from selagg_core.recording.layout import LayerId
from selagg_core.recording.run import EncodedText

from .. import host
from ..host.models import diffusion_model, uncompiled
from .family import CHANGE, AttentionChange, AttentionReading, AttentionSite, Listener, context_of
from .override import OVERRIDE, Heard, Unheard, changing, override

UNKNOWN_TOKENS = message("unknown_tokens")


@dataclass(frozen=True)
class BlockSite(AttentionSite):
    """A block of a transformer. label: (block_type, block_index) by which the host calls it."""

    label: tuple[str | None, int] = (None, 0)


@dataclass(frozen=True)
class Arrangement:
    """What a joint layer's tokens are.

    total: tokens in all, None: not known.  reference: those of reference pictures, where the call's labels do
    not count them.  row: as of a reading.
    """

    text: slice
    image: slice
    total: int | None = None
    reference: Tokens | None = None
    row: int | None = None


Reader = Callable[[Heard], AttentionReading | None]


class Transformer:
    """A family of transformers that is heard through the override.

    A subclass says which network is its own (`is_own`), what its blocks are called (`blocks`), how large its
    patches are, and how a call's tokens are arranged (`tokens`).
    """

    joint = True

    @property
    def asks_words_alone(self) -> bool:
        """Whether the keys of a word encoded alone depend on nothing but the word: wins can be counted."""
        return not self.joint

    # -- what a subclass says --------------------------------------------------------------------------------

    def is_own(self, network) -> bool:
        raise NotImplementedError

    def blocks(self, network) -> Iterable[tuple[str, str | None, int, int]]:
        """(what people call the blocks, the host's block_type, how many, heads), in order of execution."""
        raise NotImplementedError

    def patch(self, network) -> int:
        """Latent pixels on a side of a cell."""
        return int(network.patch_size)

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        """Where text and picture lie: text first, then the picture, then reference pictures."""
        columns = call.columns
        return Arrangement(slice(0, columns), slice(columns, columns + cells))

    def counted(self, sites: Sequence[Any]) -> Mapping[str, int]:
        """Where calls bear no labels: the name by which other packs replace blocks -> the first one's place.

        A block that another pack leaves out must not shift the names of those behind it.
        """
        return {}

    def words(self, clip, text: str) -> Prompt | None:
        return None

    # -- ModelFamily -----------------------------------------------------------------------------------------

    def sites(self, model) -> tuple[BlockSite, ...]:
        network = diffusion_model(model)
        if network is None or not self.is_own(network):
            return ()
        patch = self.patch(network)
        return tuple(
            BlockSite(LayerId(name, number), heads, patch, joint=self.joint, label=(kind, number))
            for name, kind, count, heads in self.blocks(network)
            for number in range(count)
        )

    def text(self, sites: Sequence[Any], entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        return None if context is None else EncodedText.of(context)

    @contextmanager
    def hooked(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        reader = self.reader(sites, call, listener)
        own = override(reader, call.options.get(OVERRIDE), listener)
        yield {**call.options, OVERRIDE: own, **counting(call, reader, self.counted(sites))}

    @contextmanager
    def changed(self, sites: Sequence[BlockSite], call: host.ModelCall, change: AttentionChange):
        reader = self.reader(sites, call, Unheard(change))
        own = changing(reader, call.options.get(OVERRIDE), change)
        counted = counting(call, reader, self.counted(sites))
        yield {**call.options, OVERRIDE: own, CHANGE: change, **counted}

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener) -> Reader:
        """What makes a reading of an attention call within this model call."""
        return JointReader(self, sites, call, listener)


class JointReader:
    """Readings of one model call in which text and picture share each layer's softmax.

    Where the host names no blocks they are counted by their joint calls: `next` is the number of the next
    one; who replaces whole blocks sets it.
    """

    def __init__(
        self, family: Transformer, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener
    ):
        self._sites: dict[tuple[Any, Any], BlockSite] = {site.label: site for site in sites}
        self._order, self.next = tuple(sites), 0
        self._listener = listener
        self._grid = picture_grid(sites[0], call)
        self._cells = self._grid[0] * self._grid[1]
        self._frames = frames_of(call)
        self._later_frames = self._cells * (self._frames - 1)
        self._tokens = family.tokens(sites, call, self._cells)

    def __call__(self, heard: Heard) -> AttentionReading | None:
        site = self.site(heard)
        if site is None:
            return None
        tokens, there = self._tokens, heard.q.shape[2]
        references = sum(heard.labels.get("reference_image_num_tokens") or ())
        wanted = tokens.total or max(tokens.text.stop, tokens.image.stop) + self._later_frames + references
        if there != wanted or there != heard.k.shape[2] or heard.q.shape[1] != site.heads:
            self._listener.missed(site.layer, UNKNOWN_TOKENS)
            return None
        own = tokens.reference
        if references:
            start = max(tokens.image.stop, tokens.text.stop) + self._later_frames
            own = slice(start, start + references)
        return AttentionReading(
            site.layer, heard.q, heard.k, self._grid, tokens.image, tokens.text, heard.mask, heard.v, own,
            self._frames, tokens.row,
        )  # fmt: skip

    def site(self, heard: Heard) -> BlockSite | None:
        """The block that this is; None: a call of no block (a refiner of text or picture)."""
        kind = heard.labels.get("block_type")
        if kind is not None:
            return self._sites.get((kind, heard.labels.get("block_index")))
        least = max(self._tokens.text.stop, self._tokens.image.stop)
        if heard.q.shape[2] < least or self.next >= len(self._order):
            return None  # of the picture or the text alone
        self.next += 1
        return self._order[self.next - 1]


class CrossReader:
    """Readings of one model call in which a block attends to itself first, then to the text.

    beside: tokens of pictures to go by, before the picture and behind it.
    """

    def __init__(
        self,
        sites: Sequence[BlockSite],
        call: host.ModelCall,
        columns: int,
        listener: Listener,
        beside: tuple[int, int] = (0, 0),
    ):
        self._sites: dict[tuple[Any, Any], BlockSite] = {site.label: site for site in sites}
        self._listener = listener
        self._columns, self._beside, self._frames = columns, beside, frames_of(call)
        self._grid = picture_grid(sites[0], call)
        self._calls: dict[LayerId, int] = {}

    def __call__(self, heard: Heard) -> AttentionReading | None:
        site = self._sites.get((heard.labels.get("block_type"), heard.labels.get("block_index")))
        if site is None:
            return None
        earlier = self._calls.get(site.layer, 0)
        self._calls[site.layer] = earlier + 1
        cells, keys = heard.q.shape[2], heard.k.shape[2]
        if keys != self._columns or (keys == cells and earlier == 0):
            return None
        frame, (before, behind) = self._grid[0] * self._grid[1], self._beside
        if cells != before + frame * self._frames + behind or heard.q.shape[1] != site.heads:
            self._listener.missed(site.layer, UNKNOWN_TOKENS)
            return None
        image, text = slice(before, before + frame), slice(0, keys)
        return AttentionReading(
            site.layer, heard.q, heard.k, self._grid, image, text, heard.mask, heard.v, frames=self._frames
        )


def counting(call: host.ModelCall, reader: Reader, places: Mapping[str, int]) -> dict:
    """The patches that replace whole blocks, each of which tells the reader (`next`) its place."""
    patches = dict(call.options.get("patches_replace", {}))
    if not places or "dit" not in patches:
        return {}
    patches["dit"] = {key: _counted(reader, key, own, places) for key, own in patches["dit"].items()}
    return {"patches_replace": patches}


def _counted(reader, key, replacement, places: Mapping[str, int]):
    if not isinstance(key, tuple) or key[0] not in places:
        return replacement
    place = places[key[0]] + key[1]

    def replaced(args, extra):
        reader.next = place
        out = replacement(args, extra)
        reader.next = place + 1
        return out

    return replaced


def picture_grid(site: AttentionSite, call: host.ModelCall) -> tuple[int, int]:
    """(h, w) of the cells of one frame."""
    return site.grid(call.x.shape[-2:])


def frames_of(call: host.ModelCall) -> int:
    return call.x.shape[2] if call.x.ndim == 5 else 1


def reference_tokens(call: host.ModelCall, cell: int) -> int:
    """Tokens of the reference pictures of a call whose labels do not count them; cell: as of a site."""
    pictures = call.conds.get("ref_latents") or ()
    sizes = ((x.shape[2] if x.ndim == 5 else 1, *x.shape[-2:]) for x in pictures)
    return sum(frames * -(-height // cell) * -(-width // cell) for frames, height, width in sizes)


def between(start: int, stop: int) -> slice | None:
    """The tokens from start to stop, if there are any."""
    return slice(start, stop) if stop > start else None


def is_kind(network, module: str, *names: str) -> bool:
    """Whether a network is of the host's class of one of these names in a module, or derived from it."""
    return any(kind.__name__ in names and kind.__module__.endswith(module) for kind in type(network).__mro__)


def heads_in(block, *path: str) -> int:
    """The number of heads that a block's attention says it has."""
    for name in path[:-1]:
        block = uncompiled(getattr(block, name))
    return int(getattr(block, path[-1]))
