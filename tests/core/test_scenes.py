"""Scenes are what their captions say: masks, claims, determinism, the split between training and held out."""

from __future__ import annotations

import numpy as np
import pytest

from demo.scenes import SIDE, caption_words, random_scene, render, scene_from_seed
from demo.shapes import drawing
from demo.vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, HOMONYMS, OBJECTS

SEEDS = range(300)


def test_a_seed_gives_the_same_scene_and_picture_every_time():
    (one, said), (again, said_again) = scene_from_seed(11), scene_from_seed(11)
    assert one == again and said == said_again
    assert np.array_equal(render(one)[0], render(again)[0])


def test_claims_point_at_the_words_that_say_them():
    for seed in SEEDS:
        _, caption = scene_from_seed(seed)
        words = caption_words(caption.text)
        for claim in caption.claims:
            assert " ".join(words[i] for i in claim.words) == claim.value, caption.text


def test_claims_are_true_of_the_scene():
    for seed in SEEDS:
        scene, caption = scene_from_seed(seed)
        for claim in caption.claims:
            if claim.kind == "background":
                assert claim.value == scene.background
            elif claim.kind in ("object", "colour", "pattern", "size"):
                item = scene.objects[claim.subject]
                said = {
                    "object": item.name,
                    "colour": item.colour,
                    "pattern": item.pattern,
                    "size": item.size,
                }
                assert said[claim.kind] == claim.value
            elif claim.kind == "relation":
                (ax, ay), (bx, by) = scene.objects[claim.subject].centre, scene.objects[claim.other].centre
                truth = {"left of": ax < bx, "right of": ax > bx, "above": ay < by, "below": ay > by}
                assert truth[claim.value], caption.text


def test_every_object_is_claimed_once():
    for seed in SEEDS:
        scene, caption = scene_from_seed(seed)
        subjects = [c.subject for c in caption.claims if c.kind == "object"]
        assert subjects == list(range(len(scene.objects)))


def test_masks_lie_where_the_objects_are_and_apart_from_each_other():
    for seed in range(60):
        scene, _ = scene_from_seed(seed)
        picture, masks = render(scene)
        assert picture.shape == (SIDE, SIDE, 3) and masks.shape == (len(scene.objects), SIDE, SIDE)
        assert masks.sum(0).max() <= 1
        background = np.abs(picture.astype(int) - scene.background_rgb).max(-1) == 0
        assert not (background & masks.any(0)).any() or (background & masks.any(0)).mean() < 0.002
        assert background[~masks.any(0)].mean() > 0.97
        for item, mask in zip(scene.objects, masks, strict=True):
            ys, xs = np.nonzero(mask)
            x0, y0, x1, y1 = item.box
            assert x0 - 1 <= xs.min() and xs.max() <= x1 + 1 and y0 - 1 <= ys.min() and ys.max() <= y1 + 1


def test_held_out_pairs_are_never_drawn_unless_asked_for():
    drawn = {(o.colour, o.name) for s in range(600) for o in scene_from_seed(s)[0].objects}
    assert not drawn & HELD_OUT
    asked = scene_from_seed(5, 2, held_out=True)[0].objects[0]
    assert (asked.colour, asked.name) in HELD_OUT


def test_the_homonyms_are_colours_and_objects():
    assert len(HOMONYMS) >= 3
    assert all(word in COLOURS and word in OBJECTS for word in HOMONYMS)
    assert not set(BACKGROUNDS) & set(COLOURS)


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="one to three objects"):
        random_scene(np.random.default_rng(0), objects=4)
    with pytest.raises(ValueError, match="no drawing"):
        drawing("dragon")
