"""Routes: a view is served only under its id; no path, no file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from selagg_core.prompt.messages import said_of, why
from selagg_core.repair.from_report import of_one_finding
from selagg_core.report.manifest import head_sheets, step_sheet
from selagg_core.report.report import Report

from .store import GONE, StoredView, ViewStore

logger = logging.getLogger("selagg")
PREFIX = "/selagg"


def add_routes(routes, store: ViewStore) -> None:
    """Adds the routes of the viewer to the host's table; once, however often the pack is loaded."""
    from aiohttp import web

    if any(str(getattr(route, "path", "")).startswith(f"{PREFIX}/") for route in routes):
        return

    def data(body: bytes, kind: str) -> web.Response:
        headers = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        response = web.Response(body=body, content_type=kind, headers=headers)
        if kind == "application/json":
            response.enable_compression()
        return response

    def number(request, name: str) -> int:
        text = request.query.get(name, "")
        if not text.isdecimal() or len(text) > 9:
            raise ValueError(f"{name} must be a number.")
        return int(text)

    def refused(text: str) -> web.Response:
        return web.json_response({"error": text, "said": said_of(text)})

    async def on_demand(request, work: Callable[[StoredView], Any]) -> web.Response:
        """What cannot be given is an answer like any other: the viewer says it, where it was asked for."""
        view = store.get(request.match_info["id"])
        try:
            if view is None:
                raise ValueError(GONE)
            body = await asyncio.get_running_loop().run_in_executor(None, work, view)
        except ValueError as error:
            return refused(why(error))
        return web.json_response(body)

    @routes.get(f"{PREFIX}/views/{{id}}/held")
    async def held(request):
        """Whether a view is still there: a server that was started anew knows none."""
        return web.json_response({"held": store.holds(request.match_info["id"])})

    @routes.get(f"{PREFIX}/views/{{id}}")
    async def view(request):
        stored = store.get(request.match_info["id"])
        if stored is None:
            return refused(GONE)
        return data(stored.manifest, "application/json")

    @routes.get(f"{PREFIX}/views/{{id}}/words/{{picture}}/{{text}}/{{mode}}")
    async def words(request):
        stored = store.get(request.match_info["id"])
        if stored is None:
            return refused(GONE)
        sheet = stored.sheets.get("/".join(request.match_info[part] for part in ("picture", "text", "mode")))
        if sheet is None:
            return web.json_response({"error": "there are no such maps."})
        return data(sheet, "application/json")

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
        stored = kept(request)
        if not stored.report:  # of SelAgg Heatmaps
            return web.json_response({"error": "this view has no report."})
        return data(stored.report, "application/json")

    @routes.get(f"{PREFIX}/views/{{id}}/finding")
    async def finding(request):
        """The report of one finding alone, for a workflow that mends it."""

        def work(stored: StoredView) -> Any:
            if not stored.report:
                raise ValueError("this view has no report.")
            report = Report.from_json(stored.report.decode())
            one = of_one_finding(report, *_of_picture(request, "number"))
            return {"report": one.to_json()}

        return await on_demand(request, work)

    @routes.get(f"{PREFIX}/views/{{id}}/workflow")
    async def workflow(request):
        stored = store.get(request.match_info["id"])
        return data(stored.workflow if stored else b"{}", "application/json")
