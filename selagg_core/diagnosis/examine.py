"""Claims, maps, pixels and expected regions of one picture -> findings, or "unsure" with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..claims.claim import Claim, Claims
from ..maps.arrays import focus_of, normalise, resize_maps
from ..maps.regions import (
    Region,
    place_name,
)
from ..prompt.groups import WordGroup
from .calibration import Calibration, KindModel
from .features import Candidate, Observed, candidates, overlap, unit_mass
from .findings import Finding, diffuse_finding, finding_of
from .measure import PlaceEvidence, WordEvidence, measure_place, measure_word

FLAT_FOCUS = 0.0006
"""Below this focus a map is flat: it says nothing about places."""
DISAGREEMENT = 0.1
"""Below this overlap the map of a word's own heads and that of all heads show different places."""
COVERS_ALL = 0.95
"""An expected region larger than this share of the picture cannot be missed."""
EXPECTED = "misplaced_region"
"""Name of the model that judges expected regions; its findings are of the kind "misplaced"."""


@dataclass(frozen=True)
class Check:
    """One claim that was checked, whether or not a finding came of it.

    kind: that of the finding, "misplaced_region" for expected regions. claim: as it can be edited.
    confidence: that the claim is wrong in the way of `kind`, 0 to 1.
    verdict: "wrong", "unsure", "right", or "unjudged" for a kind without a model that has earned trust.
    """

    kind: str
    claim: str
    words: tuple[str, ...]
    confidence: float
    verdict: str
    features: dict[str, float] = field(default_factory=dict)
    """What the confidence comes from, and a calibration can be fitted on; unknown values are left out."""


@dataclass(frozen=True)
class PictureDiagnosis:
    """All that was measured on one picture of a batch, and what follows from it, worst first."""

    index: int
    words: tuple[WordEvidence, ...]
    places: tuple[PlaceEvidence, ...]
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...] = ()
    heats: dict[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    """Normalised maps at picture size of the words that claims and findings are about."""


@dataclass(frozen=True)
class Judge:
    """What turns evidence into confidence. own: whether it was fitted on pictures of this very model."""

    calibration: Calibration
    own: bool = False

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
    places = tuple(measure_place(placed[group], region, group.label) for group, region in expected.items())
    found = [*candidates(claims, observed), *_region_candidates(places, expected)]
    judged = [_judged(candidate, judge) for candidate in found]
    findings = [finding for _, finding in judged if finding is not None]
    flat = _flat_words(claims, observed)
    findings = _with_doubts(findings, flat, observed, claims)
    heats = {group.label: normalise(heat) for group, heat in placed.items()}
    ranked = sorted(findings, key=lambda f: (_RANK[f.level], -f.severity))
    return PictureDiagnosis(index, words, places, tuple(ranked), tuple(c for c, _ in judged), heats)


_RANK = {"warning": 0, "unsure": 1, "information": 2}


def _judged(candidate: Candidate, judge: Judge) -> tuple[Check, Finding | None]:
    name = EXPECTED if "expected_at" in candidate.facts else candidate.kind
    model, claim = judge.model(name), candidate.claim.text
    known = {key: float(value) for key, value in candidate.features.items() if value == value}
    if model is None:
        return Check(name, claim, candidate.words, 0.0, "unjudged", known), None
    confidence = model.confidence(candidate.features)
    level = judge.level(name, confidence)
    verdict = {"warning": "wrong", "": "right" if model.earned else "unjudged"}.get(level, "unsure")
    check = Check(name, claim, candidate.words, confidence, verdict, known)
    return check, finding_of(candidate, confidence, level, judge.own) if level else None


def _region_candidates(
    places: Sequence[PlaceEvidence], expected: Mapping[WordGroup, Region]
) -> list[Candidate]:
    """A candidate for each expected region that can be missed."""
    return [
        region_candidate(place, group)
        for place, group in zip(places, expected, strict=True)
        if place.expected_area <= COVERS_ALL
    ]


def region_candidate(place: PlaceEvidence, group: WordGroup) -> Candidate:
    """That a word is not where it was expected."""
    facts: dict[str, float | bool | str] = {
        "mass_inside": place.mass_inside,
        "expected_area": place.expected_area,
        "peak_inside": place.peak_inside,
        "overlap": place.overlap,
        "found_at": place_name(*place.found_centre),
        "expected_at": place_name(*place.expected_centre),
    }
    claim = Claim("place", group, "where it is expected", source="artist")
    return Candidate("misplaced", claim, (group.label,), region_features(place), facts)


def region_features(place: PlaceEvidence) -> dict[str, float]:
    """What speaks for a word being outside of its expected region."""
    return {
        "outside": 1 - place.mass_inside,
        "peak_outside": float(not place.peak_inside),
        "elsewhere": place.elsewhere,
    }


def _flat_words(claims: Claims, observed: Observed) -> set[str]:
    entities = [claim.subject for claim in claims.of("entity")] or list(observed.common)
    return {group.label for group in entities if focus_of(observed.common[group]) < FLAT_FOCUS}


def _with_doubts(
    findings: Sequence[Finding], flat: set[str], observed: Observed, claims: Claims
) -> list[Finding]:
    """Findings about words whose maps cannot be trusted, or that are not there, become "unsure"."""
    entities = [claim.subject for claim in claims.of("entity")]
    if entities and all(entity.label in flat for entity in entities):
        labels = tuple(entity.label for entity in entities)
        highest = max(focus_of(observed.common[entity]) for entity in entities)
        return [diffuse_finding(labels, {"highest_focus": highest}, "the maps of all words are flat.")]
    lost = {f.words[0] for f in findings if f.kind == "neglected" and f.sure}
    doubtful = [finding for e in entities if (finding := _disagreeing(e, observed)) is not None]
    unsteady = {finding.words[0] for finding in doubtful} - lost
    kept = []
    for finding in findings:
        about = {*finding.words, str(finding.evidence.get("taken_by", ""))}
        if finding.sure and finding.kind != "neglected" and about & lost:
            word = sorted(about & lost)[0]
            finding = finding.demoted(f'No region holds "{word}", so this cannot be judged.')
        elif finding.sure and about & unsteady:
            finding = finding.demoted("The maps of its own heads and of all heads disagree.")
        kept.append(finding)
    return [*kept, *(finding for finding in doubtful if finding.words[0] in unsteady)]


def _disagreeing(entity: WordGroup, observed: Observed) -> Finding | None:
    shared = overlap(unit_mass(observed.heats[entity]), unit_mass(observed.common[entity]))
    if shared >= DISAGREEMENT:
        return None
    message = (
        f'the map of "{entity.label}" cannot be trusted: its own heads and all heads show different places.'
    )
    return diffuse_finding((entity.label,), {"agreement": shared}, message)
