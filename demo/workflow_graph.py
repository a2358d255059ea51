"""A graph in the making, written in the editor's format and in the API's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .node_kinds import EDITOR_ONLY, KINDS

NOTE = "MarkdownNote"
"""A node of the editor alone, which the server never sees."""
NOTE_PLACE, NOTE_SIZE = (-480, 0), (420, 400)


@dataclass(frozen=True)
class Output:
    """One output socket of a node in a graph."""

    node: int
    slot: int
    type: str


@dataclass
class Workflow:
    """A graph under construction; nodes are numbered in the order in which they are added."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)
    """As an App: (number of a node, name of its widget) of what stands beside the result, in this order."""
    given: list[int] = field(default_factory=list)
    """As an App: numbers of the nodes whose pictures and texts are shown. None: it is no App."""

    def note(self, title: str, text: str) -> None:
        """Puts a note before the graph, in the editor's format alone. text: Markdown."""
        self.notes.append((title, text))

    def add(
        self,
        kind: str,
        position: tuple[int, int],
        widgets: Mapping[str, Any] | None = None,
        title: str | None = None,
        **links: Output,
    ) -> list[Output]:
        """Adds a node and gives its outputs.

        Raises:
            KeyError: a widget is missing or unknown.
            TypeError: a link to an unknown socket, or of another type than the socket's.
        """
        shape, values = KINDS[kind], dict(widgets or {})
        if set(values) != set(shape.widgets):
            raise KeyError(f"{kind}: widgets {sorted(values)}, not {sorted(shape.widgets)}")
        sockets = dict(shape.inputs)
        for name, output in links.items():
            if sockets.get(name) != output.type:
                raise TypeError(f"{kind}.{name} takes {sockets.get(name)}, not {output.type}")
        node = {"kind": shape, "position": position, "widgets": values, "title": title, "links": links}
        self.nodes.append(node)
        number = len(self.nodes)
        return [Output(number, slot, type_) for slot, (_, type_) in enumerate(shape.outputs)]

    def api(self) -> dict[str, Any]:
        """The format that the server's /prompt takes."""
        return {
            str(number): {
                "class_type": node["kind"].id,
                "inputs": {
                    **{n: value for n, value in node["widgets"].items() if n != EDITOR_ONLY},
                    **{name: [str(output.node), output.slot] for name, output in node["links"].items()},
                },
                "_meta": {"title": node["title"] or node["kind"].id},
            }
            for number, node in enumerate(self.nodes, start=1)
        }

    def editor(self, name: str) -> dict[str, Any]:
        """The format that the editor opens and saves (version 0.4); its id comes from its name."""
        links = [
            [output.node, output.slot, number, [n for n, _ in node["kind"].inputs].index(name), output.type]
            for number, node in enumerate(self.nodes, start=1)
            for name, output in node["links"].items()
        ]
        wires = [[number, *link] for number, link in enumerate(links, start=1)]
        app = {"inputs": [list(one) for one in self.asked], "outputs": self.given}
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"selagg/{name}")),
            "last_node_id": len(self.nodes) + len(self.notes),
            "last_link_id": len(wires),
            "nodes": [
                *(self._editor_node(number, wires) for number in range(1, len(self.nodes) + 1)),
                *(_editor_note(len(self.nodes) + number, *note) for number, note in enumerate(self.notes, 1)),
            ],
            "links": wires,
            "groups": [],
            "config": {},
            "extra": {"linearMode": True, "linearData": app} if self.given else {},
            "version": 0.4,
        }

    def _editor_node(self, number: int, wires: list[list[Any]]) -> dict[str, Any]:
        node = self.nodes[number - 1]
        kind = node["kind"]
        inputs = [
            {
                "name": name,
                "type": type_,
                "link": next((w[0] for w in wires if (w[3], w[4]) == (number, slot)), None),
            }
            for slot, (name, type_) in enumerate(kind.inputs)
        ]
        outputs = [
            {
                "name": name,
                "type": type_,
                "links": [w[0] for w in wires if (w[1], w[2]) == (number, slot)],
                "slot_index": slot,
            }
            for slot, (name, type_) in enumerate(kind.outputs)
        ]
        titled = {"title": node["title"]} if node["title"] else {}
        return {
            "id": number,
            "type": kind.id,
            "pos": list(node["position"]),
            "size": list(kind.size),
            "flags": {},
            "order": number - 1,
            "mode": 0,
            **titled,
            "inputs": inputs,
            "outputs": outputs,
            "properties": {"Node name for S&R": kind.id},
            "widgets_values": [node["widgets"][name] for name in kind.widgets],
        }


def _editor_note(number: int, title: str, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": NOTE,
        "pos": list(NOTE_PLACE),
        "size": list(NOTE_SIZE),
        "flags": {},
        "order": number - 1,
        "mode": 0,
        "title": title,
        "inputs": [],
        "outputs": [],
        "properties": {},
        "widgets_values": [text],
        "color": "#432",
        "bgcolor": "#653",
    }
