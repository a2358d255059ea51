"""Head relevance: choosing heads, files, merging."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from selagg_core.maps.heads import select_heads
from selagg_core.prompt.lexicon import Concept
from selagg_core.recording.layout import HeadId, HeadLayout, LayerId
from selagg_core.relevance.merge import merge
from selagg_core.relevance.relevance import (
    AGREEMENT,
    ARGMAX_WINS,
    RELIABLE_MAPS,
    HeadRelevance,
    relevance_from_shares,
)

LAYOUT = HeadLayout.of([("input", 1, 0, 4), ("middle", 0, 0, 2), ("output", 3, 0, 4)])
WINS = np.array(
    [
        [50, 10, 30, 30, 0, 0, 30, 100, 5, 5],
        [30, 70, 50, 50, 96, 98, 50, 0, 95, 95],
        [20, 20, 20, 20, 4, 2, 20, 0, 0, 0],
    ]
)


def relevance(wins=WINS, names=("Animals", "Color", "Counting"), **changes) -> HeadRelevance:
    shares = wins / wins.sum(axis=0)
    decisions = int(wins.sum(axis=0)[0])
    made = HeadRelevance(
        tuple(Concept(name, (name.lower(), "word"), len(names), decisions) for name in names),
        relevance_from_shares(shares),
        LAYOUT,
        ARGMAX_WINS,
        "Test model",
        64,
        shares,
        {"licence": "CC0"},
    )
    return replace(made, **changes)


def test_rows_are_scaled_to_a_mean_of_one():
    scores = relevance().scores
    np.testing.assert_allclose(scores.mean(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(scores[0], WINS[0] / WINS[0].sum() * 10, rtol=1e-6)
    assert relevance_from_shares(np.zeros((1, 4))).tolist() == [[0, 0, 0, 0]]


def test_top_heads_come_in_order_and_ties_in_published_order():
    made = relevance()
    assert made.top_heads("Animals", 1.0).tolist() == [7, 0, 2, 3, 6, 1, 8, 9, 4, 5]
    assert made.top_heads("animals ", 0.2).tolist() == [7, 0]
    assert made.top_heads("Animals", count=4).tolist() == [7, 0, 2, 3]
    assert made.top_heads("Animals", 0.01).tolist() == [7]


@pytest.mark.parametrize("fraction", [0.2, 0.25, 0.5, 1.0])
def test_the_same_heads_as_the_maps_choose(fraction):
    made = relevance()
    for concept in made.names:
        chosen = select_heads(LAYOUT, "selective", fraction, made.scores_of(concept)).mask
        assert set(np.flatnonzero(chosen)) == set(made.top_heads(concept, fraction).tolist())
        chosen = select_heads(LAYOUT, "least", fraction, made.scores_of(concept)).mask
        lowest = np.argsort(made.scores_of(concept), kind="stable")[: np.count_nonzero(chosen)]
        assert set(np.flatnonzero(chosen)) == set(lowest)


@settings(deadline=None)
@given(st.permutations(range(10)), st.integers(1, 10))
def test_no_head_left_out_scores_higher(order, count):
    made = relevance(WINS[:, order])
    row = made.scores_of("Color")
    top = made.top_heads("Color", count=count)
    rest = np.setdiff1d(np.arange(10), top)
    assert len(top) == count
    assert not len(rest) or row[top].min() >= row[rest].max()
    for lost in rest[row[rest] == row[top].min()]:
        assert lost > max(head for head in top if row[head] == row[lost])


def test_the_floor_drops_heads_no_better_than_chance():
    made = relevance()
    assert made.top_heads("Animals", 1.0, floor=True).tolist() == [7, 0]
    exactly_chance = relevance(np.full((2, 10), 5), ("Animals", "Color"))
    with pytest.raises(ValueError, match="No head speaks for Color more often than by chance"):
        exactly_chance.top_heads("Color", floor=True)
    with pytest.raises(ValueError, match="no win shares"):
        replace(made, win_share=None).top_heads("Animals", floor=True)


def test_bad_choices_are_named():
    made = relevance()
    with pytest.raises(ValueError, match='no concept "Colour".*Animals, Color, Counting'):
        made.top_heads("Colour")
    for fraction in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            made.top_heads("Color", fraction)
    for count in (0, 11):
        with pytest.raises(ValueError, match="this model has 1 to 10"):
            made.top_heads("Color", count=count)


def test_reliability_gives_the_figure():
    made = relevance(np.array([[90] * 10, [9] * 10, [1] * 10]))
    judged = made.reliability("Counting")
    assert not judged.reliable
    assert judged.share == pytest.approx(0.01)
    assert judged.message.startswith("unreliable: Counting won 1.000 % of the time in Test model")
    assert made.reliability("Color").reliable
    assert (made.reliability("Animals").above_chance, made.reliability("Color").above_chance) == (10, 0)
    assert replace(made, win_share=None).reliability("Counting").reliable


def test_ranking_tells_what_a_head_is():
    best = relevance().ranking("Animals", 2)[0]
    assert (best.rank, best.index, best.label) == (1, 7, "up, layer: 0, head: 1")
    assert best.head == HeadId(LayerId("output", 3, 0), 1)
    assert best.win_share == pytest.approx(1.0)
    assert len(relevance().ranking("Animals")) == 10


def test_description_names_model_score_and_concepts():
    text = relevance().describe()
    for part in ("Test model", "argmax wins", "licence: CC0", "Counting", "10 heads in 3 layers"):
        assert part in text


def test_a_file_holds_everything(tmp_path):
    made = relevance()
    made.save(tmp_path / "own.safetensors")
    read = HeadRelevance.load(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(read.scores, made.scores)
    np.testing.assert_array_equal(read.win_share, made.win_share)
    for name in ("concepts", "layout", "score_kind", "base_model", "context_width", "about"):
        assert getattr(read, name) == getattr(made, name)
    assert [path.name for path in tmp_path.iterdir()] == ["own.safetensors"]


def test_a_file_without_win_shares(tmp_path):
    replace(relevance(), win_share=None, score_kind="agreement").save(tmp_path / "own.safetensors")
    read = HeadRelevance.load(tmp_path / "own.safetensors")
    assert read.win_share is None and read.score_kind == "agreement"


def changed_header(path, change):
    made = relevance()
    header = made._header()
    change(header)
    save_file({"scores": made.scores}, path, {"selagg": json.dumps(header)})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(format="lora"), "something else"),
        (lambda h: h.update(version=2), "version 2; only 1 can be read. Update SelAgg"),
        (lambda h: h["concepts"].pop(), "2 concepts x 10 heads"),
        (lambda h: h["layout"].reverse(), "not in published order"),
        (lambda h: h["layout"][0].__setitem__(0, "<b>"), "no name of a block"),
        (lambda h: h.pop("about"), "about"),
        (lambda h: h["concepts"][0].update(name="color"), "occur twice"),
    ],
)
def test_a_wrong_file_says_why(tmp_path, change, message):
    path = changed_header(tmp_path / "own.safetensors", change)
    with pytest.raises(ValueError, match=rf"own.safetensors is not a readable.*{message}"):
        HeadRelevance.load(path)


def test_what_is_no_such_file_at_all(tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x80\x04pickle")
    other = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, other)
    for path in (broken, other, tmp_path / "missing.safetensors"):
        with pytest.raises(ValueError, match=f"{path.name} is not a readable head relevance file"):
            HeadRelevance.load(path)


def test_arrays_must_fit_and_be_finite():
    made = relevance()
    with pytest.raises(ValueError, match="3 concepts x 10 heads fit"):
        replace(made, scores=made.scores[:2])
    with pytest.raises(ValueError, match="must be finite"):
        replace(made, scores=np.full((3, 10), np.nan))
    with pytest.raises(ValueError, match="between 0 and 1"):
        replace(made, win_share=np.full((3, 10), 1.5))
    with pytest.raises(ValueError, match="read-only"):
        made.scores[0, 0] = 1


def test_merging_the_same_concepts_adds_up_their_wins():
    more = WINS[:, ::-1] * 3
    merged = merge([relevance(), relevance(more)])
    expected = (WINS + more) / (WINS + more).sum(axis=0)
    np.testing.assert_allclose(merged.win_share, expected, rtol=1e-5)
    np.testing.assert_allclose(merged.scores, relevance_from_shares(expected), rtol=1e-5)
    assert merged.concepts[0].decisions == 400


def test_merging_other_scores_is_a_weighted_mean():
    first = replace(relevance(), win_share=None, score_kind="agreement")
    second = replace(first, scores=np.zeros((3, 10)))
    np.testing.assert_allclose(merge([first, second]).scores, first.scores / 2, rtol=1e-6)


def test_merging_other_concepts_puts_them_side_by_side():
    own = relevance(WINS[:2], ("Dragons", "Castles"), about={"licence": "MIT"})
    merged = merge([relevance(), own])
    assert merged.names == ("Animals", "Color", "Counting", "Dragons", "Castles")
    np.testing.assert_array_equal(merged.scores_of("Castles"), own.scores_of("Castles"))
    assert (merged.concepts[0].rivals, merged.concepts[4].rivals) == (3, 2)
    assert merged.about["licence"] == "CC0 | MIT"
    assert merge([own]).names == own.names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_model": "Other"}, "one of Test model|of Test model, the other of Other"),
        ({"score_kind": "agreement"}, '"argmax wins", the other "agreement"'),
        ({"context_width": 768}, "different heads"),
    ],
)
def test_what_does_not_belong_together_is_not_merged(changes, message):
    with pytest.raises(ValueError, match=message):
        merge([relevance(), relevance(**changes)])


def test_half_the_same_concepts_are_not_merged():
    with pytest.raises(ValueError, match="Both files hold color"):
        merge([relevance(), relevance(WINS[:2], ("Color", "Castles"))])
    with pytest.raises(ValueError, match="no head relevance"):
        merge([])


# -- several kinds of scores -----------------------------------------------------------------------------


def with_agreement(seed: int = 0, maps: int = 40) -> HeadRelevance:
    made = relevance(alternatives={AGREEMENT: np.random.default_rng(seed).random((3, 10))})
    return replace(made, concepts=tuple(replace(concept, maps=maps) for concept in made.concepts))


def test_another_kind_of_score_ranks_the_heads():
    made = with_agreement()
    other = made.with_score(AGREEMENT)
    assert other.score_kinds == (AGREEMENT, ARGMAX_WINS) and made.with_score(ARGMAX_WINS) is made
    assert other.top_heads("Color", 1.0).tolist() == np.argsort(-made.alternatives[AGREEMENT][1]).tolist()
    np.testing.assert_array_equal(other.with_score(ARGMAX_WINS).scores, made.scores)
    with pytest.raises(ValueError, match="agreement"):
        made.with_score("accord")
    with pytest.raises(ValueError, match="twice"):
        relevance(alternatives={ARGMAX_WINS: made.scores})
    with pytest.raises(ValueError, match="agreement has the shape"):
        relevance(alternatives={AGREEMENT: made.scores[:2]})


def test_all_kinds_are_saved(tmp_path):
    made = with_agreement()
    made.save(tmp_path / "a.safetensors")
    again = HeadRelevance.load(tmp_path / "a.safetensors")
    assert again.score_kinds == made.score_kinds and again.concepts == made.concepts
    np.testing.assert_array_equal(again.with_score(AGREEMENT).scores, made.with_score(AGREEMENT).scores)
    assert "also there: agreement" in again.describe()


def test_scores_of_maps_are_reliable_by_the_number_of_maps():
    made = with_agreement(maps=RELIABLE_MAPS - 1).with_score(AGREEMENT)
    judged = made.reliability("Color")
    assert not judged.reliable
    assert "agreement of Color was measured on 19 maps of its words in Test model" in judged.message
    assert with_agreement(maps=RELIABLE_MAPS).with_score(AGREEMENT).reliability("Counting").reliable
    assert "won" in with_agreement().reliability("Color").message


def test_merging_weighs_scores_of_maps_by_maps():
    one, other = with_agreement(0, 10), with_agreement(1, 30)
    both = merge([one, other])
    expected = (one.alternatives[AGREEMENT] + 3 * other.alternatives[AGREEMENT]) / 4
    np.testing.assert_allclose(both.alternatives[AGREEMENT], expected, rtol=1e-6)
    np.testing.assert_allclose(both.scores, one.scores, rtol=1e-6)
    assert [concept.maps for concept in both.concepts] == [40] * 3
    with pytest.raises(ValueError, match="scores by argmax wins, agreement, the other by argmax wins"):
        merge([one, relevance()])
