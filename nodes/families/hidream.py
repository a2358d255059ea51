"""HiDream-I1 and E1: the picture (E1: beside the one that it changes), then columns of T5 and llama."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from selagg_core.prompt.messages import message
from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from .family import Listener, cond_of, context_of
from .heard import Arrangement, JointReader, Transformer, is_kind
from .override import Unheard
from .text_encoders import read_words, shared, with_llama

_LLAMA = "encoder_hidden_states_llama3"
_BESIDE = message("beside")


class _PairReader(JointReader):
    """Readings where the picture that is changed stands beside the one that is made, row by row."""

    def __init__(self, family: Transformer, sites: Sequence[Any], call: host.ModelCall, listener: Listener):
        super().__init__(family, sites, call, listener)
        height, width = self._grid
        row = width + call.conds["image_cond"].shape[-1] // sites[0].cell
        columns = self._tokens.text.stop - self._tokens.text.start
        pair = height * row
        given = torch.arange(pair, device=call.x.device).unflatten(0, (height, row))[:, width:].flatten()
        text = slice(pair, pair + columns)
        self._tokens = Arrangement(text, slice(0, pair), pair + columns, given, row)


class HiDream(Transformer):
    """Its text: columns of T5, of llama's last layer, and of the layer of llama that is a block's own."""

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.hidream.model", "HiDreamImageTransformer2DModel")

    def blocks(self, network):
        heads = int(network.num_attention_heads)
        yield "double block", None, len(network.double_stream_blocks), heads
        yield "single block", None, len(network.single_stream_blocks), heads

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        states = call.conds.get(_LLAMA)
        columns = call.columns + 2 * (0 if states is None else states.shape[-2])
        return Arrangement(slice(cells, cells + columns), slice(0, cells))

    def reader(self, sites: Sequence[Any], call: host.ModelCall, listener: Listener):
        reader = super().reader(sites, call, listener)
        if call.conds.get("image_cond") is None:
            return reader
        # What changes attention takes the picture's queries for a range.
        if isinstance(listener, Unheard) or call.x.shape[-1] % sites[0].cell:
            listener.notice(_BESIDE)
            return reader
        return _PairReader(self, sites, call, listener)

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        states = cond_of(entry, _LLAMA)
        if context is None or states is None:
            return None
        return EncodedText.of(with_llama(context, states))

    def words(self, clip, text: str) -> Prompt | None:
        """A word owns its columns of T5, and those of llama in both places."""
        beside = ("l", "g", "t5xxl", "llama")
        t5 = read_words(clip, text, "t5xxl", beside)
        llama = read_words(clip, text, "llama", beside)
        if t5 is None or llama is None:
            return None
        return shared(llama.moved(t5.length), t5, llama.moved(t5.length + llama.length))
