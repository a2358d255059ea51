"""A viewer without a capture: it says so, instead of being refused by the host.

A node that is bypassed or muted is not in the request for a run, nor are its wires. The host then only says
that an input is missing. So the server gives the viewer a capture that nothing was recorded with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selagg_core.prompt.messages import message
from selagg_core.recording.capture import Capture

from .. import host
from .labels import LABELS

NO_CAPTURE = "SelAggNoCapture"
SOCKET = "SELAGG_CAPTURE"
MISSING = message("capture_missing")


class SelAggNoCapture:
    """What the server puts before nodes whose capture is bypassed, muted or not connected."""

    DESCRIPTION = "Stands for a SelAgg Capture that does not run. SelAgg adds it to workflows by itself."
    CATEGORY = "SelAgg"
    DEV_ONLY = True
    FUNCTION = "stand_in"
    RETURN_TYPES = (SOCKET,)
    RETURN_NAMES = ("capture",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def stand_in(self):
        return (Capture(LABELS, unsupported=MISSING),)


INTERNAL: dict[str, type] = {NO_CAPTURE: SelAggNoCapture}
INTERNAL_NAMES: dict[str, str] = {NO_CAPTURE: "SelAgg No Capture (internal)"}


def captures_for_request(request: dict) -> dict:
    """A request for a run as the server got it, with a capture for each node of this pack that lacks one."""
    graph = request.get("prompt") if isinstance(request, dict) else None
    if not isinstance(graph, dict):
        return request
    lacking = [number for number, node in graph.items() if _lacks_capture(node, graph)]
    if not lacking:
        return request
    own = next(name for n in range(len(graph) + 1) if (name := f"selagg-no-capture-{n}") not in graph)
    added = {own: {"class_type": NO_CAPTURE, "inputs": {}, "_meta": {"title": "SelAgg No Capture"}}}
    for number in lacking:
        node = graph[number]
        added[number] = {**node, "inputs": {**node["inputs"], "capture": [own, 0]}}
    return {**request, "prompt": {**graph, **added}}


def _lacks_capture(node: Any, graph: Mapping[str, Any]) -> bool:
    """Whether it is a node of this pack that needs a capture, and its wire leads nowhere."""
    if not isinstance(node, Mapping) or not isinstance(node.get("inputs"), Mapping):
        return False
    kind = host.node_classes().get(str(node.get("class_type", "")))
    if kind is None or not str(node["class_type"]).startswith("SelAgg"):
        return False
    wanted = kind.INPUT_TYPES().get("required", {}).get("capture")  # type: ignore[attr-defined]
    link = node["inputs"].get("capture")
    there = isinstance(link, list) and len(link) == 2 and isinstance(link[0], str) and link[0] in graph
    return wanted is not None and not there
