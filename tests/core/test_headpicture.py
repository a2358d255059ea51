"""Pictures of heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import LAYOUT, random_head_maps

from selagg_core.drawing.colours import EXPECTED
from selagg_core.drawing.pictures import heat_colours
from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.relevance import ARGMAX_WINS, HeadRelevance
from selagg_core.relevance.shipped import load_preset
from selagg_core.report.head_table import head_maps_picture, relevance_picture


def relevance(scores) -> HeadRelevance:
    return HeadRelevance((Concept("Color", ("red",)),), np.array([scores]), LAYOUT, ARGMAX_WINS, "Test")


def count(picture: np.ndarray, colour) -> int:
    return int((picture == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_the_most_relevant_head_glows_and_is_framed():
    scores = np.array([0, 0, 0, 0, 4, 0, 2.0])
    hot, cold = heat_colours(np.array([[1.0, 0.0]]))[0]
    picture = relevance_picture(relevance(scores), "color", 1 / 7)
    assert picture.dtype == np.uint8 and picture.ndim == 3
    assert count(picture, hot) > 600 and 4000 < count(picture, cold) < 7000
    framed = count(picture, EXPECTED)
    assert framed > 100
    three = relevance_picture(relevance(scores), "color", 3 / 7)
    assert count(three, EXPECTED) > 2 * framed and not np.array_equal(three, picture)


def test_equal_scores_and_unknown_concepts():
    picture = relevance_picture(relevance(np.ones(7)), "Color")
    assert picture.std() > 0
    with pytest.raises(ValueError, match="Color"):
        relevance_picture(relevance(np.ones(7)), "Mood")
    with pytest.raises(ValueError, match="share of heads"):
        relevance_picture(relevance(np.ones(7)), "Color", 0.0)


@pytest.mark.parametrize(("name", "rows"), [("sd14", 16), ("sdxl", 70)])
def test_published_models_fit_a_screen_of_reasonable_size(name, rows):
    picture = relevance_picture(load_preset(name), "Color")
    assert rows * 18 < picture.shape[0] < 1800 and 400 < picture.shape[1] < 900


def test_every_head_shows_its_own_map_of_the_word():
    head_maps = random_head_maps(0)
    first = head_maps_picture(head_maps, [0], "a")
    assert not np.array_equal(first, head_maps_picture(head_maps, [1], "a"))
    louder = {layer: maps * (1 + 9 * (layer == LAYOUT.layers[0])) for layer, maps in head_maps.maps.items()}
    assert np.array_equal(first, head_maps_picture(replace(head_maps, maps=louder), [0], "a"))
    framed = head_maps_picture(head_maps, [0], "a", top=[0, 3])
    assert count(framed, EXPECTED) > count(first, EXPECTED)


def test_layers_that_were_not_recorded_stay_empty():
    head_maps = random_head_maps(0)
    some = {layer: maps for layer, maps in head_maps.maps.items() if layer != LAYOUT.layers[1]}
    picture = head_maps_picture(replace(head_maps, maps=some), [0], "a")
    assert picture.shape == head_maps_picture(head_maps, [0], "a").shape


def test_a_word_from_a_stranger_is_drawn_as_text():
    picture = head_maps_picture(random_head_maps(0), [0], "\u202e<b>\x00" + "x" * 5000)
    assert picture.shape[1] < 1000
