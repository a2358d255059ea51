"""A finished run and its decoded pictures -> overlays, masks, contact sheets and a report.

What every viewer does, whether it is a node or a notebook: find the run, check that the pictures are its,
make the maps, draw. Bad input raises ValueError with a cure; what concerns one word only becomes a problem of
the report, and the rest is still diagnosed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from .drawing.pictures import rgb_picture
from .prompt.messages import message
from .prompt.offered import offers_of
from .prompt.quoted import reasons
from .prompt.words import Prompt
from .recording.capture import Capture
from .recording.frames import FIRST_FRAME, images_of_frames
from .recording.head_maps import Recording
from .relevance.run_view import RunView, shown_entries

ASPECT_TOLERANCE = 0.03
"""Relative difference of aspect up to which a picture can have been decoded (and scaled) from a latent."""


MOST_LOST = 0.5
"""Share of values that are not finite above which a picture is none."""
EVEN_LEVELS = 2
"""Levels of 255 by which the pixels of an even picture may differ."""


def open_run(
    capture: Capture, latent: torch.Tensor, images: torch.Tensor, prompt: Prompt | None = None
) -> RunView:
    """The run that made `latent` (batch, channels, h, w), with `images` (batch, h, w, channels) in [0, 1].

    prompt: of SelAgg Prompt, for a text that another node has encoded.

    Raises ValueError, with what to do, if the latent is of no kept run, if its prompt has no known words, or
    if the images are not as many, or not of the same shape, as the latent.
    """
    if not hasattr(capture, "recording_for"):
        raise ValueError(message("no_capture"))
    recording = capture.recording_for(latent, offers_of(prompt))
    chosen = check_images(latent, images, recording.frames)
    recording, frames = _of_video(recording, len(images), chosen)
    arrays = images[chosen].detach().cpu().float().numpy()
    pictures = tuple(rgb_picture(image) for image in arrays)
    view = replace(view_of(recording, pictures), unseen=tuple(map(unseen, arrays, pictures)), frames=frames)
    for entry in view.entries:
        # One picture may stand for all only where the run made no more.
        if entry.batch != len(pictures) and (entry.batch > 1 or recording.pictures > 1):
            why = reasons(recording.notices) or message("decode_this")
            raise ValueError(
                message("pictures_recorded", recorded=entry.batch, pictures=len(pictures), why=why)
            )
    return view


def _of_video(recording: Recording, images: int, chosen: Sequence[int]) -> tuple[Recording, tuple[int, ...]]:
    """What the pictures show of a recorded video, said; and which frame of it each picture is, from 1."""
    batch = recording.latent_shape[0]
    if len(recording.frames) == 1:
        return recording, ()
    if len(chosen) == batch:
        own = recording.first_frames()
        return replace(own, notices=(*own.notices, message("first_frame"))), ()
    each = images // batch
    frames = tuple(place % each + 1 for place in chosen)
    first = frames[: len(recording.frames)]
    told = message("video_frames", count=len(first), every=each, numbers=", ".join(map(str, first)))
    return replace(recording, notices=(*recording.notices, told)), frames


def view_of(recording: Recording, pictures: Sequence[np.ndarray] = ()) -> RunView:
    """A recording with its pictures (RGB uint8), which only drawing needs.

    Raises ValueError, with what to do, if it has no positive prompt with known words.
    """
    return RunView(recording, shown_entries(recording), tuple(pictures))


def unseen(image: np.ndarray, picture: np.ndarray) -> str:
    """Why nothing is to be seen in a picture, with a cure; "" if there is something.

    image: (h, w, channels) as it was decoded; picture: the same as RGB uint8.
    """
    lost = 1 - float(np.isfinite(image).mean())
    if lost > MOST_LOST:
        return message("picture_lost", share=f"{lost:.0%}")
    low, high = picture.min(axis=(0, 1)), picture.max(axis=(0, 1))
    if int((high - low).max()) > EVEN_LEVELS:
        return ""
    dark, bright = high.max() <= EVEN_LEVELS, low.min() >= 255 - EVEN_LEVELS
    tone = "black" if dark else "white" if bright else "one_colour"
    return message("picture_even", tone=message(tone))


def check_images(
    latent: torch.Tensor, images: torch.Tensor, frames: Sequence[int] = FIRST_FRAME
) -> list[int]:
    """The places of the images that show the latents, of a video those of its recorded frames.

    Raises ValueError unless there is one image for each latent, or all of a video, of the same proportions.
    """
    if not isinstance(images, torch.Tensor) or images.ndim != 4 or images.is_complex() or not images.numel():
        raise ValueError(message("no_image"))
    if images.shape[3] not in (1, 3, 4):
        raise ValueError(message("image_channels", count=images.shape[3]))
    alone = list(range(latent.shape[0])) if images.shape[0] == latent.shape[0] else None
    chosen = alone or images_of_frames(latent.shape, frames, images.shape[0])
    if chosen is None:
        raise ValueError(message("image_batch", images=images.shape[0], latents=latent.shape[0]))
    height, width = images.shape[1:3]
    rows, columns = latent.shape[-2:]
    if abs((width / height) / (columns / rows) - 1) > ASPECT_TOLERANCE:
        raise ValueError(message("image_shape", width=width, height=height, columns=columns, rows=rows))
    return chosen
