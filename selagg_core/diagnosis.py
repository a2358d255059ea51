"""Maps and expected regions -> findings with evidence, or "unsure" with a reason.

First version: `neglected` and `misplaced`, by rules with stated limits. Its confidences are not calibrated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .groups import WordGroup
from .maps import normalise, resize_maps
from .regions import (
    Region,
    centroid,
    found_region,
    iou,
    largest_component,
    mass_inside,
    otsu_threshold,
    peak,
    place_name,
)


@dataclass(frozen=True)
class Limits:
    """Where a measured number starts to count as a sign. Set by hand, not fitted to labelled pictures."""

    focus_ratio: float = 0.5
    """Focus of a word's map against the median of the other words."""
    peak_ratio: float = 0.6
    """Peak over mean of a word's map, against the median of the other words."""
    strength_ratio: float = 0.5
    """Mean attention of a word against the median of the other words."""
    component_share: float = 0.5
    """Share of the map's mass above Otsu's threshold that its largest part holds."""
    flat_focus: float = 0.0006
    """Below this focus a map is flat: it says nothing about places."""
    neglected_signs: int = 3
    """Signs, of four, that make a warning; one fewer makes "unsure"."""
    mass_inside: float = 0.5
    """Share of the map's mass above Otsu's threshold that should lie inside the expected region."""
    overlap: float = 0.2
    """Intersection over union of the found and the expected region."""
    misplaced_signs: int = 3
    """Signs, of three, that make a warning; one fewer makes "unsure"."""
    region_covers_all: float = 0.95
    """An expected region larger than this share of the picture cannot be missed."""


@dataclass(frozen=True)
class WordEvidence:
    """What the map of one word shows. Numbers are of the map before normalisation.

    strength, peak, peak_ratio and focus are of the heads that all words have in common, the others of the
    word's own heads.
    """

    label: str
    strength: float
    """Mean attention probability over the picture."""
    peak: float
    """Highest attention probability."""
    peak_ratio: float
    """Peak over mean; 1 for a flat map."""
    focus: float
    """1 - entropy / log(cells) of the map as a distribution over the picture: 0 flat, 1 a single cell."""
    component_share: float
    """Share of the mass above Otsu's threshold that its largest connected part holds."""
    spread: float
    """Share of the picture above Otsu's threshold."""
    centre: tuple[float, float]
    """Centre (x, y) of the mass above Otsu's threshold, in shares of width and height."""
    has_region: bool
    """Whether a region of its own may be expected of this word."""


@dataclass(frozen=True)
class PlaceEvidence:
    """How the map of one word lies to the region where it was expected."""

    label: str
    mass_inside: float
    peak_inside: bool
    overlap: float
    expected_area: float
    expected_centre: tuple[float, float]
    found_centre: tuple[float, float]
    found_area: float


@dataclass(frozen=True)
class Finding:
    """Something that went wrong (`sure`), or that may have gone wrong (not `sure`, with a `reason`)."""

    kind: str
    words: tuple[str, ...]
    severity: float
    """0 to 1: how far the evidence lies beyond the limits."""
    evidence: dict[str, float | bool | str]
    confidence: float
    """0 to 1. Unless `calibrated`, a rank only: it is not the probability of being right."""
    suggestion: str
    message: str
    sure: bool = True
    reason: str = ""
    calibrated: bool = False

    @property
    def line(self) -> str:
        """One line for a list of warnings."""
        verdict = self.kind if self.sure else f"unsure ({self.kind}?)"
        trust = f"confidence {self.confidence:.2f}" + ("" if self.calibrated else ", uncalibrated")
        reason = f" {self.reason}" if self.reason else ""
        return f"{verdict}: {self.message}{reason} Try: {self.suggestion} [{trust}]"


