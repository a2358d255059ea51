"""Networks that hand the host's attention no options, so that no override is asked.

For the length of a call the function that their module calls is one that tells, and then does what it did.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager

from .. import host
from .family import CHANGE, AttentionChange, AttentionReading, Listener
from .heard import UNKNOWN_TOKENS, BlockSite, Transformer, counting, picture_grid
from .override import Heard, Unheard, changing, override

_FUNCTION = "optimized_attention"


class Exchanged(Transformer):
    """A family whose module's attention function is exchanged.  A subclass names the module."""

    module = ""

    @contextmanager
    def hooked(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        reader = self.reader(sites, call, listener)
        with _in_place_of(self.module, override(reader, None, listener)):
            yield {**call.options, **counting(call, reader, self.counted(sites))}

    @contextmanager
    def changed(self, sites: Sequence[BlockSite], call: host.ModelCall, change: AttentionChange):
        reader = self.reader(sites, call, Unheard(change))
        with _in_place_of(self.module, changing(reader, None, change)):
            yield {**call.options, CHANGE: change, **counting(call, reader, self.counted(sites))}


@contextmanager
def _in_place_of(name: str, attend: Callable):
    """For a while the attention function of a module is one that hands it to `attend`."""
    module = importlib.import_module(name)
    own = getattr(module, _FUNCTION)

    def instead(*args, **kwargs):
        return attend(own, *args, **kwargs)

    instead.changes_attention = getattr(attend, "changes_attention", False)  # type: ignore[attr-defined]
    setattr(module, _FUNCTION, instead)
    try:
        yield
    finally:
        setattr(module, _FUNCTION, own)


class AlternatingReader:
    """Readings of one model call in which every block calls twice: for the picture itself, then for the text.

    columns: of the text, in all.  next: the number of the next block; who replaces whole blocks sets it.
    """

    def __init__(self, sites: Sequence[BlockSite], call: host.ModelCall, columns: int, listener: Listener):
        self._sites, self._calls = tuple(sites), 0  # calls: two for each block
        self._columns, self._listener = columns, listener
        self._grid = picture_grid(sites[0], call)

    @property
    def next(self) -> int:
        return self._calls // 2

    @next.setter
    def next(self, block: int) -> None:
        self._calls = 2 * block

    def __call__(self, heard: Heard) -> AttentionReading | None:
        block, of_text = divmod(self._calls, 2)
        self._calls += 1
        if not of_text or block >= len(self._sites):
            return None
        site = self._sites[block]
        if heard.k.shape[2] != self._columns or heard.q.shape[1] != site.heads:
            self._listener.missed(site.layer, UNKNOWN_TOKENS)
            return None
        return AttentionReading(site.layer, heard.q, heard.k, self._grid, v=heard.v)
