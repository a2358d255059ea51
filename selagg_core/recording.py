"""What every cross-attention head did with every word during a sampling run.

While a run lasts, `RunSums` adds up probabilities on the model's device, one sum for each conditioning entry,
layer, head and word.  At its end they move to the host once, as means over the recorded steps.  `Capture`
keeps the last runs and finds them again by the latent that the sampler returned.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import torch

from .attention import column_matrix, column_probabilities, pool_grid
from .layout import HeadLayout, LayerId
from .prompt import CHUNK, LabelCache, Labels, Prompt, TextKey

MEBIBYTE = 1024 * 1024
DEFAULT_BUDGET = 256 * MEBIBYTE
KEPT_RUNS = 4
SMALLEST_POOLED_SIDE = 4

NO_RUN = (
    "SelAgg Capture has recorded no sampling run yet. Connect its MODEL output to the sampler, and the "
    "LATENT of that sampler here."
)
WRONG_LATENT = (
    "This latent was not sampled with this capture: connect the LATENT of the sampler that is fed by this "
    "SelAgg Capture. (If the sampler's result came from ComfyUI's cache after {kept} newer runs, change its "
    "seed and queue again.)"
)
NO_LABELS = (
    "The words of {what} are not known: encode it with SelAgg Text Encode, or add SelAgg Prompt with the "
    "same CLIP and text."
)


@dataclass(frozen=True)
class HeadMaps:
    """The maps of one picture under one conditioning entry.

    maps[layer]: float32 (heads, words, h, w), the attention probability of each word, averaged over its
    columns and over the recorded steps.  special[layer]: (heads, h, w), the sum of begin, end and padding
    columns.  Without a prompt (unlabelled text) the word axis is the columns of the text, in order.
    """

    prompt: Prompt | None
    maps: Mapping[LayerId, np.ndarray]
    layout: HeadLayout
    special: Mapping[LayerId, np.ndarray]

    @property
    def words(self) -> int:
        """Length of the word axis."""
        return next(iter(self.maps.values())).shape[1] if self.maps else 0

    def of_words(self, indices: Sequence[int]) -> HeadMaps:
        """The maps of these words only, in this order; a word may come several times."""
        if list(indices) == list(range(self.words)):
            return self
        maps = {layer: values[:, list(indices)] for layer, values in self.maps.items()}
        return replace(self, prompt=None, maps=MappingProxyType(maps))


@dataclass(frozen=True)
class EntryRecording:
    """The maps of one conditioning entry for a whole batch.

    kind: "positive", "negative", ... as the guider calls it; index: its place among those of its kind.
    area: (h, w, y, x) in latent pixels if the entry covers only that part.  steps: recorded steps.
    maps[layer]: float32 (batch, heads, words, h, w); special[layer]: (batch, heads, h, w).
    """

    kind: str
    index: int
    prompt: Prompt | None
    area: tuple[int, int, int, int] | None
    steps: int
    maps: Mapping[LayerId, np.ndarray]
    special: Mapping[LayerId, np.ndarray]
    layout: HeadLayout

    @property
    def batch(self) -> int:
        return next(iter(self.maps.values())).shape[0] if self.maps else 0

    def picture(self, index: int) -> HeadMaps:
        """The maps of one picture of the batch."""
        if not 0 <= index < self.batch:
            raise ValueError(f"Picture {index} was asked for, but this run made {self.batch}.")
        return HeadMaps(
            self.prompt,
            MappingProxyType({layer: values[index] for layer, values in self.maps.items()}),
            self.layout,
            MappingProxyType({layer: values[index] for layer, values in self.special.items()}),
        )


@dataclass(frozen=True)
class Recording:
    """One sampling run.  latent_shape: (batch, channels, h, w); notices: what the artist should know.

    context_width: width of the text encoding, which tells models with the same heads apart; 0: none seen.
    """

    entries: tuple[EntryRecording, ...]
    layout: HeadLayout
    latent_shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    complete: bool
    notices: tuple[str, ...] = ()
    context_width: int = 0

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

    slots: (columns, weight) sums that are kept: the words, each as the mean of its columns; every unlabelled
    column by itself; last the special columns as one sum.
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
    def of(cls, kind, index, embedding, area, labels: LabelCache, hint: Prompt | None = None) -> Entry:
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


@dataclass
class _EntrySums:
    """Device sums of one entry: (batch, heads, pixels, slots), its grid, and recorded steps, by layer."""

    entry: Entry
    sums: dict[LayerId, torch.Tensor] = field(default_factory=dict)
    grids: dict[LayerId, tuple[int, int]] = field(default_factory=dict)
    counts: dict[LayerId, int] = field(default_factory=dict)
    pool: dict[LayerId, int] = field(default_factory=dict)
    matrices: dict[tuple[int, torch.device], torch.Tensor] = field(default_factory=dict)


def plan_pooling(
    grids: Mapping[LayerId, tuple[int, int, int]], slots: int, batch: int, budget: int
) -> dict[LayerId, int]:
    """Pooling factors that keep float32 sums within `budget` bytes: the finest grids are halved first.

    grids: layer -> (heads, h, w).  No grid is pooled below 4 cells a side: the result may still be too big.
    """
    factors = dict.fromkeys(grids, 1)

    def cells(layer: LayerId) -> int:
        _, height, width = grids[layer]
        return -(-height // factors[layer]) * -(-width // factors[layer])

    def size() -> int:
        return sum(grids[layer][0] * cells(layer) for layer in grids) * slots * batch * 4

    while size() > budget:
        able = [x for x in grids if min(grids[x][1:]) // (2 * factors[x]) >= SMALLEST_POOLED_SIDE]
        if not able:
            break
        finest = max(map(cells, able))
        for layer in able:
            if cells(layer) == finest:
                factors[layer] *= 2
    return factors


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
        budget: int = DEFAULT_BUDGET,
        stride: int = 1,
    ):
        self.layout, self.latent_shape, self.sigmas = layout, latent_shape, sigmas
        self.expected_entries = 1
        self._grids, self._labels, self._budget, self._stride = dict(grids), labels, budget, stride
        self._entries: dict[tuple[str, int], _EntrySums] = {}
        self._buffer: dict[tuple[tuple[str, int], LayerId], torch.Tensor] = {}
        self._next_step = 0
        self._committed = 0
        self._context_width = 0
        self._notices: OrderedDict[str, None] = OrderedDict()

    @property
    def recording(self) -> bool:
        """Whether the evaluation that runs now belongs to a step that is recorded."""
        return self._next_step % self._stride == 0

    def notice(self, text: str) -> None:
        self._notices[text] = None

    def entry(
        self, kind: str, index: int, embedding: torch.Tensor, area=None, hint: Prompt | None = None
    ) -> tuple[str, int]:
        """The handle of a conditioning entry, opened at first sight."""
        handle = (kind, index)
        self._context_width = int(embedding.shape[-1])
        if handle not in self._entries:
            entry = Entry.of(kind, index, embedding, area, self._labels, hint)
            sums = _EntrySums(entry)
            sums.pool = self._pooling(entry)
            self._entries[handle] = sums
        return handle

    def begin_evaluation(self) -> None:
        self._buffer.clear()

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
        state = self._entries[handle]
        place = (k.shape[1], k.device)
        if place not in state.matrices:
            entry = state.entry
            state.matrices[place] = column_matrix(entry.slots, entry.key.length, k.shape[1], k.device)
        with torch.no_grad():
            values = column_probabilities(q, k, heads, state.matrices[place])
            values, *pooled = pool_grid(values, *grid, state.pool.get(layer, 1))
        state.grids.setdefault(layer, tuple(pooled))
        if state.grids[layer] != tuple(pooled):
            self.notice(f"Layer {layer} changed its grid during the run; only its first grid was recorded.")
            return
        self._buffer[handle, layer] = values

    def commit(self, step: int) -> None:
        """The sampler has reported step `step` (0-based): the buffered evaluation was its."""
        self._committed += 1
        self._next_step = step + 1
        for (handle, layer), values in self._buffer.items():
            state = self._entries[handle]
            if layer in state.sums:
                state.sums[layer].add_(values)
            else:
                state.sums[layer] = values
            state.counts[layer] = state.counts.get(layer, 0) + 1
        self._buffer.clear()

    def finish(self, complete: bool) -> Run:
        """End the run: means over steps, moved to the host at once."""
        if complete and not self._committed and self._buffer:
            self.notice("This sampler reports no steps: only its last evaluation was recorded.")
            self.commit(0)
        self._buffer.clear()
        entries = tuple(self._to_host(state) for state in self._entries.values() if state.sums)
        if complete and not entries:
            self.notice(
                "No cross-attention was seen in this run: the model was evaluated in a way that SelAgg "
                "Capture cannot follow (an engine such as TensorRT, or a node that replaces the model)."
            )
        for entry in entries:
            self._report_coverage(entry)
        self._entries.clear()
        notices = tuple(self._notices)
        return Run(
            self.layout, entries, self.latent_shape, self.sigmas, complete, notices, self._context_width
        )

    def fail(self, reason: str) -> Run:
        """The run of which nothing could be recorded, and why."""
        self.clear()
        return Run(self.layout, (), self.latent_shape, self.sigmas, False, (*self._notices, reason))

    def clear(self) -> None:
        """Forget all sums."""
        self._buffer.clear()
        self._entries.clear()

    def _pooling(self, entry: Entry) -> dict[LayerId, int]:
        batch = self.latent_shape[0]
        height, width = self.latent_shape[-2:]
        scale = (1.0, 1.0) if entry.area is None else (entry.area[0] / height, entry.area[1] / width)
        grids = {
            layer: (self.layout.heads_of(layer), max(1, round(h * scale[0])), max(1, round(w * scale[1])))
            for layer, (h, w) in self._grids.items()
        }
        budget = self._budget // max(1, self.expected_entries)
        factors = plan_pooling(grids, len(entry.slots), batch, budget)
        if any(factor > 1 for factor in factors.values()):
            self.notice(
                f"To keep the maps of {entry.name} within {self._budget // MEBIBYTE} MiB, "
                f"{sum(f > 1 for f in factors.values())} of {len(factors)} layers were recorded on coarser "
                "grids. Raise the memory budget of SelAgg Capture, or label the prompt, to record them fully."
            )
        return factors

    def _to_host(self, state: _EntrySums) -> RawEntry:
        """Means as (batch, heads, slots, h, w) arrays; one transfer for all layers."""
        layers = [layer for layer in self.layout.layers if layer in state.sums]
        flat = torch.cat([(state.sums[x] / state.counts[x]).transpose(2, 3).reshape(-1) for x in layers])
        values = flat.cpu().numpy()
        maps, start = {}, 0
        for layer in layers:
            batch, heads, _, slots = state.sums[layer].shape
            shape = (batch, heads, slots, *state.grids[layer])
            maps[layer] = values[start : start + int(np.prod(shape))].reshape(shape)
            start += int(np.prod(shape))
        return RawEntry(state.entry, max(state.counts.values()), maps)

    def _report_coverage(self, raw: RawEntry) -> None:
        missing = [str(layer) for layer in self.layout.layers if layer not in raw.maps]
        if missing:
            self.notice(
                f"{len(missing)} of {len(self.layout.layers)} attention layers were not recorded for "
                f"{raw.entry.name}: {', '.join(missing)}."
            )


# ----------------------------------------------------------------------------------------------------
# After the run
# ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RawEntry:
    """Recorded sums of an entry before labelling: maps[layer] is (batch, heads, slots, h, w)."""

    entry: Entry
    steps: int
    maps: Mapping[LayerId, np.ndarray]

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
        maps = {layer: _pick(values, columns) for layer, values in self.maps.items()}
        special = {layer: self._special(values, prompt, own) for layer, values in self.maps.items()}
        recording = EntryRecording(
            entry.kind, entry.index, prompt, entry.area, self.steps,
            MappingProxyType(maps), MappingProxyType(special), layout,
        )  # fmt: skip
        return recording, self._notices(known)

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
        total = values[:, :, -1]
        late = [own[(c,)] for c in (prompt.special if prompt else ()) if c not in kept and (c,) in own]
        return total + values[:, :, late].sum(axis=2) if late else total


def _pick(values: np.ndarray, columns: list[list[int]]) -> np.ndarray:
    """Means over groups of slots, as a view where the groups are single slots in order."""
    if all(group == [i] for i, group in enumerate(columns)):
        return values[:, :, : len(columns)]
    out = np.empty((*values.shape[:2], len(columns), *values.shape[3:]), np.float32)
    for i, group in enumerate(columns):
        out[:, :, i] = values[:, :, group].mean(axis=2)
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

    def recording(self, labels: LabelCache) -> Recording:
        labelled = [raw.labelled(labels, self.layout) for raw in self.entries]
        notices = (*self.notices, *dict.fromkeys(n for _, own in labelled for n in own))
        entries = tuple(entry for entry, _ in labelled)
        return Recording(
            entries, self.layout, self.latent_shape, self.sigmas, self.complete, notices, self.context_width
        )

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for raw in self.entries for values in raw.maps.values())


def latent_hash(latent: torch.Tensor) -> str:
    """Identity of a latent: its shape and values in float32, wherever it lies."""
    values = latent.detach().to("cpu", torch.float32).contiguous()
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(tuple(values.shape)).encode())
    digest.update(values.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class CaptureSettings:
    """budget: bytes of maps kept for a run; stride: record every n-th step; kinds: None for all prompts."""

    budget: int = DEFAULT_BUDGET
    stride: int = 1
    negative: bool = False

    def wants(self, kind: str) -> bool:
        return self.negative or kind not in ("negative", "empty")


class Capture:
    """What the socket SELAGG_CAPTURE carries: the last runs of one SelAgg Capture node.

    A run is found by the latents that it gave out; maps of another run are never shown in its place.
    Copies of a model share its capture, so a copy of a capture is the capture itself.
    """

    def __init__(
        self,
        labels: LabelCache,
        settings: CaptureSettings | None = None,
        unsupported: str | None = None,
        kept_runs: int = KEPT_RUNS,
    ):
        self.labels = labels
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
            while len(self._runs) > self._kept:
                self._runs.popitem(last=False)

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
        if not runs:
            raise ValueError(NO_RUN)
        for run, hashes in reversed(runs):
            if fits(hashes):
                return run
        interrupted = " The last run was interrupted." if not runs[-1][1] else ""
        raise ValueError(WRONG_LATENT.format(kept=self._kept) + interrupted)
