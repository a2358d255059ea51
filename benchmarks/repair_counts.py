"""What the arms of a repair did to failures: counts, for tables and for findings to quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from selagg_core.comparing.paired import Paired
from selagg_core.repair.counts import start_name
from selagg_core.repair.remedies import FIRM, FIRMLY

QUOTED = (
    "failures",
    "prompts",
    "fixed_own",
    "pairs",
    "fresh_before",
    "fresh_after",
    "mended",
    "mcnemar_p",
    "broken",
)
"""What findings may quote of a kind."""
DEFAULT, FIRM_ARM = "all", f"all x {FIRM:g}"
"""The operator of the kind in all heads, as it is wired in, and as the viewer's button sets it for FIRMLY."""


def from_picture(group: str) -> bool:
    """Whether cases of a group start from a picture (`pictures.Case.start`)."""
    return group.startswith("start_")


def applied_arm(kind: str, group: str) -> str:
    """The arm that the button of a finding applies to such a failure."""
    return FIRM_ARM if kind in FIRMLY and from_picture(group) else DEFAULT


def pairs_of(rows: Sequence[Mapping], arm: str) -> list[tuple[bool, bool]]:
    """(wrong before, wrong after) of all fresh pictures that the reader could judge both times."""
    found = []
    for row in rows:
        if arm in row["arms"]:
            both = zip(row["before"], row["arms"][arm]["after"], strict=True)
            found += [(a, b) for a, b in both if a is not None and b is not None]
    return found


def arm_summary(rows: Sequence[Mapping], arm: str) -> dict[str, Any]:
    counted = Paired.of(pairs_of(rows, arm)).to_dict()
    own = [row["arms"][arm] for row in rows if arm in row["arms"]]
    broken, of = (sum(each["broken"][i] for each in own) for i in (0, 1))
    outside = [each["outside"] for each in own if each["outside"] is not None]
    return {
        "pairs": counted["pairs"],
        "fresh_before": counted["before"],
        "fresh_after": counted["after"],
        "before_interval": counted["before_interval"],
        "after_interval": counted["after_interval"],
        "mended": counted["mended"],
        "spoiled": counted["broken"],
        "mcnemar_p": counted["mcnemar_p"],
        "broken": [broken, of],
        "things": [
            sum(map(sum, ([row["things"] for row in rows if arm in row["arms"]]))),
            sum(map(sum, (each["things"] for each in own))),
        ],
        "matches": _matching(rows, arm),
        "outside": round(float(np.mean(outside)), 2) if outside else None,
    }


def _matching(rows: Sequence[Mapping], arm: str) -> list[int]:
    """[before, after, of]: pictures that show what the prompt says and nothing else, judged twice."""
    both = [
        (a, b)
        for row in rows
        if arm in row["arms"]
        for a, b in zip(row["matches"], row["arms"][arm]["matches"], strict=True)
        if a is not None and b is not None
    ]
    return [sum(a for a, _ in both), sum(b for _, b in both), len(both)]


def kind_summary(rows: Sequence[Mapping]) -> dict[str, Any]:
    """What the default arm did, and beside it every other one."""
    judged = [row["own"] for row in rows if row["own"] is not None]
    arms = {arm: arm_summary(rows, arm) for arm in dict.fromkeys(a for row in rows for a in row["arms"])}
    default = arms.get(DEFAULT, {})
    return {
        "failures": len(rows),
        "prompts": len({row["prompt"] for row in rows}),
        "weighted": sum(row["weighted"] for row in rows),
        "fixed_own": [sum(not wrong for wrong in judged), len(judged)],
        **{name: default.get(name) for name in QUOTED[3:]},
        "placebo_after": {arm: arms[arm]["fresh_after"] for arm in ("random", "wrong_word") if arm in arms},
        "starts": {
            start_name(start): start_summary([row for row in rows if from_picture(row["group"]) == start])
            for start in dict.fromkeys(from_picture(row["group"]) for row in rows)
        },
        "groups": {
            group: arm_summary([row for row in rows if row["group"] == group], DEFAULT)
            for group in dict.fromkeys(row["group"] for row in rows)
        },
        "arms": arms,
    }


def start_summary(rows: Sequence[Mapping]) -> dict[str, Any]:
    """Of failures of a kind that start alike, what the arm did that the button of a finding applies.

    failures: those in which it was measured, of so many; their own seed was tried with DEFAULT alone.
    """
    arm = applied_arm(rows[0]["kind"], rows[0]["group"])
    own = [row for row in rows if arm in row["arms"]]
    judged = [row["own"] for row in own if row["own"] is not None] if arm == DEFAULT else []
    summary = arm_summary(own, arm)
    return {
        "arm": arm,
        "failures": [len(own), len(rows)],
        "fixed_own": [sum(not wrong for wrong in judged), len(judged)],
        **{name: summary[name] for name in QUOTED[3:]},
    }


def quoted(result: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a result that ships with the core (`selagg_core.repair.counts.COUNTS_FILE`)."""
    kinds = {
        kind: {name: row[name] for name in (*QUOTED, "starts")}
        for kind, row in result["kinds"].items()
        if row["failures"]
    }
    return {name: result[name] for name in ("base", "seeds", "fresh")} | {"kinds": kinds}
