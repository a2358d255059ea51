"""Lens and JoyImage: the picture first, then reference pictures, then the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selagg_core.prompt.words import Prompt

from .. import host
from .heard import Arrangement, Transformer, between, frames_of, heads_in, is_kind, reference_tokens
from .text_encoders import read_words


class Lens(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.lens.model", "LensTransformer2DModel")

    def blocks(self, network):
        blocks = network.transformer_blocks
        yield "double block", "double", len(blocks), heads_in(blocks[0], "attn", "heads")

    def patch(self, network) -> int:
        """Its latents are of patches already."""
        return 1

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        return Arrangement(slice(cells, cells + call.columns), slice(0, cells))

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "gpt_oss")


class JoyImage(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.joyimage.model", "JoyImageTransformer3DModel")

    def blocks(self, network):
        blocks = network.double_blocks
        yield "double block", "double", len(blocks), heads_in(blocks[0], "attn", "num_attention_heads")

    def patch(self, network) -> int:
        return int(network.patch_size[-1])

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        first = cells * frames_of(call)
        start = first + reference_tokens(call, sites[0].cell)
        total = start + call.columns
        return Arrangement(slice(start, total), slice(0, cells), total, between(first, start))

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen3vl_8b")
