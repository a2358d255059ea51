"""Model families: where a network attends from picture to text, and what its text encoder calls a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selagg_core.prompt.words import Prompt

from .aura_flow import AuraFlow
from .cosmos import Cosmos
from .ernie import Ernie
from .family import AttentionReading, AttentionSite, ModelFamily
from .flux import Flux
from .hidream import HiDream
from .hunyuan_dit import HunyuanDiT
from .hunyuan_video import Hunyuan
from .ideogram4 import Ideogram4
from .kandinsky5 import Kandinsky5
from .krea2 import Krea2
from .lumina import Lumina
from .omnigen2 import Boogu, OmniGen2
from .picture_first import JoyImage, Lens
from .pixart import PixArt
from .qwen_image import QwenImage
from .sd3 import SD3
from .unet import UNet
from .unknown import Unknown
from .wan import Wan

#: A new family is a file in this folder, and its name here.
FAMILIES: tuple[ModelFamily[Any], ...] = (
    UNet(), Flux(), Lumina(), QwenImage(), Krea2(), Cosmos(), SD3(), Wan(), PixArt(),
    HunyuanDiT(), Ernie(), AuraFlow(), Hunyuan(), Lens(), JoyImage(), HiDream(), OmniGen2(), Boogu(),
    Ideogram4(), Kandinsky5(), Unknown(),
)  # fmt: skip


def family_of(model) -> tuple[ModelFamily[Any], tuple[AttentionSite, ...]] | None:
    """The family of a ModelPatcher and the layers that it can record; None for an unknown kind of model."""
    for family in FAMILIES:
        sites = family.sites(model)
        if sites:
            return family, tuple(sites)
    return None


def read_prompt(clip, text: str) -> Prompt | None:
    """The words of a text and their columns; None for text encoders of no known kind."""
    return next((p for family in FAMILIES if (p := family.words(clip, text)) is not None), None)


def read_texts(clip, texts: Mapping[str, str], columns: int) -> Prompt | None:
    """The words of texts, one for each encoder, whose columns follow each other; None for other encoders.

    Families of such encoders alone have `words_of_texts`.  columns: of the conditioning that the texts give.
    """
    readers = (getattr(family, "words_of_texts", None) for family in FAMILIES)
    return next((p for read in readers if read and (p := read(clip, texts, columns)) is not None), None)


__all__ = [
    "FAMILIES",
    "AttentionReading",
    "AttentionSite",
    "ModelFamily",
    "family_of",
    "read_prompt",
    "read_texts",
]
