"""Wan 2.x: cross-attention to the columns of a UMT5 text, after the block's own pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selagg_core.prompt.words import Prompt

from .. import host
from ..host.models import uncompiled
from .family import Listener
from .heard import BlockSite, CrossReader, Transformer, is_kind
from .text_encoders import read_words


class Wan(Transformer):
    joint = False

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.wan.model", "WanModel")

    def blocks(self, network):
        yield "block", "double", len(network.blocks), int(network.num_heads)

    def patch(self, network) -> int:
        return int(network.patch_size[-1])

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        return CrossReader(sites, call, call.columns, listener)

    def asked_keys(self, network, site: BlockSite, text: torch.Tensor) -> torch.Tensor:
        attention = uncompiled(uncompiled(network.blocks[site.label[1]]).cross_attn)
        return attention.norm_k(attention.k(network.text_embedding(text)))

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "umt5xxl")
