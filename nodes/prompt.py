"""Nodes that make words of a prompt known: SelAgg Text Encode and SelAgg Prompt."""

from __future__ import annotations

from .recording.encode import encode_and_label
from .recording.offer import offer_prompt

_CLIP_TOOLTIP = "The CLIP text encoder of the checkpoint (after LoRA and Clip Skip, as for CLIP Text Encode)."
_TEXT_TOOLTIP = (
    "The prompt, in the syntax of CLIP Text Encode: weights (word:1.2), embedding:name, \\( and \\)."
)


_SECOND_TOOLTIP = (
    "Only for a prompt with a text for each text encoder: the text that {whom} gets. Not connected: the same "
    "as text."
)


class SelAggTextEncode:
    DESCRIPTION = (
        "Encodes a prompt exactly as CLIP Text Encode does, and tells SelAgg which part of the encoding "
        "belongs to which word. Use it in place of CLIP Text Encode."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["clip text encode", "attention", "heatmap", "daam"]
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
            },
            "optional": {
                "text_l": _second("CLIP-L (text_l, clip_l)"),
                "text_t5": _second("T5 (t5xxl)"),
            },
        }

    def read(self, text, clip, text_l=None, text_t5=None):
        own = {"l": text_l, "t5xxl": text_t5}
        return (
            offer_prompt("SelAgg Prompt", clip, text, {n: str(t) for n, t in own.items() if t is not None}),
        )


def _second(whom: str) -> tuple:
    """A text as a socket: one that is connected and empty is another than none."""
    return "STRING", {"forceInput": True, "tooltip": _SECOND_TOOLTIP.format(whom=whom)}


NODES: dict[str, type] = {"SelAggTextEncode": SelAggTextEncode, "SelAggPrompt": SelAggPrompt}
DISPLAY_NAMES: dict[str, str] = {"SelAggTextEncode": "SelAgg Text Encode", "SelAggPrompt": "SelAgg Prompt"}
