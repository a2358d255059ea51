"""Which outputs of a viewer anything is connected to: what nobody takes is not made.

A host keeps a node's result as long as its inputs are the same, and what is connected to its outputs is none
of them. So every request is given that as an input more, which no node declares: a viewer whose outputs are
connected later runs anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

NOTED = ("SelAggHeatmaps",)
INPUT = "connected_outputs"


def note_connected(request: dict) -> dict:
    """A request for a run as the server got it, with the connected outputs noted at each of NOTED."""
    graph = request.get("prompt")
    if not isinstance(graph, dict):
        return request
    noted = {number: _noted(graph, number, node) for number, node in graph.items() if _is_noted(node)}
    return {**request, "prompt": {**graph, **noted}} if noted else request


def _is_noted(node: Any) -> bool:
    named = isinstance(node, Mapping) and node.get("class_type") in NOTED
    return named and isinstance(node.get("inputs"), Mapping)


def _noted(graph: Mapping[str, Any], number: str, node: Mapping[str, Any]) -> dict[str, Any]:
    slots = {
        value[1]
        for other in graph.values()
        if isinstance(other, Mapping) and isinstance(other.get("inputs"), Mapping)
        for value in other["inputs"].values()
        if isinstance(value, list) and len(value) == 2 and value[0] == number and isinstance(value[1], int)
    }
    return {**node, "inputs": {**node["inputs"], INPUT: " ".join(map(str, sorted(slots)))}}


def connected(graph: Mapping[str, Any] | None, number: str | None, names: Sequence[str]) -> frozenset[str]:
    """Those of a node's outputs, by name, that are connected; all of them where no request has noted it."""
    node = (graph or {}).get(str(number))
    noted = node.get("inputs", {}).get(INPUT) if isinstance(node, Mapping) else None
    if not isinstance(noted, str):
        return frozenset(names)
    return frozenset(name for slot, name in enumerate(names) if str(slot) in noted.split())
