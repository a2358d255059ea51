"""What every cross-attention head did with every word during a sampling run.

While a run lasts, `RunSums` adds up probabilities on the model's device, one sum for each conditioning entry,
layer, head and word.  At its end they move to the host once, as means over the recorded steps.  `Capture`
keeps the last runs and finds them again by the latent that the sampler returned.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from .attention import LayerGroup, column_matrix, pool_grid
from .layout import HeadLayout, LayerId
from .prompt import CHUNK, LabelCache, Labels, Prompt, TextKey
from .self_attention import SelfAttention, layers_within

MEBIBYTE = 1024 * 1024
DEFAULT_BUDGET = 256 * MEBIBYTE
#: Enough for a picture and the tiles of its upscale.
KEPT_RUNS = 16
#: Memory that all kept runs of a capture may take, in budgets of one run.
KEPT_BUDGETS = 2
SMALLEST_POOLED_SIDE = 4
#: Maps of an entry that take more than this in float32 are kept in float16 (relative error 0.0005).
HALF_PRECISION_ABOVE = 64 * MEBIBYTE
#: Share of the memory budget that self-attention may take.
SELF_ATTENTION_SHARE = 0.5

NO_RUN = (
    "SelAgg Capture has recorded no sampling run yet. Connect its MODEL output to the sampler, and the "
    "LATENT of that sampler here."
)
NOT_CONNECTED = (
    "This picture was sampled before any node was connected to SelAgg Capture, so nothing was recorded. From "
    "now on it is: change the seed of the sampler and queue again."
)
WRONG_LATENT = (
    "This latent was not sampled with this capture: connect the LATENT of the sampler that is fed by this "
    "SelAgg Capture. (If the sampler's result came from ComfyUI's cache, its run may have made room for "
    "newer ones: change its seed and queue again.)"
)
NO_LABELS = (
    "The words of {what} are not known: encode it with SelAgg Text Encode, or add SelAgg Prompt with the "
    "same CLIP and text."
)


@dataclass(frozen=True)
class CaptureSettings:
    """What is recorded of a run.

    budget: bytes kept for a run.  stride: record every n-th step.  negative: the negative prompt too.
    step_bins: how many parts of the run get maps of their own.  self_attention: keep that of a few layers, at
    the recorded step nearest to the share `self_attention_at` of the run.  sub_tokens: keep every token of
    a word of several tokens, not only their mean.
    """

    budget: int = DEFAULT_BUDGET
    stride: int = 1
    negative: bool = False
    step_bins: int = 1
    self_attention: bool = True
    self_attention_at: float = 0.6
    sub_tokens: bool = False

    def wants(self, kind: str) -> bool:
        return self.negative or kind not in ("negative", "empty")


@dataclass(frozen=True)
class SubTokens:
    """Maps of single tokens.  groups: for each word the places of its tokens on the token axis.

    maps[layer]: (..., heads, tokens, h, w).
    """

    groups: tuple[tuple[int, ...], ...]
    maps: Mapping[LayerId, np.ndarray]


@dataclass(frozen=True)
class HeadMaps:
    """The maps of one picture under one conditioning entry.

    maps[layer]: float32 (heads, words, h, w), the attention probability of each word, averaged over its
    columns and over the recorded steps.  special[layer]: (heads, h, w), the sum of begin, end and padding
    columns.  Without a prompt (unlabelled text) the word axis is the columns of the text, in order.
    step_maps: as `maps`, for equal parts of the run in order; () if it was not parted.
    self_attention[layer]: a batch of one.  sub_tokens: None if only words were kept.
    """

    prompt: Prompt | None
    maps: Mapping[LayerId, np.ndarray]
    layout: HeadLayout
    special: Mapping[LayerId, np.ndarray]
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)
    sub_tokens: SubTokens | None = None

    @property
    def words(self) -> int:
        """Length of the word axis."""
        return next(iter(self.maps.values())).shape[1] if self.maps else 0

    def of_words(self, indices: Sequence[int]) -> HeadMaps:
        """The maps of these words only, in this order; a word may come several times."""
        if list(indices) == list(range(self.words)):
            return self
        chosen, tokens = list(indices), self.sub_tokens
        return replace(
            self,
            prompt=None,
            sub_tokens=tokens and replace(tokens, groups=tuple(tokens.groups[i] for i in chosen)),
            maps=_of_each(self.maps, lambda values: values[:, chosen]),
            step_maps=tuple(_of_each(part, lambda values: values[:, chosen]) for part in self.step_maps),
        )


@dataclass(frozen=True)
class EntryRecording:
    """The maps of one conditioning entry for a whole batch.

    kind: "positive", "negative", ... as the guider calls it; index: its place among those of its kind.
    area: (h, w, y, x) in latent pixels if the entry covers only that part.  steps: recorded steps.
    maps[layer]: float32 (batch, heads, words, h, w); special[layer]: (batch, heads, h, w).
    step_maps: as `maps`, for equal parts of the run in order (a part in which nothing was recorded is empty);
    () if the run was not parted.  self_attention[layer]: of a few layers at one step, for propagation.
    sub_tokens: None if only words were kept.
    """

    kind: str
    index: int
    prompt: Prompt | None
    area: tuple[int, int, int, int] | None
    steps: int
    maps: Mapping[LayerId, np.ndarray]
    special: Mapping[LayerId, np.ndarray]
    layout: HeadLayout
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)
    sub_tokens: SubTokens | None = None

    @property
    def batch(self) -> int:
        return next(iter(self.maps.values())).shape[0] if self.maps else 0

    def picture(self, index: int) -> HeadMaps:
        """The maps of one picture of the batch."""
        if not 0 <= index < self.batch:
            raise ValueError(f"Picture {index} was asked for, but this run made {self.batch}.")
        tokens = self.sub_tokens
        return HeadMaps(
            self.prompt,
            _of_each(self.maps, lambda values: values[index]),
            self.layout,
            _of_each(self.special, lambda values: values[index]),
            tuple(_of_each(part, lambda values: values[index]) for part in self.step_maps),
            _of_each(self.self_attention, lambda attention: attention.picture(index)),
            tokens and replace(tokens, maps=_of_each(tokens.maps, lambda values: values[index])),
        )


def _of_each(by_layer: Mapping[LayerId, Any], change: Callable[[Any], Any]) -> Mapping[LayerId, Any]:
    return MappingProxyType({layer: change(value) for layer, value in by_layer.items()})


@dataclass(frozen=True)
class Coverage:
    """How much of a run was recorded, as (seen, expected).

    layers, heads: recorded for every prompt.  steps: that were due and in which a prompt was recorded.
    rows: pictures under a prompt in those steps, of all that could be wanted.
    """

    layers: tuple[int, int]
    heads: tuple[int, int]
    steps: tuple[int, int]
    rows: tuple[int, int]

    @property
    def complete(self) -> bool:
        return all(seen >= expected for seen, expected in (self.layers, self.heads, self.steps, self.rows))

    def __str__(self) -> str:
        parts = {"layers": self.layers, "heads": self.heads, "steps": self.steps, "rows": self.rows}
        return ", ".join(f"{seen} of {expected} {name}" for name, (seen, expected) in parts.items())


@dataclass(frozen=True)
class Recording:
    """One sampling run.  latent_shape: (batch, channels, h, w); notices: what the artist should know.

    context_width: width of the text encoding, which tells models with the same heads apart; 0: none seen.
    coverage: None if it is not known.
    """

    entries: tuple[EntryRecording, ...]
    layout: HeadLayout
    latent_shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    complete: bool
    notices: tuple[str, ...] = ()
    context_width: int = 0
    coverage: Coverage | None = None

    def positive(self) -> EntryRecording:
        """The positive entry; of several the first that covers the whole picture, else the first."""
        own = [e for e in self.entries if e.kind == "positive"] or [
            e for e in self.entries if e.kind not in ("negative", "empty")
        ]
        if not own:
            why = " ".join(self.notices) or "No evaluation of the positive prompt was seen."
            raise ValueError(f"SelAgg Capture recorded no attention of a positive prompt in this run. {why}")
        return next((e for e in own if e.area is None), own[0])


# ----------------------------------------------------------------------------------------------------
# While a run lasts
# ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A conditioning entry of a run: what is kept of its text, and where it lies.

    slots: (columns, weight) sums that are kept: the words, each as the mean of its columns or, with
    sub-tokens, column by column; every unlabelled column by itself; last the special columns as one sum.
    known: the labels at the time of the run; approximate: they are those of the text before it was changed.
    """

    kind: str
    index: int
    key: TextKey
    area: tuple[int, int, int, int] | None
    slots: tuple[tuple[tuple[int, ...], float], ...]
    known: Labels
    approximate: bool = False

    @classmethod
    def of(
        cls,
        kind,
        index,
        embedding,
        area,
        labels: LabelCache,
        hint: Prompt | None = None,
        sub_tokens: bool = False,
    ) -> Entry:
        """embedding: (batch, columns, width); `hint`: words to use where the columns are unknown."""
        rows = [TextKey.of(row) for row in embedding] if embedding.shape[0] > 1 else [TextKey.of(embedding)]
        if len(set(rows)) > 1:  # a text for each picture: no word is common to all
            key = replace(rows[0], whole="+".join(r.whole for r in rows), chunks=("",) * len(rows[0].chunks))
        else:
            key = rows[0]
        known = labels.resolve(key)
        approximate = known.prompt is None and hint is not None and hint.length == key.length
        if approximate:
            known = Labels(hint, ())
        words = known.prompt.words if known.prompt else ()
        special = known.prompt.special if known.prompt else tuple(range(0, key.length, CHUNK))
        if sub_tokens:
            slots = [((column,), 1.0) for column in dict.fromkeys(c for w in words for c in w.columns)]
        else:
            slots = [(w.columns, 1.0 / len(w.columns)) for w in words]
        slots += [((column,), 1.0) for column in known.unknown]
        slots.append((special, 1.0))
        return cls(kind, index, key, area, tuple(slots), known, approximate)

    @property
    def name(self) -> str:
        return self.kind if self.index == 0 else f"{self.kind} {self.index + 1}"

    def labels_now(self, labels: LabelCache) -> Labels:
        """The labels, completed by what has been labelled since the run."""
        if not self.known.unknown:
            return self.known
        later = labels.resolve(self.key)
        return later if len(later.unknown) < len(self.known.unknown) else self.known


