"""Which heads the map of a word is made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from selagg_core.maps.recipe import DEFAULT, PAPER
from selagg_core.recording.layout import sd1_layout, sdxl_layout
from selagg_core.relevance.choose_heads import (
    NO_RELEVANCE,
    choose_heads,
    ranked_by,
    relevance_for,
    sense_scores,
)
from selagg_core.relevance.concepts import Nearest
from selagg_core.relevance.shipped import load_preset


@pytest.fixture(scope="module")
def sd14():
    return load_preset("sd14")


def test_a_word_takes_the_top_heads_of_its_concept(sd14):
    chosen = choose_heads(["cat", "red"], sd14, fraction=0.2)
    for selection, concept in zip(chosen.selections, ("Animals", "Color"), strict=True):
        assert set(np.flatnonzero(selection.mask)) == set(sd14.top_heads(concept, 0.2).tolist())
        assert (selection.mode, selection.count) == ("selective", 26)
    assert chosen.notices == ()


def test_least_takes_the_other_end(sd14):
    selection = choose_heads(["cat"], sd14, "least", 0.2).selections[0]
    assert set(np.flatnonzero(selection.mask)) == set(
        np.argsort(sd14.scores_of("Animals"), kind="stable")[:26]
    )


def test_senses_share_the_heads_evenly(sd14):
    chosen = choose_heads(["orange"], sd14, fraction=0.25)
    mask = chosen.selections[0].mask
    assert mask.sum() == 32
    assert "Fruits and Vegetables or Color" in chosen.notices[0]
    assert "orange=Fruits and Vegetables" in chosen.notices[0]
    for concept in ("Fruits and Vegetables", "Color"):
        assert mask[sd14.top_heads(concept, count=16)].all()
    least = choose_heads(["orange"], sd14, "least", 0.25).selections[0].mask
    assert not (mask & least).any()


def test_the_artist_chooses_a_sense(sd14):
    chosen = choose_heads(["orange", "cat"], sd14, overrides="orange=Color, cat=all")
    assert set(np.flatnonzero(chosen.selections[0].mask)) == set(sd14.top_heads("Color").tolist())
    assert chosen.selections[1].count == 128
    assert chosen.notices == ()
    with pytest.raises(ValueError, match="no concept"):
        choose_heads(["orange"], sd14, overrides="orange=Colour")


def test_unknown_words_take_all_heads_and_say_so(sd14):
    chosen = choose_heads(["zyxwv", "zyxwv"], sd14)
    assert [s.count for s in chosen.selections] == [128, 128]
    assert len(chosen.notices) == 1 and '"zyxwv"' in chosen.notices[0]
    for words in (["zyxwv"], ["cat"]):
        with pytest.raises(ValueError, match="top_fraction"):
            choose_heads(words, sd14, fraction=0)
        with pytest.raises(ValueError, match="mode"):
            choose_heads(words, sd14, "some")


def test_unreliable_concepts_are_named(sd14):
    assert "unreliable: Counting won 0.037 %" in choose_heads(["seven"], sd14).notices[0]
    assert choose_heads(["seven"], load_preset("sdxl")).notices == ()


def test_mode_all_needs_no_concept(sd14):
    chosen = choose_heads(["cat", "zyxwv", "orange"], sd14, "all")
    assert [s.count for s in chosen.selections] == [128] * 3
    assert chosen.notices == ()


def test_several_senses_are_scored_by_their_best_rank(sd14):
    scores = sense_scores(sd14, ["Animals", "Color"])
    assert scores.max() == 0 and (scores == 0).sum() == 2
    assert scores[sd14.top_heads("Color", count=3)].min() >= -2
    np.testing.assert_array_equal(sense_scores(sd14, ["Color"]), sd14.scores_of("Color"))


def test_the_relevance_of_a_model(sd14):
    preset, notice = relevance_for(sd1_layout(), 768)
    assert preset is sd14 and "transferred from Stable Diffusion v1.4" in notice
    assert relevance_for(sd1_layout(), 1024) == (None, NO_RELEVANCE)
    # Measured on the very model: nothing was transferred.
    assert relevance_for(sd1_layout(), 96) == (load_preset("demo"), "")
    own = replace(sd14, base_model="Own", context_width=96)
    assert relevance_for(sd1_layout(), 96, own) == (own, "")
    assert relevance_for(sd1_layout(), 768, own_of_unknown_width := replace(sd14, context_width=0)) == (
        own_of_unknown_width,
        "",
    )
    for layout, width in ((sdxl_layout(), 96), (sd1_layout(), 768)):
        with pytest.raises(ValueError, match="measured on Own .* another architecture"):
            relevance_for(layout, width, own)


def test_the_recipe_ranks_by_wins_or_agreement_and_the_artist_by_anything():
    demo = load_preset("demo")
    for front in (demo, demo.with_score("agreement")):
        assert ranked_by(front, DEFAULT).score_kind == "agreement"
        assert ranked_by(front, PAPER).score_kind == "argmax wins"
    own = demo.with_score("consistency")
    assert ranked_by(own, DEFAULT) is ranked_by(own, PAPER) is own
    published = load_preset("sd14")
    assert ranked_by(published, DEFAULT) is published


def test_a_word_that_no_list_knows_takes_the_nearest_concept(sd14):
    asked = []

    def nearest(word, concepts):
        asked.append((word, len(concepts)))
        return Nearest("Animals", 0.9, {"snark": 0.2, "boojum": 0.01}[word])

    chosen = choose_heads(["cat", "snark", "boojum"], sd14, nearest=nearest)
    assert asked == [("snark", 34), ("boojum", 34)]
    assert [a.how for a in chosen.assignments] == ["lexicon", "embedding", "unknown"]
    np.testing.assert_array_equal(chosen.selections[0].mask, chosen.selections[1].mask)
    assert chosen.selections[2].count == 128
    assert any('"snark" is taken for Animals' in notice for notice in chosen.notices)
