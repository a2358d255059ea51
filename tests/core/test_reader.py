"""The reader finds what was painted, is unsure of what is no drawing, and checks every claim of a caption."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from demo.reader import Reading, SeenObject, check_caption, parse_caption, read_picture
from demo.reader_accuracy import figures, measure
from demo.scenes import SIDE, Caption, render, scene_from_seed
from demo.vocabulary import COLOURS, PATTERNS

SEEDS = range(7000, 7060)


def worn(picture: np.ndarray) -> np.ndarray:
    """What a lossy autoencoder does to a picture, roughly: blur, half the resolution, ragged edges, noise."""
    rng = np.random.default_rng(int(picture.sum()))
    soft = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.8)
    half = cv2.resize(soft, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(half, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    wander = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE, 2)).astype(np.float32), (0, 0), 4)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    wander *= 0.6 / wander.std()
    bent = cv2.remap(
        soft, x + wander[..., 0], y + wander[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.clip(bent + rng.normal(0, 3, bent.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def worn_figures() -> dict:
    counts, seconds, _ = measure(SEEDS, worn)
    return figures(counts, seconds)


def test_worn_scenes_are_read_right(worn_figures):
    objects = worn_figures["objects"]
    assert objects["found"] == objects["n"]
    assert objects["extra"] == 0
    assert worn_figures["name_right"] >= 0.98
    assert worn_figures["colour_right"] >= 0.97
    assert worn_figures["pattern_right"] >= 0.97
    assert worn_figures["background_right"] == 1.0


def test_worn_scenes_are_seldom_unsure(worn_figures):
    assert max(worn_figures["unsure"].values()) < 0.03


def test_masks_and_boxes_lie_on_the_objects():
    for seed in range(7100, 7112):
        scene, _ = scene_from_seed(seed, held_out=None)
        picture, masks = render(scene)
        seen = read_picture(picture).objects
        for item, mask in zip(scene.objects, masks, strict=True):
            found = next(s for s in seen if s.name == item.name)
            assert (found.mask & mask).sum() / (found.mask | mask).sum() > 0.85
            ys, xs = np.nonzero(mask)
            truth = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
            assert np.abs(np.subtract(found.box, truth)).max() <= 2
            assert found.diameter == pytest.approx(item.diameter, rel=0.08)
            assert np.hypot(*np.subtract(found.centre, item.centre)) < 2


def test_a_blob_has_no_name():
    picture = np.full((SIDE, SIDE, 3), 246, np.uint8)
    blob = np.array(
        [[20, 60], [40, 40], [70, 62], [96, 30], [110, 70], [70, 84], [64, 110], [40, 80], [22, 90]]
    )
    cv2.fillPoly(picture, [blob], COLOURS["red"])
    (item,) = read_picture(picture).objects
    assert item.name is None
    assert item.colour == "red"
    assert not item.sure


def test_objects_that_touch_are_told_apart():
    picture = np.full((SIDE, SIDE, 3), 142, np.uint8)
    cv2.circle(picture, (40, 64), 23, COLOURS["red"], -1, cv2.LINE_AA)
    cv2.rectangle(picture, (62, 44), (102, 84), COLOURS["blue"], -1)
    assert [(item.name, item.colour) for item in read_picture(picture).objects] == [
        ("circle", "red"),
        ("square", "blue"),
    ]


def test_noise_is_read_as_nothing_for_sure():
    noise = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    clouds = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 5)
    clouds = np.clip(128 + (clouds - clouds.mean()) * 60 / clouds.std(), 0, 255).astype(np.uint8)
    for picture in (noise, clouds):
        reading = read_picture(picture)
        assert not reading.sure
        assert not any(item.sure for item in reading.objects)


def test_a_colour_between_two_names_is_left_open():
    picture = np.full((SIDE, SIDE, 3), 246, np.uint8)
    cv2.circle(picture, (64, 64), 26, (78, 60, 190), -1, cv2.LINE_AA)
    (item,) = read_picture(picture).objects
    assert (item.name, item.colour, item.sure) == ("circle", None, False)


def test_litter_makes_a_reading_unsure():
    picture = np.full((SIDE, SIDE, 3), 246, np.uint8)
    cv2.circle(picture, (64, 64), 24, COLOURS["red"], -1, cv2.LINE_AA)
    assert check_caption(read_picture(picture), parse_caption("a red circle")).matches is True
    cv2.rectangle(picture, (5, 5), (14, 10), (20, 20, 20), -1)
    reading = read_picture(picture)
    assert not reading.sure
    assert check_caption(reading, parse_caption("a red circle")).matches is None


@pytest.mark.parametrize("bad", [np.zeros((64, 64, 3), np.uint8), np.zeros((SIDE, SIDE, 3), np.float32)])
def test_other_pictures_are_refused(bad):
    with pytest.raises(ValueError, match="128"):
        read_picture(bad)


def test_captions_parse_back_to_their_claims():
    for seed in range(600):
        _, caption = scene_from_seed(seed, held_out=None)
        assert parse_caption(caption.text) == caption


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("an orange orange", [("colour", "orange"), ("object", "orange")]),
        ("A rose rose.", [("colour", "rose"), ("object", "rose")]),
        ("small orange, small mint rose", [("size", "small"), ("object", "orange"), ("size", "small"),
                                           ("colour", "mint"), ("object", "rose")]),
    ],
)  # fmt: skip
def test_a_homonym_is_an_object_only_at_the_end_of_its_phrase(text, said):
    assert [(claim.kind, claim.value) for claim in parse_caption(text).claims] == said


@pytest.mark.parametrize(
    ("text", "named"),
    [("a red dog", "dog"), ("a circle on a pink background", "pink"), ("a red", "red"), ("", "no object"),
     ("a red blue circle", "red blue"), ("a red circle left of", "left of"), ("circle and and star", "and")],
)  # fmt: skip
def test_what_is_no_caption_is_refused_by_name(text, named):
    with pytest.raises(ValueError, match=named):
        parse_caption(text)


def reading_of(*items: SeenObject, background: str | None = "white") -> Reading:
    return Reading(items, background, all(item.sure for item in items) and background is not None)


def seen(name, colour, at, pattern="solid", diameter=48.0) -> SeenObject:
    x, y = at
    box = (x - 24, y - 24, x + 24, y + 24)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    sure = None not in (name, colour, pattern)
    return SeenObject(name, colour, pattern, box, sure, mask, {"diameter": diameter})


TEXT = "a red circle left of a small striped blue star on a white background"
CIRCLE = seen("circle", "red", (34, 64))
STAR = seen("star", "blue", (94, 60), "striped", 38.0)


def wrong_kinds(reading: Reading, text: str = TEXT) -> list[tuple[str, str]]:
    verdict = check_caption(reading, parse_caption(text))
    assert verdict.matches is (False if verdict.wrong else None if verdict.unsure else True)
    return [(claim.kind, claim.value) for claim in verdict.wrong]


def test_a_true_caption_matches_in_whatever_order_things_are_seen():
    for items, assignment in (((CIRCLE, STAR), (0, 1)), ((STAR, CIRCLE), (1, 0))):
        verdict = check_caption(reading_of(*items), parse_caption(TEXT))
        assert verdict.matches is True
        assert verdict.assignment == assignment


def test_every_false_claim_is_found():
    red_star, blue_circle = replace(STAR, colour="red"), replace(CIRCLE, colour="blue")
    assert wrong_kinds(reading_of(blue_circle, red_star)) == [("colour", "red"), ("colour", "blue")]
    assert wrong_kinds(reading_of(CIRCLE, replace(STAR, pattern="dotted"))) == [("pattern", "striped")]
    assert wrong_kinds(reading_of(CIRCLE, replace(STAR, scores={"diameter": 57.0}))) == [("size", "small")]
    assert wrong_kinds(reading_of(CIRCLE, STAR, background="black")) == [("background", "white")]
    assert wrong_kinds(reading_of(CIRCLE)) == [("object", "star")]
    assert wrong_kinds(reading_of(CIRCLE, replace(STAR, name="cross"))) == [("object", "star")]
    assert wrong_kinds(reading_of(CIRCLE, STAR, seen("leaf", "green", (64, 110)))) == [("object", "leaf")]
    turned = reading_of(seen("circle", "red", (94, 64)), seen("star", "blue", (34, 60), "striped", 38.0))
    assert wrong_kinds(turned) == [("relation", "left of")]


def test_what_a_caption_leaves_out_is_free_or_natural():
    assert wrong_kinds(reading_of(seen("leaf", "green", (64, 64))), "a leaf") == []
    assert wrong_kinds(reading_of(seen("leaf", "blue", (64, 64))), "a leaf") == [("colour", "green")]
    assert wrong_kinds(reading_of(seen("leaf", "blue", (64, 64))), "a blue leaf") == []
    assert wrong_kinds(reading_of(seen("fish", "red", (64, 64))), "a fish") == []
    assert wrong_kinds(reading_of(seen("fish", "red", (64, 64), "dotted")), "a fish") == [
        ("pattern", "solid")
    ]


def test_places():
    assert wrong_kinds(reading_of(seen("fish", "red", (34, 64))), "a red fish on the left") == []
    assert wrong_kinds(reading_of(seen("fish", "red", (94, 64))), "a red fish on the left") == [
        ("place", "on the left")
    ]
    assert wrong_kinds(reading_of(seen("fish", "red", (62, 66))), "a red fish in the center") == []


def test_what_is_unclear_is_unsure_not_wrong():
    for item in (replace(STAR, colour=None), replace(STAR, pattern=None), replace(STAR, name=None)):
        verdict = check_caption(reading_of(CIRCLE, replace(item, sure=False)), parse_caption(TEXT))
        assert verdict.matches is None
        assert len(verdict.unsure) == 1


def test_the_scenes_own_caption_holds_and_a_changed_one_does_not():
    held = 0
    for seed in range(7200, 7230):
        scene, caption = scene_from_seed(seed, held_out=None)
        reading = read_picture(worn(render(scene)[0]))
        verdict = check_caption(reading, caption)
        assert verdict.matches is not False
        held += verdict.matches is True
        for changed in changes(caption):
            assert check_caption(reading, changed).matches is not True
    assert held >= 28


def changes(caption: Caption) -> list[Caption]:
    """The caption with one colour or pattern claim made false, each in turn."""
    following = {**cycle(list(COLOURS)), **cycle(list(PATTERNS))}
    return [
        replace(
            caption,
            claims=tuple(replace(c, value=following[c.value]) if c is claim else c for c in caption.claims),
        )
        for claim in caption.claims
        if claim.kind in ("colour", "pattern")
    ]


def cycle(words: list[str]) -> dict[str, str]:
    return dict(zip(words, words[1:] + words[:1], strict=True))


def test_an_object_of_two_hues_has_no_colour():
    picture = np.full((SIDE, SIDE, 3), 246, np.uint8)
    cv2.circle(picture, (64, 64), 26, COLOURS["red"], -1, cv2.LINE_AA)
    right = picture[:, 64:]
    right[right[..., 1] < 60] = COLOURS["blue"]
    (item,) = read_picture(picture).objects
    assert (item.name, item.colour) == ("circle", None)
