"""Lumina 2, Neta and Z-Image: one stream of text and picture, each padded by the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from ..host.models import diffusion_model
from .family import context_of
from .heard import Arrangement, BlockSite, Transformer, is_kind
from .text_encoders import read_words


@dataclass(frozen=True)
class PaddedSite(BlockSite):
    """multiple: text and picture are each padded to a multiple of so many tokens."""

    multiple: int = 1

    def padded(self, tokens: int) -> int:
        return -(-tokens // self.multiple) * self.multiple


class Lumina(Transformer):
    """Refiners of text and of picture come first, and bear no labels."""

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.lumina.model", "NextDiT")

    def blocks(self, network):
        yield "block", "double", len(network.layers), int(network.n_heads)

    def sites(self, model) -> tuple[PaddedSite, ...]:
        multiple = getattr(diffusion_model(model), "pad_tokens_multiple", None) or 1
        return tuple(PaddedSite(**vars(site), multiple=multiple) for site in super().sites(model))

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        columns = sites[0].padded(call.columns)
        total = columns + sites[0].padded(cells)
        return Arrangement(slice(0, columns), slice(columns, columns + cells), total)

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        if context is None:
            return None
        return replace(EncodedText.of(context), length=sites[0].padded(context.shape[1]))

    def words(self, clip, text: str) -> Prompt | None:
        """Z-Image's encoder, which is klein's too; Lumina 2's; Neta's."""
        names = ("qwen3_4b", "qwen3_8b", "gemma2_2b", "gemma3_4b")
        return next((p for name in names if (p := read_words(clip, text, name)) is not None), None)
