"""The route by which the editor learns, before a run, whether the words of a picture will be known."""

from __future__ import annotations

from .. import host
from .from_graph import texts_of

ROUTE = "/selagg/texts"
_BAD = "send JSON: {prompt: a workflow as for /prompt, viewer: the number of a node}."


def add_texts_route(routes) -> None:
    """Adds the route to the host's table; once, however often the pack is loaded."""
    from aiohttp import web

    if any(getattr(route, "path", "") == ROUTE for route in routes):
        return

    @routes.post(ROUTE)
    async def texts(request):
        """{"texts": numbers of the nodes that tell the viewer its words}"""
        try:
            asked = await request.json()
            if not isinstance(asked, dict) or not isinstance(asked.get("prompt"), dict):
                raise ValueError(_BAD)
            found = texts_of(asked["prompt"], str(asked.get("viewer", "")), host.node_classes())
        except ValueError as error:  # broken JSON and broken UTF-8, too
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"texts": found})
