"""What the viewer nodes share: sockets to core objects and back, and what happens with bad input.

Upstream hosts stop the whole queue at the first exception, and run the nodes after VAE Decode in no fixed
order: an exception in a viewer could keep Save Image from running. So a viewer never raises for bad input.
What can be known before the run is refused in VALIDATE_INPUTS, which drops this branch of the workflow
only; what shows at run time becomes a picture that says what is wrong and what to do, the same text as
STRING, and a line in the log.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from selagg_core.drawing.marks import message_picture
from selagg_core.drawing.pictures import blank_sheet, float_batch, png_bytes, reduced, rgb_picture
from selagg_core.files.write import cause_of, write_file
from selagg_core.prompt.messages import message, why
from selagg_core.report.report import Report

from .. import host

logger = logging.getLogger("selagg")

REPORTS = "selagg_reports"
#: Pixels on the longer side of a picture that a node shows: whoever wants it larger takes the output.
LARGEST_PREVIEW = 1536
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


def of_run() -> dict[str, tuple[str, dict[str, str]]]:
    """The sockets by which a node is given a finished run with its pictures."""
    return {
        "capture": ("SELAGG_CAPTURE", {"tooltip": CAPTURE_TOOLTIP}),
        "latent": ("LATENT", {"tooltip": LATENT_TOOLTIP}),
        "image": ("IMAGE", {"tooltip": IMAGE_TOOLTIP}),
    }


def pictures_to_images(pictures: Sequence[np.ndarray]) -> torch.Tensor:
    """RGB uint8 pictures as an IMAGE batch."""
    return torch.from_numpy(float_batch(pictures))


def latent_samples(latent) -> torch.Tensor:
    """The tensor of a LATENT. Raises ValueError if there is none."""
    samples = latent.get("samples") if isinstance(latent, dict) else None
    if not isinstance(samples, torch.Tensor) or samples.ndim < 4:
        raise ValueError(message("no_latent"))
    return samples


def refusal(node: str, error: Exception, images: torch.Tensor | None) -> tuple[str, torch.Tensor]:
    """What a viewer gives out instead of a result: the message, and the pictures with the message below."""
    said = told(node, error)
    shown = [message_picture(picture, said) for picture in pictures_of(images)]
    return said, pictures_to_images(shown)


def told(node: str, error: Exception) -> str:
    """What a viewer says of an exception, instead of raising it.

    A ValueError is bad input and its text the cure; anything else is a fault of SelAgg, which is logged whole
    and must not end the queue either. Only the host's own interruption goes on.
    """
    if host.is_interruption(error):
        raise error
    if isinstance(error, ValueError):
        said = message("of_node", node=node, why=why(error))
        logger.warning(said)
    else:
        said = message("broke", node=node, error=f"{type(error).__name__}: {str(error)[:120]}")
        logger.error(said, exc_info=error)
    return said


def pictures_of(images: torch.Tensor | None) -> list[np.ndarray]:
    """The pictures of an IMAGE to write a message below; a blank sheet where there is none."""
    blank = [blank_sheet(96, 512)]
    if not isinstance(images, torch.Tensor) or images.ndim != 4 or images.numel() == 0:
        return blank
    if images.shape[3] not in (1, 3, 4) or images.is_complex():
        return blank
    return [rgb_picture(image) for image in arrays_of(images)]


def arrays_of(values: torch.Tensor) -> np.ndarray:
    """A tensor of any kind of number, wherever it lies, as float32."""
    return values.detach().to("cpu", torch.float32).numpy()


def mask_arrays(mask) -> np.ndarray | None:
    """A MASK socket as arrays (n, h, w); None without one. Raises ValueError for what is no mask."""
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim < 2 or mask.is_complex() or not mask.numel():
        raise ValueError(message("mask_empty"))
    return arrays_of(mask.reshape(-1, *mask.shape[-2:]))


def keep_report(report: Report, pictures: Sequence[np.ndarray]) -> Path:
    """Saves a report and its pictures to the host's output folder, for labelling; returns the file.

    Raises ValueError, with the cause, if the disk does not take them.
    """
    folder = Path(host.output_directory()) / REPORTS
    name = secrets.token_hex(8)
    for number, picture in enumerate(pictures, start=1):
        write_file(folder / f"{name}_{number}.png", png_bytes(picture))
    path = folder / f"{name}.json"
    write_file(path, report.to_json().encode())
    return path


def preview(images: torch.Tensor, stem: str) -> list[dict[str, str]]:
    """Saves an IMAGE batch to the host's temporary folder, for display in the node; what it can of it."""
    return preview_pictures(map(rgb_picture, arrays_of(images)), stem)


def preview_pictures(pictures: Iterable[np.ndarray], stem: str) -> list[dict[str, str]]:
    """The same of RGB uint8 pictures, smaller where they are larger than a node's picture needs to be."""
    folder = Path(host.temp_directory())
    shown = []
    for picture in pictures:
        name = f"{stem}_{secrets.token_hex(8)}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(png_bytes(reduced(picture, LARGEST_PREVIEW)))
        except OSError as error:  # the result itself needs no file
            logger.warning("The preview could not be written to %s: %s.", folder, cause_of(error))
            break
        shown.append({"filename": name, "subfolder": "", "type": "temp"})
    return shown
