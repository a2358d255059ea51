"""Which frames of a video are recorded, and which images show them."""

from __future__ import annotations

import pytest

from selagg_core.recording.frames import MOST_FRAMES, chosen_frames, images_of_frames


@pytest.mark.parametrize("total", [1, 2, 15, 16, 17, 21, 81, 400])
def test_frames_are_spread_evenly_the_first_and_the_last_among_them(total):
    frames = chosen_frames(total)
    assert len(frames) == len(set(frames)) == min(total, MOST_FRAMES)
    assert frames[0] == 0 and frames[-1] == total - 1 and list(frames) == sorted(frames)
    steps = [b - a for a, b in zip(frames, frames[1:], strict=False)]
    assert not steps or max(steps) - min(steps) <= 1


@pytest.mark.parametrize(
    ("shape", "frames", "images", "wanted"),
    [
        ((1, 16, 3, 8, 8), (0, 1, 2), 9, [0, 4, 8]),  # Wan's decoder
        ((1, 16, 3, 8, 8), (0, 1, 2), 3, [0, 1, 2]),
        ((1, 16, 3, 8, 8), (0, 1, 2), 2, None),
        ((1, 16, 3, 8, 8), (0, 1, 2), 0, None),
        ((2, 16, 2, 8, 8), (0, 1), 10, [0, 4, 5, 9]),
        ((2, 16, 2, 8, 8), (0, 1), 9, None),
        ((1, 16, 40, 8, 8), (0, 13, 26, 39), 157, [0, 52, 104, 156]),
        ((1, 16, 40, 8, 8), (0, 13, 26, 39), 4, [0, 1, 2, 3]),  # those of a saved run
        ((2, 4, 8, 8), (0,), 2, [0, 1]),
        ((2, 4, 8, 8), (0,), 1, None),
    ],
)
def test_the_images_of_frames(shape, frames, images, wanted):
    assert images_of_frames(shape, frames, images) == wanted
