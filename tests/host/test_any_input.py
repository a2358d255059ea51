"""Viewers with any tensor, any text and any disk: they answer in a sentence and never end the queue."""

from __future__ import annotations

import errno
import importlib
import json
import os
import random

import pytest
import torch
from test_viewers import diagnosed, heatmaps, run, viewers  # noqa: F401 - fixtures

DTYPES = (torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.bool)


@pytest.fixture(scope="module")
def parts(pack):
    names = ("relevance", "expect", "calibrate", "diagnose", "heatmaps", "host", "viewer.sockets")
    return {name: importlib.import_module(f"selagg_nodes.{name}") for name in names}


def shown(parts, sockets, **changes):
    node = parts["relevance"].SelAggHeadRelevance()
    preset = parts["relevance"].load_preset("sd14")
    asked = {"concept": "Color", "top_fraction": 0.25, "relevance": None if sockets else preset}
    return node.show(**{**asked, **sockets, **changes})


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_masks_and_images_in_any_kind_of_number(viewers, parts, run, dtype):  # noqa: F811
    mask = torch.zeros(1, 64, 96)
    mask[:, :32, :48] = 1
    image = (run["image"] > 0.5).to(dtype)
    usual = {**run, "image": (run["image"] > 0.5).float()}
    asked = {"expected_words": "circle"}
    got = diagnosed(viewers, {**run, "image": image}, expected=mask.to(dtype), **asked)
    wanted = diagnosed(viewers, usual, expected=mask, **asked)
    assert got.report == wanted.report and not got.report["problems"]
    assert torch.equal(got.annotated, wanted.annotated) and len(got.ui["images"]) == 2
    for one, other in zip(
        heatmaps(viewers, {**run, "image": image})[:3], heatmaps(viewers, usual)[:3], strict=True
    ):
        assert torch.equal(one, other)
    (expect,) = parts["expect"].SelAggExpect().collect("", "circle", mask.to(dtype))
    assert expect.masks[0].masks.dtype == "float32" and not expect.problems


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_latent_of_another_precision_is_told_and_not_shown(viewers, run, dtype):  # noqa: F811
    latent = {"samples": run["latent"]["samples"].to(dtype)}
    result = diagnosed(viewers, {**run, "latent": latent})
    assert "This latent was not sampled with this capture" in result.warnings


