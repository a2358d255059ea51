"""Transformers of no known family, where their attention calls have the shape of text and picture joined."""

from __future__ import annotations

from collections.abc import Sequence

from selagg_core.prompt.messages import message

from .. import host
from .family import AttentionReading, Listener
from .heard import BlockSite, JointReader, Transformer
from .override import Heard

#: How networks call their lists of blocks, and what people call a block of them.
_LISTS = (
    ("double_blocks", "double block"),
    ("double_stream_blocks", "double block"),
    ("double_layers", "double block"),
    ("joint_blocks", "double block"),
    ("single_blocks", "single block"),
    ("single_stream_blocks", "single block"),
    ("single_layers", "single block"),
    ("transformer_blocks", "block"),
    ("layers", "block"),
    ("blocks", "block"),
)
_HEADS = ("num_heads", "n_heads", "heads", "num_attention_heads")
_PATCH = ("patch_size", "patch", "patch_spatial")
#: What cannot be told from the shape of a call.
GUESSED = message("guessed")


class Unknown(Transformer):
    """Recorded where a call has as many tokens as text and picture together, and nothing else; says so."""

    guessed = True

    def is_own(self, network) -> bool:
        return _first(network, _HEADS) > 0 and _first(network, _PATCH) > 0 and any(self.blocks(network))

    def blocks(self, network):
        for name, called in _LISTS:
            count = len(getattr(network, name, None) or ())
            if count:
                yield called, None, count, _first(network, _HEADS)

    def patch(self, network) -> int:
        return _first(network, _PATCH)

    def reader(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        return _ShapeReader(self, sites, call, listener)


class _ShapeReader(JointReader):
    """Counts the calls that have the shape of a joint call."""

    def __call__(self, heard: Heard) -> AttentionReading | None:
        references = sum(heard.labels.get("reference_image_num_tokens") or ())
        tokens = self._tokens.image.stop + self._later_frames + references
        if not heard.q.shape[2] == heard.k.shape[2] == tokens:
            return None
        self._listener.notice(GUESSED)
        return super().__call__(heard)

    def site(self, heard: Heard) -> BlockSite | None:
        self.next += 1
        return self._order[self.next - 1] if self.next <= len(self._order) else None


def _first(network, names: Sequence[str]) -> int:
    """The first of these attributes as a number; 0: there is none."""
    for name in names:
        value = getattr(network, name, None)
        if isinstance(value, (tuple, list)) and value:
            value = value[-1]
        if isinstance(value, int):
            return value
    return 0
