"""Counts of faults before and after a change, over pairs of pictures of the same seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from typing import Any

from ..proof.statistics import wilson

ENOUGH = 8
"""Pairs below which nothing is said: fewer cannot tell even a change of all from chance by much."""
SURE = 0.05


def mcnemar(mended: int, broken: int) -> float:
    """Exact two-sided p of McNemar's test for pairs that changed to right, or to wrong; 1 for none."""
    changed = mended + broken
    if not changed:
        return 1.0
    tail = sum(comb(changed, k) for k in range(min(mended, broken) + 1)) / 2**changed
    return min(1.0, 2 * tail)


@dataclass(frozen=True)
class Paired:
    """Pairs that could be judged both times. before, after: how many were wrong; mended, broken: changed."""

    pairs: int
    before: int
    after: int
    mended: int
    broken: int
    open: int = 0
    """Pairs that could not be judged both times."""

    @classmethod
    def of(cls, wrong: Iterable[tuple[bool | None, bool | None]]) -> Paired:
        """wrong: for each pair whether it is wrong before and after; None where that cannot be told."""
        told = list(wrong)
        known = [(a, b) for a, b in told if a is not None and b is not None]
        return cls(
            len(known),
            sum(a for a, _ in known),
            sum(b for _, b in known),
            sum(a and not b for a, b in known),
            sum(b and not a for a, b in known),
            len(told) - len(known),
        )

    @property
    def p(self) -> float:
        return mcnemar(self.mended, self.broken)

    @property
    def enough(self) -> bool:
        return self.pairs >= ENOUGH

    @property
    def helps(self) -> bool:
        """Whether fewer are wrong afterwards than chance would have it."""
        return self.enough and self.p < SURE and self.mended > self.broken

    @property
    def harms(self) -> bool:
        return self.enough and self.p < SURE and self.broken > self.mended

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "before_interval": [round(x, 3) for x in wilson(self.before, self.pairs)],
            "after_interval": [round(x, 3) for x in wilson(self.after, self.pairs)],
            "mcnemar_p": round(self.p, 6),
        }
