"""Texts encoded as the host does it, with their words."""

from __future__ import annotations

import logging

from selagg_core.prompt.words import Prompt

from .. import host
from ..families import read_prompt
from .labels import LABELS, PROMPT_KEY

logger = logging.getLogger("selagg")


def encode_and_label(node: str, clip, text: str) -> tuple[list, Prompt]:
    """CONDITIONING as the host makes it, with its words, which are registered too."""
    if clip is None:
        raise ValueError(
            f"{node}: there is no CLIP. Connect the CLIP output of a checkpoint loader; if the checkpoint "
            "has none, load one with a CLIP loader."
        )
    conditioning = host.encode_text(clip, text)
    columns = conditioning[0][0].shape[1]
    prompt = read_prompt(clip, text)
    if prompt is None or prompt.length != columns:
        logger.warning("%s cannot tell the words of this text encoder apart (supported: CLIP).", node)
        return conditioning, Prompt(text, (), columns, tuple(range(columns)))
    for embedding, _ in conditioning:
        LABELS.register(prompt, embedding)
    return [[embedding, {**extra, PROMPT_KEY: prompt}] for embedding, extra in conditioning], prompt
