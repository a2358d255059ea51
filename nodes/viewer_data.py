"""What viewer nodes hand to the browser: kept in memory within bounds, served by routes of this pack.

A route serves only what a node has put into the store, found by an unguessable id: no path, no file.  Nothing
is written to disk.  Maps of single heads stay in the capture, which the store does not keep alive.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from ..selagg_core.capture import Capture
from ..selagg_core.choosing import HeadSettings
from ..selagg_core.expectations import Expectations, expected_regions
from ..selagg_core.manifest import Text, head_sheets, manifest, maps_file, prepare, step_sheet, texts_of
from ..selagg_core.maps import HeadSelection
from ..selagg_core.overlay import png_bytes
from ..selagg_core.recipe import MapRecipe
from ..selagg_core.report import Report
from ..selagg_core.viewing import RunView, open_run
from . import host

logger = logging.getLogger("selagg")

KEY = "selagg"
PREFIX = "/selagg"
KEPT_BYTES = 96 * 1024 * 1024
GONE = "These maps are no longer kept: change something, such as the seed, and run the workflow again."
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
        count, (rows, columns) = self.latent.shape[0], self.latent.shape[-2:]
        try:
            # Only the shape of the pictures matters here.
            return texts_of(open_run(capture, self.latent, torch.zeros(count, rows, columns, 3)))
        except ValueError as error:
            raise ValueError(RECORDING_GONE) from error


@dataclass(frozen=True)
class StoredView:
    """What the browser may ask for. workflow: JSON of the graph as it was run, for saved pictures."""

    manifest: bytes
    pictures: tuple[bytes, ...]
    maps: bytes
    report: bytes
    workflow: bytes
    source: Source
    place: tuple[str, str] = ("", "")
    """The ids of the workflow and of the node."""

    @property
    def size(self) -> int:
        single = (self.manifest, self.maps, self.report, self.workflow)
        return sum(map(len, (*single, *self.pictures)))


@dataclass
class ViewStore:
    """The last views, the oldest forgotten beyond `limit` bytes. Safe to use from several threads."""

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
        with self._lock:
            return self._views.get(key)

    def forget(self, place: tuple[str, str]) -> None:
        """A node has run without a result: what it showed before is not its view any more."""
        with self._lock:
            for key in [key for key, view in self._views.items() if view.place == place]:
                del self._views[key]

    def last_of(self, place: tuple[str, str]) -> str | None:
        """The newest view of a node."""
        with self._lock:
            return next((key for key in reversed(self._views) if self._views[key].place == place), None)


#: Routes and nodes run in different threads of one server and share this, and nothing else.
VIEWS = ViewStore()


@dataclass(frozen=True)
class Asked:
    """Hidden inputs of a viewer node: which node ran, of which graph."""

    node: str | None = None
    prompt: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def place(self) -> tuple[str, str]:
        workflow = (self.extra or {}).get("workflow")
        name = workflow.get("id") if isinstance(workflow, Mapping) else None
        return str(name or ""), str(self.node or "")


HIDDEN = {"unique_id": "UNIQUE_ID", "graph": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def hand_over(
    view: RunView,
    capture: Capture,
    latent: torch.Tensor,
    settings: HeadSettings,
    asked: Asked,
    report: Report | None = None,
    expectations: Expectations | None = None,
) -> dict[str, list[Any]]:
    """The part of a node's `ui` by which the browser finds the view; {} where no browser could."""
    if host.server_routes() is None:
        return {}
    try:
        # What of the expectations cannot be used is in the report already.
        expected = expected_regions(
            expectations or Expectations(), view.prompts, len(view.pictures), view.size, []
        )
        shown = prepare(view, settings)
        body, maps = manifest(shown, report, expected), maps_file(shown)
    except ValueError as error:
        logger.warning(f"The viewer has nothing to show: {error}")
        return {}
    selections = tuple(choice.selections for choice in shown.chosen)
    stored = StoredView(
        manifest=json.dumps(body, allow_nan=False).encode(),
        pictures=tuple(png_bytes(picture) for picture in view.pictures),
        maps=maps,
        report=report.to_json().encode() if report is not None else b"",
        workflow=json.dumps({**(asked.extra or {}), "prompt": asked.prompt}).encode(),
        source=Source(weakref.ref(capture), latent.detach().cpu().clone(), selections, settings.recipe),
        place=asked.place,
    )
    return {KEY: [{"id": VIEWS.add(stored)}]}


