"""Findings as marks on a picture: regions that are outlined, arrows, and sentences below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.findings import Finding
from ..diagnosis.kinds import KINDS
from ..diagnosis.kinds.kind import FindingKind, Outline, Regions
from ..drawing.marks import Mark, annotated_picture
from ..maps.regions import Region
from ..prompt.groups import WordGroup

MAX_MARKS = 4
"""Findings that are written under an annotated picture; the report has all."""


def annotate(
    picture: np.ndarray,
    diagnosis: PictureDiagnosis,
    expected: Mapping[WordGroup, Region],
    problems: Sequence[str] = (),
    kinds: Sequence[FindingKind[Any]] = KINDS,
) -> np.ndarray:
    """One picture with what was found on it, worst first, and what could not be done."""
    marks = [Mark(f"problem: {problem}") for problem in problems]
    more = len(problems) + len(diagnosis.findings) - MAX_MARKS
    regions = Regions(diagnosis.heats, expected)
    marks += [
        _mark(finding, regions, kinds) for finding in diagnosis.findings[: max(0, MAX_MARKS - len(marks))]
    ]
    if more > 0:
        marks = [*marks[:MAX_MARKS], Mark(f"and {more} more: see the warnings.", sure=False)]
    return annotated_picture(picture, marks, f"No warning. {checked_text(diagnosis)}")


def checked_text(diagnosis: PictureDiagnosis) -> str:
    """What was checked, in one sentence."""
    judged = [check.kind for check in diagnosis.checks if check.verdict != "unjudged"]
    counts = {kind.thing: judged.count(kind.name) for kind in KINDS}
    told = ", ".join(f"{count} {thing}{'s' * (count > 1)}" for thing, count in counts.items() if count)
    return f"Checked: {told}." if told else "The prompt makes no claim that can be checked."


def _mark(finding: Finding, regions: Regions, kinds: Sequence[FindingKind[Any]]) -> Mark:
    text = " ".join(part for part in (f"{finding.heading}: {finding.message}", finding.reason) if part)
    kind = next((kind for kind in kinds if kind.name == finding.kind), None)
    drawn = Outline() if kind is None else kind.outline(finding.words, finding.facts, regions)
    return Mark(
        text,
        f"Try: {finding.suggestion}",
        finding.sure,
        drawn.expected,
        drawn.found,
        drawn.label,
        drawn.arrow,
    )
