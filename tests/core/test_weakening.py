"""Ordered weakening: which words and heads, the weakened attention itself, curves and areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.weakening import (
    COUNTS,
    FACTORS,
    Target,
    Weakening,
    area_between,
    curve,
    head_orders,
    shows,
    summary,
    target_of,
    weakened_attention,
    weakenings,
)
from demo.scenes import caption_words, render, scene_from_seed
from demo.vocabulary import HOMONYMS, NATURAL_COLOUR
from selagg_core.relevance.shipped import load_preset

HEADS = 128


def test_targets_are_words_whose_loss_can_be_seen():
    targets = [target for target in map(target_of, range(60)) if target is not None]
    assert len(targets) > 40
    for target in targets:
        assert caption_words(target.prompt)[target.word] == target.value
        assert target.value not in (*HOMONYMS, "solid")
        assert target.concept in load_preset("demo").names
        name = scene_from_seed(target.seed, objects=1)[0].objects[0].name
        assert target.kind != "colour" or NATURAL_COLOUR.get(name) != target.value
    kinds = [target.kind for target in targets]
    assert min(kinds.count(kind) for kind in ("object", "colour", "pattern")) >= 8


def test_the_reader_says_whether_a_word_is_seen():
    for seed in range(40, 60):
        target = target_of(seed)
        if target is not None:
            assert shows(render(scene_from_seed(seed, objects=1)[0])[0], target)
    other = Target(
        0, "", target.kind, {"object": "star", "colour": "red", "pattern": "dotted"}[target.kind], 0, ""
    )
    blank = np.full((128, 128, 3), 246, np.uint8)
    assert not shows(blank, other)


def test_matched_heads_have_the_resolutions_of_the_most_relevant():
    random = np.random.default_rng(0)
    scores, resolutions = random.random(HEADS), np.repeat([0, 1, 2, 3], HEADS // 4)
    orders = head_orders(scores, resolutions, random)
    for order in orders.values():
        assert sorted(order.tolist()) == list(range(HEADS))
    assert (np.diff(scores[orders["most"]]) <= 0).all() and (np.diff(scores[orders["least"]]) >= 0).all()
    np.testing.assert_array_equal(resolutions[orders["matched"]], resolutions[orders["most"]])
    assert (orders["matched"] != orders["most"]).mean() > 0.8


def test_weakened_attention_scales_a_column_after_the_softmax():
    generator = torch.Generator().manual_seed(0)
    rows, pixels, keys, heads, dim = 2, 5, 6, 3, 4
    q, k, v = (torch.randn(rows, n, heads * dim, generator=generator) for n in (pixels, keys, keys))
    factors = torch.tensor([[1.0, 0.0, -2.0], [0.5, 1.0, 1.0]])
    found = weakened_attention(q, k, v, [2, 4], factors)
    for row in range(rows):
        for head in range(heads):
            part = slice(head * dim, (head + 1) * dim)
            weights = torch.softmax(q[row, :, part] @ k[row, :, part].T / dim**0.5, dim=-1)
            weights[:, [2, 4]] *= factors[row, head]
            torch.testing.assert_close(found[row, :, part], weights @ v[row, :, part])
    plain = torch.nn.functional.scaled_dot_product_attention(
        *(x.view(rows, -1, heads, dim).transpose(1, 2) for x in (q, k, v))
    )
    untouched = weakened_attention(q, k, v, [2], torch.ones(rows, heads))
    torch.testing.assert_close(untouched, plain.transpose(1, 2).reshape(rows, pixels, -1))


def outcome(lost_at: dict[str, int]) -> dict[Weakening, bool]:
    """Seen until so many heads are weakened, by order; never with all heads weakened."""
    return {plan: plan.count < lost_at[plan.order] for plan in weakenings(HEADS)}


def test_areas_are_shares_of_heads():
    presence = outcome({"most": 4, "least": HEADS, "matched": 32})
    most, least = (curve(presence, order, 0.0, HEADS) for order in ("most", "least"))
    assert most.tolist() == [1, 0, 0, 0, 0, 0, 0] and least.tolist() == [1, 1, 1, 1, 1, 1, 0]
    # Trapezoids: the curves part between none and the first count, and meet again at all heads.
    assert area_between(least, most, HEADS) == pytest.approx((64 - 2 + 32) / HEADS)
    assert area_between(most, least, HEADS) == -area_between(least, most, HEADS)
    assert len(presence) == len(FACTORS) * (3 * len(COUNTS) + 1)


def test_the_summary_has_curves_areas_and_intervals():
    targets = [Target(i, "", kind, "", 0, "") for i, kind in enumerate(["object", "colour"] * 6)]
    found = [(target, outcome({"most": 8, "least": HEADS, "matched": 32})) for target in targets]
    alike = outcome({"most": 8, "least": 8, "matched": 8})
    found += [(replace(target, kind="pattern"), alike) for target in targets]
    told = summary(found, HEADS)
    assert told["curves"]["factor -2"]["matched"] == [1, 1, 0.5, 0.5, 0, 0, 0]
    area = told["areas"]["both"]["matched-most"]
    assert 0 < area["low"] < area["mean"] < area["high"]
    assert told["areas"]["pattern"] == {
        "words": 12,
        "matched-most": {"mean": 0, "low": 0, "high": 0},
        "least-most": {"mean": 0, "low": 0, "high": 0},
    }