def nothing(asked: Asked) -> dict[str, list[Any]]:
    """The part of a node's `ui` when it has nothing to show."""
    VIEWS.forget(asked.place)
    return {}


# ----------------------------------------------------------------------------------------------------
# Routes
# ----------------------------------------------------------------------------------------------------


def add_routes(routes, store: ViewStore) -> None:
    """Adds the routes of the viewer to the host's table; once, however often the pack is loaded."""
    from aiohttp import web

    if any(str(getattr(route, "path", "")).startswith(f"{PREFIX}/") for route in routes):
        return

    def data(body: bytes, kind: str) -> web.Response:
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=body, content_type=kind, headers=headers)

    def number(request, name: str) -> int:
        text = request.query.get(name, "")
        if not text.isdecimal() or len(text) > 9:
            raise ValueError(f"{name} must be a number.")
        return int(text)

    async def on_demand(request, work: Callable[[StoredView], Any]) -> web.Response:
        """What cannot be given is an answer like any other: the viewer says it, where it was asked for."""
        view = store.get(request.match_info["id"])
        try:
            if view is None:
                raise ValueError(GONE)
            body = await asyncio.get_running_loop().run_in_executor(None, work, view)
        except ValueError as error:
            return web.json_response({"error": str(error)})
        return web.json_response(body)

    @routes.get(f"{PREFIX}/last")
    async def last(request):
        place = request.query.get("workflow", ""), request.query.get("node", "")
        return web.json_response({"id": store.last_of(place) if all(place) else None})

    @routes.get(f"{PREFIX}/views/{{id}}")
    async def view(request):
        stored = store.get(request.match_info["id"])
        if stored is None:
            return web.json_response({"error": GONE})
        return data(stored.manifest, "application/json")

    @routes.get(f"{PREFIX}/views/{{id}}/heads")
    async def heads(request):
        def work(stored: StoredView) -> Any:
            texts = stored.source.texts()
            return head_sheets(texts[_within(texts, number(request, "text"))], *_of_picture(request, "word"))

        return await on_demand(request, work)

    @routes.get(f"{PREFIX}/views/{{id}}/steps")
    async def steps(request):
        def work(stored: StoredView) -> Any:
            texts = stored.source.texts()
            index, source = _within(texts, number(request, "text")), stored.source
            picture, step = _of_picture(request, "step")
            return step_sheet(texts[index], picture, step, source.selections[index], source.recipe)

        return await on_demand(request, work)

    def _of_picture(request, name: str) -> tuple[int, int]:
        return number(request, "picture"), number(request, name)

    def _within(texts, index: int) -> int:
        if index >= len(texts):
            raise ValueError(f"there is no text {index}.")
        return index

    @routes.get(f"{PREFIX}/views/{{id}}/pictures/{{number}}")
    async def picture(request):
        pictures, place = kept(request).pictures, request.match_info["number"]
        if not place.isdecimal() or int(place[:9]) >= len(pictures):
            raise web.HTTPNotFound
        return data(pictures[int(place[:9])], "image/png")

    def kept(request) -> StoredView:
        stored = store.get(request.match_info["id"])
        if stored is None:
            raise web.HTTPNotFound
        return stored

    @routes.get(f"{PREFIX}/views/{{id}}/maps")
    async def maps(request):
        return data(kept(request).maps, "application/octet-stream")

    @routes.get(f"{PREFIX}/views/{{id}}/report")
    async def report(request):
        return data(kept(request).report, "application/json")

    @routes.get(f"{PREFIX}/views/{{id}}/workflow")
    async def workflow(request):
        stored = store.get(request.match_info["id"])
        return data(stored.workflow if stored else b"{}", "application/json")


if (_routes := host.server_routes()) is not None:
    add_routes(_routes, VIEWS)
