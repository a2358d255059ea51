"""Views kept in memory within bounds, each under an id that cannot be guessed."""

from __future__ import annotations

import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from selagg_core.maps.heads import HeadSelection
from selagg_core.maps.recipe import MapRecipe
from selagg_core.prompt.messages import message
from selagg_core.recording.capture import Capture
from selagg_core.report.shown import Text, texts_of

KEPT_BYTES = 96 * 1024 * 1024
GONE = message("view_gone")
RECORDING_GONE = message("recording_gone")


@dataclass(frozen=True)
class Source:
    """Where a shown run came from, without keeping its recording alive."""

    capture: weakref.ReferenceType[Capture]
    latent: torch.Tensor
    selections: tuple[tuple[HeadSelection, ...], ...]
    """The heads of each word of each text. Not the settings: they may hold on to a CLIP."""
    recipe: MapRecipe
    pictures: int = 0
    """Of the view: frames of a video among them; 0: as many as the latent has."""

    def texts(self) -> tuple[Text, ...]:
        """Raises ValueError if the recording is gone."""
        capture = self.capture()
        if capture is None:
            raise ValueError(RECORDING_GONE)
        try:
            recording, pictures = capture.recording_for(self.latent), self.pictures or self.latent.shape[0]
            if pictures == self.latent.shape[0]:  # of every video one picture
                recording = recording.first_frames()
            return texts_of(recording, pictures)
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
    place: tuple[str, str] = ("", "")
    """The ids of the workflow and of the node: what a newer view of the same node replaces goes first."""

    @property
    def size(self) -> int:
        return self.own_size + sum(map(len, self.pictures))

    @property
    def own_size(self) -> int:
        """Bytes without the pictures, which views of one run share."""
        return sum(map(len, (self.manifest, self.maps, self.report, self.workflow, *self.sheets.values())))


@dataclass
class ViewStore:
    """The last views within `limit` bytes: what its node shows no more goes first, then the oldest.

    Nothing but its id leads to a view: names of workflows and nodes are no secrets, for artists share them.
    Safe to use from several threads.
    """

    limit: int = KEPT_BYTES
    _views: OrderedDict[str, StoredView] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, view: StoredView) -> str:
        """The id under which it can be asked for."""
        key = secrets.token_hex(16)
        with self._lock:
            self._views[key] = self._sharing(view)
            while len(self._views) > 1 and self._bytes() > self.limit:
                del self._views[self._first_to_go()]
        return key

    def _sharing(self, view: StoredView) -> StoredView:
        """The view with the pictures that another one has as well: several nodes show the same run."""
        known = {picture: picture for kept in self._views.values() for picture in kept.pictures}
        return replace(view, pictures=tuple(known.get(picture, picture) for picture in view.pictures))

    def _bytes(self) -> int:
        """What all views take, shared pictures once."""
        pictures = {id(picture): len(picture) for kept in self._views.values() for picture in kept.pictures}
        return sum(kept.own_size for kept in self._views.values()) + sum(pictures.values())

    def _first_to_go(self) -> str:
        """The oldest view that its node shows no more; else the oldest. Never the newest."""
        *older, _newest = self._views
        last = {view.place: key for key, view in self._views.items()}
        shown = {key for place, key in last.items() if all(place)}
        return next((key for key in older if key not in shown), older[0])

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
