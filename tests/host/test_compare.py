"""SelAgg Compare on the real host: fresh seeds of the demo model with and without a repair, and a placebo."""

from __future__ import annotations

import copy
import importlib
import json

import numpy as np
import pytest
import torch
from loading import ROOT
from served import shown, with_inputs

from demo.background_server import background_server
from selagg_core.prompt.words import Prompt, Word

EXAMPLE = ROOT / "examples_workflows" / "api" / "compare_demo.json"
PATIENCE = 500
PAIRS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("compare")
    with background_server(base, base / "server.log") as client:
        yield client


def only_node(flow: dict, kind: str) -> str:
    (number,) = (number for number, node in flow.items() if node["class_type"] == kind)
    return number


def test_the_example_compares_a_repair_and_a_placebo(server):
    """The words come from the workflow: nothing is connected to `prompt`."""
    flow = json.loads(EXAMPLE.read_text("utf-8"))
    for node in flow.values():
        if node["class_type"] == "EmptyLatentImage" and node["inputs"]["batch_size"] > 1:
            node["inputs"]["batch_size"] = PAIRS
    flow = with_inputs(flow, "KSampler", steps=8)
    number = only_node(flow, "SelAggCompare")
    del flow[number]["inputs"]["prompt"]
    outputs = server.wait(server.queue(flow).id, PATIENCE)
    (told,) = outputs[number]["text"]
    assert f"of {PAIRS} pairs" in told and "Judged by pixels" in told and "Placebo:" in told
    counts = [line for line in told.splitlines() if "fish below triangle" in line]
    assert counts and "0 broken" in counts[0]
    (drawn,) = shown(server, flow, outputs, "Comparison")
    assert drawn.shape[0] > 300 and drawn.shape[1] > 500


# -- the node alone --------------------------------------------------------------------------------------


@pytest.fixture
def node(pack, host, tmp_path, monkeypatch):
    sockets = importlib.import_module("selagg_nodes.viewer.sockets")
    monkeypatch.setattr(sockets.host, "temp_directory", lambda: str(tmp_path))
    return pack.NODE_CLASS_MAPPINGS["SelAggCompare"]()


def pictures(left: tuple, right: tuple, count: int = 9) -> torch.Tensor:
    drawn = torch.full((count, 64, 64, 3), 0.96)
    for number in range(count):
        drawn[number, 20 + number : 40 + number, 8:24] = torch.tensor(left)
        drawn[number, 20 + number : 40 + number, 40:56] = torch.tensor(right)
    return drawn


RED, BLUE = (0.82, 0.13, 0.14), (0.15, 0.33, 0.84)
TEXT = "a red square left of a blue circle"


def prompt(text: str = TEXT) -> Prompt:
    words = tuple(Word(word, (n,)) for n, word in enumerate(text.split(), start=1))
    return Prompt(text, words, 77, (0,))


def told_by(node, **inputs) -> tuple[str, dict, torch.Tensor]:
    usual = {"before": [pictures(BLUE, RED)], "after": [pictures(RED, BLUE)], "prompt": [prompt()]}
    given = {**usual, "faults": ["square left of circle"], "claims": [""], **inputs}
    out = node.compare(**given)["result"]
    return out[1], json.loads(out[2]), out[0]


def test_the_verdict_and_its_counts(node):
    told, counts, sheet = told_by(node)
    assert told.startswith("The change helps: wrong in 9 of 9 before, in 0 after")
    assert counts["faults"]["mcnemar_p"] == pytest.approx(2 / 2**9, abs=1e-5)
    assert sheet.ndim == 4 and sheet.shape[0] == 1


def test_lists_are_of_as_many_prompts(node):
    other = prompt("a blue circle left of a red square")
    batches = {"before": [pictures(BLUE, RED, 5), pictures(RED, BLUE, 5)]}
    batches["after"] = batches["before"][::-1]
    told, counts, _ = told_by(node, **batches, prompt=[prompt(), other], faults=["all"])
    assert counts["faults"]["pairs"] == 10 and counts["faults"]["mended"] == 10


def test_the_picture_that_failed_is_left_out(node):
    told, counts, sheet = told_by(node, failed=[pictures(BLUE, RED)[4:5]])
    assert counts["left_out"] == 1 and counts["faults"]["pairs"] == 8
    assert "Left out: 1" in told and sheet.numel()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"after": [pictures(RED, BLUE, 4)]}, "as many of both"),
        ({"after": []}, "connect the pictures"),
        ({"before": ["x"], "after": ["y"]}, "connect the pictures"),
        ({"prompt": []}, "no claim to judge"),
        ({"faults": ["dog left of cat"]}, "does not claim"),
        ({"truth_before": ["no truth"], "truth_after": ["no truth"]}, "SelAgg Truth"),
        ({"prompt": [prompt(), prompt()]}, "connect one for each"),
        ({"before": [torch.zeros(0, 8, 8, 3)], "after": [torch.zeros(0, 8, 8, 3)]}, "connect the pictures"),
    ],
)
def test_bad_input_is_said_and_the_queue_goes_on(node, inputs, message):
    told, counts, sheet = told_by(node, **inputs)
    assert message in told and "SelAgg Compare" in told and counts == {}
    assert sheet.ndim == 4


def test_nan_and_strange_pictures_do_not_end_it(node):
    broken = pictures(RED, BLUE)
    broken[3] = float("nan")
    told, _, sheet = told_by(node, after=[broken])
    assert told and torch.isfinite(sheet).all()
    assert np.isfinite(told_by(node, before=[broken], after=[copy.deepcopy(broken)])[2].numpy()).all()
