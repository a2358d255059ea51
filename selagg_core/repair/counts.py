"""What SelAgg Repair was worth on the demo model, as findings quote it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..diagnosis.kinds import BY_NAME
from ..diagnosis.tries import StartCount

COUNTS_FILE = Path(__file__).resolve().parents[1] / "presets" / "repair_demo.json"
"""kind -> its counts: of the demo model, by benchmarks/repair.py."""
EMPTY, PICTURE = "empty", "picture"
"""Where a run starts, in that file: from an empty latent, or from a picture."""
ENOUGH = 8
"""Pictures that were wrong before, below which nothing is quoted (`comparing` needs as many pairs)."""
MOST_BROKEN = 0.03
"""Share of right claims that a remedy may break before that is said."""


def repair_counts(kind: str, from_picture: bool | None = None) -> tuple[StartCount, ...]:
    """What is quoted of a kind: for the start of the run, or for both where that is not known (None).

    A start with fewer than `ENOUGH` pictures that were wrong before is left out. What was broken is given
    where it is more than `MOST_BROKEN` of the claims that were right.
    """
    known = BY_NAME.get(kind)
    row = _counted().get(known.counted_as or kind if known is not None else kind, {})
    starts = (False, True) if from_picture is None else (from_picture,)
    told = ((start, row.get(start_name(start))) for start in starts)
    return tuple(_quoted(start, own) for start, own in told if own and own["fresh_before"] >= ENOUGH)


def breaks(kind: str, from_picture: bool | None) -> StartCount | None:
    """The count of a kind for such a start that breaks more than `MOST_BROKEN`; None if there is none."""
    return next((count for count in repair_counts(kind, from_picture) if count.broken), None)


def start_name(from_picture: bool) -> str:
    return PICTURE if from_picture else EMPTY


def _quoted(from_picture: bool, row: Mapping[str, Any]) -> StartCount:
    broken, right = row["broken"]
    told = (broken, right) if broken > MOST_BROKEN * right else ()
    return StartCount(from_picture, (row["mended"], row["fresh_before"]), told)


@cache
def _counted() -> Mapping[str, Mapping[str, Any]]:
    """kind -> start -> row; empty without the file."""
    if not COUNTS_FILE.is_file():
        return MappingProxyType({})
    kinds = json.loads(COUNTS_FILE.read_text(encoding="utf-8"))["kinds"]
    return MappingProxyType({kind: row["starts"] for kind, row in kinds.items()})
