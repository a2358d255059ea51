"""Nodes that make words of a prompt known: SelAgg Text Encode and SelAgg Prompt."""

from __future__ import annotations

import logging

from ..selagg_core.prompt import Prompt, merge_parallel, prompt_from_tokens
from . import host
from .recorder import LABELS, PROMPT_KEY

logger = logging.getLogger("selagg")

_CLIP_TOOLTIP = "The CLIP text encoder of the checkpoint (after LoRA and Clip Skip, as for CLIP Text Encode)."
_TEXT_TOOLTIP = (
    "The prompt, in the syntax of CLIP Text Encode: weights (word:1.2), embedding:name, \\( and \\)."
)


def read_prompt(clip, text: str) -> Prompt | None:
    """The words of a text and their columns; None for text encoders that are not CLIP."""
    streams = host.token_streams(clip, text)
    if not streams:
        return None
    return merge_parallel(
        [prompt_from_tokens(text, s.chunks, s.vocabulary, s.embedding_width) for s in streams]
    )


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


class SelAggTextEncode:
    DESCRIPTION = (
        "Encodes a prompt exactly as CLIP Text Encode does, and tells SelAgg which part of the encoding "
        "belongs to which word. Use it in place of CLIP Text Encode."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["clip text encode", "prompt", "attention", "heatmap", "daam"]
    FUNCTION = "encode"
    RETURN_TYPES = ("CONDITIONING", "SELAGG_PROMPT")
    RETURN_NAMES = ("conditioning", "prompt")
    OUTPUT_TOOLTIPS = (
        "The encoded prompt, for a sampler; the same as from CLIP Text Encode.",
        "The words of the prompt, for SelAgg Diagnose and SelAgg Heatmaps.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "text": ("STRING", {"multiline": True, "dynamicPrompts": True, "tooltip": _TEXT_TOOLTIP}),
                "clip": ("CLIP", {"tooltip": _CLIP_TOOLTIP}),
            }
        }

    def encode(self, text, clip):
        return encode_and_label("SelAgg Text Encode", clip, text)


class SelAggPrompt:
    DESCRIPTION = (
        "Names the words of a prompt that another node encodes (CLIP Text Encode, for example): give it the "
        "same CLIP and the same text. It changes nothing in the picture."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["prompt words", "attention", "heatmap", "daam", "tokens"]
    FUNCTION = "read"
    RETURN_TYPES = ("SELAGG_PROMPT",)
    RETURN_NAMES = ("prompt",)
    OUTPUT_TOOLTIPS = ("The words of the prompt, for SelAgg Diagnose and SelAgg Heatmaps.",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "text": ("STRING", {"multiline": True, "dynamicPrompts": True, "tooltip": _TEXT_TOOLTIP}),
                "clip": ("CLIP", {"tooltip": _CLIP_TOOLTIP}),
            }
        }

    def read(self, text, clip):
        return (encode_and_label("SelAgg Prompt", clip, text)[1],)


NODES: dict[str, type] = {"SelAggTextEncode": SelAggTextEncode, "SelAggPrompt": SelAggPrompt}
DISPLAY_NAMES: dict[str, str] = {"SelAggTextEncode": "SelAgg Text Encode", "SelAggPrompt": "SelAgg Prompt"}
