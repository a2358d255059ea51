"""Krea 2: one stream of text, picture and reference pictures."""

from __future__ import annotations

from selagg_core.prompt.words import Prompt

from .heard import Transformer, is_kind
from .text_encoders import read_words


class Krea2(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.krea2.model", "SingleStreamDiT")

    def blocks(self, network):
        yield "single block", "single", len(network.blocks), int(network.heads)

    def patch(self, network) -> int:
        return int(network.patch)

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen3vl_4b")
