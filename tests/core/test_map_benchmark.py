"""The map benchmark's arithmetic on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.maps import seed_range
from selagg_core.proof.scoring import (
    THRESHOLDS,
    best_threshold,
    iou_difference,
    score_map,
    summary,
)
from selagg_core.proof.statistics import average_precision


def _square() -> np.ndarray:
    mask = np.zeros((128, 128), bool)
    mask[32:64, 32:64] = True
    return mask


def test_a_perfect_map_scores_one_everywhere():
    score = score_map("object", 0, _square().astype(np.float32) * 7 + 3, _square())
    assert score.hit == 1 and score.ap == pytest.approx(1) and score.iou_otsu == pytest.approx(1)
    assert score.ious.min() == pytest.approx(1)


def test_an_inverted_map_scores_nothing():
    score = score_map("object", 0, 1 - _square().astype(np.float32), _square())
    assert score.hit == 0 and score.iou_otsu == 0
    assert score.ap < _square().mean() + 1e-9


def test_a_flat_map_has_the_base_rate_as_average_precision():
    assert average_precision(np.zeros((128, 128)), _square()) == pytest.approx(_square().mean())


def test_average_precision_of_a_small_ranking():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert average_precision(scores, np.array([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)


def test_iou_depends_on_the_threshold_as_it_should():
    mask = _square()
    heat = mask * 1.0
    heat[:16] = 0.5
    ious = score_map("colour", 0, heat, mask).ious
    low, high = ious[THRESHOLDS < 0.49], ious[THRESHOLDS > 0.51]
    assert low == pytest.approx(mask.sum() / (mask.sum() + 16 * 128)) and high == pytest.approx(1)


def test_summary_uses_the_chosen_threshold_and_averages_kinds():
    mask = _square()
    halo = mask * 1.0
    halo[:16] = 0.5
    scores = [score_map("object", 0, mask * 1.0, mask), score_map("colour", 0, halo, mask)]
    lowest = dict.fromkeys(("object", "colour", "pattern"), 0)
    result = summary(scores, lowest)
    assert set(result) == {"object", "colour", "overall"}
    assert result["colour"]["iou"] < result["colour"]["iou_best"] == 1
    assert result["overall"]["iou"] == pytest.approx((1 + result["colour"]["iou"]) / 2, abs=1e-3)
    assert THRESHOLDS[best_threshold(scores)] > 0.5


@pytest.mark.parametrize("text", ["5", "8:8", "9:3", "a:b", "-3:4"])
def test_seed_ranges_that_mean_nothing_are_refused(text):
    with pytest.raises(ValueError, match="A below B"):
        seed_range(text)


def test_a_difference_is_paired_and_its_interval_holds_it():
    mask, rng = _square(), np.random.default_rng(0)
    good = [score_map("object", i, mask * 1.0, mask) for i in range(12)]
    shifted = [np.roll(mask, int(rng.integers(4, 12)), axis=0) for _ in good]
    worse = [score_map("object", i, moved * 1.0, mask) for i, moved in enumerate(shifted)]
    lowest = dict.fromkeys(("object", "colour", "pattern"), 0)
    change = iou_difference(good, worse, (lowest, lowest))
    expected = np.mean([a.ious[0] - b.ious[0] for a, b in zip(good, worse, strict=True)])
    assert set(change) == {"object", "overall"}
    assert change["object"]["mean"] == pytest.approx(expected, abs=1e-4)
    assert 0 < change["object"]["low"] < change["object"]["mean"] < change["object"]["high"]
    assert iou_difference(good, good, (lowest, lowest))["overall"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
