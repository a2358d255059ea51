"""PixArt Alpha and Sigma: cross-attention to the columns of a T5 text.

These networks hand the host's attention no options, so no override is asked: for the length of a call the
function that their module calls is one that tells, and then does what it did.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager

from .. import host
from .family import CHANGE, AttentionChange, AttentionReading, Listener
from .heard import BlockSite, Transformer, heads_in, is_kind, picture_grid
from .override import Heard, Unheard, changing, override

_MODULE = "comfy.ldm.pixart.blocks"
_FUNCTION = "optimized_attention"


class PixArt(Transformer):
    joint = False

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.pixart.pixartms", "PixArtMS")

    def blocks(self, network):
        yield "block", None, len(network.blocks), heads_in(network.blocks[0], "cross_attn", "num_heads")

    @contextmanager
    def hooked(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        with _in_place_of(override(_AlternatingReader(sites, call, listener), None, listener)):
            yield call.options

    @contextmanager
    def changed(self, sites: Sequence[BlockSite], call: host.ModelCall, change: AttentionChange):
        with _in_place_of(changing(_AlternatingReader(sites, call, Unheard(change)), None, change)):
            yield {**call.options, CHANGE: change}


@contextmanager
def _in_place_of(attend: Callable):
    """For a while the module's attention function is one that hands it to `attend`."""
    module = importlib.import_module(_MODULE)
    own = getattr(module, _FUNCTION)

    def instead(*args, **kwargs):
        return attend(own, *args, **kwargs)

    instead.changes_attention = getattr(attend, "changes_attention", False)  # type: ignore[attr-defined]
    setattr(module, _FUNCTION, instead)
    try:
        yield
    finally:
        setattr(module, _FUNCTION, own)


class _AlternatingReader:
    """Every block calls twice: for the picture itself, then for the text."""

    def __init__(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        self._sites, self._calls = tuple(sites), 0
        self._columns = call.columns
        self._grid = picture_grid(sites[0], call, listener)

    def __call__(self, heard: Heard) -> AttentionReading | None:
        block, of_text = divmod(self._calls, 2)
        self._calls += 1
        if not of_text or block >= len(self._sites) or heard.k.shape[2] != self._columns:
            return None
        return AttentionReading(self._sites[block].layer, heard.q, heard.k, self._grid, v=heard.v)
