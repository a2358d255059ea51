"""From features to a confidence: small monotone logistic models, fitted on labelled claims.

A model has a weight for each feature that can only say one thing: more of it never makes the finding less
likely. What it gives is then levelled by isotonic regression to the share of such findings that were right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from ..files.checked import mapping
from ..files.versioned import damage_of, read_versioned

SCHEMA = "selagg-calibration"
VERSION = 1
PRESET = Path(__file__).resolve().parents[1] / "presets" / "calibration_demo.json"
FEW_LABELS = 10
"""Labels of each answer that a kind needs at least to give warnings."""
LEAST_LABELS = 4
"""Labels of each answer below which nothing is fitted; between both a kind is information only."""
SAME_LEVEL = 1e-9
"""Shares that differ by less are one level."""


@dataclass(frozen=True)
class KindModel:
    """The model of one kind of finding.

    features: names in order; mean, scale: (features,) to standardise; weights: (features,) at least 0, on
    standardised values; bias. levels: score -> confidence, as two rising rows (scores, confidences), linear
    in between. warn: confidence from which the finding is a warning; unsure: from which it is worth a word.
    earned: whether the figures on data not used in the fit allow warnings at all; without, it is information.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    levels: tuple[tuple[float, ...], tuple[float, ...]]
    warn: float = 0.5
    unsure: float = 0.2
    earned: bool = True
    figures: Mapping[str, float] = field(default_factory=dict)

    def score(self, features: Mapping[str, float]) -> float:
        """The logistic score, 0 to 1, before it is levelled. A feature that is missing counts as usual."""
        values = np.array([features.get(name, np.nan) for name in self.features], dtype=np.float64)
        standard = (values - np.array(self.mean)) / np.array(self.scale)
        standard = np.clip(np.where(np.isfinite(standard), standard, 0.0), -4, 4)
        return float(expit(standard @ np.array(self.weights) + self.bias))

    def confidence(self, features: Mapping[str, float]) -> float:
        """How often findings with such features were right, 0 to 1."""
        return float(np.interp(self.score(features), *self.levels))


