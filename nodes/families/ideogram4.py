"""Ideogram 4: one stream of text and picture; without a text it runs on the picture alone."""

from __future__ import annotations

from selagg_core.prompt.words import Prompt

from .heard import Transformer, is_kind
from .text_encoders import read_words


class Ideogram4(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.ideogram4.model", "Ideogram4Transformer2DModel")

    def blocks(self, network):
        yield "block", None, len(network.layers), int(network.layers[0].attention.num_heads)

    def patch(self, network) -> int:
        """Its latents are of patches already."""
        return 1

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen3vl_8b")
