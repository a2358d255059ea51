"""Each refinement of word maps does what it says, and with all switches off nothing changes."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from synthetic import GRIDS, LAYOUT, blob, entry_of, random_head_maps

from selagg_core.maps.arrays import normalise
from selagg_core.maps.enlarge import enlarge
from selagg_core.maps.heads import matched_random, resolution_groups, select_heads
from selagg_core.maps.recipe import DEFAULT, PAPER, MapRecipe
from selagg_core.maps.word_maps import compete, everything_map, group_maps, word_maps
from selagg_core.recording.head_maps import SubTokens
from selagg_core.recording.layout import LayerId
from selagg_core.recording.self_attention import SelfAttention

FINEST = LayerId("input", 1, 0)
EVERY = select_heads(LAYOUT)


def with_maps(head_maps, change):
    maps = {layer: change(layer, values.copy()) for layer, values in head_maps.maps.items()}
    return replace(head_maps, maps=MappingProxyType(maps))


def test_the_paper_has_no_refinement_and_is_what_word_maps_do_by_default():
    assert MapRecipe() == PAPER and DEFAULT != PAPER
    head_maps = random_head_maps(1)
    np.testing.assert_array_equal(word_maps(head_maps, EVERY, recipe=PAPER), word_maps(head_maps, EVERY))


@pytest.mark.parametrize("name", ["late_steps", "competition", "propagation"])
@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_shares_outside_their_range_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        MapRecipe(**{name: value})


def test_normalised_heads_weigh_alike_whatever_their_attention():
    head_maps = random_head_maps(2)
    louder = with_maps(head_maps, lambda layer, values: values * (50 if layer == FINEST else 1))
    recipe = MapRecipe(normalise_heads=True)
    plain, scaled = (word_maps(each, EVERY, recipe=recipe) for each in (head_maps, louder))
    np.testing.assert_allclose(plain, scaled, rtol=1e-4)
    assert not np.allclose(normalise(word_maps(head_maps, EVERY)), normalise(word_maps(louder, EVERY)), 1e-2)
    np.testing.assert_allclose(plain.sum(axis=(1, 2)), 1, rtol=1e-4)


def test_capped_borders_do_not_outshine_the_inside():
    def corner(_, values):
        values[..., 0, 0] = 100
        return values

    heat = word_maps(with_maps(random_head_maps(3), corner), EVERY, recipe=MapRecipe(cap_borders=True))
    assert heat.max() < 1.5


def test_late_steps_leave_out_the_first_bins():
    head_maps = random_head_maps(4)
    bins = tuple(
        MappingProxyType({layer: np.full_like(values, level) for layer, values in head_maps.maps.items()})
        for level in (9.0, 1.0, 3.0, 5.0)
    )
    binned = replace(head_maps, step_maps=bins)
    np.testing.assert_allclose(word_maps(binned, EVERY, recipe=MapRecipe(late_steps=0.25)), 3, rtol=1e-5)
    np.testing.assert_allclose(word_maps(binned, EVERY, recipe=MapRecipe(late_steps=1.0)), 5, rtol=1e-5)
    np.testing.assert_array_equal(
        word_maps(head_maps, EVERY, recipe=MapRecipe(late_steps=0.5)), word_maps(head_maps, EVERY)
    )


def test_words_compete_with_each_other_and_with_the_background():
    maps = np.array([[[0.4, 0.1]], [[0.1, 0.1]]], np.float32)
    everything = np.array([[0.5, 1.0]], np.float32)
    np.testing.assert_allclose(compete(maps, everything, 1.0)[0], [[0.4 * 0.8, 0.1 * 0.1]], rtol=1e-5)
    np.testing.assert_allclose(compete(maps, everything, 0.0), maps)
    assert np.isfinite(compete(maps * 0, everything * 0, 1.0)).all()


def test_everything_is_all_words_and_the_special_columns():
    head_maps = random_head_maps(5)
    maps = {layer: np.full_like(values, 0.2) for layer, values in head_maps.maps.items()}
    special = {layer: np.full_like(values, 0.25) for layer, values in head_maps.special.items()}
    even = replace(head_maps, maps=maps, special=special)
    np.testing.assert_allclose(everything_map(even, (16, 16)), 0.85, rtol=1e-5)


def test_a_word_competes_with_words_that_are_not_asked_for():
    recipe = MapRecipe(competition=1.0)
    entry = entry_of("a red circle", {"red": (0.3, 0.5, 0.1), "circle": (0.3, 0.5, 0.1)})
    alone = group_maps(entry, 0, [(1,)], EVERY, (16, 16), recipe=recipe)
    together = group_maps(entry, 0, [(1,), (2,)], EVERY, (16, 16), recipe=recipe)
    np.testing.assert_allclose(alone[0], together[0], rtol=1e-5)


def test_propagation_fills_what_attends_to_the_same():
    """Cells of the left half attend to each other alone: a bump on the left spreads over all of the left."""
    side = 8
    left = (np.arange(side) < side // 2)[None].repeat(side, 0).ravel()
    code = np.stack([left, ~left], axis=1).astype(np.float16) * 20
    attention = SelfAttention(code[None, None], code[None, None], (side, side))
    head_maps = with_maps(
        random_head_maps(6),
        lambda layer, values: np.broadcast_to(blob(GRIDS[layer], 0.2, 0.5, 0.1), values.shape),
    )
    spread = replace(head_maps, self_attention={LayerId("output", 3, 0): attention})
    heat = word_maps(spread, EVERY, recipe=MapRecipe(propagation=1.0))[0]
    plain = word_maps(spread, EVERY)[0]
    assert plain[2, 2] < 0.1 * plain.max()
    assert heat[2, 2] > 0.8 * heat.max() and heat[2, 13] < 0.1 * heat.max()
    unspread = word_maps(head_maps, EVERY, recipe=MapRecipe(propagation=0.5))
    np.testing.assert_array_equal(unspread, word_maps(head_maps, EVERY))


def test_heads_are_chosen_within_each_resolution():
    head_maps = random_head_maps(7)
    groups = resolution_groups(head_maps)
    assert groups.tolist() == [256, 256, 16, 16, 64, 64, 64]
    scores = np.array([9, 8, 2, 1, 7, 6, 5.0])
    assert np.flatnonzero(select_heads(LAYOUT, "selective", 0.5, scores, groups).mask).tolist() == [
        0,
        2,
        4,
        5,
    ]
    assert np.flatnonzero(select_heads(LAYOUT, "least", 0.5, scores, groups).mask).tolist() == [1, 3, 5, 6]
    assert np.flatnonzero(select_heads(LAYOUT, "selective", 0.5, scores).mask).tolist() == [0, 1, 4, 5]


def test_matched_random_heads_have_the_same_resolutions():
    groups = resolution_groups(random_head_maps(8))
    selection = select_heads(LAYOUT, "selective", 0.4, np.array([9, 0, 0, 0, 8, 7, 0.0]))
    drawn = [matched_random(selection, groups, np.random.default_rng(seed)).mask for seed in range(20)]
    assert all(mask[:2].sum() == 1 and mask[2:4].sum() == 0 and mask[4:].sum() == 2 for mask in drawn)
    assert len({mask.tobytes() for mask in drawn}) > 1


def test_edge_aware_enlargement_follows_the_picture():
    picture = np.full((128, 128, 3), 240, np.uint8)
    square = np.zeros((128, 128), bool)
    square[37:83, 41:91] = True
    picture[square] = (200, 30, 40)
    coarse = blob((16, 16), 0.515, 0.47, 0.16)[None]

    def best_iou(heat):
        return max(
            (square & (heat > t)).sum() / (square | (heat > t)).sum() for t in np.linspace(0.05, 0.95, 37)
        )

    plain = normalise(enlarge(coarse, picture, edge_aware=False))[0]
    along = enlarge(coarse, picture)[0]
    assert along.shape == (128, 128) and np.isfinite(along).all() and along.min() >= 0 and along.max() <= 1
    assert best_iou(plain) < 0.85 < 0.95 < best_iou(along)


def test_a_picture_without_edges_changes_little():
    picture = np.full((96, 64, 3), 128, np.uint8)
    coarse = blob((12, 8), 0.5, 0.5, 0.2)[None]
    plain = normalise(enlarge(coarse, picture, edge_aware=False))[0]
    assert np.corrcoef(plain.ravel(), enlarge(coarse, picture)[0].ravel())[0, 1] > 0.9
    assert enlarge(np.zeros((0, 12, 8), np.float32), picture).shape == (0, 96, 64)
    assert not enlarge(np.zeros((1, 12, 8), np.float32), picture).any()


def test_large_pictures_are_filtered_at_their_full_size():
    picture = np.zeros((700, 1100, 3), np.uint8)
    picture[:, 550:] = 255
    coarse = blob((22, 34), 0.75, 0.5, 0.2)[None]
    heat, plain = enlarge(coarse, picture)[0], normalise(enlarge(coarse, picture, edge_aware=False))[0]
    assert heat.shape == (700, 1100)
    assert heat[350, 560] - heat[350, 540] > 3 * (plain[350, 560] - plain[350, 540]) > 0


def test_the_best_token_of_a_word_stands_for_it():
    head_maps = random_head_maps(9)
    sharp = {
        layer: np.broadcast_to(blob(GRIDS[layer], 0.5, 0.5, 0.1), (1, 1, *GRIDS[layer])) for layer in GRIDS
    }
    tokens = {
        layer: np.concatenate([values, np.repeat(sharp[layer], len(values), axis=0)], axis=1)
        for layer, values in head_maps.maps.items()
    }
    split = replace(head_maps, sub_tokens=SubTokens(((0,), (1, 3), (2,)), MappingProxyType(tokens)))
    mean, best = (word_maps(split, EVERY, recipe=MapRecipe(best_token=switch)) for switch in (False, True))
    np.testing.assert_array_equal(best[[0, 2]], mean[[0, 2]])
    assert np.corrcoef(best[1].ravel(), blob((16, 16), 0.5, 0.5, 0.1).ravel())[0, 1] > 0.99
    one = word_maps(split.of_words([1]), EVERY, recipe=MapRecipe(best_token=True))
    np.testing.assert_array_equal(one[0], best[1])
