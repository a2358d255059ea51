"""Rows of SelAgg Score -> a calibration: labels that judges gave, without an artist."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.judge_errors import planted
from selagg_core.calibrate import Labelled, fit, read_scores
from selagg_core.diagnosis.features import FEATURES
from selagg_core.proof.rows import ClaimRow, PictureRow, Rows, Taken


def taken(number: int) -> Taken:
    return Taken("tests", f"prompt {number // 2}", number % 2, f"mark {number}")


def rows_of(count: int = 40) -> Rows:
    """Every third thing is missing, and looks so; every fifth is left open."""
    rows = []
    for number in range(count):
        missing, opened = number % 3 == 0, number % 5 == 0
        verdict = "open" if opened else "wrong" if missing else "right"
        features = dict.fromkeys(FEATURES["neglected"], 1.0 if missing else 0.0)
        rows.append(ClaimRow(taken(number), "cat", verdict, "score"))
        rows.append(ClaimRow(taken(number), "cat", verdict, "", "neglected", features))
        rows.append(PictureRow(taken(number), (), 0, ("SAM3", "pixels"), ()))
    return Rows.of(rows)


def test_right_and_wrong_are_labels_and_open_is_counted():
    found = read_scores(rows_of())
    assert (len(found.rows), found.open, found.judges) == (32, 8, ("SAM3", "pixels"))
    assert all(row.kind == "neglected" for row in found.rows), "a claim without a check has no features"
    assert sum(row.wrong for row in found.rows) == sum(n % 3 == 0 and n % 5 != 0 for n in range(40))
    assert all(row.right_picture is not row.wrong for row in found.rows)


def test_a_calibration_is_fitted_on_them():
    found = read_scores(rows_of(120))
    calibration, told = fit(found.rows, "tests", {"open": found.open})
    model = calibration.kinds["neglected"]
    assert model.earned and calibration.data["open"] == 24
    missing, there = (dict.fromkeys(FEATURES["neglected"], value) for value in (1.0, 0.0))
    assert model.confidence(missing) > 0.8 > 0.2 > model.confidence(there)
    assert any("neglected: fitted on" in line for line in told)


def test_scores_without_a_diagnosis_say_what_to_connect():
    with pytest.raises(ValueError, match="connect the report of SelAgg Diagnose"):
        read_scores(Rows.of([ClaimRow(taken(0), "cat", "right", "")]))


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_planted_errors_turn_so_many_labels_around(share):
    rows = [Labelled("neglected", {}, False, f"p{n}", f"p{n}", True) for n in range(2000)]
    turned = np.mean([row.wrong for row in planted(rows, share, np.random.default_rng(0))])
    assert turned == pytest.approx(share, abs=0.03)
