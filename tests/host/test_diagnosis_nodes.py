"""SelAgg Expect and SelAgg Calibrate, and SelAgg Diagnose with claims, expectations, calibrations."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest
import torch
from test_viewers import diagnosed, sampled, viewers  # noqa: F401 (fixture)


@pytest.fixture(scope="module")
def nodes(host, pack):
    def module(name):
        return importlib.import_module(f"selagg_nodes.{name}")

    return SimpleNamespace(
        expect=module("expect").SelAggExpect(),
        calibrate=module("calibrate").SelAggCalibrate(),
        calibrate_module=module("calibrate"),
        host=module("host"),
    )


@pytest.fixture(scope="module")
def run(host, viewers):  # noqa: F811
    return sampled(viewers)


def checks(result) -> list[tuple[str, str]]:
    return [(check["kind"], check["claim"]) for check in result.report["pictures"][0]["checks"]]


def test_the_prompts_own_claims_are_checked(viewers, run):  # noqa: F811
    result = diagnosed(viewers, run)
    assert ("misplaced", "circle left of square") in checks(result)
    assert ("leaked", "red > circle") in checks(result) and ("blended", "circle") in checks(result)
    assert "circle left of square" in result.report["claims"]


def test_the_artists_claims_are_checked_instead(viewers, run):  # noqa: F811
    result = diagnosed(viewers, run, claims="red > square\ncircle above square\nfoo bar")
    assert ("misplaced", "circle above square") in checks(result)
    assert ("misplaced", "circle left of square") not in checks(result)
    assert ("leaked", "red > square") in checks(result)
    assert 'claim "foo bar"' in result.warnings


def test_expectations_are_chained_and_checked(viewers, nodes, run):  # noqa: F811
    mask = torch.zeros(1, 64, 96)
    mask[:, :, :48] = 1
    (first,) = nodes.expect.collect("square: right", "circle", mask)
    (both,) = nodes.expect.collect("red: 0, 0, 50%, 100%\nunicorn: left", "", None, first)
    result = diagnosed(viewers, run, expect=both)
    assert len(result.report["pictures"][0]["places"]) == 2
    assert ("misplaced", "square: right") in checks(result)
    assert '"unicorn" is not in the prompt' in result.warnings


@pytest.mark.parametrize(
    ("text", "words", "with_mask", "problem"),
    [
        ("", "", True, "no words"),
        ("", "circle", False, "no expected MASK"),
        ("cat: 1, 2, 3", "", False, "cannot read the box"),
        ("nonsense", "", False, "write it like one of"),
    ],
)
def test_expectations_that_cannot_be_used_stop_nothing(viewers, nodes, run, text, words, with_mask, problem):  # noqa: F811
    (given,) = nodes.expect.collect(text, words, torch.ones(1, 64, 96) if with_mask else None)
    result = diagnosed(viewers, run, expect=given)
    assert problem in result.warnings and len(result.report["pictures"]) == 2


def test_reports_are_kept_labelled_and_calibrated_from(viewers, nodes, run, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setattr(nodes.host, "output_directory", lambda: str(tmp_path / "out"))
    monkeypatch.setattr(nodes.host, "relevance_directory", lambda: str(tmp_path / "models"))
    diagnosed(viewers, run, keep_report=True)
    folder = tmp_path / "out" / "selagg_reports"
    kept = sorted(file.suffix for file in folder.iterdir())
    assert kept == [".json", ".png", ".png"]
    report = next(folder.glob("*.json"))
    body = json.loads(report.read_text())
    copies = {}
    for number in range(20):  # the same pictures under other names, with features that tell right from wrong
        wrong = number % 2 == 0
        for picture in body["pictures"]:
            for check in picture["checks"]:
                check["features"] = {name: float(wrong) + 0.01 * number for name in check["features"]}
        (folder / f"copy{number}.json").write_text(json.dumps({**body, "prompt": f"prompt {number}"}))
        key = "wrong" if wrong else "right"
        copies[f"copy{number}.json"] = {str(i): {key: ["circle left of square"]} for i in (1, 2)}
    (folder / "labels.json").write_text(json.dumps(copies))
    calibration, told = nodes.calibrate.calibrate("selagg_reports", "my model/../x")
    assert set(calibration.kinds) == {"misplaced"} and "misplaced: fitted on 40 labels, 20" in told
    assert [file.name for file in (tmp_path / "models").iterdir()] == ["my_model_.._x.calibration.json"]
    loaded, _ = nodes.calibrate.calibrate("", "my model/../x")
    assert loaded == calibration
    result = diagnosed(viewers, run, calibration=calibration)
    assert result.report["settings"]["confidence"] == "measured on my model/../x"
    verdicts = {c["kind"]: c["verdict"] for c in result.report["pictures"][0]["checks"]}
    assert verdicts["leaked"] == "unjudged" and verdicts["misplaced"] != "unjudged"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "no labels.json"),
        ("{", "cannot be read"),
        ("[]", "must name report files"),
        ('{"x.json": {"1": {}}}', "not in the folder"),
        ('{"r.json": {"9": {}}}', "has no picture 9"),
        ('{"r.json": {"1": {"wrong": ["cat"]}}}', "is no claim"),
        ('{"r.json": {"1": {"wrong": ["circle"]}}}', "no kind of finding has labels enough"),
    ],
)
def test_labels_that_cannot_be_used(viewers, nodes, run, monkeypatch, tmp_path, labels, message):  # noqa: F811
    monkeypatch.setattr(nodes.host, "output_directory", lambda: str(tmp_path))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "r.json").write_text(json.dumps(diagnosed(viewers, run).report))
    if labels is not None:
        (folder / "labels.json").write_text(labels)
    with pytest.raises(ValueError, match=message):
        nodes.calibrate.calibrate("mine", "x")


@pytest.mark.parametrize("folder", ["..", "/etc", "missing"])
def test_a_folder_outside_or_missing(nodes, folder):
    with pytest.raises(ValueError, match="SelAgg Calibrate"):
        nodes.calibrate.calibrate(folder, "x")


def test_a_calibration_that_is_not_there_or_has_no_name(nodes):
    with pytest.raises(ValueError, match="fit one first"):
        nodes.calibrate.calibrate("", "never fitted")
    with pytest.raises(ValueError, match="no name for a file"):
        nodes.calibrate.calibrate("", "../")
