"""Workflows on the real server: changed copies, and what came of them."""

from __future__ import annotations

import copy
import importlib
import json
import urllib.request

import cv2
import numpy as np

SECONDS = 120
demo = importlib.import_module("demo.__main__")


def short_demo(steps: int = 4) -> dict:
    """The demo's workflow in the API's format, with fewer steps."""
    return with_inputs(json.loads((demo.FOLDER / demo.WORKFLOW).read_text("utf-8")), "KSampler", steps=steps)


def with_inputs(workflow: dict, kind: str, **changes) -> dict:
    """A copy of the workflow with other inputs of all nodes of a kind."""
    changed = copy.deepcopy(workflow)
    nodes = [node for node in changed.values() if node["class_type"] == kind]
    assert nodes
    for node in nodes:
        node["inputs"].update(changes)
    return changed


def finish(server, workflow: dict) -> dict:
    """What the nodes showed, by id."""
    queued = server.queue(workflow)
    assert not queued.errors
    return server.wait(queued.id, SECONDS)


def executed(server, workflow: dict) -> tuple[dict, set[str]]:
    """As `finish`, and the classes of the nodes that ran: those that the host did not find in its cache."""
    queued = server.queue(workflow)
    assert not queued.errors
    outputs = server.wait(queued.id, SECONDS)
    with urllib.request.urlopen(f"{server.address}/history/{queued.id}") as answer:  # noqa: S310 - own server
        messages = json.loads(answer.read())[queued.id]["status"]["messages"]
    cached = {node for name, data in messages if name == "execution_cached" for node in data["nodes"]}
    return outputs, {node["class_type"] for number, node in workflow.items() if number not in cached}


def shown(server, workflow: dict, outputs: dict, title: str) -> list[np.ndarray]:
    """The pictures that the node of this title showed, as uint8 (h, w, 3)."""
    references = outputs[demo.titled(workflow, title)]["images"]
    return [cv2.imdecode(np.frombuffer(server.image(r), np.uint8), cv2.IMREAD_COLOR) for r in references]


def said(workflow: dict, outputs: dict) -> str:
    return "\n".join(outputs[demo.titled(workflow, "Diagnosis")]["text"])
