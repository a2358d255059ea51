"""Kandinsky 5: cross-attention to the columns of a Qwen text, after the block's own pixels."""

from __future__ import annotations

from collections.abc import Sequence

from selagg_core.prompt.words import Prompt

from .. import host
from .family import Listener
from .heard import BlockSite, CrossReader, Transformer, heads_in, is_kind
from .text_encoders import read_words


class Kandinsky5(Transformer):
    joint = False

    @property
    def asks_words_alone(self) -> bool:
        """Its refiners of the text know the step."""
        return False

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.kandinsky5.model", "Kandinsky5")

    def blocks(self, network):
        blocks = network.visual_transformer_blocks
        yield "block", "double", len(blocks), heads_in(blocks[0], "cross_attention", "num_heads")

    def patch(self, network) -> int:
        return int(network.patch_size[-1])

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        return CrossReader(sites, call, call.columns, listener)

    def words(self, clip, text: str) -> Prompt | None:
        """Those of Qwen: CLIP gives no columns here."""
        return read_words(clip, text, "qwen25_7b", beside=("l",))
