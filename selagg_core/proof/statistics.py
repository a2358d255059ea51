"""Statistics of proofs and benchmarks: rankings (AUROC, precision) and bootstrap intervals.

Intervals are percentiles of resampled groups (Efron and Tibshirani 1993, chapter 13): prompts, scenes or
words are drawn with replacement, never single pictures of one prompt.
"""

from __future__ import annotations

import numpy as np

Z = 1.959964
"""Of the normal distribution, for intervals of 95 %."""


def auroc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Chance that what is true scores above what is not, ties count half; nan without both."""
    true, false = scores[truth], scores[~truth]
    if not true.size or not false.size:
        return float("nan")
    order = np.sort(false)
    below = np.searchsorted(order, true, "left")
    equal = np.searchsorted(order, true, "right") - below
    return float((below + equal / 2).mean() / false.size)


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under precision over recall of what is ranked by score, equal scores sharing their precision.

    scores, truth: of one shape; nan where nothing is true.
    """
    if not truth.any():
        return float("nan")
    hits, ranks = hits_by_rank(scores, truth)
    return float((hits / ranks * np.diff(np.append(0, hits))).sum() / hits[-1])


def hits_by_rank(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much is true among the so many highest scores, and how many these are; once for equal scores."""
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked, true = scores.ravel()[order], truth.ravel()[order]
    last_of_ties = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    return np.cumsum(true)[last_of_ties], last_of_ties + 1


def resamples(count: int, draws: int, seed: int = 0) -> np.ndarray:
    """(draws, count) indices of `count` groups drawn with replacement."""
    return np.random.default_rng(seed).integers(count, size=(draws, count))


def interval(draws: np.ndarray) -> tuple[float, float]:
    """95 % interval of resampled values; those that are not finite say nothing."""
    known = np.asarray(draws, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def with_interval(mean: float, draws: np.ndarray) -> dict[str, float]:
    """A mean and the interval of its resampled values, for JSON."""
    low, high = interval(draws)
    return {"mean": round(float(mean), 4), "low": round(low, 4), "high": round(high, 4)}


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); (0, 1) for nothing."""
    if not of:
        return 0.0, 1.0
    share = hits / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * (share * (1 - share) / of + Z * Z / (4 * of * of)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
