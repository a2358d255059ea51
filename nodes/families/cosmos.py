"""Cosmos-Predict2 and Anima: cross-attention to the columns of a T5 text."""

from __future__ import annotations

from collections.abc import Sequence

from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from .family import Listener, context_of
from .heard import BlockSite, CrossReader, Transformer, heads_in, is_kind
from .text_encoders import read_words


class Cosmos(Transformer):
    """A block attends to its own pixels, then to the text."""

    joint = False

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.cosmos.predict2", "MiniTrainDIT")

    def blocks(self, network):
        yield "block", None, len(network.blocks), heads_in(network.blocks[0], "cross_attn", "n_heads")

    def patch(self, network) -> int:
        return int(network.patch_spatial)

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        return CrossReader(sites, call, call.columns, listener)

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        """Anima's network is not given the text that was encoded, but one of T5's tokens, padded to 512."""
        context, ids = context_of(entry), genuine.get("t5xxl_ids")
        if context is None:
            return None
        if ids is None or genuine.get("cross_attn") is None:
            return EncodedText.of(context)
        return EncodedText(genuine["cross_attn"], min(len(ids), context.shape[1]), context.shape[1])

    def words(self, clip, text: str) -> Prompt | None:
        """Those of T5: Qwen's states are read through its positions."""
        return read_words(clip, text, "t5xxl", beside=("qwen3_06b",))