@dataclass(frozen=True)
class Calibration:
    """Models by kind, and where they come from: `base` (the model whose pictures were judged), `data`."""

    kinds: Mapping[str, KindModel]
    base: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        kinds = {
            kind: {**asdict(model), "figures": dict(model.figures)} for kind, model in self.kinds.items()
        }
        body = {
            "schema": SCHEMA,
            "version": VERSION,
            "base": self.base,
            "data": dict(self.data),
            "kinds": kinds,
        }
        return json.dumps(body, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Raises ValueError for anything but a calibration of this version."""
        body = read_versioned(text, SCHEMA, (VERSION,), "calibration")
        try:
            kinds = {str(kind): _model(fields) for kind, fields in body["kinds"].items()}
            return cls(kinds, str(body["base"]), dict(mapping(body["data"])))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this SelAgg calibration is damaged: {damage_of(error)}.") from error


def shipped_calibration() -> Calibration:
    """The one of the demo model."""
    return Calibration.from_json(PRESET.read_text(encoding="utf-8"))


def fit_kind(
    rows: Sequence[Mapping[str, float]],
    wrong: Sequence[bool],
    features: Sequence[str],
    groups: Sequence[str] | None = None,
    ridge: float = 1.0,
) -> KindModel:
    """A model of one kind from labelled candidates.

    rows: their features. wrong: whether the finding would be right. groups: the prompt of each, which is kept
    together where scores for the levels are made on prompts that the fit has not seen.

    With fewer than FEW_LABELS of either answer it has not earned to warn. Raises ValueError with fewer than
    LEAST_LABELS.
    """
    truth = np.array(wrong, dtype=bool)
    fewest = int(min(truth.sum(), (~truth).sum())) if truth.size else 0
    if fewest < LEAST_LABELS:
        raise ValueError(
            f"{fewest} labels of the rarer answer; at least {LEAST_LABELS} right and {LEAST_LABELS} wrong "
            f"ones are needed, and {FEW_LABELS} for warnings."
        )
    values = np.array([[row.get(name, np.nan) for name in features] for row in rows], dtype=np.float64)
    named = np.array(groups if groups is not None else [str(i) for i in range(len(rows))])
    held_out = np.empty(len(truth))
    for fold in _folds(named):
        rest = ~fold
        if truth[rest].all() or not truth[rest].any():
            held_out[fold] = truth[rest].mean()
        else:
            held_out[fold] = _scores(values[fold], *_fit(values[rest], truth[rest], ridge))
    mean, scale, weights, bias = _fit(values, truth, ridge)
    levels = isotonic(held_out, truth)
    return KindModel(
        tuple(features),
        tuple(mean.tolist()),
        tuple(scale.tolist()),
        tuple(weights.tolist()),
        bias,
        levels,
        earned=fewest >= FEW_LABELS,
    )


def isotonic(scores: np.ndarray, truth: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rising levels (scores, shares of True) by isotonic regression, drawn in a little from 0 and 1.

    Each level counts one right and one wrong answer more than it has (rule of succession), so that no
    confidence is ever certain.
    """
    order = np.argsort(scores, kind="stable")
    scores, truth = scores[order], truth[order].astype(np.float64)
    fitted = isotonic_regression(truth).x
    starts = np.flatnonzero(np.append(True, np.diff(fitted) > SAME_LEVEL))
    counts = np.diff(np.append(starts, len(truth)))
    centres = np.add.reduceat(scores, starts) / counts
    shares = (np.add.reduceat(truth, starts) + 1) / (counts + 2)
    return tuple(centres.tolist()), tuple(np.maximum.accumulate(shares).tolist())


def choose_threshold(confidence: np.ndarray, on_right_pictures: np.ndarray, allowed: float) -> float:
    """The lowest confidence at which at most a share `allowed` of entirely right pictures has a warning.

    confidence: of candidates, all on entirely right pictures; on_right_pictures: the picture of each.  Never
    above 0.99, so that a warning stays possible.
    """
    highest: dict[int, float] = {}
    for value, picture in zip(confidence, on_right_pictures, strict=True):
        highest[picture] = max(value, highest.get(picture, 0.0))
    ranked = sorted(highest.values())
    if not ranked:
        return 0.5
    spared = len(ranked) - int(allowed * len(ranked) + 1e-9)  # 0.29 * 100 is a little less than 29
    if spared <= 0:
        return 0.0
    cut = ranked[spared - 1]
    return float(min(0.99, np.nextafter(cut, 1.0) + 1e-6))


def _fit(
    values: np.ndarray, truth: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean, scale, weights (at least 0) and bias of least log loss (Hastie et al. 2009, 4.4)."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    filled = np.where(known, values, mean)
    scale = np.maximum(filled.std(axis=0), 1e-9)
    standard = np.clip((filled - mean) / scale, -4, 4)
    usual = float(np.log(truth.mean() / (1 - truth.mean())))
    found = minimize(
        _log_loss,
        np.append(np.zeros(values.shape[1]), usual),
        (standard, truth.astype(np.float64), ridge),
        method="L-BFGS-B",
        jac=True,
        bounds=[(0, None)] * values.shape[1] + [(None, None)],
        options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-9},
    )
    return mean, scale, found.x[:-1], float(found.x[-1])


def _log_loss(
    weights_and_bias: np.ndarray, standard: np.ndarray, truth: np.ndarray, ridge: float
) -> tuple[float, np.ndarray]:
    """The sum of log losses with half the ridge times the squared weights, and its gradient."""
    weights, logit = weights_and_bias[:-1], standard @ weights_and_bias[:-1] + weights_and_bias[-1]
    loss = np.logaddexp(0, logit).sum() - truth @ logit + ridge / 2 * weights @ weights
    error = expit(logit) - truth
    return float(loss), np.append(standard.T @ error + ridge * weights, error.sum())


def _scores(
    values: np.ndarray, mean: np.ndarray, scale: np.ndarray, weights: np.ndarray, bias: float
) -> np.ndarray:
    standard = (values - mean) / scale
    standard = np.clip(np.where(np.isfinite(standard), standard, 0.0), -4, 4)
    return expit(standard @ weights + bias)


def _folds(groups: np.ndarray, count: int = 5) -> list[np.ndarray]:
    """Masks of rows, prompts kept together; the order of first appearance deals the prompts out."""
    number = {group: i % count for i, group in enumerate(dict.fromkeys(groups.tolist()))}
    fold = np.array([number[group] for group in groups.tolist()])
    return [fold == i for i in range(count) if (fold == i).any()]


def _rise(values: Sequence[float]) -> bool:
    """But for rounding: means of equal values differ in their last digit, in older files too."""
    return all(after >= before - 1e-9 for before, after in zip(values, values[1:], strict=False))


def _shares(values: Sequence[float]) -> bool:
    return all(0 <= value <= 1 for value in values)


def _model(fields: Mapping[str, Any]) -> KindModel:
    names = tuple(str(name) for name in fields["features"])
    rows = {key: tuple(float(v) for v in fields[key]) for key in ("mean", "scale", "weights")}
    if any(len(row) != len(names) for row in rows.values()):
        raise ValueError("features, mean, scale and weights differ in length")
    levels = [tuple(float(v) for v in row) for row in fields["levels"]]
    if len(levels) != 2 or len(levels[0]) != len(levels[1]) or not levels[0]:
        raise ValueError("levels are two rows of the same length")
    if not all(map(_rise, levels)) or not _shares(levels[1]):
        raise ValueError("levels must rise, from 0 to 1")
    if min(rows["weights"], default=0) < 0 or min(rows["scale"], default=1) <= 0:
        raise ValueError("weights must not be negative, and scales above 0")
    if not _shares((float(fields["warn"]), float(fields["unsure"]))):
        raise ValueError("warn and unsure lie between 0 and 1")
    return KindModel(
        names,
        **rows,
        bias=float(fields["bias"]),
        levels=(levels[0], levels[1]),
        warn=float(fields["warn"]),
        unsure=float(fields["unsure"]),
        earned=bool(fields["earned"]),
        figures={str(k): float(v) for k, v in fields["figures"].items()},
    )
