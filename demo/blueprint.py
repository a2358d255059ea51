"""The subgraph blueprint that the host offers in its search: a sampler, its picture and its diagnosis.

`python -m demo.blueprint` writes it to subgraphs/, the folder of a pack that the host looks into.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from .host_path import ROOT
from .node_kinds import EDITOR_ONLY, KINDS

FOLDER = ROOT / "subgraphs"
NAME = "Sample and diagnose prompt (SelAgg)"
DESCRIPTION = (
    "Samples a picture, and says where it is not what the prompt says: missing things, colours on the wrong "
    "thing, things in the wrong place."
)
_INPUT, _OUTPUT = -10, -20
_CAPTURE, _SAMPLER, _DECODE, _DIAGNOSE = 1, 2, 3, 4
_NODES = {
    _CAPTURE: ("SelAggCapture", (0, 0), (1, 256, False, 1, True, False)),
    _SAMPLER: ("KSampler", (340, 0), (0, "randomize", 20, 7.0, "euler", "normal", 1.0)),
    _DECODE: ("VAEDecode", (680, 0), ()),
    _DIAGNOSE: ("SelAggDiagnose", (960, 0), ("all", "", "", "", "", False)),
}
#: Inputs of the subgraph, by name: type, node, its input. Widgets of the sampler are inputs, too.
_INPUTS = {
    "model": ("MODEL", _CAPTURE, "model"),
    "positive": ("CONDITIONING", _SAMPLER, "positive"),
    "negative": ("CONDITIONING", _SAMPLER, "negative"),
    "latent_image": ("LATENT", _SAMPLER, "latent_image"),
    "vae": ("VAE", _DECODE, "vae"),
    "seed": ("INT", _SAMPLER, "seed"),
    "steps": ("INT", _SAMPLER, "steps"),
    "cfg": ("FLOAT", _SAMPLER, "cfg"),
}
_OUTPUTS = {
    "IMAGE": ("IMAGE", _DECODE, 0),
    "annotated": ("IMAGE", _DIAGNOSE, 0),
    "warnings": ("STRING", _DIAGNOSE, 1),
}
_INNER = (
    (_CAPTURE, 0, _SAMPLER, "model", "MODEL"),
    (_SAMPLER, 0, _DECODE, "samples", "LATENT"),
    (_CAPTURE, 1, _DIAGNOSE, "capture", "SELAGG_CAPTURE"),
    (_SAMPLER, 0, _DIAGNOSE, "latent", "LATENT"),
    (_DECODE, 0, _DIAGNOSE, "image", "IMAGE"),
)
_WIDGETS = ("seed", "steps", "cfg")


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"selagg/blueprint/{name}"))


def _sockets(node: int) -> list[tuple[str, str]]:
    """(name, type) of the inputs of an inner node, with the widgets that are inputs of the subgraph."""
    shape = KINDS[_NODES[node][0]]
    own = [(name, kind) for name, (kind, target, _) in _INPUTS.items() if target == node and name in _WIDGETS]
    return [*shape.inputs, *own]


def _links() -> list[dict[str, Any]]:
    places = {node: [name for name, _ in _sockets(node)] for node in _NODES}
    ends = [
        *((_INPUT, slot, node, places[node].index(name), kind)
          for slot, (kind, node, name) in enumerate(_INPUTS.values())),
        *((start, slot, node, places[node].index(name), kind) for start, slot, node, name, kind in _INNER),
        *((node, slot, _OUTPUT, place, kind) for place, (kind, node, slot) in enumerate(_OUTPUTS.values())),
    ]  # fmt: skip
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    return [dict(zip(names, (number, *end), strict=True)) for number, end in enumerate(ends, start=1)]


def _inner(node: int, links: list[dict[str, Any]]) -> dict[str, Any]:
    kind, position, values = _NODES[node]
    shape = KINDS[kind]
    inputs: list[dict[str, Any]] = []
    for slot, (name, type_) in enumerate(_sockets(node)):
        fed = [link["id"] for link in links if (link["target_id"], link["target_slot"]) == (node, slot)]
        widget = {"widget": {"name": name}} if name in _WIDGETS else {}
        inputs.append({"name": name, "type": type_, **widget, "link": fed[0] if fed else None})
    outputs = [
        {
            "name": name,
            "type": type_,
            "links": [k["id"] for k in links if (k["origin_id"], k["origin_slot"]) == (node, slot)],
        }
        for slot, (name, type_) in enumerate(shape.outputs)
    ]
    if len(values) != len(shape.widgets):
        raise ValueError(f"{kind} has the widgets {shape.widgets} ({EDITOR_ONLY} among them)")
    return {
        "id": node,
        "type": kind,
        "pos": list(position),
        "size": list(shape.size),
        "flags": {},
        "order": node - 1,
        "mode": 0,
        "inputs": inputs,
        "outputs": outputs,
        "properties": {"Node name for S&R": kind},
        "widgets_values": list(values),
    }


def _boundary(links: list[dict[str, Any]], inputs: bool) -> list[dict[str, Any]]:
    end, slot_name = ("origin_id", "origin_slot") if inputs else ("target_id", "target_slot")
    here = _INPUT if inputs else _OUTPUT
    return [
        {
            "id": _id(f"{here}/{name}"),
            "name": name,
            "type": kind,
            "linkIds": [k["id"] for k in links if (k[end], k[slot_name]) == (here, slot)],
        }
        for slot, (name, (kind, *_)) in enumerate((_INPUTS if inputs else _OUTPUTS).items())
    ]


def blueprint() -> dict[str, Any]:
    """A workflow of one subgraph node, as the host keeps blueprints."""
    links, own = _links(), _id("subgraph")
    outer_inputs = [
        {"name": n, "type": kind, **({"widget": {"name": n}} if n in _WIDGETS else {}), "link": None}
        for n, (kind, *_) in _INPUTS.items()
    ]
    node = {
        "id": 1,
        "type": own,
        "pos": [0, 0],
        "size": [340, 260],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": outer_inputs,
        "outputs": [{"name": n, "type": kind, "links": []} for n, (kind, *_) in _OUTPUTS.items()],
        "title": NAME,
        "properties": {},
        "widgets_values": [],
    }
    subgraph = {
        "id": own,
        "version": 1,
        "state": {"lastGroupId": 0, "lastNodeId": len(_NODES), "lastLinkId": len(links), "lastRerouteId": 0},
        "revision": 0,
        "config": {},
        "name": NAME,
        "description": DESCRIPTION,
        "category": "SelAgg",
        "inputNode": {"id": _INPUT, "bounding": [-260, 0, 120, 200]},
        "outputNode": {"id": _OUTPUT, "bounding": [1920, 0, 120, 100]},
        "inputs": _boundary(links, True),
        "outputs": _boundary(links, False),
        "widgets": [],
        "nodes": [_inner(number, links) for number in _NODES],
        "groups": [],
        "links": links,
        "extra": {},
    }
    return {
        "id": _id("workflow"),
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [node],
        "links": [],
        "groups": [],
        "definitions": {"subgraphs": [subgraph]},
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def text() -> str:
    return json.dumps(blueprint(), indent=2) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{NAME}.json").write_text(text(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
