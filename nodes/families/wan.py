"""Wan 2.x: cross-attention to the columns of a UMT5 text, after the block's own pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.prompt.words import Prompt

from .. import host
from ..host.models import diffusion_model, uncompiled
from .family import Listener
from .heard import BlockSite, CrossReader, Transformer, is_kind
from .text_encoders import read_words

#: What the host calls pictures and videos to go by that lie behind the video.
_BEHIND = ("time_dim_concat", "context_latents")


@dataclass(frozen=True)
class WanSite(BlockSite):
    """references: a picture to go by lies before the video, where one is given."""

    references: bool = False


class Wan(Transformer):
    joint = False

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.wan.model", "WanModel")

    def blocks(self, network):
        yield "block", "double", len(network.blocks), int(network.num_heads)

    def patch(self, network) -> int:
        return int(network.patch_size[-1])

    def sites(self, model) -> tuple[WanSite, ...]:
        references = getattr(diffusion_model(model), "ref_conv", None) is not None
        return tuple(WanSite(**vars(site), references=references) for site in super().sites(model))

    def reader(self, sites: Sequence[Any], call: host.ModelCall, listener: Listener):
        before = self._tokens(sites[0], call.conds.get("reference_latent")) if sites[0].references else 0
        behind = sum(self._tokens(sites[0], call.conds.get(name)) for name in _BEHIND)
        return CrossReader(sites, call, call.columns, listener, (before, behind))

    @staticmethod
    def _tokens(site: BlockSite, given) -> int:
        """Cells of a picture, or of a list of pictures or videos, to go by."""
        pictures = given if isinstance(given, (list, tuple)) else () if given is None else (given,)
        frames = (x.shape[2] if x.ndim == 5 else 1 for x in pictures)
        return sum(n * math.prod(site.grid(x.shape[-2:])) for n, x in zip(frames, pictures, strict=True))

    def asked_keys(self, network, site: BlockSite, text: torch.Tensor) -> torch.Tensor:
        attention = uncompiled(uncompiled(network.blocks[site.label[1]]).cross_attn)
        return attention.norm_k(attention.k(network.text_embedding(text)))

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "umt5xxl")
