"""AuraFlow: tokens of the network itself, the text, then the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selagg_core.prompt.columns import OTHER
from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from ..host.models import diffusion_model
from .family import context_of
from .heard import Arrangement, BlockSite, Transformer, heads_in, is_kind
from .text_encoders import read_words


@dataclass(frozen=True)
class RegisterSite(BlockSite):
    """registers: tokens of the network itself in front of the text, which nobody wrote."""

    registers: int = 0


class AuraFlow(Transformer):
    """The host names no blocks: they are counted, past those that another pack leaves out."""

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.aura.mmdit", "MMDiT")

    def blocks(self, network):
        double, single = network.double_layers, network.single_layers
        heads = heads_in((*double, *single)[0], "attn", "n_heads")
        yield "double block", None, len(double), heads
        yield "single block", None, len(single), heads

    def sites(self, model) -> tuple[RegisterSite, ...]:
        registers = getattr(diffusion_model(model), "register_tokens", None)
        count = 0 if registers is None else int(registers.shape[1])
        return tuple(RegisterSite(**vars(site), registers=count) for site in super().sites(model))

    def counted(self, sites: Sequence[BlockSite]) -> Mapping[str, int]:
        double = sum(site.layer.block == "double block" for site in sites)
        return {"double_block": 0, "single_block": double}

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        columns = sites[0].registers + call.columns
        return Arrangement(slice(0, columns), slice(columns, columns + cells))

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        if context is None:
            return None
        registers, columns = sites[0].registers, context.shape[1]
        return EncodedText(context, columns, registers + columns, registers, beside=OTHER)

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "pile_t5xl")
