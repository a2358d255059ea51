"""The host's own judges of pictures: a segmenter that is asked by words, and a model that answers questions.

Both are nodes of the host, called as its graph would call them. Older hosts have neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .places import node_classes
from .text import encode_text

SEGMENTER, SPEAKER = "SAM3_Detect", "TextGenerate"
SINCE = "0.33"
MOST_THINGS = 20
"""Of one noun: without a number the segmenter keeps the surest alone."""
LOWEST_SCORE = 0.2
"""What is less sure than this is not told of at all."""
MOST_WORDS = 16
"""Tokens of an answer."""


@dataclass(frozen=True, eq=False)
class Detection:
    """What a segmenter found in one picture: masks (n, h, w) bool, and the box (x0, y0, x1, y1) and score of
    each, the surest first.
    """

    masks: np.ndarray
    boxes: tuple[tuple[float, float, float, float], ...]
    scores: tuple[float, ...]


def missing_judge(name: str) -> str:
    """Why a judge cannot be asked here, with a cure; "" if it can."""
    if name in node_classes():
        return ""
    return (
        f"this ComfyUI has no node {name}: update it to {SINCE} or newer, or disconnect it and connect the "
        "MASK of another judge"
    )


def detect(model, clip, images: torch.Tensor, noun: str) -> list[Detection]:
    """All things of a noun in each picture of an IMAGE batch. Raises ValueError if the host cannot."""
    _require(SEGMENTER)
    # Commas part prompts and brackets are dropped: in a noun they would change what is asked.
    plain = " ".join(noun.replace(",", " ").replace("(", " ").replace(")", " ").replace(":", " ").split())
    asked = encode_text(clip, f"{plain}:{MOST_THINGS}")
    masks, boxes = _run(
        SEGMENTER,
        model=model,
        image=images,
        conditioning=asked,
        threshold=LOWEST_SCORE,
        individual_masks=True,
    )
    if len(boxes) != len(images) or sum(map(len, boxes)) != len(masks):
        raise ValueError(f"{SEGMENTER} gave {len(masks)} masks for its boxes: it is not the one of ComfyUI.")
    parts = torch.split(masks.detach().cpu(), [len(own) for own in boxes])
    return [_detection(own, found) for own, found in zip(boxes, parts, strict=True)]


def ask(clip, image: torch.Tensor, question: str) -> str:
    """The answer of a vision-language model to a question about one picture (1, h, w, 3), always the same.

    Raises ValueError if the host cannot.
    """
    _require(SPEAKER)
    (said,) = _run(
        SPEAKER,
        clip=clip,
        prompt=question,
        max_length=MOST_WORDS,
        sampling_mode={"sampling_mode": "off"},
        image=image,
    )
    return str(said)


def _detection(boxes: Sequence[dict[str, Any]], masks: torch.Tensor) -> Detection:
    edges = tuple((b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]) for b in boxes)
    return Detection(masks.numpy() > 0.5, edges, tuple(float(box["score"]) for box in boxes))


def _require(name: str) -> None:
    if why := missing_judge(name):
        raise ValueError(f"{why}.")


def _run(name: str, **inputs) -> tuple:
    """A node's outputs."""
    node: Any = node_classes()[name]
    result = node.execute(**inputs) if hasattr(node, "execute") else getattr(node(), node.FUNCTION)(**inputs)
    found = getattr(result, "result", result)
    return tuple(found)
