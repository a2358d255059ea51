"""Sums of attention probabilities while a run lasts.

`RunSums` adds up probabilities on the model's device, one sum for each conditioning entry, layer, head and
word.  At the end of the run they move to the host once, as means over the recorded steps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch

from ..prompt.known_texts import LabelCache
from ..prompt.messages import message
from ..prompt.words import Prompt
from .coverage import Tally
from .frames import chosen_frames, frames_in
from .joint import JointCall
from .layout import HeadLayout, LayerId
from .probabilities import ColumnSums, LayerGroup, column_matrix, pool_grid
from .run import ASKED, EncodedText, Entry, RawEntry, Run
from .self_attention import SelfAttention, layers_within
from .settings import HALF_PRECISION_ABOVE, MEBIBYTE, SELF_ATTENTION_SHARE, CaptureSettings, plan_pooling
from .windows import Count, by_row, mean_of_rows, with_part

GRID_CHANGED = message("grid_changed")


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

    counts: of a video that is seen in parts, frame by frame.
    self_attention[layer]: q and k (batch, cells, heads * dim) and the grid.  shares[layer]: (batch, heads,
    kinds), sums over the recorded steps of what goes to columns of each kind.  taken: bytes of its budget
    that are not for maps.  references: whether one more map is what goes to reference pictures.  coarser: the
    notice about maps that are too large.
    """

    entry: Entry
    sums: dict[tuple[int, LayerId], torch.Tensor] = field(default_factory=dict)
    counts: dict[tuple[int, LayerId], Count] = field(default_factory=dict)
    grids: dict[LayerId, tuple[int, int]] = field(default_factory=dict)
    self_attention: dict[LayerId, _KeptSelfAttention] = field(default_factory=dict)
    self_layers: tuple[LayerId, ...] = ()
    pool: dict[LayerId, int] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    matrices: dict[tuple[int, torch.device], torch.Tensor] = field(default_factory=dict)
    column_sums: dict[tuple[int, torch.device], tuple[ColumnSums, ColumnSums]] = field(default_factory=dict)
    shares: dict[LayerId, torch.Tensor] = field(default_factory=dict)
    taken: int = 0
    references: bool = False
    coarser: str = ""


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
        from_picture: bool | None = None,
    ):
        """grids: layer -> (h, w) of the whole picture.  self_layers: self-attention to keep -> its width.

        from_picture: see `Recording`.
        """
        self.layout, self.latent_shape, self.sigmas = layout, latent_shape, sigmas
        self.from_picture = from_picture
        self.expected_entries = 1
        self.frames = chosen_frames(frames_in(latent_shape))
        """Of a video, which frames of its latent are recorded."""
        self._settings = settings or CaptureSettings()
        self._grids, self._labels, self._self_layers = dict(grids), labels, dict(self_layers or {})
        steps = max(1, len(sigmas) - 1)
        self._recorded_steps = -(-steps // self._settings.stride)
        self._bins = min(self._settings.step_bins, self._recorded_steps)
        self._entries: dict[tuple[str, int], _EntrySums] = {}
        self._buffer: dict[tuple[tuple[str, int], LayerId], torch.Tensor] = {}
        self._shares: dict[tuple[tuple[str, int], LayerId], torch.Tensor] = {}
        self._views: dict[tuple[tuple[str, int], LayerId], np.ndarray] = {}
        """How often each frame is in the buffer, where a video is seen in parts."""
        self._groups: dict[tuple, tuple[LayerGroup, list[LayerId]]] = {}
        self._self_buffer: dict[tuple[tuple[str, int], LayerId], _KeptSelfAttention] = {}
        self._next_step = 0
        self._committed = 0
        self._context_width = 0
        self._tally = Tally()
        self._doubts: list[tuple[LayerId, torch.Tensor, str]] = []
        self._left_out: set[LayerId] = set()
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

    def doubt(self, layer: LayerId, used: torch.Tensor, cause: str) -> None:
        """Leave a layer out of the whole run unless `used` (a bool on the device); cause: as in `missed`.

        Looked at when the step is committed, so that nothing waits for the device before.
        """
        self._doubts.append((layer, used, cause))

    def rows(self, count: int, lost: str = "") -> None:
        """Rows of the evaluation that runs now; `lost`: why they are not recorded, as in `missed`."""
        self._tally.rows_now[lost] += count

    def entry(
        self, kind: str, index: int, text: EncodedText, area=None, hint: Prompt | None = None
    ) -> tuple[str, int]:
        """The handle of a conditioning entry, opened at first sight."""
        handle = (kind, index)
        self._context_width = int(text.embedding.shape[-1])
        if handle not in self._entries:
            entry = Entry.of(kind, index, text, area, self._labels, hint, self._settings.sub_tokens)
            sums = _EntrySums(entry)
            sums.self_layers, sums.taken = self._self_layers_of(entry)
            self._plan(sums)
            self._entries[handle] = sums
        return handle

    def begin_evaluation(self) -> None:
        self._tally.rows_now.clear()
        self._doubts.clear()
        self._groups.clear()
        self._buffer.clear()
        self._shares.clear()
        self._views.clear()
        self._self_buffer.clear()

    def add(
        self,
        handle: tuple[str, int],
        layer: LayerId,
        q: torch.Tensor,
        k: torch.Tensor,
        heads: int,
        grid: tuple[int, int],
        places: tuple[int, ...] | None = None,
    ) -> None:
        """Buffer one layer whose keys are the text alone.

        q: (batch, h * w, heads * dim_head), k: (batch, keys, heads * dim_head), the text once or repeated.
        places: of a part of a video, which of the recorded frames it holds; None: all, in order.
        """
        if not self._keeps_grid(handle, layer, grid):
            return
        for earlier in [x for x in self._groups if x[0] == handle and x[-1] != places]:
            self._compute(earlier)  # of another part of the video: no more layers come of it
        factor = self._entries[handle].pool.get(layer, 1)
        place = (handle, grid, factor, heads, q.shape, k.shape, q.device, places)
        if place not in self._groups:
            self._groups[place] = LayerGroup(q, k, heads), []
        group, layers = self._groups[place]
        group.add(q, k)
        layers.append(layer)
        if group.full:
            self._compute(place)

    def add_joint(
        self,
        handle: tuple[str, int],
        layer: LayerId,
        calls: Sequence[JointCall],
        places: tuple[int, ...] | None = None,
    ) -> None:
        """Buffer one layer whose keys are the text and more.  calls: the same call, frame by frame."""
        call = calls[0]
        grid = call.small
        if not self._keeps_grid(handle, layer, grid):
            return
        columns = call.k[:, :, call.text].shape[2]
        words, beside = self._column_sums(handle, columns, call.q.device)
        state = self._entries[handle]
        entry = state.entry
        if call.reference is not None and not state.references and not state.sums:
            state.references = True
            self._plan(state)
        read = [own.read(self._settings.reading, words, beside) for own in calls]
        values = read[0] if len(read) == 1 else torch.stack(read, dim=1).flatten(0, 1)
        kept, shares = _parted(values, len(entry.slots), len(entry.kinds))
        factor = state.pool.get(layer, 1)
        kept, *_ = pool_grid(kept, *grid, factor)
        self._keep(handle, layer, kept, shares, places)

    def _keeps_grid(self, handle: tuple[str, int], layer: LayerId, grid: tuple[int, int]) -> bool:
        if layer in self._left_out:
            return False
        same = self._entries[handle].grids.setdefault(layer, grid) == grid
        if not same:
            self.missed(layer, GRID_CHANGED)
        return same

    def _compute(self, place: tuple) -> None:
        """Probabilities of a group of layers, into the buffer."""
        group, layers = self._groups.pop(place)
        handle, grid, factor, _, _, k_shape, device, places = place
        values = group.probabilities(self._matrix(handle, k_shape, device))
        height, width = grid
        entry = self._entries[handle].entry
        kept, shares = _parted(values.flatten(0, 1), len(entry.slots), len(entry.kinds))
        kept, *_ = pool_grid(kept, height, width, factor)
        kept, shares = (x.unflatten(0, (len(layers), -1)) for x in (kept, shares))
        for i, layer in enumerate(layers):
            self._keep(handle, layer, kept[i], shares[i], places)

    def _keep(self, handle: tuple[str, int], layer: LayerId, kept, shares, places) -> None:
        """Put a layer's maps and shares into the buffer, or add those of a part to its frames."""
        place, frames = (handle, layer), len(self.frames)
        if places is None:
            self._buffer[place], self._shares[place] = kept, shares
            self._views.pop(place, None)
            return
        if place not in self._views:  # what was there is of the whole video, evaluated before
            self._views[place] = np.zeros(frames, dtype=int)
            self._buffer.pop(place, None)
            self._shares.pop(place, None)
        self._buffer[place] = with_part(self._buffer.get(place), kept, places, frames)
        self._shares[place] = with_part(self._shares.get(place), shares, places, frames)
        np.add.at(self._views[place], list(places), 1)

    def _matrix(self, handle: tuple[str, int], k_shape: Sequence[int], device: torch.device) -> torch.Tensor:
        state, keys = self._entries[handle], k_shape[1]
        if (keys, device) not in state.matrices:
            entry = state.entry
            every = (*entry.slots, *entry.kind_slots)
            state.matrices[keys, device] = column_matrix(every, entry.text.length, keys, device)
        return state.matrices[keys, device]

    def _column_sums(
        self, handle: tuple[str, int], keys: int, device: torch.device
    ) -> tuple[ColumnSums, ColumnSums]:
        """Of the words, and of what stands beside them."""
        state = self._entries[handle]
        if (keys, device) not in state.column_sums:
            *words, marks = state.entry.slots
            parts = words, (marks, *state.entry.kind_slots)
            length = state.entry.text.length
            own, beside = (ColumnSums.of(part, length, keys, device) for part in parts)
            state.column_sums[keys, device] = own, beside
        return state.column_sums[keys, device]

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
        own_q, own_k = (x.detach().to(torch.float16, copy=True) for x in (q, k))
        self._self_buffer[handle, layer] = _KeptSelfAttention(own_q, own_k, heads, grid)

    def commit(self, step: int) -> None:
        """The sampler has reported step `step` (0-based): the buffered evaluation was its."""
        seen = self._buffer or self._groups or (self._left_out and self._tally.rows_now[""])
        self._tally.end_step(self.recording, bool(seen))
        self._committed += 1
        self._next_step = step + 1
        part = min(self._bins - 1, step // self._settings.stride * self._bins // self._recorded_steps)
        for place in list(self._groups):
            self._compute(place)
        self._settle_doubts()
        sums, values = [], []
        for place, views in self._views.items():  # a step counts once, in however many parts a frame is
            for kind in (self._buffer, self._shares):
                if place in kind:
                    kind[place] = mean_of_rows(kind[place], views)
        for (handle, layer), own in self._buffer.items():
            state = self._entries[handle]
            own_views = self._views.get((handle, layer))
            once: Count = 1 if own_views is None else np.minimum(own_views, 1)
            state.counts[part, layer] = state.counts.get((part, layer), 0) + once
            if (part, layer) in state.sums:
                sums.append(state.sums[part, layer])
                values.append(own)
            else:
                state.sums[part, layer] = own.contiguous()  # without the columns beside it
        if sums:
            torch._foreach_add_(sums, values)
        for (handle, layer), own in self._shares.items():
            before = self._entries[handle].shares.get(layer)
            self._entries[handle].shares[layer] = own if before is None else before + own
        for (handle, layer), kept in self._self_buffer.items():
            self._entries[handle].self_attention[layer] = kept
        self.begin_evaluation()

    def _settle_doubts(self) -> None:
        """Leaves out layers whose output was not made with what was recorded; one transfer for all."""
        if not self._doubts:
            return
        used = torch.stack([x.to(self._doubts[0][1].device) for _, x, _ in self._doubts]).tolist()
        for (layer, *_, cause), own in zip(self._doubts, used, strict=True):
            if not own:
                self.missed(layer, cause)
                self._left_out.add(layer)
        self._buffer = {place: x for place, x in self._buffer.items() if place[1] not in self._left_out}
        self._shares = {place: x for place, x in self._shares.items() if place[1] not in self._left_out}
        for state in self._entries.values():
            state.sums = {place: x for place, x in state.sums.items() if place[1] not in self._left_out}

    def finish(self, complete: bool) -> Run:
        """End the run: means over steps, moved to the host at once."""
        if complete and not self._committed and (self._buffer or self._groups):
            self.notice(message("no_steps"))
            self.commit(0)
        self.begin_evaluation()
        self._settle_frames()
        entries = tuple(self._to_host(state) for state in self._entries.values() if state.sums)
        if complete and not entries and not self._tally.layers and not any(self._tally.rows):
            self.notice(message("nothing_seen"))
        recorded = {raw.entry.name: raw.maps for raw in entries}
        for text in self._tally.shortages(self.layout, recorded):
            self.notice(text)
        self._entries.clear()
        notices, coverage = tuple(self._notices), self._tally.coverage(self.layout, recorded)
        return Run(
            self.layout,
            entries,
            self.latent_shape,
            self.sigmas,
            complete,
            notices,
            self._context_width,
            coverage,
            self.frames,
            from_picture=self.from_picture,
        )

    def _settle_frames(self) -> None:
        """Of a video seen in parts, keep the frames that were seen, and say which were not.

        A layer that was not heard in all parts in which its entry was is left out.
        """
        states = [state for state in self._entries.values() if state.sums]
        if not any(isinstance(count, np.ndarray) for state in states for count in state.counts.values()):
            return
        seen = [self._seen_frames(state) for state in states]
        for state, own in zip(states, seen, strict=True):
            if not own.all():
                name, empty = state.entry.said_name, int((~own).sum())
                self.notice(message("frames_of_prompt", entry=name, count=empty, every=len(own)))
        kept = np.logical_or.reduce(seen).nonzero()[0]
        if len(kept) < len(self.frames):
            self.notice(message("frames_lost", count=len(kept), every=len(self.frames)))
            for state in states:
                self._keep_frames(state, kept.tolist())
            self.frames = tuple(self.frames[number] for number in kept)

    def _seen_frames(self, state: _EntrySums) -> np.ndarray:
        """Which of the recorded frames (frames,) an entry was in; layers that lack some are dropped."""
        by_layer = {}
        for _, layer in state.sums:
            steps = sum(state.counts.get((part, layer), 0) for part in range(self._bins))
            by_layer[layer] = np.broadcast_to(np.asarray(steps), len(self.frames)) > 0
        every = np.logical_or.reduce(list(by_layer.values()))
        lacking = {layer for layer, own in by_layer.items() if (own != every).any()}
        state.sums = {place: own for place, own in state.sums.items() if place[1] not in lacking}
        return every

    def _keep_frames(self, state: _EntrySums, kept: list[int]) -> None:
        def rows(values: torch.Tensor) -> torch.Tensor:
            return values.unflatten(0, (-1, len(self.frames)))[:, kept].flatten(0, 1)

        state.sums = {place: rows(values) for place, values in state.sums.items()}
        state.shares = {layer: rows(values) for layer, values in state.shares.items()}
        state.counts = {
            place: count if isinstance(count, int) else count[kept] for place, count in state.counts.items()
        }

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
        # Maps of areas are small, and pasted into the whole picture; what is asked has that of the prompt.
        if entry.area is not None or entry.kind == ASKED:
            return (), 0
        cells = {layer: self._grids[layer][0] * self._grids[layer][1] for layer in self._self_layers}
        sizes = {x: self._pictures * cells[x] * 2 * width * 2 for x, width in self._self_layers.items()}
        layers = layers_within(tuple(sizes), sizes, int(self._entry_budget() * SELF_ATTENTION_SHARE))
        if len(layers) < len(sizes):
            budget, lost = self._settings.budget // MEBIBYTE, len(sizes) - len(layers)
            self.notice(
                message(
                    "self_attention_large",
                    budget=budget,
                    count=lost,
                    every=len(sizes),
                    entry=entry.said_name,
                )
            )
        return layers, sum(sizes[layer] for layer in layers)

    @property
    def _pictures(self) -> int:
        """Whose maps are kept: every recorded frame of every picture."""
        return self.latent_shape[0] * len(self.frames)

    def _entry_budget(self) -> int:
        return self._settings.budget // max(1, self.expected_entries)

    def _plan(self, state: _EntrySums) -> None:
        """Precision and pooling factors of an entry's maps, within what is left of its budget.

        Large maps are kept in half precision; what is still too big is pooled.
        """
        entry, slots = state.entry, len(state.entry.slots) + state.references
        batch = self._pictures
        height, width = self.latent_shape[-2:]
        scale = (1.0, 1.0) if entry.area is None else (entry.area[0] / height, entry.area[1] / width)
        grids = {
            layer: (self.layout.heads_of(layer), max(1, round(h * scale[0])), max(1, round(w * scale[1])))
            for layer, (h, w) in self._grids.items()
        }
        copies = 1 if self._bins == 1 else self._bins + 1  # maps of each part, and their mean
        budget = self._entry_budget() - state.taken
        full = 4 * batch * copies * slots * sum(heads * h * w for heads, h, w in grids.values())
        dtype = torch.float32 if full <= min(budget, HALF_PRECISION_ABOVE) else torch.float16
        factors = plan_pooling(grids, slots, batch * copies, budget, dtype.itemsize)
        self._notices.pop(state.coarser, None)
        if any(factor > 1 for factor in factors.values()):
            size, coarse = self._settings.budget // MEBIBYTE, sum(f > 1 for f in factors.values())
            state.coarser = message(
                "coarser", entry=entry.said_name, budget=size, count=coarse, every=len(factors)
            )
            self.notice(state.coarser)
        state.dtype, state.pool = dtype, factors

    def _to_host(self, state: _EntrySums) -> RawEntry:
        """Means as (batch, heads, slots, h, w) arrays; one transfer for all maps."""
        places = [
            (part, x) for part in range(self._bins) for x in self.layout.layers if (part, x) in state.sums
        ]
        shapes = [(*state.sums[place].mT.shape[:3], *self._pooled_grid(state, place[1])) for place in places]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        flat = torch.empty(int(ends[-1]), dtype=state.dtype, device=next(iter(state.sums.values())).device)
        for place, end in zip(places, ends, strict=True):
            mean = mean_of_rows(state.sums[place], state.counts[place]).mT
            flat[end - mean.numel() : end].view(mean.shape).copy_(mean)
        parts: list[dict[LayerId, np.ndarray]] = [{} for _ in range(self._bins)]
        for (part, layer), shape, values in zip(
            places, shapes, np.split(flat.cpu().numpy(), ends[:-1]), strict=True
        ):
            parts[part][layer] = values.reshape(shape)
        counts = [{x: state.counts[part, x] for x in own} for part, own in enumerate(parts)]
        steps = int(max(np.max(sum(own.get(x, 0) for own in counts)) for x in self.layout.layers))
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
            MappingProxyType(_shares_of(state, counts)),
        )

    def _pooled_grid(self, state: _EntrySums, layer: LayerId) -> tuple[int, int]:
        height, width = state.grids[layer]
        factor = state.pool.get(layer, 1)
        return -(-height // factor), -(-width // factor)


def _parted(values: torch.Tensor, slots: int, kinds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of values (..., places, slots + kinds [+ references]): maps without the kinds, and these as shares."""
    shares = values[..., slots : slots + kinds].mean(dim=-2)
    if values.shape[-1] == slots + kinds:
        return values[..., :slots], shares
    return torch.cat([values[..., :slots], values[..., slots + kinds :]], dim=-1), shares


def _shares_of(state: _EntrySums, counts: Sequence[Mapping[LayerId, Count]]) -> dict[LayerId, np.ndarray]:
    """Means over the recorded steps of what goes to columns of each kind, by recorded layer."""
    layers = [x for x in state.shares if any(x in own for own in counts)]
    if not layers:
        return {}
    means = [mean_of_rows(state.shares[x], sum(own.get(x, 0) for own in counts)) for x in layers]
    flat = torch.cat([mean.flatten() for mean in means]).cpu().numpy()
    parts = np.split(flat, np.cumsum([mean.numel() for mean in means])[:-1])
    return {x: own.reshape(mean.shape) for x, own, mean in zip(layers, parts, means, strict=True)}


def _mean_of(
    parts: Sequence[Mapping[LayerId, np.ndarray]], counts: Sequence[Mapping[LayerId, Count]]
) -> dict[LayerId, np.ndarray]:
    """Means of the whole run from the means of its parts and their numbers of steps, by layer."""
    means = {}
    for layer in dict.fromkeys(layer for part in parts for layer in part):
        own = [
            (part[layer], by_row(n[layer], part[layer]))
            for part, n in zip(parts, counts, strict=True)
            if layer in n
        ]
        seen = sum(n for _, n in own)
        total = sum(values * n for values, n in own) / np.maximum(seen, np.float32(1))
        means[layer] = total.astype(own[0][0].dtype)
    return means
