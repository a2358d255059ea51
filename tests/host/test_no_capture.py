"""A Capture that is bypassed, muted or not connected: its viewers say so, and the queue goes on."""

from __future__ import annotations

import importlib

import pytest
from served import finish, said, short_demo

from demo.background_server import background_server


@pytest.fixture
def no_capture(pack, monkeypatch):
    module = importlib.import_module("selagg_nodes.recording.no_capture")
    monkeypatch.setattr(module.host, "node_classes", lambda: pack.NODE_CLASS_MAPPINGS)
    return module


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("no_capture")
    with background_server(base, base / "server.log") as client:
        yield client


def numbers(workflow: dict, kind: str) -> list[str]:
    return [number for number, node in workflow.items() if node["class_type"] == kind]


def without_capture(workflow: dict, how: str) -> dict:
    """The request of a page whose SelAgg Capture is bypassed (its model goes through), or not connected."""
    (capture,) = numbers(workflow, "SelAggCapture")
    model = workflow[capture]["inputs"]["model"]
    for node in workflow.values():
        for name, link in list(node["inputs"].items()):
            if link == [capture, 1]:
                del node["inputs"][name]
            elif how == "bypassed" and link == [capture, 0]:
                node["inputs"][name] = model
    if how == "bypassed":
        del workflow[capture]
    return workflow


@pytest.mark.parametrize("how", ["bypassed", "not connected"])
def test_the_picture_comes_and_the_viewers_say_what_to_do(server, host, how):
    if host == "registry":
        pytest.skip("packs do not see requests on this host: it has no server yet when it loads them")
    workflow = without_capture(short_demo(steps=1), how)
    outputs = finish(server, workflow)
    (saved,) = numbers(workflow, "SaveImage")
    assert outputs[saved]["images"], "the queue goes on"
    text = said(workflow, outputs)
    assert "SelAgg Capture is bypassed, muted or not connected" in text and "Ctrl+B" in text
    (heatmaps,) = numbers(workflow, "SelAggHeatmaps")
    (told,) = outputs[heatmaps]["selagg"]
    assert told["id"] is None and told["said"]["values"]["why"]["key"] == "message.capture_missing"


def test_a_request_with_its_captures_is_not_touched(no_capture):
    request = {"prompt": short_demo()}
    assert no_capture.captures_for_request(request) is request
    for odd in ({}, {"prompt": []}, {"prompt": {"1": None, "2": {"class_type": "SelAggDiagnose"}}}, []):
        assert no_capture.captures_for_request(odd) is odd


def test_one_stands_in_for_all_that_lack_one(no_capture):
    workflow = without_capture(short_demo(), "bypassed")
    (diagnose,) = numbers(workflow, "SelAggDiagnose")
    workflow[diagnose]["inputs"]["capture"] = ["nowhere", 1]
    workflow["selagg-no-capture-0"] = {"class_type": "PreviewImage", "inputs": {}}
    changed = no_capture.captures_for_request({"prompt": workflow, "client_id": "x"})
    assert changed["client_id"] == "x" and workflow[diagnose]["inputs"]["capture"] == ["nowhere", 1]
    (own,) = numbers(changed["prompt"], no_capture.NO_CAPTURE)
    assert own != "selagg-no-capture-0"
    linked = [n for n, node in changed["prompt"].items() if node["inputs"].get("capture") == [own, 0]]
    assert set(linked) == {diagnose, *numbers(workflow, "SelAggHeatmaps")}
