"""Figures of warnings on scenes whose truth is known: what separates, and what is too rare to be fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.labelled import Row
from benchmarks.shown_diagnosis import figures, fitted_models
from selagg_core.diagnosis.features import FEATURES


def rows(kind: str, scenes: int, rng: np.random.Generator) -> list[Row]:
    """Of each scene as it is and changed: selective maps know which, those of all heads do not."""
    found = []
    for scene in range(scenes):
        for wrong in (False, True):
            features = {
                method: {name: known * wrong + 0.3 * rng.normal() for name in FEATURES[kind]}
                for method, known in (("selective", 1.0), ("daam", 0.0))
            }
            change = "absent" if wrong else "faithful"
            found.append(
                Row(kind, (kind, 1), change, f"{scene}", f"{scene} {change}", wrong, not wrong, features)
            )
    return found


def test_the_method_that_knows_is_told_from_the_one_that_does_not():
    rng = np.random.default_rng(3)
    development = rows("neglected", 40, rng)
    models = {method: fitted_models(development, method) for method in ("selective", "daam")}
    found = figures(rows("neglected", 40, rng), models)
    assert found["kinds"]["neglected"]["auroc"] > 0.95 and found["kinds"]["neglected"]["wrong"] == 40
    less = found["selective_less_all_heads"]["neglected"]
    assert less["low"] > 0.1 and less["low"] <= less["difference"] <= less["high"]
    assert found["all_heads"]["neglected"]["auroc"] < 0.7
    assert found["right_scenes"] == 40 and found["false_alarms"] <= 0.15
    assert found["false_alarms_low"] <= found["false_alarms"] <= found["false_alarms_high"] < 0.3


def test_the_calibration_error_is_of_the_confidences_of_all_kinds():
    """Small where they were fitted on such rows, large where every answer is turned round."""
    rng = np.random.default_rng(5)
    development = [*rows("neglected", 60, rng), *rows("leaked", 60, rng)]
    models = {method: fitted_models(development, method) for method in ("selective", "daam")}
    test = [*rows("neglected", 60, rng), *rows("leaked", 60, rng)]
    found = figures(test, models)
    assert found["ece"] < 0.1 and max(kind["ece"] for kind in found["kinds"].values()) < 0.15
    turned = [replace(row, wrong=not row.wrong) for row in test]
    assert figures(turned, models)["ece"] > 0.5


def test_kinds_without_labels_enough_are_left_out():
    rng = np.random.default_rng(4)
    development = [*rows("neglected", 20, rng), *rows("leaked", 2, rng)]
    models = {method: fitted_models(development, method) for method in ("selective", "daam")}
    assert set(models["selective"]) == {"neglected"}
    found = figures([*rows("neglected", 5, rng), *rows("leaked", 5, rng)], models)
    assert set(found["kinds"]) == {"neglected"}
    right = [row for row in rows("neglected", 5, rng) if row.wrong is False]
    assert figures(right, models)["kinds"] == {}
