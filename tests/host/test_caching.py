"""What the real server keeps between runs: viewers show the recording that fits, never another."""

from __future__ import annotations

import numpy as np
import pytest
from served import demo, executed, said, short_demo, shown, with_inputs

from demo.background_server import background_server

OPTIONS = {"as delivered": (), "least recently used": ("--cache-lru", "60")}
OVERLAYS, CAPTURE, SAMPLER, VIEWER = "Overlays", "SelAggCapture", "KSampler", "SelAggHeatmaps"
#: What runs anew when a viewer does, and when the sampler does.
VIEWERS = {VIEWER, "PreviewImage"}
SAMPLED = VIEWERS | {SAMPLER, "VAEDecode", "SaveImage", "SelAggDiagnose"}


@pytest.fixture(scope="module", params=OPTIONS)
def server(request, host, tmp_path_factory):
    if host == "registry" and OPTIONS[request.param]:
        pytest.skip("The registry's host knows one way to keep results.")
    base = tmp_path_factory.mktemp("server")
    with background_server(base, base / "server.log", options=OPTIONS[request.param]) as client:
        yield client


@pytest.fixture(scope="module")
def new():
    """Numbers that no test has used yet: what one test has left in the server's cache is no other's."""
    return iter(range(1000, 2000))


def overlays(server, workflow: dict) -> tuple[np.ndarray, set[str]]:
    """All overlays, and the classes of the nodes that ran."""
    outputs, ran = executed(server, workflow)
    return np.stack(shown(server, workflow, outputs, OVERLAYS)), ran


def recorded_anew(server, workflow: dict, new) -> np.ndarray:
    """The overlays of a run that nothing was kept for: on another capture."""
    found, ran = overlays(server, with_inputs(workflow, CAPTURE, memory_mb=next(new)))
    assert {CAPTURE, *SAMPLED} <= ran
    return found


def test_nothing_changed(server, new):
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    first, ran = overlays(server, workflow)
    assert ran >= SAMPLED
    again, ran = overlays(server, workflow)
    assert not ran
    np.testing.assert_array_equal(again, first)


def test_only_the_viewer_changed(server, new):
    """The sampler's result comes from the cache: its recording is still there."""
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    other = with_inputs(workflow, VIEWER, mode="all", words="circle, star")
    first, _ = overlays(server, workflow)
    changed, ran = overlays(server, other)
    assert ran == VIEWERS
    assert len(changed) == 2 * 2 < len(first)
    np.testing.assert_array_equal(changed, recorded_anew(server, other, new))


def test_a_new_seed(server, new):
    """Text, model and capture come from the cache; the sampler's new run is the one that is shown."""
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    first, _ = overlays(server, workflow)
    workflow = with_inputs(workflow, SAMPLER, seed=next(new))
    second, ran = overlays(server, workflow)
    assert ran == SAMPLED
    assert (first != second).any()
    np.testing.assert_array_equal(second, recorded_anew(server, workflow, new))


def test_a_new_prompt(server, new):
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    overlays(server, workflow)
    workflow = with_inputs(workflow, "SelAggDiagnose", boxes="")
    workflow["2"]["inputs"]["text"] = "a green square above a yellow ring"
    outputs, ran = executed(server, workflow)
    assert ran == SAMPLED | {"SelAggTextEncode"}
    words = {word.label for word in demo.fetch(server, workflow, outputs).report.pictures[0].words}
    assert {"square", "ring"} <= words and "circle" not in words
    found = np.stack(shown(server, workflow, outputs, OVERLAYS))
    np.testing.assert_array_equal(found, recorded_anew(server, workflow, new))


def test_back_to_an_earlier_seed(server, new):
    """Where the host keeps older results, the latent of an older run meets the capture of newer ones."""
    first = with_inputs(short_demo(), SAMPLER, seed=next(new))
    wanted, _ = overlays(server, first)
    for _ in range(3):
        overlays(server, with_inputs(first, SAMPLER, seed=next(new)))
    overlays(server, with_inputs(first, VIEWER, words="circle"))
    again, ran = overlays(server, with_inputs(first, VIEWER, concepts=" "))
    assert VIEWER in ran and CAPTURE not in ran
    np.testing.assert_array_equal(again, wanted)


def test_a_viewer_that_is_connected_later(server, new):
    """Nothing was recorded of a picture that is already there; the message says how to get its maps."""
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    workflow = with_inputs(workflow, CAPTURE, memory_mb=next(new))
    viewers = {"SelAggHeatmaps", "SelAggDiagnose", "PreviewImage"}
    plain = {number: node for number, node in workflow.items() if node["class_type"] not in viewers}
    executed(server, plain)
    outputs, ran = executed(server, workflow)
    assert ran == viewers
    assert "change the seed" in said(workflow, outputs)
    workflow = with_inputs(workflow, SAMPLER, seed=next(new))
    found, ran = overlays(server, workflow)
    assert ran == SAMPLED
    np.testing.assert_array_equal(found, recorded_anew(server, workflow, new))


def test_an_output_that_is_connected_later(server, new):
    """What nobody took was not made: it is as soon as something is connected."""
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    viewer = next(number for number, node in workflow.items() if node["class_type"] == VIEWER)
    alone = {number: node for number, node in workflow.items() if node["class_type"] != "PreviewImage"}
    outputs, ran = executed(server, alone)
    assert VIEWER in ran and outputs[viewer]["images"], "it runs and shows by itself"
    assert not executed(server, alone)[1]
    found, ran = overlays(server, workflow)
    assert VIEWER in ran and SAMPLER not in ran
    np.testing.assert_array_equal(found, recorded_anew(server, workflow, new))
    sheet = {**alone, "x": {"class_type": "PreviewImage", "inputs": {"images": [viewer, 2]}}}
    _, ran = executed(server, sheet)
    assert {VIEWER, "PreviewImage"} <= ran


def test_the_viewer_of_a_tab_that_was_opened_later(server, new):
    """Nothing runs, for all is kept: the host tells the new tab what Heatmaps has shown."""
    workflow = with_inputs(short_demo(), SAMPLER, seed=next(new))
    viewer = next(number for number, node in workflow.items() if node["class_type"] == VIEWER)
    first, _ = executed(server, workflow)
    again, ran = executed(server, workflow)
    assert not ran and first[viewer].get("selagg") == again[viewer].get("selagg")
