"""Statistics of benchmarks alone: rankings within prompts, calibration, and intervals of shares.

What proofs on other checkpoints need as well is in `selagg_core.proof.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from selagg_core.proof.statistics import auroc, hits_by_rank, interval, resamples, with_interval


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


def precision_at_recall(scores: np.ndarray, truth: np.ndarray, recall: float) -> float:
    """Highest precision among thresholds that reach the recall; nan without a wrong claim."""
    if not truth.any():
        return float("nan")
    hits, ranks = hits_by_rank(scores, truth)
    return float((hits / ranks)[hits / hits[-1] >= recall].max())


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


def mean_with_interval(values: np.ndarray, draws: int, seed: int = 0) -> dict[str, float]:
    """The mean of independent values (n,) and its interval."""
    return with_interval(values.mean(), values[resamples(len(values), draws, seed)].mean(axis=1))
