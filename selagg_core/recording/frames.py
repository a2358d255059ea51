"""Frames of a video: which are recorded, and which pictures show them.

A frame is recorded as a picture of the batch is: maps of picture p and the i-th recorded frame are those of
place p * (number of recorded frames) + i.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Frames of a latent whose maps are kept: what is kept of a video is bounded, however long it is.
MOST_FRAMES = 16
FIRST_FRAME = (0,)


def chosen_frames(total: int, most: int = MOST_FRAMES) -> tuple[int, ...]:
    """At most `most` of so many frames, spread evenly, the first and the last among them."""
    if total <= most:
        return tuple(range(max(1, total)))
    return tuple(round(i * (total - 1) / (most - 1)) for i in range(most))


def frames_in(latent_shape: Sequence[int]) -> int:
    """Frames of a latent (batch, channels, [frames,] h, w)."""
    return int(latent_shape[2]) if len(latent_shape) == 5 else 1


def images_of_frames(latent_shape: Sequence[int], frames: Sequence[int], images: int) -> list[int] | None:
    """For every recorded picture and frame the place of the image that shows it, of so many decoded ones.

    None if that cannot be told: there must be as many images a video as recorded frames, or at least as many
    as the latent has (a frame of a latent stands for several images).
    """
    batch, total = int(latent_shape[0]), frames_in(latent_shape)
    each = images // batch
    if not images or images % batch or (each != len(frames) and each < total):
        return None
    if each == len(frames):
        own: Sequence[int] = range(each)
    else:
        own = [round(frame * (each - 1) / (total - 1)) for frame in frames]
    return [video * each + image for video in range(batch) for image in own]
