"""Failures of a demo model, and the operators that are tried on each: arms of a benchmark.

The operator of the kind in all heads, in the heads of the word's concept, in random heads of the same grids,
and on words that the fault is not about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from demo.scenes import caption_words
from selagg_core.claims.claim import Claims
from selagg_core.diagnose import diagnose_run
from selagg_core.prompt.groups import WordGroup
from selagg_core.recording.capture import Capture
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.relevance.relevance import ARGMAX_WINS
from selagg_core.relevance.shipped import load_preset
from selagg_core.repair.placebo import on_other_words
from selagg_core.repair.plan import Adjusting, Operator, RepairPlan
from selagg_core.repair.remedies import BY_KIND, Fault, Known
from selagg_core.view import open_run

from .joint_maps import measured_agreement
from .map_sources import DemoModel
from .pictures import Case, unweighted
from .truth import truth_of

FRACTION = 0.25
"""Of the heads that the arms "chosen" and "random" take."""
SIZE = (128, 128)
NO_WINS = "concept adjusting needs counted wins of heads, which {model} has none of"


@dataclass(frozen=True)
class Failure:
    """A claim that is wrong in the picture of the case's first seed, and what is known of that picture."""

    kind: str
    key: tuple
    case: Case
    known: Known
    fault: Fault


class RepairBench:
    """A demo model, ready to sample with a repair plan.

    model: "unet" or "twin". heads: seeds of the scenes on which the twin's agreement is measured; it ships
    with no relevance, and no wins can be counted.
    """

    def __init__(self, model: str = "unet", heads: Sequence[int] = ()) -> None:
        from demo.studio import SamplingSettings, Studio
        from selagg_nodes.families import family_of
        from selagg_nodes.recording import encode, recorder
        from selagg_nodes.repairing import hooks

        self._settings = SamplingSettings
        self._encode, self._recorder, self._hooks = encode.encode_and_label, recorder, hooks
        if model == "twin":
            twin = DemoModel(twin=True)
            self.studio, self.relevance = twin.studio, measured_agreement(twin, heads)
        else:
            self.studio, self.relevance = Studio(), load_preset("demo")
        self.base = self.relevance.base_model
        _, sites = family_of(self.studio.model)
        cells = {site.layer: site.cell for site in sites}
        layout = self.relevance.layout
        self.grids = np.concatenate(
            [np.full(count, cells[layer]) for layer, count in zip(layout.layers, layout.heads, strict=True)]
        )

    def cannot(self, kind: str) -> str:
        """Why nothing can be tried on faults of a kind; "" where something can."""
        adjusts = kind == "wrong_sense" and ARGMAX_WINS not in self.relevance.score_kinds
        return NO_WINS.format(model=self.base) if adjusts else ""

    def pictures(self, case: Case, seeds: Sequence[int], plan: RepairPlan | None = None) -> np.ndarray:
        """(n, 128, 128, 3) uint8 of a case with these seeds."""
        conditioning, _ = self._encode("benchmarks", self.studio.clip, case.text)
        model = self.studio.model
        if plan is not None and not plan.does_nothing:
            model = model.clone()
            self._hooks.install(model, plan)
            mark = self._hooks.RepairMark(plan.key, 0)
            conditioning = [[e, {**more, self._hooks.REPAIR_KEY: mark}] for e, more in conditioning]
        return self._sampled(case, seeds, conditioning, model)

    def _sampled(self, case: Case, seeds: Sequence[int], conditioning, model) -> np.ndarray:
        how = self._settings(steps=case.steps, cfg=case.cfg, denoise=case.denoise)
        start = case.start_picture()
        begun = None if start is None else self.studio.encode(start[None])
        self.latents = self.studio.sample(conditioning, list(seeds), how, model, start=begun)
        return self.studio.decode(self.latents)

    def failure(self, kind: str, case: Case) -> Failure | None:
        """The fault of this kind in the picture of the case's first seed; None if there is none."""
        conditioning, prompt = self._encode("benchmarks", self.studio.clip, case.text)
        if [word.text for word in prompt.words] != caption_words(unweighted(case.text)):
            raise ValueError("the words read back differ from the caption")
        capture = Capture(self._recorder.LABELS)
        model = self.studio.model.clone()
        self._recorder.install(model, capture)
        picture = self._sampled(case, case.seeds[:1], conditioning, model)
        wrong = [t.key for t in truth_of(picture[0], case.caption).claims if t.wrong and t.key[0] == kind]
        if not wrong:
            return None
        view = open_run(capture, self.latents, torch.from_numpy(picture.astype(np.float32) / 255))
        found = diagnose_run(view, settings=HeadSettings(relevance=self.relevance))
        measured = {seen.word: seen for seen in found.report.pictures[0].words}
        known = Known(view.prompts, found.read, SIZE, measured, {}, self.relevance)
        fault = fault_of(wrong[0], found.read)
        return None if fault is None else Failure(kind, wrong[0], case, known, fault)


