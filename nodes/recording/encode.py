"""Texts encoded as the host does it, with their words."""

from __future__ import annotations

import logging

from selagg_core.prompt.pieces import cut_to
from selagg_core.prompt.words import Prompt

from .. import host
from ..families import read_prompt
from ..families.text_encoders import text_of
from .labels import LABELS, PROMPT_KEY

logger = logging.getLogger("selagg")


def encode_and_label(node: str, clip, text: str) -> tuple[list, Prompt]:
    """CONDITIONING as the host makes it, with its words, which are registered too."""
    if clip is None:
        raise ValueError(
            f"{node}: there is no CLIP. Connect the CLIP output of a checkpoint loader; if the checkpoint "
            "has none, load one with a CLIP loader."
        )
    conditioning, prompt, recoded = encode(clip, text)
    columns, _ = _columns(conditioning)
    if prompt is None:
        logger.warning("%s cannot tell the words of this text encoder apart yet.", node)
        return conditioning, Prompt(text, (), columns, tuple(range(columns)))
    for note in prompt.notes:
        logger.warning("%s: %s", node, note)
    for embedding, extra in conditioning:
        LABELS.register(prompt, text_of(embedding, extra), recoded)
    return [[embedding, {**extra, PROMPT_KEY: prompt}] for embedding, extra in conditioning], prompt


def encode(clip, text: str) -> tuple[list, Prompt | None, bool]:
    """CONDITIONING as the host makes it, its words, and whether the model is given other columns for it."""
    conditioning = host.encode_text(clip, text)
    columns, recoded = _columns(conditioning)
    prompt = read_prompt(clip, text)
    return conditioning, None if prompt is None else cut_to(prompt, columns), recoded


def _columns(conditioning: list) -> tuple[int, bool]:
    """Columns that the model will be given, and whether they are others than were encoded (Anima: T5's)."""
    embedding, extra = conditioning[0]
    ids = extra.get("t5xxl_ids")
    return (text_of(embedding, extra).shape[1], False) if ids is None else (len(ids), True)
