"""What the viewer nodes share: sockets to core objects and back, and what happens with bad input.

Upstream hosts stop the whole queue at the first exception, and run the nodes after VAE Decode in no fixed
order: an exception in a viewer could keep Save Image from running. So a viewer never raises for bad input.
What can be known before the run is refused in VALIDATE_INPUTS, which drops this branch of the workflow
only; what shows at run time becomes a picture that says what is wrong and what to do, the same text as
STRING, and a line in the log.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from selagg_core.drawing.marks import message_picture
from selagg_core.drawing.pictures import float_batch, png_bytes, rgb_picture
from selagg_core.report.report import Report

from .. import host

logger = logging.getLogger("selagg")

REPORTS = "selagg_reports"
"""Folder in the host's output folder where reports lie that an artist labels."""

CAPTURE_TOOLTIP = "The capture of the SelAgg Capture whose model the sampler used."
LATENT_TOOLTIP = "The LATENT of that sampler: the run is found by it."
IMAGE_TOOLTIP = "The IMAGE that VAE Decode makes from that LATENT."
CONCEPTS_TOOLTIP = (
    "What words mean, where SelAgg may not guess it: orange=Color, mint=Plants; word=all uses every head."
)
RELEVANCE_TOOLTIP = (
    "Which heads speak for which concept, from SelAgg Build Relevance. Without it the published one of SD1.x "
    "or SDXL is used; for any other model all heads are."
)
RECIPE_TOOLTIP = "How head maps are put together, from SelAgg Map Recipe; without it the default."
CLIP_TOOLTIP = (
    "Optional: the CLIP of the prompt. Words that the list of common words does not know then take the "
    "concept that is nearest to them in its space, if one clearly is; without it they use all heads."
)
CLAIMS_TOOLTIP = (
    "What you mean, one a line, where the prompt is misread: red > scarf (the scarf is red), cat left of "
    "dog, cat: top left, orange = Color, ignore: masterpiece."
)
PROMPT_TOOLTIP = (
    "Only with the stock CLIP Text Encode: the words from a SelAgg Prompt with the same CLIP and text."
)


def pictures_to_images(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """RGB uint8 pictures as an IMAGE batch."""
    return torch.from_numpy(float_batch(pictures))


def latent_samples(latent) -> torch.Tensor:
    """The tensor of a LATENT. Raises ValueError if there is none."""
    samples = latent.get("samples") if isinstance(latent, dict) else None
    if not isinstance(samples, torch.Tensor) or samples.ndim < 4:
        raise ValueError("there is no latent picture: connect the LATENT of the sampler.")
    return samples


def refusal(node: str, error: ValueError, images: torch.Tensor) -> tuple[str, torch.Tensor]:
    """What a viewer gives out instead of a result: the message, and the pictures with the message below."""
    message = f"{node}: {error}"
    logger.warning(message)
    pictures = [rgb_picture(image) for image in images.detach().cpu().float().numpy()]
    return message, pictures_to_images([message_picture(picture, message) for picture in pictures])


def mask_arrays(mask) -> np.ndarray | None:
    """A MASK socket as arrays (n, h, w); None without one."""
    return None if mask is None else mask.reshape(-1, *mask.shape[-2:]).cpu().numpy()


def keep_report(report: Report, images: torch.Tensor) -> Path:
    """Saves a report and its pictures to the host's output folder, for labelling; returns the file."""
    folder = Path(host.output_directory()) / REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    name = secrets.token_hex(8)
    for number, image in enumerate(images.detach().cpu().float().numpy(), start=1):
        (folder / f"{name}_{number}.png").write_bytes(png_bytes(rgb_picture(image)))
    path = folder / f"{name}.json"
    path.write_text(report.to_json(), encoding="utf-8")
    return path


def preview(images: torch.Tensor, stem: str) -> list[dict[str, str]]:
    """Saves an IMAGE batch to the host's temporary folder, for display in the node."""
    folder = host.temp_directory()
    os.makedirs(folder, exist_ok=True)
    shown = []
    for image in images.cpu().numpy():
        name = f"{stem}_{secrets.token_hex(8)}.png"
        with open(os.path.join(folder, name), "wb") as file:
            file.write(png_bytes(rgb_picture(image)))
        shown.append({"filename": name, "subfolder": "", "type": "temp"})
    return shown
