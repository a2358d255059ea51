"""Start pictures of image-to-image: the reader finds in each what it was painted wrong for, nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.pictures import drawn_cases
from benchmarks.starts import STARTS, faithful_scene, fitting_starts, start_picture
from benchmarks.truth import truth_of
from demo.caption_check import parse_caption
from demo.vocabulary import SIZES

PROMPT = "a red circle left of a blue star on a white background"
WRONG = {
    "faithful": set(),
    "recoloured": {"leaked"},
    "absent": {"neglected"},
    "merged": {"blended"},
    "moved": {"misplaced"},
}


@pytest.mark.parametrize("start", WRONG)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_kind_of_start_picture_is_wrong_in_its_own_way(start, seed):
    caption = parse_caption(PROMPT)
    truth = truth_of(start_picture(caption, start, seed), caption)
    assert {told.key[0] for told in truth.claims if told.wrong} == WRONG[start]
    assert (truth.matches is True) == (start == "faithful")


@pytest.mark.parametrize(
    "text",
    [
        "a mint circle above a large red house on a brown background",
        "a large blue star left of a yellow ring",
        "a small red cross below a large green fish",
        "a large orange circle on the left and a small blue house",
        "a large red square in the center",
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_sizes_are_honoured(text, seed):
    caption = parse_caption(text)
    scene = faithful_scene(caption, np.random.default_rng(seed))
    for claim in caption.claims:
        if claim.kind == "size":
            item = scene.objects[claim.subject]
            assert item.size == claim.value and item.diameter == SIZES[claim.value]
    assert truth_of(start_picture(caption, "faithful", seed), caption).matches is True


def test_what_does_not_fit_into_a_picture_is_said():
    with pytest.raises(ValueError, match="No scene was found"):
        faithful_scene(parse_caption("a large red circle and a large blue star"), np.random.default_rng(0))


def test_what_cannot_be_changed_is_said():
    with pytest.raises(ValueError, match="names one thing"):
        start_picture(parse_caption("a red circle"), "absent", 1)
    assert fitting_starts(parse_caption("a red circle")) == ()
    assert fitting_starts(parse_caption("a red circle on the left")) == ("moved",)
    assert set(fitting_starts(parse_caption(PROMPT))) == set(STARTS) - {"faithful"}
    four = " and ".join(["a red circle", "a blue star", "a mint ring", "a rose cross"])
    assert fitting_starts(parse_caption(four)) == ()


def test_drawn_cases_have_start_pictures_of_their_own():
    cases = [case for case in drawn_cases(48, [9000]) if case.start]
    assert {case.start for case in cases} == set(STARTS)
    pictures = [case.start_picture() for case in cases]
    assert all(picture.shape == (128, 128, 3) for picture in pictures)
    assert all(0 < case.denoise < 1 for case in cases)
    assert np.array_equal(pictures[0], cases[0].start_picture())
    assert not any(np.array_equal(pictures[0], other) for other in pictures[1:])
