"""Qwen-Image (2512, Edit and their kin) and Mage-Flow: text first, then picture, then reference pictures."""

from __future__ import annotations

from selagg_core.prompt.words import Prompt

from .heard import Transformer, heads_in, is_kind
from .text_encoders import read_words


class QwenImage(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.qwen_image.model", "QwenImageTransformer2DModel") or is_kind(
            network, "ldm.mage_flow.model", "MageFlowTransformer2DModel"
        )

    def blocks(self, network):
        blocks = network.transformer_blocks
        yield "double block", "double", len(blocks), heads_in(blocks[0], "attn", "heads")

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen25_7b")
