"""Figures of a detector: AUROC, average precision, precision at a recall, calibration error, coverage."""

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
    """Area under precision over recall, ties sharing their precision; nan without a wrong claim."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hit = scores[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    hits = np.cumsum(hit)[last]
    return float((hits / (last + 1) * np.diff(np.append(0, hits))).sum() / hits[-1])


def precision_at_recall(scores: np.ndarray, truth: np.ndarray, recall: float) -> float:
    """Highest precision among thresholds that reach the recall; nan without a wrong claim."""
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked, hit = scores[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    hits = np.cumsum(hit)[last]
    reached = hits / hits[-1] >= recall
    return float((hits / (last + 1))[reached].max())


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
    rows = {prompt: np.flatnonzero(named == prompt) for prompt in np.unique(named)}
    rng, keys = np.random.default_rng(seed), list(rows)
    found = []
    for _ in range(draws):
        drawn = rng.integers(len(keys), size=len(keys))
        value = statistic(np.concatenate([rows[keys[i]] for i in drawn]))
        if np.isfinite(value):
            found.append(value)
    if not found:
        return float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