@dataclass(frozen=True)
class PictureDiagnosis:
    """All that was measured on one picture of a batch, and what follows from it, worst first."""

    index: int
    words: tuple[WordEvidence, ...]
    places: tuple[PlaceEvidence, ...]
    findings: tuple[Finding, ...]
    heats: dict[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    """Normalised maps at picture size of the words whose place was checked."""


def examine(
    groups: Sequence[WordGroup],
    maps: np.ndarray,
    expected: Sequence[tuple[WordGroup, Region]],
    size: tuple[int, int],
    limits: Limits | None = None,
    index: int = 0,
    common: np.ndarray | None = None,
) -> PictureDiagnosis:
    """Diagnoses picture `index` from the maps (groups, h, w) of its words, attention not normalised.

    `expected` are groups among `groups` with regions of the picture's `size` (h, w) px. `common`: maps of the
    same words that were all made from the same heads, from which words are compared with each other; by
    default `maps`.
    """
    limits, common = limits or Limits(), maps if common is None else common
    words = tuple(
        measure_word(group, heat, compared)
        for group, heat, compared in zip(groups, maps, common, strict=True)
    )
    position = {group: i for i, group in enumerate(groups)}
    placed = {group.label: resize_maps(maps[position[group]], size) for group, _ in expected}
    places = tuple(measure_place(placed[group.label], region, group.label) for group, region in expected)
    heats = {label: normalise(heat) for label, heat in placed.items()}
    return PictureDiagnosis(index, words, places, diagnose(words, places, limits), heats)


def measure_word(group: WordGroup, heat: np.ndarray, common: np.ndarray | None = None) -> WordEvidence:
    """Evidence from one map (h, w) of attention probabilities, not normalised.

    Strength, peak and focus, by which words are compared, come from `common`, the word's map from heads that
    are the same for all words (by default `heat`); where the word is comes from `heat`.
    """
    mass = np.clip(np.asarray(heat if common is None else common, dtype=np.float64), 0, None)
    mean, top = float(mass.mean()), float(mass.max())
    above = _above_otsu(heat)
    found = found_region(heat)
    return WordEvidence(
        label=group.label,
        strength=mean,
        peak=top,
        peak_ratio=top / mean if mean > 0 else 1.0,
        focus=focus(mass),
        component_share=mass_inside(above, largest_component(found)),
        spread=found.area,
        centre=centroid(above),
        has_region=group.has_region,
    )


def focus(mass: np.ndarray) -> float:
    """1 - entropy / log(cells) of a map as a distribution: 0 for a flat or empty map, 1 for a single cell."""
    total = float(mass.sum())
    if total <= 0 or mass.size < 2:
        return 0.0
    share = mass[mass > 0] / total
    entropy = -float((share * np.log(share)).sum())
    return max(0.0, 1.0 - entropy / float(np.log(mass.size)))


def measure_place(heat: np.ndarray, expected: Region, label: str) -> PlaceEvidence:
    """Evidence from a map (h, w) and an expected region of the same size."""
    above = _above_otsu(heat)
    x, y = peak(heat)
    found = found_region(heat)
    return PlaceEvidence(
        label=label,
        mass_inside=mass_inside(above, expected),
        peak_inside=bool(expected.mask[y, x]),
        overlap=iou(found, expected),
        expected_area=expected.area,
        expected_centre=centroid(expected.mask),
        found_centre=centroid(above),
        found_area=found.area,
    )


def diagnose(
    words: Sequence[WordEvidence],
    places: Sequence[PlaceEvidence] = (),
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """Findings, worst first: warnings before "unsure", then by severity."""
    limits = limits or Limits()
    objects = [word for word in words if word.has_region]
    if objects and all(word.focus < limits.flat_focus for word in objects):
        findings: list[Finding | None] = [_all_flat(objects)]
    else:
        findings = [
            _neglected(word, [other for other in objects if other is not word], limits) for word in objects
        ]
    flat = {word.label for word in words if word.focus < limits.flat_focus}
    lost = {finding.words[0] for finding in findings if finding and finding.sure}
    findings += [_misplaced(place, place.label in flat | lost, limits) for place in places]
    kept = [finding for finding in findings if finding is not None]
    return tuple(sorted(kept, key=lambda finding: (not finding.sure, -finding.severity)))


def _neglected(word: WordEvidence, others: Sequence[WordEvidence], limits: Limits) -> Finding | None:
    """No region holds the word: its map is spread, weak and in pieces, next to the other words' maps."""
    evidence: dict[str, float | bool | str] = {
        "focus": word.focus,
        "peak_ratio": word.peak_ratio,
        "strength": word.strength,
        "component_share": word.component_share,
    }
    shortfalls = [_shortfall(word.component_share, limits.component_share)]
    for name, limit in (
        ("focus", limits.focus_ratio),
        ("peak_ratio", limits.peak_ratio),
        ("strength", limits.strength_ratio),
    ):
        usual = float(np.median([getattr(other, name) for other in others])) if others else 0.0
        if usual > 0:
            evidence[f"{name}_of_others"] = usual
            shortfalls.append(_shortfall(getattr(word, name) / usual, limit))
    signs = sum(value > 0 for value in shortfalls)
    flat = word.focus < limits.flat_focus
    if signs < limits.neglected_signs - 1 and not flat:
        return None
    severity = 1.0 if flat else sum(shortfalls) / len(shortfalls)
    spread = f"the attention of its brightest part covers {word.spread:.0%} of the picture"
    finding = Finding(
        kind="neglected",
        words=(word.label,),
        severity=severity,
        evidence=evidence | {"signs": float(signs)},
        confidence=min(0.9, 0.5 + severity / 2),
        suggestion=(
            f"raise its weight, such as ({_bare(word.label)}:1.3), name it earlier in the prompt, "
            "or try another seed."
        ),
        message=f'no region holds "{word.label}": {_compared(word, evidence) or spread}.',
    )
    if signs < limits.neglected_signs and not flat:
        return _unsure(finding, f"Only {signs} of {len(shortfalls)} signs say so.")
    return finding


def _all_flat(words: Sequence[WordEvidence]) -> Finding:
    """No word has a focus: that says more about the recording or the model than about a word."""
    return Finding(
        kind="neglected",
        words=tuple(word.label for word in words),
        severity=0.0,
        evidence={"highest_focus": max(word.focus for word in words)},
        confidence=0.0,
        suggestion="record more steps, or show single heads; a model that is hardly trained gives such maps.",
        message="no word has a region of its own.",
        sure=False,
        reason="The maps of all words are flat, so they cannot tell.",
    )


def _misplaced(place: PlaceEvidence, no_region: bool, limits: Limits) -> Finding | None:
    """The word's region is not where it was expected."""
    if place.expected_area > limits.region_covers_all:
        return None
    shortfalls = [
        _shortfall(place.mass_inside, limits.mass_inside),
        _shortfall(place.overlap, limits.overlap),
        0.0 if place.peak_inside else 1.0,
    ]
    signs = sum(value > 0 for value in shortfalls)
    if signs < limits.misplaced_signs - 1 and not no_region:
        return None
    severity = sum(shortfalls) / len(shortfalls)
    where = place_name(*place.found_centre)
    finding = Finding(
        kind="misplaced",
        words=(place.label,),
        severity=severity,
        evidence={
            "mass_inside": place.mass_inside,
            "expected_area": place.expected_area,
            "peak_inside": place.peak_inside,
            "overlap": place.overlap,
            "found_at": where,
            "expected_at": place_name(*place.expected_centre),
        },
        confidence=min(0.9, 0.5 + severity / 2),
        suggestion=(
            f'give "{_bare(place.label)}" its own region (Conditioning Set Area or Set Mask), say the place '
            "in the prompt, or try another seed."
        ),
        message=(
            f'"{place.label}" lies at the {where}, not where it was expected '
            f"({place_name(*place.expected_centre)}): {place.mass_inside:.0%} of its map is inside."
        ),
    )
    if no_region:
        return _unsure(finding, "No region holds this word, so its place cannot be judged.")
    if signs < limits.misplaced_signs:
        return _unsure(finding, f"Only {signs} of {len(shortfalls)} signs say so.")
    return finding


def _unsure(finding: Finding, reason: str) -> Finding:
    return replace(finding, sure=False, reason=reason, confidence=min(0.5, finding.confidence))


def _compared(word: WordEvidence, evidence: dict[str, float | bool | str]) -> str:
    """How the word's map differs from the usual one, in the terms of the two largest differences."""
    names = {"focus": "focus", "peak_ratio": "peak over mean", "strength": "mean attention"}
    ratios = []
    for name, spoken in names.items():
        usual = evidence.get(f"{name}_of_others")
        if isinstance(usual, float) and usual > 0:
            ratios.append((getattr(word, name) / usual, spoken))
    weakest = sorted(ratios)[:2]
    if not weakest or weakest[0][0] >= 1:
        return ""
    return "against the other words its map has " + " and ".join(
        f"{ratio:.0%} of the {spoken}" for ratio, spoken in weakest
    )


def _shortfall(value: float, limit: float) -> float:
    """How far a value is below a limit, as a share of it: 0 at the limit or above, 1 at zero."""
    return min(1.0, max(0.0, (limit - value) / limit))


def _above_otsu(heat: np.ndarray) -> np.ndarray:
    """What of a normalised map rises above Otsu's threshold: the background, however large, has no say."""
    scaled = normalise(heat)
    return np.clip(scaled - otsu_threshold(scaled), 0, None)


def _bare(label: str) -> str:
    """The word without the count that tells its occurrences apart."""
    return label.split(" (")[0]
