"""Findings as marks on a picture: regions that are outlined, arrows, and sentences below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..claims.claim import DIRECTIONS, PLACES, Claim, Claims
from ..claims.expectations import place_region
from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.findings import Finding
from ..drawing.marks import Mark, annotated_picture
from ..maps.regions import Region, centroid, found_region, largest_component
from ..prompt.groups import WordGroup

MAX_MARKS = 4
"""Findings that are written under an annotated picture; the report has all."""


def annotate(
    picture: np.ndarray,
    diagnosis: PictureDiagnosis,
    claims: Claims,
    expected: Mapping[WordGroup, Region],
    problems: Sequence[str] = (),
) -> np.ndarray:
    """One picture with what was found on it, worst first, and what could not be done."""
    marks = [Mark(f"problem: {problem}") for problem in problems]
    shown = {group.label: region.mask for group, region in expected.items()}
    marks += [_Marker(diagnosis, claims, shown).mark(finding) for finding in diagnosis.findings]
    if len(marks) > MAX_MARKS:
        more = len(marks) - MAX_MARKS
        marks = [*marks[:MAX_MARKS], Mark(f"and {more} more: see the warnings.", sure=False)]
    return annotated_picture(picture, marks, f"No warning. {checked_text(diagnosis)}")


def checked_text(diagnosis: PictureDiagnosis) -> str:
    """What was checked, in one sentence."""
    judged = [check for check in diagnosis.checks if check.verdict != "unjudged"]
    spoken = {
        "neglected": "thing",
        "leaked": "attribute",
        "misplaced": "place",
        "misplaced_region": "expected region",
        "wrong_sense": "meaning",
        "blended": "pair",
    }
    counts = {kind: sum(check.kind == kind for check in judged) for kind in spoken}
    told = ", ".join(f"{count} {spoken[kind]}{'s' * (count > 1)}" for kind, count in counts.items() if count)
    return f"Checked: {told}." if told else "The prompt makes no claim that can be checked."


class _Marker:
    """Looks up the regions of words for the marks of one picture."""

    def __init__(self, diagnosis: PictureDiagnosis, claims: Claims, expected: Mapping[str, np.ndarray]):
        self.heats, self.expected = diagnosis.heats, expected
        self.claims = {claim.text: claim for claim in claims.all}

    def mark(self, finding: Finding) -> Mark:
        title = finding.kind.replace("_", " ")
        title = title if finding.sure else f"{finding.level}, {title}?"
        text = " ".join(part for part in (f"{title}: {finding.message}", finding.reason) if part)
        drawn = getattr(self, f"_{finding.kind}", self._nothing)(finding)
        return Mark(text, f"Try: {finding.suggestion}", finding.sure, **drawn)

    def _nothing(self, finding: Finding) -> dict:
        return {}

    def _misplaced(self, finding: Finding) -> dict:
        label = finding.words[0]
        found = self._region(label)
        claim = self.claims.get(finding.claim)
        if claim is None or label in self.expected:
            return {"found": found, "expected": self.expected.get(label), "label": label}
        if claim.kind == "place" and claim.value in PLACES:
            expected = None if found is None else place_region(claim.value, found.shape).mask
            return {"found": found, "expected": expected, "label": label}
        return {"found": found, "label": label, "arrow": self._way_to(claim)}

    def _way_to(self, claim: Claim) -> tuple | None:
        """From where the subject is to about where it should be, seen from the other entity."""
        if claim.other is None or claim.value not in DIRECTIONS:
            return None
        own, other = self._region(claim.subject.label), self._region(claim.other.label)
        if own is None or other is None:
            return None
        (ax, ay), (bx, by) = centroid(own), centroid(other)
        away = max(0.25, float(np.hypot(ax - bx, ay - by)))
        dx, dy = DIRECTIONS[claim.value]
        there = (bx - dx * away, by - dy * away)
        return (ax, ay), tuple(float(np.clip(value, 0.06, 0.94)) for value in there)

    def _leaked(self, finding: Finding) -> dict:
        attribute, entity = finding.words
        taker = str(finding.evidence.get("taken_by", ""))
        own, found = self._region(entity), self._region(taker)
        arrow = (centroid(own), centroid(found)) if own is not None and found is not None else None
        return {"found": found, "expected": own, "label": attribute, "arrow": arrow}

    def _wrong_sense(self, finding: Finding) -> dict:
        return {"found": self._region(finding.words[0]), "label": finding.words[0]}

    def _blended(self, finding: Finding) -> dict:
        one, other = (self._region(word) for word in finding.words)
        if one is None or other is None:
            return {}
        return {"found": one | other, "label": " + ".join(finding.words)}

    def _region(self, label: str) -> np.ndarray | None:
        heat = self.heats.get(label)
        return None if heat is None else largest_component(found_region(heat)).mask
