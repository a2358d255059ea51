"""Head relevances that ship with the pack, and what must be said when one is transferred."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..prompt.messages import message
from ..recording.layout import HeadLayout
from .relevance import HeadRelevance

PUBLISHED = ("sd14", "sdxl")
"""Presets made from published data."""
PRESETS = (*PUBLISHED, "demo")
SHIPPED_MODEL = "SelAgg demo model"
"""The one model whose preset was measured on the very weights that it is used with."""
PRESET_FOLDER = Path(__file__).resolve().parents[1] / "presets"


@cache
def load_preset(name: str) -> HeadRelevance:
    """A relevance that ships with the pack: one of PRESETS. Raises ValueError for another name."""
    if name not in PRESETS:
        raise ValueError(f'There is no preset "{name[:40]}"; choose one of {", ".join(PRESETS)}.')
    return HeadRelevance.load(PRESET_FOLDER / f"{name}.safetensors")


def preset_for(layout: HeadLayout, context_width: int) -> HeadRelevance | None:
    """The preset for a model with these heads and this width of text encoding; None if there is none.

    The width keeps apart models with the same heads: 768 is SD1.x, 2048 SDXL, 96 the demo model. Fine-tunes
    of these cannot be told apart, nor other models trained from nothing in the same shape: see
    `transfer_notice`.
    """
    presets = (load_preset(name) for name in PRESETS)
    return next((p for p in presets if p.layout == layout and p.context_width == context_width), None)


def transfer_notice(relevance: HeadRelevance) -> str:
    """What the artist should know when a preset is used on a checkpoint of the same architecture.

    Nothing ("") where the checkpoint is the one that the preset was measured on.
    """
    if relevance.base_model == SHIPPED_MODEL:
        return ""
    return message("transferred", model=relevance.base_model)
