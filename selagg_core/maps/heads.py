"""Which heads a map is made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..recording.head_maps import HeadMaps
from ..recording.layout import HeadLayout, LayerId

MODES = ("selective", "all", "least")
DEFAULT_FRACTION = 0.25
"""Selective aggregation takes the top 20 to 25 % of the heads (arXiv 2604.05906)."""


@dataclass(frozen=True, eq=False)
class HeadSelection:
    """Heads whose maps are averaged. `mask`: bool (layout.total,), in the published head order."""

    mode: str
    mask: np.ndarray
    notice: str = ""

    def __post_init__(self) -> None:
        if not np.any(self.mask):
            raise ValueError("a head selection needs at least one head.")

    @property
    def count(self) -> int:
        return int(np.count_nonzero(self.mask))


def check_fraction(fraction: float) -> None:
    """Raises ValueError unless 0 < fraction <= 1."""
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"top_fraction is {fraction}; it must be above 0 and at most 1 (0.25 = a quarter).")


def select_heads(
    layout: HeadLayout,
    mode: str = "all",
    fraction: float = DEFAULT_FRACTION,
    scores: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> HeadSelection:
    """The heads that a map is made from.

    all: every head (DAAM). selective: the `fraction` of heads with the highest `scores`. least: the lowest.
    `scores` (layout.total,) say how much each head speaks for the word's concept; without them selective and
    least fall back to all heads and say so in `notice`. Ties go to the head that comes first in the layout.
    With `groups` (layout.total,), as of `resolution_groups`, the fraction is taken of each group by itself.

    Raises ValueError for an unknown mode, a fraction outside (0, 1] or scores of another layout.
    """
    if mode not in MODES:
        raise ValueError(f'mode "{str(mode)[:40]}" is unknown; choose one of {", ".join(MODES)}.')
    check_fraction(fraction)
    every = np.ones(layout.total, dtype=bool)
    if mode == "all":
        return HeadSelection(mode, every)
    if scores is None:
        return HeadSelection("all", every, f"{mode}: no head relevance is connected, so all heads are used.")
    if np.shape(scores) != (layout.total,):
        raise ValueError(f"{np.size(scores)} head scores for a model of {layout.total} heads.")
    ranking = np.argsort(-scores if mode == "selective" else scores, kind="stable")
    mask = np.zeros(layout.total, dtype=bool)
    for members in _members(layout, groups):
        ranked = ranking[members[ranking]]
        mask[ranked[: max(1, round(fraction * len(ranked)))]] = True
    return HeadSelection(mode, mask)


def resolution_groups(head_maps: HeadMaps) -> np.ndarray:
    """(layout.total,) the number of cells of each head's grid; 0 for a head that was not recorded."""
    layout = head_maps.layout
    groups = np.zeros(layout.total, dtype=np.int64)
    for layer, values in head_maps.maps.items():
        groups[columns_of(layout, layer)] = values.shape[-2] * values.shape[-1]
    return groups


def matched_random(selection: HeadSelection, groups: np.ndarray, rng: np.random.Generator) -> HeadSelection:
    """Random heads, as many of every group as `selection` has: the control of a choice of heads."""
    mask = np.zeros_like(selection.mask)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        mask[rng.choice(members, int(selection.mask[members].sum()), replace=False)] = True
    return HeadSelection("random", mask)


def _members(layout: HeadLayout, groups: np.ndarray | None) -> list[np.ndarray]:
    if groups is None:
        return [np.ones(layout.total, dtype=bool)]
    return [groups == group for group in np.unique(groups)]


def columns_of(layout: HeadLayout, layer: LayerId) -> slice:
    start = layout.offset(layer)
    return slice(start, start + layout.heads_of(layer))