def fault_of(key: tuple, claims: Claims) -> Fault | None:
    """The fault that the reader saw, as a finding would tell it; None where no claim is about its words."""
    kind, *words = key
    entities = [claim.subject for claim in claims.of("entity")]

    def thing(index: int) -> WordGroup | None:
        return next((entity for entity in entities if index in entity.indices), None)

    if kind == "misplaced":
        told = [*claims.of("relation"), *claims.of("place")]
        return Fault(kind, (told[0].subject,), told[0]) if told else None
    if kind == "wrong_sense":
        told = [c for c in claims.of("sense") if c.words is not None and words[0] in c.words.indices]
        return Fault(kind, (told[0].words,), told[0]) if told else None
    if kind == "leaked":
        told = [c for c in claims.of("attribute") if c.words is not None and words[0] in c.words.indices]
        takers = [entity for entity in entities if told and entity != told[0].subject]
        if not takers:
            return None
        return Fault(kind, (told[0].words, told[0].subject), told[0], takers[0])
    things = [thing(index) for index in words]
    return None if None in things else Fault(kind, tuple(things))


def arms_of(failure: Failure, bench: RepairBench) -> dict[str, tuple[Operator, ...]]:
    """Arm -> operators; () for a fault that this operator does not apply to."""
    own = BY_KIND[failure.kind](failure.fault, failure.known).operators
    if not own:
        return {}
    known = failure.known
    rng = np.random.default_rng(failure.case.seeds[0])
    return {
        "all": own,
        "chosen": tuple(_in_heads(each, failure, bench, None) for each in own),
        "random": tuple(_in_heads(each, failure, bench, rng) for each in own),
        "wrong_word": tuple(
            on_other_words(each, known.prompts[0], known.claims, failure.fault.claim) for each in own
        ),
    }


def _in_heads(operator: Operator, failure: Failure, bench: RepairBench, rng) -> Operator:
    """The operator in the heads of its word's concept, or in random ones of the same grids."""
    relevance = bench.relevance
    if ARGMAX_WINS in relevance.score_kinds:
        relevance = relevance.with_score(ARGMAX_WINS)
    if isinstance(operator, Adjusting):
        strongest = np.argsort(-np.abs(operator.factors - 1), kind="stable")
        chosen = strongest[: round(FRACTION * len(strongest))]
        if rng is not None:  # the same factors on other heads
            factors = operator.factors.copy()
            for grid in np.unique(bench.grids):
                own = np.flatnonzero(bench.grids == grid)
                factors[own] = factors[rng.permutation(own)]
            return replace(operator, factors=factors)
        factors = np.ones_like(operator.factors)
        factors[chosen] = operator.factors[chosen]
        return replace(operator, factors=factors)
    chosen = relevance.top_heads("Objects", FRACTION)
    if rng is not None:
        chosen = np.concatenate(
            [
                rng.choice(
                    np.flatnonzero(bench.grids == grid), int((bench.grids[chosen] == grid).sum()), False
                )
                for grid in np.unique(bench.grids[chosen])
            ]
        )
    mask = np.zeros(relevance.layout.total, bool)
    mask[chosen] = True
    return replace(operator, heads=mask)
