"""HunyuanDiT: cross-attention to the columns of CLIP, then those of mT5; it is given no options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from .exchanged import AlternatingReader, Exchanged
from .family import Listener, cond_of, context_of
from .heard import BlockSite, is_kind
from .text_encoders import in_one_text, joined, read_words

_T5 = "encoder_hidden_states_t5"


class HunyuanDiT(Exchanged):
    joint = False
    module = "comfy.ldm.hydit.attn_layers"

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.hydit.models", "HunYuanDiT")

    def blocks(self, network):
        yield "block", None, len(network.blocks), int(network.num_heads)

    def counted(self, sites: Sequence[BlockSite]) -> Mapping[str, int]:
        return {"double_block": 0}

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        second = call.conds.get(_T5)
        columns = call.columns + (0 if second is None else second.shape[1])
        return AlternatingReader(sites, call, columns, listener)

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        return None if context is None else EncodedText.of(in_one_text(context, cond_of(entry, _T5)))

    def words(self, clip, text: str) -> Prompt | None:
        """A word owns its columns of both encoders."""
        first = read_words(clip, text, "hydit_clip", beside=("mt5xl",))
        second = read_words(clip, text, "mt5xl", beside=("hydit_clip",))
        return None if first is None or second is None else joined(first, second)
