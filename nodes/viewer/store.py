"""Views kept in memory within bounds, each under an id that cannot be guessed."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from selagg_core.maps.heads import HeadSelection
from selagg_core.maps.recipe import MapRecipe
from selagg_core.recording.capture import Capture
from selagg_core.report.shown import Text, texts_of

KEPT_BYTES = 96 * 1024 * 1024
GONE = "These maps are no longer kept. Run the workflow again; if nothing happens, change its seed first."
RECORDING_GONE = (
    "The recording of this run is no longer in memory, so single heads and steps cannot be shown: change "
    "something, such as the seed, and run the workflow again."
)


@dataclass(frozen=True)
class Source:
    """Where a shown run came from, without keeping its recording alive."""

    capture: weakref.ReferenceType[Capture]
    latent: torch.Tensor
    selections: tuple[tuple[HeadSelection, ...], ...]
    """The heads of each word of each text. Not the settings: they may hold on to a CLIP."""
    recipe: MapRecipe

    def texts(self) -> tuple[Text, ...]:
        """Raises ValueError if the recording is gone."""
        capture = self.capture()
        if capture is None:
            raise ValueError(RECORDING_GONE)
        try:
            return texts_of(capture.recording_for(self.latent), self.latent.shape[0])
        except ValueError as error:
            raise ValueError(RECORDING_GONE) from error


@dataclass(frozen=True)
class StoredView:
    """What the browser may ask for. workflow: JSON of the graph as it was run, for saved pictures.

    sheets: JSON of the maps of all words, by picture, text and mode ("0/1/all").
    """

    manifest: bytes
    pictures: tuple[bytes, ...]
    sheets: Mapping[str, bytes]
    maps: bytes
    report: bytes
    workflow: bytes
    source: Source

    @property
    def size(self) -> int:
        single = (self.manifest, self.maps, self.report, self.workflow)
        return sum(map(len, (*single, *self.pictures, *self.sheets.values())))


@dataclass
class ViewStore:
    """The last views, the oldest forgotten beyond `limit` bytes. Safe to use from several threads.

    Nothing but its id leads to a view: names of workflows and nodes are no secrets, for artists share them.
    """

    limit: int = KEPT_BYTES
    _views: OrderedDict[str, StoredView] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, view: StoredView) -> str:
        """The id under which it can be asked for."""
        key = secrets.token_hex(16)
        with self._lock:
            self._views[key] = view
            while len(self._views) > 1 and sum(kept.size for kept in self._views.values()) > self.limit:
                self._views.popitem(last=False)
        return key

    def get(self, key: str) -> StoredView | None:
        """The view; what is asked for is forgotten after what nobody looks at."""
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
            return self._views.get(key)

    def holds(self, key: str) -> bool:
        with self._lock:
            return key in self._views


#: Routes and nodes run in different threads of one server and share this, and nothing else.
VIEWS = ViewStore()
