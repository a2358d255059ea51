"""Changes the attention of one sampling run as a repair plan says."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.recording.layout import LayerId
from selagg_core.recording.probabilities import of_every_head
from selagg_core.repair.channels import Widened, widened
from selagg_core.repair.plan import RepairPlan
from selagg_core.repair.terms import EntryRepair

from .. import host
from ..families import AttentionReading, family_of
from ..families.family import context_of, layout_of
from ..recording.rows import area_of, area_size, blocks_of, genuine_of, same_entries

logger = logging.getLogger("selagg")

#: Key under which SelAgg Repair leaves in a conditioning which entry of its plan it is.
REPAIR_KEY = "selagg_repair"
VIDEO = "SelAgg Repair: this is a video, of which nothing was changed: places are not known frame by frame."
OTHER_BATCH = (
    "SelAgg Repair: nothing of this run was changed: the report is of {pictures} pictures, the batch has "
    "{rows}. Sample as many, or diagnose a single one."
)
PARTS = (
    "SelAgg Repair: nothing of this run was changed: another pack calls the model on parts of the picture "
    "(tiles?), and where they lie is not known."
)
NO_ROWS = (
    "SelAgg Repair: nothing of this run was changed, for no prompt of it is the CONDITIONING of that node: "
    "connect its conditioning output to the positive input of the sampler."
)


@dataclass(frozen=True)
class RepairMark:
    """Of a conditioning entry: the key of the plan that it belongs to, and its number there."""

    plan: str
    entry: int


@dataclass(frozen=True)
class ChangedRows:
    """Rows of a model call, and what is changed in them."""

    rows: slice
    repair: EntryRepair


@dataclass(frozen=True)
class RepairChange:
    """What is changed in one model call (`families.family.AttentionChange`)."""

    parts: tuple[ChangedRows, ...]
    total: int

    def widened(self, reading: AttentionReading) -> list[tuple[slice, Widened]]:
        """For each block of changed rows its q, k, v (rows, heads, tokens, channels) with the additions."""
        if reading.text is None or reading.grid is None or reading.q.shape[0] != self.total:
            return []
        v = of_every_head(reading.k if reading.v is None else reading.v, reading.q.shape[1])
        found = []
        for part in self.parts:
            keys = range(reading.k.shape[2])[reading.text]
            if len(keys) % part.repair.length:
                continue
            additions = part.repair.additions(reading.layer, reading.grid)
            q, k, values = (x[part.rows] for x in (reading.q, reading.k, v))
            found.append((part.rows, widened(q, k, values, additions, reading.image, reading.text)))
        return found

    def missed(self, layer: LayerId, cause: str) -> None:
        logger.debug("SelAgg Repair did not change layer %s: %s", layer, cause)

    def notice(self, text: str) -> None:
        logger.debug("SelAgg Repair: %s", text)


def install(model, plan: RepairPlan) -> None:
    """Change every sampling run of this ModelPatcher as the plan says."""

    def repair(run: host.SamplingRun) -> torch.Tensor:
        hooks = RepairHooks(plan, run)
        latent = run.proceed(hooks)
        hooks.finish()
        return latent

    repair.changes_attention = True  # type: ignore[attr-defined]
    host.on_sampling(model, repair)


def is_repaired(model) -> bool:
    """Whether a SelAgg Repair acts on this ModelPatcher already."""
    return any(getattr(handler, "changes_attention", False) for handler in host.sampling_handlers(model))


class RepairHooks(host.BatchHooks):
    """Follows one sampling run and changes its model calls."""

    changes_attention = True

    def __init__(self, plan: RepairPlan, run: host.SamplingRun):
        self._plan, self._guider = plan, run.guider
        found = family_of(run.guider.model_patcher)
        self._family: Any = None if found is None else found[0]
        self._sites: tuple = ()
        self._steps = max(1, len(run.sigmas) - 1)
        self._done = 0
        self._calls, self._changed = 0, False
        self._why = NO_ROWS
        self._made: dict[tuple, EntryRepair] = {}

    @contextmanager
    def model_call(self, call: host.ModelCall):
        self._calls += 1
        plan = self._plan.at(self._done / self._steps)
        if self._family is None or plan.does_nothing:
            yield call.options
            return
        if not self._sites:
            self._sites = self._family.sites(self._guider.model_patcher)
        parts = self._parts(call, plan)
        if not parts:
            yield call.options
            return
        self._changed = True
        change = RepairChange(tuple(parts), call.x.shape[0])
        with self._family.changed(self._sites, call, change) as options:
            yield options

    def step(self, step: int, denoised: torch.Tensor) -> None:
        self._done = step + 1

    def finish(self) -> None:
        if self._calls and not self._changed:
            logger.warning(self._why)
        self._guider = self._batch = None
        self._made.clear()

    # -- rows ------------------------------------------------------------------------------------------------

    def _parts(self, call: host.ModelCall, plan: RepairPlan) -> list[ChangedRows]:
        """The blocks of rows whose entry carries this plan, in this call."""
        order = call.options.get("cond_or_uncond")
        if self._batch is None or call.context is None or not order:
            return []
        conds, latent = self._batch
        size = latent.shape[0]
        if call.x.ndim == 5 and call.x.shape[2] > 1:
            self._why = VIDEO
            return []
        if len(plan.pictures) not in (1, size):
            self._why = OTHER_BATCH.format(pictures=len(plan.pictures), rows=size)
            return []
        if call.x.shape[0] != size * len(order):
            return []
        found = []
        for entries, uuid, rows in blocks_of(conds, size, call.options):
            same = same_entries(entries or (), uuid, call.context[rows.start])
            fitting = [e for e in same if area_size(e, latent) == tuple(call.x.shape[-2:])]
            if same and not fitting:
                self._why = PARTS
            repair = self._repair(entries, fitting[0], plan, latent) if fitting else None
            if repair is not None:
                found.append(ChangedRows(rows, repair))
        return found

    def _repair(self, entries, entry: dict, plan: RepairPlan, latent) -> EntryRepair | None:
        context = context_of(entry)
        genuine = self._genuine(entries, context)
        if genuine is None:
            return None
        mark = genuine[REPAIR_KEY]
        if mark.plan != self._plan.key or not plan.touches(mark.entry):
            return None
        text = self._family.text(self._sites, entry, genuine)
        columns = self._plan.prompts[mark.entry].length
        if text is None or text.start + columns > text.length:
            return None
        area = area_of(entry, latent)
        key = id(context), area, plan is self._plan
        if key not in self._made:
            height, width = latent.shape[-2:]
            self._made[key] = EntryRepair(
                plan, mark.entry, layout_of(self._sites), (height, width), area, text.start, text.length
            )
        return self._made[key]

    def _genuine(self, entries, context: torch.Tensor | None) -> dict | None:
        """The marked entry whose text this is, of the kind that the host reads."""
        if context is None:
            return None
        kinds = self._guider.conds
        own = [kind for kind, listed in kinds.items() if listed is entries] or list(kinds)
        marked = (e for kind in own if kind != "negative" for e in kinds[kind] if REPAIR_KEY in e)
        return genuine_of(marked, context)
