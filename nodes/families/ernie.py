"""ERNIE-Image: one stream of picture and text, whose attention is given no options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selagg_core.prompt.words import Prompt

from .. import host
from .exchanged import Exchanged
from .heard import Arrangement, is_kind
from .text_encoders import read_words


class Ernie(Exchanged):
    module = "comfy.ldm.ernie.model"

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.ernie.model", "ErnieImageModel")

    def blocks(self, network):
        yield "block", None, len(network.layers), int(network.num_heads)

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        """The picture, then the text."""
        return Arrangement(slice(cells, cells + call.columns), slice(0, cells))

    def words(self, clip, text: str) -> Prompt | None:
        return read_words(clip, text, "ministral3_3b")
