"""PixArt Alpha and Sigma: cross-attention to the columns of a T5 text."""

from __future__ import annotations

from collections.abc import Sequence

from .. import host
from .exchanged import AlternatingReader, Exchanged
from .family import Listener
from .heard import BlockSite, heads_in, is_kind


class PixArt(Exchanged):
    joint = False
    module = "comfy.ldm.pixart.blocks"

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.pixart.pixartms", "PixArtMS")

    def blocks(self, network):
        yield "block", None, len(network.blocks), heads_in(network.blocks[0], "cross_attn", "num_heads")

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        return AlternatingReader(sites, call, call.columns, listener)
