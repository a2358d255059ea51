"""HiDream-I1: the picture, then the columns of T5 and of llama."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selagg_core.prompt.messages import message
from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from .family import Listener, cond_of, context_of
from .heard import Arrangement, Transformer, is_kind
from .text_encoders import read_words, shared, with_llama

_LLAMA = "encoder_hidden_states_llama3"
_BESIDE = message("beside")


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
        if call.conds.get("image_cond") is not None:
            listener.notice(_BESIDE)
        return super().reader(sites, call, listener)

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