@dataclass(frozen=True)
class _KeptSelfAttention:
    """q, k: float16 (batch, cells, heads * dim) on the model's device."""

    q: torch.Tensor
    k: torch.Tensor
    heads: int
    grid: tuple[int, int]

    def to_host(self) -> SelfAttention:
        q, k = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2).contiguous().cpu().numpy()
            for x in (self.q, self.k)
        )
        return SelfAttention(q, k, self.grid)


@dataclass
class _EntrySums:
    """Device sums of an entry (batch, heads, pixels, slots) and recorded steps, by part of the run and layer.

    self_attention[layer]: q and k (batch, cells, heads * dim) and the grid.
    """

    entry: Entry
    sums: dict[tuple[int, LayerId], torch.Tensor] = field(default_factory=dict)
    counts: dict[tuple[int, LayerId], int] = field(default_factory=dict)
    grids: dict[LayerId, tuple[int, int]] = field(default_factory=dict)
    self_attention: dict[LayerId, _KeptSelfAttention] = field(default_factory=dict)
    self_layers: tuple[LayerId, ...] = ()
    pool: dict[LayerId, int] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    matrices: dict[tuple[int, torch.device], torch.Tensor] = field(default_factory=dict)


def plan_pooling(
    grids: Mapping[LayerId, tuple[int, int, int]], slots: int, batch: int, budget: int, itemsize: int = 4
) -> dict[LayerId, int]:
    """Pooling factors that keep maps within `budget` bytes: the finest grids are halved first.

    grids: layer -> (heads, h, w).  itemsize: bytes of a value.  No grid is pooled below 4 cells a side: the
    result may still be too big.
    """
    factors = dict.fromkeys(grids, 1)

    def cells(layer: LayerId) -> int:
        _, height, width = grids[layer]
        return -(-height // factors[layer]) * -(-width // factors[layer])

    def size() -> int:
        return sum(grids[layer][0] * cells(layer) for layer in grids) * slots * batch * itemsize

    while size() > budget:
        able = [x for x in grids if min(grids[x][1:]) // (2 * factors[x]) >= SMALLEST_POOLED_SIDE]
        if not able:
            break
        finest = max(map(cells, able))
        for layer in able:
            if cells(layer) == finest:
                factors[layer] *= 2
    return factors


@dataclass
class _Tally:
    """What was seen of a run and what was not, and why."""

    layers: dict[str, dict[LayerId, None]] = field(default_factory=dict)
    rows_now: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    steps_due: int = 0
    steps_seen: int = 0

    def end_step(self, due: bool, seen: bool) -> None:
        if due:
            self.steps_due += 1
            self.steps_seen += seen
            self.rows.update(self.rows_now)

    def coverage(self, layout: HeadLayout, entries: Sequence[RawEntry]) -> Coverage:
        common = [layer for layer in layout.layers if entries and all(layer in raw.maps for raw in entries)]
        return Coverage(
            (len(common), len(layout.layers)),
            (sum(layout.heads_of(layer) for layer in common), layout.total),
            (self.steps_seen, self.steps_due),
            (self.rows[""], self.rows.total()),
        )

    def shortages(self, layout: HeadLayout, entries: Sequence[RawEntry]) -> list[str]:
        """What was not recorded, with its cause, in words."""
        texts, explained = [], {layer for own in self.layers.values() for layer in own}
        every = len(layout.layers)
        for cause, layers in self.layers.items():
            texts.append(_missing_layers(list(layers), every, "", cause))
        for raw in entries:
            missing = [x for x in layout.layers if x not in raw.maps and x not in explained]
            if missing:
                texts.append(
                    _missing_layers(missing, every, f" for {raw.entry.name}", "they were not called")
                )
        for cause, count in self.rows.items():
            if cause:
                texts.append(f"{count} of {self.rows.total()} rows were not recorded: {cause}.")
        if entries and self.steps_seen < self.steps_due:
            texts.append(
                f"{self.steps_due - self.steps_seen} of {self.steps_due} steps were not recorded: the prompt "
                "was not evaluated in them (it has a timestep range, or a cache such as EasyCache was used)."
            )
        return texts


def _missing_layers(layers: Sequence[LayerId], every: int, whose: str, cause: str) -> str:
    names = ", ".join(map(str, layers))
    return f"{len(layers)} of {every} attention layers were not recorded{whose}: {cause} ({names})."


class RunSums:
    """Streaming sums of one run.

    An evaluation of the model is buffered and counts only once the sampler reports the step (`commit`): so
    samplers that evaluate twice a step weigh every step alike.  Nothing waits for the device until `finish`.
    """

    def __init__(
        self,
        layout: HeadLayout,
        grids: Mapping[LayerId, tuple[int, int]],
        latent_shape: tuple[int, ...],
        sigmas: tuple[float, ...],
        labels: LabelCache,
        settings: CaptureSettings | None = None,
        self_layers: Mapping[LayerId, int] | None = None,
    ):
        """grids: layer -> (h, w) of the whole picture.  self_layers: self-attention to keep -> its width."""
        self.layout, self.latent_shape, self.sigmas = layout, latent_shape, sigmas
        self.expected_entries = 1
        self._settings = settings or CaptureSettings()
        self._grids, self._labels, self._self_layers = dict(grids), labels, dict(self_layers or {})
        steps = max(1, len(sigmas) - 1)
        self._recorded_steps = -(-steps // self._settings.stride)
        self._bins = min(self._settings.step_bins, self._recorded_steps)
        self._entries: dict[tuple[str, int], _EntrySums] = {}
        self._buffer: dict[tuple[tuple[str, int], LayerId], torch.Tensor] = {}
        self._groups: dict[tuple, tuple[LayerGroup, list[LayerId]]] = {}
        self._self_buffer: dict[tuple[tuple[str, int], LayerId], _KeptSelfAttention] = {}
        self._next_step = 0
        self._committed = 0
        self._context_width = 0
        self._tally = _Tally()
        self._notices: OrderedDict[str, None] = OrderedDict()

    @property
    def recording(self) -> bool:
        """Whether the evaluation that runs now belongs to a step that is recorded."""
        return self._next_step % self._settings.stride == 0

    def notice(self, text: str) -> None:
        self._notices[text] = None

    def missed(self, layer: LayerId, cause: str) -> None:
        """A layer that cannot be recorded, and why: the end of "2 layers were not recorded: ..."."""
        self._tally.layers.setdefault(cause, {})[layer] = None

    def rows(self, count: int, lost: str = "") -> None:
        """Rows of the evaluation that runs now; `lost`: why they are not recorded, as in `missed`."""
        self._tally.rows_now[lost] += count

    def entry(
        self, kind: str, index: int, embedding: torch.Tensor, area=None, hint: Prompt | None = None
    ) -> tuple[str, int]:
        """The handle of a conditioning entry, opened at first sight."""
        handle = (kind, index)
        self._context_width = int(embedding.shape[-1])
        if handle not in self._entries:
            entry = Entry.of(kind, index, embedding, area, self._labels, hint, self._settings.sub_tokens)
            sums = _EntrySums(entry)
            sums.self_layers, taken = self._self_layers_of(entry)
            sums.dtype, sums.pool = self._storage(entry, taken)
            self._entries[handle] = sums
        return handle

    def begin_evaluation(self) -> None:
        self._tally.rows_now.clear()
        self._groups.clear()
        self._buffer.clear()
        self._self_buffer.clear()

    def add(
        self,
        handle: tuple[str, int],
        layer: LayerId,
        q: torch.Tensor,
        k: torch.Tensor,
        heads: int,
        grid: tuple[int, int],
    ) -> None:
        """Buffer one layer: q (batch, h * w, heads * dim_head), k (batch, keys, heads * dim_head)."""
        if self._entries[handle].grids.setdefault(layer, grid) != grid:
            self.missed(layer, "their grid changed during the run; only the first grid was recorded")
            return
        factor = self._entries[handle].pool.get(layer, 1)
        place = (handle, grid, factor, heads, q.shape, k.shape, q.device)
        if place not in self._groups:
            self._groups[place] = LayerGroup(q, k, heads), []
        group, layers = self._groups[place]
        group.add(q, k)
        layers.append(layer)
        if group.full:
            self._compute(place)

    def _compute(self, place: tuple) -> None:
        """Probabilities of a group of layers, into the buffer."""
        group, layers = self._groups.pop(place)
        handle, grid, factor = place[:3]
        values = group.probabilities(self._matrix(handle, *place[5:]))
        values, *_ = pool_grid(values.flatten(0, 1), *grid, factor)
        values = values.unflatten(0, (len(layers), -1))
        self._buffer.update({(handle, layer): values[i] for i, layer in enumerate(layers)})

    def _matrix(self, handle: tuple[str, int], k_shape: torch.Size, device: torch.device) -> torch.Tensor:
        state, keys = self._entries[handle], k_shape[1]
        if (keys, device) not in state.matrices:
            entry = state.entry
            state.matrices[keys, device] = column_matrix(entry.slots, entry.key.length, keys, device)
        return state.matrices[keys, device]

    def wanted_self_attention(self, handle: tuple[str, int]) -> tuple[LayerId, ...]:
        """Self-attention layers to keep in the evaluation that runs now: at one step of the run only."""
        state = self._entries[handle]
        at = round(self._settings.self_attention_at * (self._recorded_steps - 1)) * self._settings.stride
        return state.self_layers if self._next_step >= at and not state.self_attention else ()

    def add_self_attention(
        self,
        handle: tuple[str, int],
        layer: LayerId,
        q: torch.Tensor,
        k: torch.Tensor,
        heads: int,
        grid: tuple[int, int],
    ) -> None:
        """Buffer one layer: q and k (batch, h * w, heads * dim_head)."""
        halves = (x.detach().to(torch.float16, copy=True) for x in (q, k))
        self._self_buffer[handle, layer] = _KeptSelfAttention(*halves, heads, grid)

    def commit(self, step: int) -> None:
        """The sampler has reported step `step` (0-based): the buffered evaluation was its."""
        self._tally.end_step(self.recording, bool(self._buffer or self._groups))
        self._committed += 1
        self._next_step = step + 1
        part = min(self._bins - 1, step // self._settings.stride * self._bins // self._recorded_steps)
        for place in list(self._groups):
            self._compute(place)
        sums, values = [], []
        for (handle, layer), own in self._buffer.items():
            state = self._entries[handle]
            state.counts[part, layer] = state.counts.get((part, layer), 0) + 1
            if (part, layer) in state.sums:
                sums.append(state.sums[part, layer])
                values.append(own)
            else:
                state.sums[part, layer] = own
        if sums:
            torch._foreach_add_(sums, values)
        for (handle, layer), kept in self._self_buffer.items():
            self._entries[handle].self_attention[layer] = kept
        self.begin_evaluation()

    def finish(self, complete: bool) -> Run:
        """End the run: means over steps, moved to the host at once."""
        if complete and not self._committed and (self._buffer or self._groups):
            self.notice("This sampler reports no steps: only its last evaluation was recorded.")
            self.commit(0)
        self.begin_evaluation()
        entries = tuple(self._to_host(state) for state in self._entries.values() if state.sums)
        if complete and not entries:
            self.notice(
                "No cross-attention was seen in this run: the model was evaluated in a way that SelAgg "
                "Capture cannot follow (an engine such as TensorRT, or a node that replaces the model)."
            )
        for text in self._tally.shortages(self.layout, entries):
            self.notice(text)
        self._entries.clear()
        notices, coverage = tuple(self._notices), self._tally.coverage(self.layout, entries)
        return Run(
            self.layout,
            entries,
            self.latent_shape,
            self.sigmas,
            complete,
            notices,
            self._context_width,
            coverage,
        )

    def fail(self, reason: str) -> Run:
        """The run of which nothing could be recorded, and why."""
        self.clear()
        return Run(self.layout, (), self.latent_shape, self.sigmas, False, (*self._notices, reason))

    def clear(self) -> None:
        """Forget all sums."""
        self.begin_evaluation()
        self._entries.clear()

    def _self_layers_of(self, entry: Entry) -> tuple[tuple[LayerId, ...], int]:
        """Self-attention layers to keep for an entry, and the bytes that they take."""
        if entry.area is not None:  # maps of areas are small, and pasted into the whole picture
            return (), 0
        cells = {layer: self._grids[layer][0] * self._grids[layer][1] for layer in self._self_layers}
        sizes = {x: self.latent_shape[0] * cells[x] * 2 * width * 2 for x, width in self._self_layers.items()}
        layers = layers_within(tuple(sizes), sizes, int(self._entry_budget() * SELF_ATTENTION_SHARE))
        if len(layers) < len(sizes):
            self.notice(
                f"To stay within {self._settings.budget // MEBIBYTE} MiB, the self-attention of "
                f"{len(sizes) - len(layers)} of {len(sizes)} layers was not kept for {entry.name}."
            )
        return layers, sum(sizes[layer] for layer in layers)

    def _entry_budget(self) -> int:
        return self._settings.budget // max(1, self.expected_entries)

    def _storage(self, entry: Entry, taken: int) -> tuple[torch.dtype, dict[LayerId, int]]:
        """Precision and pooling factors of the entry's maps, `taken` bytes of its budget being spent already.

        Large maps are kept in half precision; what is still too big is pooled.
        """
        batch = self.latent_shape[0]
        height, width = self.latent_shape[-2:]
        scale = (1.0, 1.0) if entry.area is None else (entry.area[0] / height, entry.area[1] / width)
        grids = {
            layer: (self.layout.heads_of(layer), max(1, round(h * scale[0])), max(1, round(w * scale[1])))
            for layer, (h, w) in self._grids.items()
        }
        copies = 1 if self._bins == 1 else self._bins + 1  # maps of each part, and their mean
        budget = self._entry_budget() - taken
        full = 4 * batch * copies * len(entry.slots) * sum(heads * h * w for heads, h, w in grids.values())
        dtype = torch.float32 if full <= min(budget, HALF_PRECISION_ABOVE) else torch.float16
        factors = plan_pooling(grids, len(entry.slots), batch * copies, budget, dtype.itemsize)
        if any(factor > 1 for factor in factors.values()):
            self.notice(
                f"To keep the maps of {entry.name} within {self._settings.budget // MEBIBYTE} MiB, "
                f"{sum(f > 1 for f in factors.values())} of {len(factors)} layers were recorded on coarser "
                "grids. Raise the memory budget of SelAgg Capture, or label the prompt, to record them fully."
            )
        return dtype, factors

    def _to_host(self, state: _EntrySums) -> RawEntry:
        """Means as (batch, heads, slots, h, w) arrays; one transfer for all maps."""
        places = [
            (part, x) for part in range(self._bins) for x in self.layout.layers if (part, x) in state.sums
        ]
        shapes = [(*state.sums[place].mT.shape[:3], *self._pooled_grid(state, place[1])) for place in places]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        flat = torch.empty(int(ends[-1]), dtype=state.dtype, device=next(iter(state.sums.values())).device)
        for place, end in zip(places, ends, strict=True):
            mean = (state.sums[place] / state.counts[place]).mT
            flat[end - mean.numel() : end].view(mean.shape).copy_(mean)
        parts: list[dict[LayerId, np.ndarray]] = [{} for _ in range(self._bins)]
        for (part, layer), shape, values in zip(
            places, shapes, np.split(flat.cpu().numpy(), ends[:-1]), strict=True
        ):
            parts[part][layer] = values.reshape(shape)
        counts = [{x: state.counts[part, x] for x in own} for part, own in enumerate(parts)]
        steps = max(sum(own.get(x, 0) for own in counts) for x in self.layout.layers)
        maps = parts[0] if self._bins == 1 else _mean_of(parts, counts)
        attention = {layer: kept.to_host() for layer, kept in state.self_attention.items()}
        finite = {
            x: own for x, own in attention.items() if np.isfinite(own.q).all() and np.isfinite(own.k).all()
        }
        return RawEntry(
            state.entry,
            steps,
            MappingProxyType(maps),
            tuple(map(MappingProxyType, parts)) if self._bins > 1 else (),
            MappingProxyType(finite),
        )

    def _pooled_grid(self, state: _EntrySums, layer: LayerId) -> tuple[int, int]:
        height, width = state.grids[layer]
        factor = state.pool.get(layer, 1)
        return -(-height // factor), -(-width // factor)


def _mean_of(
    parts: Sequence[Mapping[LayerId, np.ndarray]], counts: Sequence[Mapping[LayerId, int]]
) -> dict[LayerId, np.ndarray]:
    """Means of the whole run from the means of its parts and their numbers of steps, by layer."""
    means = {}
    for layer in dict.fromkeys(layer for part in parts for layer in part):
        own = [
            (part[layer], np.float32(n[layer])) for part, n in zip(parts, counts, strict=True) if layer in n
        ]
        total = sum(values * n for values, n in own) / sum(n for _, n in own)
        means[layer] = total.astype(own[0][0].dtype)
    return means


# ----------------------------------------------------------------------------------------------------
# After the run
# ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RawEntry:
    """What was recorded of an entry before labelling: maps[layer] is (batch, heads, slots, h, w)."""

    entry: Entry
    steps: int
    maps: Mapping[LayerId, np.ndarray]
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        maps = sum(values.nbytes for part in (self.maps, *self.step_maps) for values in part.values())
        return maps + sum(attention.nbytes for attention in self.self_attention.values())

    def labelled(self, labels: LabelCache, layout: HeadLayout) -> tuple[EntryRecording, tuple[str, ...]]:
        """Words from today's labels: a text may have been labelled after the run."""
        entry = self.entry
        known = entry.labels_now(labels)
        own = {columns: slot for slot, (columns, _) in enumerate(entry.slots[:-1])}
        words = [w for w in known.prompt.words if self._reachable(w.columns, own)] if known.prompt else []
        if known.prompt is None:
            columns, prompt = [[slot] for slot in range(len(own))], None
        else:
            columns = [self._slots_of(w.columns, own) for w in words]
            prompt = replace(known.prompt, words=tuple(words))
        recording = EntryRecording(
            entry.kind, entry.index, prompt, entry.area, self.steps,
            _of_each(self.maps, lambda values: _pick(values, columns)),
            _of_each(self.maps, lambda values: self._special(values, prompt, own)),
            layout,
            tuple(_of_each(part, lambda values: _pick(values, columns)) for part in self.step_maps),
            self.self_attention,
            self._sub_tokens(columns),
        )  # fmt: skip
        return recording, self._notices(known)

    def _sub_tokens(self, columns: list[list[int]]) -> SubTokens | None:
        """The single tokens, where a word of several was kept that way."""
        if all(len(group) == 1 for group in columns):
            return None
        tokens = len(self.entry.slots) - 1
        return SubTokens(
            tuple(map(tuple, columns)), _of_each(self.maps, lambda values: values[:, :, :tokens])
        )

    def _notices(self, known: Labels) -> tuple[str, ...]:
        if known.prompt is None:
            return (NO_LABELS.format(what=f"the {self.entry.name} prompt"),)
        if known.unknown:
            what = f"{len(known.unknown)} of {self.entry.key.length} columns of the {self.entry.name} prompt"
            return (NO_LABELS.format(what=what),)
        if self.entry.approximate:
            what = f"The {self.entry.name} conditioning was changed after encoding"
            return (f"{what}: its words are approximate.",)
        return ()

    @staticmethod
    def _reachable(columns: tuple[int, ...], own: Mapping) -> bool:
        return columns in own or all((c,) in own for c in columns)

    @staticmethod
    def _slots_of(columns: tuple[int, ...], own: Mapping) -> list[int]:
        return [own[columns]] if columns in own else [own[(c,)] for c in columns]

    def _special(self, values: np.ndarray, prompt: Prompt | None, own: Mapping) -> np.ndarray:
        """The kept sum, and special columns that were unlabelled during the run."""
        kept = self.entry.slots[-1][0]
        total = values[:, :, -1].astype(np.float32, copy=False)
        late = [own[(c,)] for c in (prompt.special if prompt else ()) if c not in kept and (c,) in own]
        return total + values[:, :, late].sum(axis=2, dtype=np.float32) if late else total


def _pick(values: np.ndarray, columns: list[list[int]]) -> np.ndarray:
    """Means over groups of slots in float32, as a view where the groups are single slots in order."""
    if all(group == [i] for i, group in enumerate(columns)):
        return values[:, :, : len(columns)].astype(np.float32, copy=False)
    out = np.empty((*values.shape[:2], len(columns), *values.shape[3:]), np.float32)
    for i, group in enumerate(columns):
        out[:, :, i] = values[:, :, group].mean(axis=2, dtype=np.float32)
    return out


@dataclass(frozen=True)
class Run:
    """A finished run before labelling."""

    layout: HeadLayout
    entries: tuple[RawEntry, ...]
    latent_shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    complete: bool
    notices: tuple[str, ...]
    context_width: int = 0
    coverage: Coverage | None = None

    def recording(self, labels: LabelCache) -> Recording:
        labelled = [raw.labelled(labels, self.layout) for raw in self.entries]
        notices = (*self.notices, *dict.fromkeys(n for _, own in labelled for n in own))
        entries = tuple(entry for entry, _ in labelled)
        return Recording(
            entries, self.layout, self.latent_shape, self.sigmas, self.complete, notices, self.context_width,
            self.coverage,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        return sum(raw.nbytes for raw in self.entries)


def latent_hash(latent: torch.Tensor) -> str:
    """Identity of a latent: its shape and values in float32, wherever it lies."""
    values = latent.detach().to("cpu", torch.float32).contiguous()
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(tuple(values.shape)).encode())
    digest.update(values.numpy().tobytes())
    return digest.hexdigest()


class Capture:
    """What the socket SELAGG_CAPTURE carries: the last runs of one SelAgg Capture node.

    A run is found by the latents that it gave out; maps of another run are never shown in its place.  The
    oldest go when there are more than `kept_runs` or they take more than two budgets.
    wanted: whether runs are recorded; a capture that no node is connected to waits until one asks for a run.
    Copies of a model share its capture, so a copy of a capture is the capture itself.
    """

    def __init__(
        self,
        labels: LabelCache,
        settings: CaptureSettings | None = None,
        unsupported: str | None = None,
        kept_runs: int = KEPT_RUNS,
        wanted: bool = True,
    ):
        self.labels, self.wanted = labels, wanted
        self.settings = settings or CaptureSettings()
        self.unsupported = unsupported
        self._kept = kept_runs
        self._runs: OrderedDict[int, tuple[Run, frozenset[str]]] = OrderedDict()
        self._number = 0
        self._lock = threading.Lock()

    def __copy__(self) -> Capture:
        return self

    def __deepcopy__(self, memo) -> Capture:
        return self

    def get_ram_usage(self) -> int:
        """Bytes of maps held (asked for by hosts that evict outputs by size)."""
        with self._lock:
            return sum(run.nbytes for run, _ in self._runs.values())

    def keep(self, run: Run, latents: tuple[torch.Tensor, ...] = ()) -> None:
        """Keep a run and the latents it gave out, in place of an interrupted one; the oldest go."""
        hashes = frozenset(latent_hash(latent) for latent in latents)
        with self._lock:
            for number in [n for n, (_, own) in self._runs.items() if own & hashes or not own]:
                del self._runs[number]
            self._runs[self._number] = (run, hashes)
            self._number += 1
            limit = KEPT_BUDGETS * self.settings.budget
            sizes = {n: own.nbytes for n, (own, _) in self._runs.items()}
            while len(self._runs) > self._kept or (len(self._runs) > 1 and sum(sizes.values()) > limit):
                oldest, _ = self._runs.popitem(last=False)
                del sizes[oldest]

    def recording_for(self, latent: torch.Tensor) -> Recording:
        """The run that gave out this latent (batch, channels, h, w).

        ValueError if there is none, or if the model cannot be recorded, with what to do about it.
        """
        if self.unsupported:
            raise ValueError(self.unsupported)
        wanted = latent_hash(latent)
        return self._find(lambda hashes: wanted in hashes).recording(self.labels)

    def last(self) -> Recording:
        """The newest run, whatever its latent."""
        if self.unsupported:
            raise ValueError(self.unsupported)
        return self._find(lambda _: True).recording(self.labels)

    def _find(self, fits: Callable[[frozenset[str]], bool]) -> Run:
        with self._lock:
            runs = list(self._runs.values())
        waited, self.wanted = not self.wanted, True
        if not runs:
            raise ValueError(NOT_CONNECTED if waited else NO_RUN)
        for run, hashes in reversed(runs):
            if fits(hashes):
                return run
        interrupted = " The last run was interrupted." if not runs[-1][1] else ""
        raise ValueError(WRONG_LATENT + interrupted)