ODD = {
    "no image": {"image": None},
    "an empty batch": {"image": torch.zeros(0, 64, 96, 3)},
    "an image without pixels": {"image": torch.zeros(2, 0, 96, 3)},
    "an image of two axes": {"image": torch.zeros(64, 96)},
    "no latent": {"latent": None},
    "a latent without samples": {"latent": {}},
    "a latent of text": {"latent": {"samples": "x"}},
    "a capture of text": {"capture": "x"},
    "no capture": {"capture": None},
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_odd_sockets_never_end_the_queue(viewers, parts, run, change, caplog):  # noqa: F811
    sockets = {**run, **change}
    result = diagnosed(viewers, sockets)
    pictures, masks, sheets, words = heatmaps(viewers, sockets)
    table, text, _ = shown(parts, sockets, word="circle")
    for message in (*result.report["problems"], words, text.splitlines()[0]):
        assert message.startswith("SelAgg ") and 20 < len(message) <= 400, message
    for batch in (result.annotated, pictures, sheets, table):
        assert batch.ndim == 4 and batch.shape[0] >= 1 and batch.shape[3] == 3
    assert masks.shape == pictures.shape[:3]


@pytest.mark.parametrize("mask", [torch.zeros(0, 8, 8), torch.zeros(3), "x", torch.zeros(1, 8, 8).cfloat()])
def test_what_is_no_mask_is_a_problem_of_the_report(viewers, parts, run, mask):  # noqa: F811
    (expect,) = parts["expect"].SelAggExpect().collect("circle: left", "circle", mask)
    assert expect.problems and expect.lines == ("circle: left",)
    assert "mask is empty" in diagnosed(viewers, run, expect=expect).warnings


TEXTS = ["", " ", ",", "9" * 310, "circle: " + "9" * 310, "\0", "\ud800", "((((", "x" * 10_000, "\u202e"]
TEXTS += ["circle: 0, 0, " + "9" * 400 + ", 5", "all, all", "= = =", "ignore:", "> circle", "circle (0)"]
TEXTS += ["%" * 50, "\uff0c\uff1a"]
FIELDS = ("words", "expected_words", "boxes", "concepts", "claims")


def test_any_text_in_any_field(viewers, parts, run):  # noqa: F811
    """Seeded combinations: a report that is JSON, or one sentence; nothing is raised."""
    rng = random.Random(5)
    pieces = [
        *TEXTS,
        "circle",
        "red > circle",
        "circle left of square",
        "circle: top left",
        "red (2)",
        "Color",
    ]
    for _ in range(25):
        fields = {name: rng.choice([", ", "\n", ""]).join(rng.sample(pieces, 2)) for name in FIELDS}
        result = diagnosed(viewers, run, **fields)
        json.dumps(result.report, allow_nan=False)
        assert all(0 < len(problem) <= 500 for problem in result.report["problems"]), result.report[
            "problems"
        ]
        words = heatmaps(viewers, run, words=fields["words"], concepts=fields["concepts"])[3]
        assert words
        table, text, _ = shown(parts, run, concept=fields["claims"], word=fields["words"])
        assert text and table.ndim == 4
        for node, own in (("diagnose", {"boxes": fields["boxes"]}), ("heatmaps", {})):
            told = getattr(parts[node], f"SelAgg{node.capitalize()}").VALIDATE_INPUTS(**own)
            assert told is True or 0 < len(told) <= 400


NUMBERS = [float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e300, -0.0]


@pytest.mark.parametrize("number", NUMBERS)
def test_any_number_in_any_field(viewers, parts, run, number):  # noqa: F811
    for field in ("top_fraction", "threshold"):
        words = heatmaps(viewers, run, **{field: number})[3]
        assert field in words or number == 0.0
    assert shown(parts, run, top_fraction=number)[1]
    assert parts["heatmaps"].SelAggHeatmaps.VALIDATE_INPUTS(top_fraction=number, threshold=0.5) is not True


# -- disks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing_loses_no_diagnosis(viewers, parts, run, monkeypatch, tmp_path, number):  # noqa: F811
    usual = diagnosed(viewers, run)

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(parts["host"], "output_directory", lambda: str(tmp_path / "out"))
    monkeypatch.setattr("selagg_core.files.write.open", refuse, raising=False)
    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    result = diagnosed(viewers, run, keep_report=True)
    assert result.report["pictures"] == usual.report["pictures"] and result.ui["images"] == []
    assert len(result.report["problems"]) == 1 and "the report was not kept" in result.report["problems"][0]
    assert torch.equal(result.annotated, usual.annotated)


def test_a_folder_that_is_a_file(viewers, parts, run, monkeypatch, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("")
    for name in ("output_directory", "temp_directory"):
        monkeypatch.setattr(parts["host"], name, lambda: str(tmp_path / "file"))
    result = diagnosed(viewers, run, keep_report=True)
    assert "a part of its path is a file" in result.warnings and result.ui["images"] == []


@pytest.mark.parametrize("folder", ["x" * 3000, "a\0b", "..", "../..", "~", "/", "CON", ""])
@pytest.mark.parametrize("name", ["x" * 3000, "con", "../..", "\0", "", "\u732b" * 200])
def test_names_of_calibrations(parts, folder, name):
    node = parts["calibrate"].SelAggCalibrate
    assert isinstance(node.IS_CHANGED(folder, name), str)
    with pytest.raises(ValueError, match="^SelAgg Calibrate: ") as caught:
        node().calibrate(folder, name)
    assert len(str(caught.value)) < 300


def test_a_calibration_that_an_older_version_saved_is_found(parts, monkeypatch, tmp_path):
    from selagg_core.diagnosis.calibration import PRESET

    monkeypatch.setattr(parts["host"], "relevance_directory", lambda: str(tmp_path))
    (tmp_path / "my checkpoint.calibration.json").write_bytes(PRESET.read_bytes())
    calibration, told = parts["calibrate"].SelAggCalibrate().calibrate("", " my checkpoint ")
    assert calibration.base in told
    before = parts["calibrate"].SelAggCalibrate.IS_CHANGED("", "my checkpoint")
    assert before == parts["calibrate"].SelAggCalibrate.IS_CHANGED("", "my checkpoint") != ""
    os.utime(tmp_path / "my checkpoint.calibration.json", (1, 1))
    assert parts["calibrate"].SelAggCalibrate.IS_CHANGED("", "my checkpoint") != before


# -- faults of our own, and the host's interruption --------------------------------------------------------


@pytest.mark.parametrize(
    "error", [TypeError("x"), RuntimeError("CUDA out of memory"), MemoryError(), KeyError(3)]
)
def test_a_fault_inside_is_logged_and_shown(viewers, parts, run, monkeypatch, caplog, error):  # noqa: F811
    def fail(*_, **__):
        raise error

    for node, function in (("diagnose", "diagnose_run"), ("heatmaps", "draw_heatmaps")):
        monkeypatch.setattr(parts[node], function, fail)
    result = diagnosed(viewers, run)
    assert type(error).__name__ in result.warnings and "report this" in result.warnings
    assert type(error).__name__ in heatmaps(viewers, run)[3]
    assert any(record.exc_info for record in caplog.records), "the log must hold the whole fault"


def test_an_interruption_of_the_host_is_not_held_up(viewers, parts, run, monkeypatch):  # noqa: F811
    import comfy.model_management as management

    kept = management if hasattr(management, "InterruptProcessingException") else management.interruption
    stopped = kept.InterruptProcessingException

    def stop(*_, **__):
        raise stopped

    for node, function in (("diagnose", "diagnose_run"), ("heatmaps", "draw_heatmaps")):
        monkeypatch.setattr(parts[node], function, stop)
    with pytest.raises(stopped):
        diagnosed(viewers, run)
    with pytest.raises(stopped):
        heatmaps(viewers, run)


# -- values of any type in any socket ----------------------------------------------------------------------

ANY = [None, 0, 3.5, float("nan"), "x", "\ud800", b"x", True, [], [1], {}, {"a": float("nan")}, (), object()]


@pytest.mark.parametrize("value", ANY, ids=lambda value: type(value).__name__)
def test_viewers_stand_any_value_in_any_socket(viewers, parts, run, value, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(parts["host"], "output_directory", lambda: str(tmp_path))
    saved = importlib.import_module("selagg_nodes.saved").SelAggSave()
    sockets = ("capture", "latent", "image")
    shared = ("prompt", "clip", "relevance", "recipe", "unique_id", "graph", "extra_pnginfo", "concepts")
    own = ("calibration", "expect", "expected", "expected_words", "boxes", "claims", "keep_report", "words")
    every = dict.fromkeys((*shared, *own), value)
    for changes in (*({name: value} for name in sockets), every):
        assert isinstance(diagnosed(viewers, run, **changes).warnings, str)
    settings = dict.fromkeys((*shared, "words", "mode", "top_fraction", "threshold"), value)
    for changes in (*({name: value} for name in sockets), settings):
        assert isinstance(heatmaps(viewers, run, **changes)[3], str)
    for changes in (
        *({name: value} for name in ("image", "word")),
        dict.fromkeys(("concept", "recipe"), value),
    ):
        assert isinstance(shown(parts, run, **changes)[1], str)
    for name in ("text", "words", "mask", "expect"):
        usual = {"text": "cat: left", "words": "cat", "mask": None, "expect": None}
        (expect,) = parts["expect"].SelAggExpect().collect(**{**usual, name: value})
        assert all(problem for problem in expect.problems)
    for name in ("capture", "latent", "image", "name", "report"):
        told = saved.save(**{**run, "name": "x", name: value})["result"][0]
        assert told and len(told) <= 300


def test_fuzzing_has_a_value_for_every_socket_of_every_node(pack):
    from benchmarks.fuzz_values import RIGHT, WRITTEN

    declared = {
        definition[0]
        for kind in pack.NODE_CLASS_MAPPINGS.values()
        for part in kind.INPUT_TYPES().values()
        for definition in (own if isinstance(own, tuple) else (own,) for own in part.values())
        if isinstance(definition[0], str)
    }
    assert declared <= {*RIGHT, *WRITTEN}, "python -m benchmarks.fuzz --nodes would end at these"


def test_what_is_asked_before_a_run_is_answered_whatever_it_is(parts):
    for value in ANY:
        asked = (("diagnose", "boxes"), ("heatmaps", "top_fraction"), ("heatmaps", "threshold"))
        for node, name in asked:
            kind = getattr(parts[node], f"SelAgg{node.capitalize()}")
            told = kind.VALIDATE_INPUTS(**{name: value})
            assert told is True or 10 < len(told) <= 300


@pytest.mark.parametrize("preset", ["", "x" * 5000, None, "Default"])
def test_a_preset_that_is_none_of_a_recipe(preset):
    node = importlib.import_module("selagg_nodes.recipe").SelAggMapRecipe()
    with pytest.raises(ValueError, match="choose one of default, paper, custom") as caught:
        node.recipe(preset)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", ["pictures", "steps", "width", "height"])
@pytest.mark.parametrize("value", [0, -1, -(2**40)])
def test_numbers_of_building_are_refused_before_anything_is_sampled(parts, number, value):
    usual = {"pictures": 1, "steps": 1, "width": 64, "height": 64}
    rest = ("x", "a cat", 1, 0, 1, 1.0, "euler", "normal", 64, 64, "argmax wins")
    names = (
        "name",
        "prompts",
        "pictures",
        "seed",
        "steps",
        "cfg",
        "sampler",
        "scheduler",
        "width",
        "height",
        "score",
    )
    inputs = {**dict(zip(names, rest, strict=True)), **usual, number: value}
    with pytest.raises(ValueError, match=f"SelAgg Build Relevance: {number} is too small"):
        parts["relevance"].SelAggBuildRelevance().build(None, None, **inputs)


@pytest.mark.parametrize(
    "request_", [[], None, "x", 3, {}, {"prompt": []}, {"prompt": {"1": {"class_type": "SelAggDiagnose"}}},
    {"prompt": {"1": {"class_type": "SelAggDiagnose", "inputs": {"latent": [{}, 0]}}}},
    {"prompt": {"1": {"class_type": "SelAggDiagnose", "inputs": {"capture": ["2", 0]}}, "2": {}}}],
)  # fmt: skip
def test_a_request_that_is_no_workflow_is_left_to_the_host(pack, request_, caplog):
    words = importlib.import_module("selagg_nodes.recording.from_graph").words_for_request
    before = json.dumps(request_)
    assert words(request_) == request_ and json.dumps(request_) == before
    assert not caplog.records


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_ring_of_nodes_of_words_ends(pack, length):
    words = importlib.import_module("selagg_nodes.recording.from_graph").words_for_request
    graph = {
        f"w{i}": {"class_type": "SelAggGraphWords", "inputs": {"more": [f"w{(i + 1) % length}", 0]}}
        for i in range(length)
    }
    viewer = {"class_type": "SelAggDiagnose", "inputs": {"prompt": ["w0", 0]}}
    assert words({"prompt": {**graph, "1": viewer}})["prompt"] == {
        "1": {"class_type": "SelAggDiagnose", "inputs": {}}
    }
