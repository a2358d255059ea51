"""Statistics of all benchmarks: rankings (AUROC, precision), calibration, and bootstrap intervals.

Intervals are percentiles of resampled groups (Efron and Tibshirani 1993, chapter 13): prompts, scenes or
words are drawn with replacement, never single pictures of one prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def auroc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Chance that a wrong claim scores above a right one, ties count half; nan without both."""
    wrong, right = scores[truth], scores[~truth]
    if not wrong.size or not right.size:
        return float("nan")
    order = np.sort(right)
    below = np.searchsorted(order, wrong, "left")
    equal = np.searchsorted(order, wrong, "right") - below
    return float((below + equal / 2).mean() / right.size)


def auroc_within(scores: np.ndarray, truth: np.ndarray, groups: Sequence) -> float:
    """Mean over groups (the seeds of a claim of a prompt) of the AUROC inside each that has both answers."""
    named = np.array([str(group) for group in groups])
    found = [auroc(scores[named == group], truth[named == group]) for group in np.unique(named)]
    found = [value for value in found if np.isfinite(value)]
    return float(np.mean(found)) if found else float("nan")


def both_ways(truth: np.ndarray, groups: Sequence) -> set[str]:
    """The groups that hold a wrong and a right claim: those that `auroc_within` is a mean over."""
    found: dict[str, set[bool]] = {}
    for group, wrong in zip(groups, truth, strict=True):
        found.setdefault(str(group), set()).add(bool(wrong))
    return {group for group, answers in found.items() if len(answers) == 2}


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under precision over recall of what is ranked by score, equal scores sharing their precision.

    scores, truth: of one shape; nan where nothing is true.
    """
    if not truth.any():
        return float("nan")
    hits, ranks = _hits_by_rank(scores, truth)
    return float((hits / ranks * np.diff(np.append(0, hits))).sum() / hits[-1])


def precision_at_recall(scores: np.ndarray, truth: np.ndarray, recall: float) -> float:
    """Highest precision among thresholds that reach the recall; nan without a wrong claim."""
    if not truth.any():
        return float("nan")
    hits, ranks = _hits_by_rank(scores, truth)
    return float((hits / ranks)[hits / hits[-1] >= recall].max())


def _hits_by_rank(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much is true among the so many highest scores, and how many these are; once for equal scores."""
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked, true = scores.ravel()[order], truth.ravel()[order]
    last_of_ties = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    return np.cumsum(true)[last_of_ties], last_of_ties + 1


def calibration_error(confidence: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal count."""
    if not confidence.size:
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    gaps = [abs(confidence[part].mean() - truth[part].mean()) * part.size for part in parts]
    return float(sum(gaps) / confidence.size)


def coverage_and_risk(
    confidence: np.ndarray, truth: np.ndarray, shares: Sequence[float] = (0.5, 0.7, 0.8, 0.9, 1.0)
) -> list[dict[str, float]]:
    """Of the claims that are answered most surely, the share that is answered wrongly."""
    answer = confidence >= 0.5
    order = np.argsort(-np.abs(confidence - 0.5), kind="stable")
    wrong = (answer != truth)[order]
    counts = [max(1, round(share * len(order))) for share in shares] if len(order) else []
    return [
        {"coverage": share, "risk": round(float(wrong[:count].mean()), 4)}
        for share, count in zip(shares, counts, strict=False)
    ]


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


def bootstrap(
    statistic: Callable[[np.ndarray], float], prompts: Sequence, draws: int = 400, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a statistic of row indices, prompts drawn with replacement."""
    named = np.array([str(prompt) for prompt in prompts])
    rows = [np.flatnonzero(named == prompt) for prompt in np.unique(named)]
    if not rows:
        return float("nan"), float("nan")
    picks = resamples(len(rows), draws, seed)
    return interval(np.array([statistic(np.concatenate([rows[i] for i in pick])) for pick in picks]))


def with_interval(mean: float, draws: np.ndarray) -> dict[str, float]:
    """A mean and the interval of its resampled values, for JSON."""
    low, high = interval(draws)
    return {"mean": round(float(mean), 4), "low": round(low, 4), "high": round(high, 4)}


def mean_with_interval(values: np.ndarray, draws: int, seed: int = 0) -> dict[str, float]:
    """The mean of independent values (n,) and its interval."""
    return with_interval(values.mean(), values[resamples(len(values), draws, seed)].mean(axis=1))
