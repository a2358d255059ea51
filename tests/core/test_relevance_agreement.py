"""Agreement of two builds of head relevance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.relevance_agreement import compare, ranks, spearman
from selagg_core.relevance.shipped import load_preset


def test_ranks_share_ties():
    assert ranks(np.array([5.0, 1.0, 5.0, 3.0])).tolist() == [2.5, 0, 2.5, 1]


def test_rank_correlation():
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert spearman(a, np.exp(a)) == pytest.approx(1) and spearman(a, -a) == pytest.approx(-1)
    # 1 - 6 * sum of squared rank differences / (n (n^2 - 1))
    assert spearman(a, np.array([2.0, 1.0, 4.0, 3.0, 5.0])) == pytest.approx(1 - 6 * 4 / 120)
    assert spearman(a, np.ones(5)) == 0


def test_only_reliable_concepts_must_agree():
    sd14 = load_preset("sd14")
    same = compare(sd14, sd14)["argmax wins"]
    assert same["enough"] and same["lowest_reliable"] == 1
    assert same["concepts"]["Counting"] == {"spearman": 1, "overlap": 1, "reliable": False}
    scores = sd14.scores.copy()
    scores[sd14.row("Counting")] = scores[sd14.row("Counting"), ::-1]
    assert compare(sd14, replace(sd14, scores=scores))["argmax wins"]["enough"]
    scores[sd14.row("Color")] = scores[sd14.row("Color"), ::-1]
    told = compare(sd14, replace(sd14, scores=scores))["argmax wins"]
    assert not told["enough"] and told["lowest_reliable"] == told["concepts"]["Color"]["spearman"] < 0.8
