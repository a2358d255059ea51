"""The graph that makes a picture of a proof: a workflow in the API's format with a SelAgg Score in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.host_path import ROOT

FOLDER = ROOT / "examples_workflows" / "api"
READY = {"sd15": "prove_sd15", "sdxl": "prove_sdxl", "zimage": "prove_zimage"}
SCORE, SEGMENTER_TITLE, PICTURE = "SelAggScore", "SAM3", "picture"
ENCODERS = ("SelAggTextEncode", "CLIPTextEncode", "SelAggPrompt")
SAMPLERS = ("KSampler", "KSamplerAdvanced", "RandomNoise")

Graph = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One picture: a prompt and a seed."""

    prompt: str
    seed: int


@dataclass(frozen=True)
class Changes:
    """What differs from the workflow; None: nothing."""

    checkpoint: str | None = None
    sam3: str | None = None
    steps: int | None = None
    cfg: float | None = None
    size: int | None = None
    pictures: bool = False
    """Whether the picture itself is wanted too."""


def load(name: str) -> Graph:
    """A workflow by the name of an example, or from a file in the API's format.

    Raises ValueError, with what is missing, if it cannot be used.
    """
    path = FOLDER / f"{READY[name]}.json" if name in READY else Path(name)
    if not path.is_file():
        raise ValueError(
            f"there is no workflow {name}: name one of {', '.join(READY)}, or a file (API format)."
        )
    try:
        graph = json.loads(path.read_text("utf-8"))
        classes = [node["class_type"] for node in graph.values()]
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is no workflow in the API's format: use Export (API).") from error
    if classes.count(SCORE) != 1:
        raise ValueError(f"{path.name} must have one SelAgg Score; it has {classes.count(SCORE)}.")
    if not any(kind in SAMPLERS for kind in classes):
        raise ValueError(f"{path.name} has no KSampler or Random Noise, so that no seed can be set.")
    return graph


def prepared(graph: Graph, changes: Changes) -> Graph:
    """The part of a graph that the score needs, with the changes, and writing no file on the server."""
    changed = copy.deepcopy(graph)
    score = one_of(changed, SCORE)
    kept = _behind(changed, score)
    changed = {number: node for number, node in changed.items() if number in kept}
    changed[score]["inputs"]["file"] = ""
    loaders = [node for node in changed.values() if "ckpt_name" in node["inputs"]]
    for node in loaders:
        wanted = changes.sam3 if node.get("_meta", {}).get("title") == SEGMENTER_TITLE else changes.checkpoint
        if wanted is not None:
            node["inputs"]["ckpt_name"] = wanted
    if changes.checkpoint is not None:
        changed[score]["inputs"]["checkpoint"] = changes.checkpoint
    for name, value in (("steps", changes.steps), ("cfg", changes.cfg)):
        _set(changed, name, value)
    for name in ("width", "height"):
        _set(changed, name, changes.size)
    if changes.pictures:
        image = changed[score]["inputs"]["image"]
        changed[PICTURE] = {"class_type": "PreviewImage", "inputs": {"images": image}}
    return changed


def for_job(graph: Graph, job: Job) -> Graph:
    """A prepared graph for one picture: its prompt in every text that leads to the positive input."""
    changed = copy.deepcopy(graph)
    score = changed[one_of(changed, SCORE)]
    score["inputs"]["picture_seed"] = job.seed
    for number in _texts(changed):
        changed[number]["inputs"]["text"] = job.prompt
    for node in changed.values():
        for name in ("seed", "noise_seed"):
            if node["class_type"] in SAMPLERS and name in node["inputs"]:
                node["inputs"][name] = job.seed
    return changed


def one_of(graph: Mapping[str, Any], kind: str) -> str:
    """The number of the one node of a kind."""
    return next(number for number, node in graph.items() if node["class_type"] == kind)


def _texts(graph: Graph) -> list[str]:
    """Nodes with the prompt: encoders before a positive input (or a guider's conditioning), SelAgg Prompt."""
    found = []
    for node in graph.values():
        for name in ("positive", "conditioning"):
            link = node["inputs"].get(name)
            if isinstance(link, list) and node["class_type"] != "ConditioningZeroOut":
                found += [n for n in _behind(graph, str(link[0])) if graph[n]["class_type"] in ENCODERS]
    found += [n for n, node in graph.items() if node["class_type"] in ("SelAggPrompt", "SelAggStandInJudge")]
    return [n for n in dict.fromkeys(found) if isinstance(graph[n]["inputs"].get("text"), str)]


def _behind(graph: Graph, number: str) -> list[str]:
    """A node and all that it is made from."""
    found, waiting = [], [number]
    while waiting:
        own = waiting.pop()
        if own in graph and own not in found:
            found.append(own)
            waiting += [
                str(v[0]) for v in graph[own]["inputs"].values() if isinstance(v, list) and len(v) == 2
            ]
    return found


def _set(graph: Graph, name: str, value: float | None) -> None:
    for node in graph.values():
        if value is not None and name in node["inputs"] and not isinstance(node["inputs"][name], list):
            node["inputs"][name] = value


def demo_graph() -> Graph:
    """The example for SD 1.5 with the demo model in place of the checkpoint, a stand-in in that of SAM3."""
    graph = load("sd15")
    model = next(n for n, node in graph.items() if node["inputs"].get("ckpt_name") and not _is_judge(node))
    graph[model] = {"class_type": "SelAggDemoModel", "inputs": {}}
    judge = next(number for number, node in graph.items() if _is_judge(node))
    truth = graph[one_of(graph, "SelAggTruth")]["inputs"]
    graph[judge] = {
        "class_type": "SelAggStandInJudge",
        "inputs": {"image": truth["image"], "text": ""},
        "_meta": {"title": "Judge"},
    }
    del truth["model"], truth["clip"]
    sockets = ("words", "mask", "boxes", "answers")
    truth |= {name: [judge, slot] for slot, name in enumerate(sockets)}
    sampling = {"steps": 20, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal"}
    graph[one_of(graph, "KSampler")]["inputs"] |= sampling
    graph[one_of(graph, "EmptyLatentImage")]["inputs"] |= {"width": 128, "height": 128}
    graph[one_of(graph, SCORE)]["inputs"]["checkpoint"] = "SelAgg demo model"
    return graph


def _is_judge(node: Mapping[str, Any]) -> bool:
    return node.get("_meta", {}).get("title") == SEGMENTER_TITLE
