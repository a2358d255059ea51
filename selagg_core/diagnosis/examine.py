"""Claims, maps, pixels and expected regions of one picture -> findings, or "unsure" with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..claims.claim import Claims
from ..maps.arrays import focus_of, normalise, resize_maps
from ..maps.regions import Region
from ..prompt.groups import WordGroup
from .brief import brief, lost_things
from .calibration import Calibration, KindModel
from .features import Candidate, candidates
from .findings import Finding, diffuse_finding, finding_of
from .kinds import KINDS
from .kinds.kind import FindingKind
from .kinds.misplaced_region import region_features
from .measure import PlaceEvidence, WordEvidence, measure_place, measure_word
from .scene import Observed, overlap, unit_mass
from .sentence import general

__all__ = ["Check", "Judge", "PictureDiagnosis", "examine", "region_features"]

FLAT_FOCUS = 0.0006
"""Below this focus a map is flat: it says nothing about places."""
DISAGREEMENT = 0.1
"""Below this overlap the map of a word's own heads and that of all heads show different places."""


@dataclass(frozen=True)
class Check:
    """One claim that was checked, whether or not a finding came of it.

    kind: that of the finding. claim: as it can be edited.
    confidence: that the claim is wrong in the way of `kind`, 0 to 1.
    verdict: "wrong", "unsure", "right", or "unjudged" for a kind without a model that has earned trust.
    """

    kind: str
    claim: str
    words: tuple[WordGroup, ...]
    confidence: float
    verdict: str
    features: dict[str, float] = field(default_factory=dict)
    """What the confidence comes from, and a calibration can be fitted on; unknown values are left out."""


@dataclass(frozen=True)
class PictureDiagnosis:
    """All that was measured on one picture of a batch, and what follows from it, worst first.

    left_out: findings that weigh less than those that are told; not kept in reports, whose checks have them.
    """

    index: int
    words: tuple[WordEvidence, ...]
    places: tuple[PlaceEvidence, ...]
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...] = ()
    heats: dict[WordGroup, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    """Normalised maps at picture size of the words that claims and findings are about."""
    left_out: tuple[Finding, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True)
class Judge:
    """What turns evidence into confidence. own: whether it was fitted on pictures of this very model.

    kinds: of findings that are looked for.
    """

    calibration: Calibration
    own: bool = False
    kinds: tuple[FindingKind[Any], ...] = KINDS

    def model(self, name: str) -> KindModel | None:
        return self.calibration.kinds.get(name)

    def level(self, name: str, confidence: float) -> str:
        """What a finding with this confidence may be: "warning", "unsure", "information", or "" for none."""
        model = self.model(name)
        if model is None or confidence < model.unsure:
            return ""
        if not model.earned:
            return "information" if confidence >= model.warn else ""
        return "warning" if confidence >= model.warn else "unsure"


def examine(
    groups: Sequence[WordGroup],
    claims: Claims,
    observed: Observed,
    expected: Mapping[WordGroup, Region],
    judge: Judge,
    index: int = 0,
) -> PictureDiagnosis:
    """Diagnoses picture `index`. `observed` has the maps of all `groups`, and of those of `claims`."""
    size = observed.picture.shape[:2]
    words = tuple(measure_word(g, observed.heats[g], observed.common[g]) for g in groups)
    shown = dict.fromkeys([*claims.groups, *expected])
    placed = {group: resize_maps(observed.heats[group], size) for group in shown}
    places = {group: measure_place(placed[group], region, group) for group, region in expected.items()}
    judged = [_judged(candidate, judge) for candidate in candidates(claims, observed, places, judge.kinds)]
    findings = _with_doubts([found for _, found in judged if found is not None], observed, claims)
    heats = {group: normalise(heat) for group, heat in placed.items()}
    told = brief(findings, claims)
    checks = tuple(check for check, _ in judged)
    measured = tuple(places.values())
    return PictureDiagnosis(index, words, measured, told.findings, checks, heats, told.left_out)


def _judged(candidate: Candidate[Any], judge: Judge) -> tuple[Check, Finding | None]:
    name, claim = candidate.kind, candidate.claim.text
    model = judge.model(name)
    known = {key: float(value) for key, value in candidate.features.items() if value == value}
    if model is None:
        return Check(name, claim, candidate.words, 0.0, "unjudged", known), None
    confidence = model.confidence(candidate.features)
    level = judge.level(name, confidence)
    verdict = {"warning": "wrong", "": "right" if model.earned else "unjudged"}.get(level, "unsure")
    check = Check(name, claim, candidate.words, confidence, verdict, known)
    if not level:
        return check, None
    kind = next(kind for kind in judge.kinds if kind.name == name)
    return check, finding_of(candidate, confidence, level, judge.own, kind)


def _with_doubts(findings: Sequence[Finding], observed: Observed, claims: Claims) -> list[Finding]:
    """Findings about words whose maps cannot be trusted become "unsure"."""
    entities = tuple(claim.subject for claim in claims.of("entity"))
    focus = {entity: focus_of(observed.common[entity]) for entity in entities}
    if entities and max(focus.values()) < FLAT_FOCUS:
        return [diffuse_finding(entities, {"highest_focus": max(focus.values())}, general("flat"))]
    lost = lost_things(findings)
    unsteady = [found for found in _disagreeing(entities, observed) if found.words[0] not in lost]
    doubtful = {found.words[0] for found in unsteady}
    return [*(_doubted(finding, doubtful) for finding in findings), *unsteady]


def _doubted(finding: Finding, doubtful: set[WordGroup]) -> Finding:
    """The finding, "unsure" if it rests on a word whose maps disagree."""
    unsteady = finding.sure and finding.involved & doubtful
    return finding.demoted(general("unsteady")) if unsteady else finding


def _disagreeing(entities: Sequence[WordGroup], observed: Observed) -> Iterator[Finding]:
    """Of each entity of which the maps of its own heads and of all heads show different places."""
    for entity in dict.fromkeys(entities):
        shared = overlap(unit_mass(observed.heats[entity]), unit_mass(observed.common[entity]))
        if shared < DISAGREEMENT:
            said = general("disagreeing", word=entity.label)
            yield diffuse_finding((entity,), {"agreement": shared}, said)
