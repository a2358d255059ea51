"""OmniGen 2 and Boogu: the text, reference pictures, then the picture; refiners of each come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selagg_core.prompt.words import Prompt

from .. import host
from .heard import Arrangement, Transformer, between, heads_in, is_kind, reference_tokens
from .text_encoders import read_words


class OmniGen2(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.omnigen.omnigen2", "OmniGen2Transformer2DModel")

    def blocks(self, network):
        yield "block", None, len(network.layers), heads_in(network.layers[0], "attn", "heads")

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        start = call.columns + reference_tokens(call, sites[0].cell)
        reference = between(call.columns, start)
        return Arrangement(slice(0, call.columns), slice(start, start + cells), start + cells, reference)

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen25_3b")


class Boogu(OmniGen2):
    """Its double blocks attend once to both, and once to the picture alone."""

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.boogu.model", "BooguTransformer2DModel")

    def blocks(self, network):
        double, single = network.double_stream_layers, network.single_stream_layers
        heads = heads_in(single[0], "attn", "heads")
        yield "double block", None, len(double), heads
        yield "single block", None, len(single), heads

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "qwen3vl_8b")
