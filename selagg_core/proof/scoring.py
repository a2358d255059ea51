"""Scores of word maps against masks, their means, and paired bootstrap intervals of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..maps.regions import otsu_threshold
from .statistics import average_precision, resamples, with_interval

KINDS = ("object", "colour", "pattern", "material", "style", "size", "ground", "other")
"""Of words; what is in a table comes in this order."""
THRESHOLDS = np.linspace(0.05, 0.95, 37)
MEASURES = ("iou", "iou_otsu", "iou_best", "hit", "ap")
RESAMPLES = 4000


@dataclass(frozen=True)
class WordScore:
    """One word map against its mask: IoU at each of THRESHOLDS and at Otsu's, hit of the peak, precision.

    group: what is drawn together where intervals are made: its scene, or its prompt.
    """

    kind: str
    group: int | str
    ious: np.ndarray
    iou_otsu: float
    hit: float
    ap: float


def score_map(kind: str, group: int | str, heat: np.ndarray, mask: np.ndarray) -> WordScore:
    """Scores a map; `heat` (h, w) float, `mask` (h, w) bool."""
    spread = heat.max() - heat.min()
    unit = (heat - heat.min()) / spread if spread > 0 else np.zeros_like(heat)
    peak = np.unravel_index(np.argmax(unit), unit.shape)
    return WordScore(
        kind,
        group,
        ious_above(unit, mask, THRESHOLDS),
        float(ious_above(unit, mask, np.array([otsu_threshold(unit)]))[0]),
        float(mask[peak]),
        average_precision(unit, mask) if mask.any() else 0.0,
    )


def ious_above(unit: np.ndarray, mask: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """IoU of what lies above each of the rising `thresholds` with the mask."""
    above = np.searchsorted(thresholds, unit.ravel(), side="left")
    inside, everywhere = (
        np.bincount(ranks, minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        for ranks in (above[mask.ravel()], above)
    )
    return inside / np.maximum(1, mask.sum() + everywhere - inside)


def mean_score(draws: Sequence[WordScore]) -> WordScore:
    """One word under several draws of random heads, as their mean."""
    first = draws[0]
    return WordScore(
        first.kind,
        first.group,
        np.mean([draw.ious for draw in draws], axis=0),
        *(float(np.mean([getattr(draw, name) for draw in draws])) for name in ("iou_otsu", "hit", "ap")),
    )


def best_threshold(scores: Sequence[WordScore]) -> int:
    """Index into THRESHOLDS of the one with the highest mean IoU."""
    return int(np.mean([s.ious for s in scores], axis=0).argmax())


def chosen_thresholds(development: Sequence[WordScore]) -> dict[str, int]:
    """For each kind of word that occurs the best threshold on the development split."""
    by_kind = {kind: [s for s in development if s.kind == kind] for kind in KINDS}
    everything = best_threshold(development)
    return {kind: best_threshold(own) if own else everything for kind, own in by_kind.items()}


def summary(
    scores: Sequence[WordScore], thresholds: dict[str, int], digits: int = 4
) -> dict[str, dict[str, float]]:
    """Means by kind of word; "overall" is the mean of the kinds that occur."""
    result = {}
    for kind in KINDS:
        of_kind = [s for s in scores if s.kind == kind]
        if of_kind:
            ious = np.mean([s.ious for s in of_kind], axis=0)
            result[kind] = {
                "iou": float(ious[thresholds[kind]]),
                "iou_otsu": float(np.mean([s.iou_otsu for s in of_kind])),
                "iou_best": float(ious.max()),
                "hit": float(np.mean([s.hit for s in of_kind])),
                "ap": float(np.mean([s.ap for s in of_kind])),
                "words": len(of_kind),
            }
    result["overall"] = {k: float(np.mean([result[kind][k] for kind in result])) for k in MEASURES}
    return {kind: {k: round(v, digits) for k, v in values.items()} for kind, values in result.items()}


def iou_difference(
    one: Sequence[WordScore],
    other: Sequence[WordScore],
    thresholds: tuple[dict[str, int], dict[str, int]],
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """Mean IoU of `one` minus that of `other` on the same words, each at its own thresholds, by kind.

    low, high: 95 % interval of a paired bootstrap over groups; "overall" is the mean of the kinds.
    """
    change = np.array(
        [
            a.ious[thresholds[0][a.kind]] - b.ious[thresholds[1][b.kind]]
            for a, b in zip(one, other, strict=True)
        ]
    )
    return grouped_means(change, [s.kind for s in one], [s.group for s in one], seed)


def grouped_means(
    values: np.ndarray, kinds: Sequence[str], groups: Sequence[int | str], seed: int = 0
) -> dict[str, dict[str, float]]:
    """Means of one value a word, by kind, with 95 % intervals over groups drawn with replacement.

    "overall" is the mean of the kinds that occur.
    """
    of_kind = np.array(kinds)
    names, position = np.unique(np.array(groups), return_inverse=True)
    present = [kind for kind in KINDS if (of_kind == kind).any()]
    sums = np.array([np.bincount(position, values * (of_kind == kind), len(names)) for kind in present])
    counts = np.array([np.bincount(position, of_kind == kind, len(names)) for kind in present])
    picks = resamples(len(names), RESAMPLES, seed)
    drawn = np.stack([np.bincount(pick, minlength=len(names)) for pick in picks])
    with np.errstate(invalid="ignore"):  # a draw without any word of a rare kind says nothing of it
        means = (drawn @ sums.T) / (drawn @ counts.T)
    centre = sums.sum(axis=1) / counts.sum(axis=1)
    result = {
        kind: with_interval(value, column)
        for kind, value, column in zip(present, centre, means.T, strict=True)
    }
    result["overall"] = with_interval(float(centre.mean()), means.mean(axis=1))
    return result
