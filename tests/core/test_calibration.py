import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic import CALIBRATION

from selagg_core.diagnosis.calibration import (
    Calibration,
    choose_threshold,
    fit_kind,
    isotonic,
    shipped_calibration,
)
from selagg_core.diagnosis.features import FEATURES


def labels(count: int = 400, seed: int = 0):
    """Rows whose chance of being wrong is the logistic of 2 a - 1; b says nothing, c says the opposite."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=count), rng.normal(size=count)
    wrong = rng.random(count) < 1 / (1 + np.exp(-(2 * a - 1)))
    rows = [{"a": x, "b": y, "c": -x} for x, y in zip(a, b, strict=True)]
    return rows, wrong, [f"prompt {i // 4}" for i in range(count)]


def test_the_fit_finds_what_matters_and_no_weight_is_negative():
    rows, wrong, groups = labels()
    model = fit_kind(rows, wrong, ("a", "b", "c"), groups)
    weights = dict(zip(model.features, model.weights, strict=True))
    assert weights["a"] > 1 and weights["b"] < 0.3 and weights["c"] == 0


def test_more_of_a_feature_never_lowers_the_confidence():
    rows, wrong, groups = labels()
    model = fit_kind(rows, wrong, ("a", "b"), groups)
    confidence = [model.confidence({"a": value, "b": 0.0}) for value in np.linspace(-3, 3, 25)]
    assert confidence == sorted(confidence) and confidence[0] < 0.2 < 0.8 < confidence[-1]
    assert confidence[0] > 0 and confidence[-1] < 1


def test_confidences_are_shares_on_labels_that_were_not_used():
    model = fit_kind(*labels()[:2], ("a", "b"), labels()[2])
    rows, wrong, _ = labels(4000, seed=1)
    confidence = np.array([model.confidence(row) for row in rows])
    order = np.argsort(confidence)
    for part in np.array_split(order, 5):
        assert abs(confidence[part].mean() - wrong[part].mean()) < 0.1


def test_a_missing_feature_counts_as_usual():
    rows, wrong, groups = labels()
    model = fit_kind(rows, wrong, ("a", "b"), groups)
    usual = {"a": model.mean[0], "b": model.mean[1]}
    assert model.score({}) == pytest.approx(model.score(usual))
    assert model.score({"a": float("nan")}) == pytest.approx(model.score({}))


def test_a_feature_that_is_never_known_does_no_harm():
    rows, wrong, groups = labels()
    model = fit_kind(rows, wrong, ("a", "never"), groups)
    assert np.isfinite(model.weights).all() and np.isfinite(model.confidence(rows[0]))


@pytest.mark.parametrize("wrong", [[True] * 40, [False] * 40, [True] * 3 + [False] * 40, []])
def test_too_few_labels_are_refused_with_how_many(wrong):
    with pytest.raises(ValueError, match="at least 4 right and 4 wrong"):
        fit_kind([{"a": 1.0}] * len(wrong), wrong, ("a",))


def test_isotonic_levels_rise_and_pool_what_falls():
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    centres, levels = isotonic(scores, np.array([False, True, False, True]))
    assert list(levels) == sorted(levels) and len(levels) == 3
    assert centres[1] == pytest.approx(0.25) and levels[1] == pytest.approx(0.5)


def test_the_threshold_spares_right_pictures():
    confidence = np.linspace(0, 0.99, 100)
    pictures = np.arange(100)
    threshold = choose_threshold(confidence, pictures, 0.05)
    assert (confidence >= threshold).sum() <= 5 and threshold < 0.97
    assert choose_threshold(np.zeros(0), np.zeros(0), 0.05) == 0.5


def test_json_there_and_back():
    again = Calibration.from_json(CALIBRATION.to_json())
    assert again == replace(CALIBRATION) and again.to_json() == CALIBRATION.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a SelAgg calibration"),
        ("[]", "not a SelAgg calibration"),
        (json.dumps({"schema": "selagg-calibration", "version": 99}), "version 99"),
        (json.dumps({"schema": "selagg-calibration", "version": 1}), "damaged"),
        (
            json.dumps(
                {"schema": "selagg-calibration", "version": 1, "base": "", "data": {}, "kinds": {"x": {}}}
            ),
            "damaged",
        ),
    ],
)
def test_what_is_no_calibration_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Calibration.from_json(text)


def test_the_shipped_file_fits_the_code():
    shipped = shipped_calibration()
    assert set(shipped.kinds) <= set(FEATURES) and "misplaced" in shipped.kinds
    for kind, model in shipped.kinds.items():
        assert model.features == FEATURES[kind] and min(model.weights) >= 0
        assert 0 < model.unsure <= model.warn < 1 and list(model.levels[1]) == sorted(model.levels[1])


def test_levels_that_fall_by_rounding_alone_are_read():
    body = json.loads(shipped_calibration().to_json())
    model = next(iter(body["kinds"].values()))
    levels = model["levels"][0]
    levels[1] = float(np.nextafter(levels[0], -1))
    assert Calibration.from_json(json.dumps(body)).kinds
    levels[1] = levels[0] - 0.01
    with pytest.raises(ValueError, match="levels must rise"):
        Calibration.from_json(json.dumps(body))
