"""Every loader against a folder of hostile files: each is refused in a sentence, and nothing else happens.

A file that broke something joins `tests/hostile`, in the folder of the loader.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from selagg_core.calibrate import read_folder
from selagg_core.diagnosis.calibration import Calibration
from selagg_core.files.checked import fits
from selagg_core.files.text import read_text
from selagg_core.recording.saved import load_recording
from selagg_core.relevance.building import RelevanceSums
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.report.report import Report

HOSTILE = Path(__file__).resolve().parents[1] / "hostile"
LONGEST_MESSAGE = 300
PYTHON = ("Traceback", "NoneType", "object is not", "codec can't", "unhashable", "invalid literal")


def files(*folders: str):
    found = [path for folder in folders for path in sorted((HOSTILE / folder).iterdir())]
    return pytest.mark.parametrize("path", found, ids=lambda path: path.name)


def refused(read, *arguments) -> None:
    with pytest.raises(ValueError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert 0 < len(message) <= LONGEST_MESSAGE and not any(word in message for word in PYTHON), message


@files("tensors")
def test_files_of_arrays(path):
    refused(HeadRelevance.load, path)
    refused(load_recording, path)
    assert RelevanceSums.resume(path, "job", 1, 7) is None


@files("reports")
def test_reports(path):
    refused(lambda: Report.from_json(read_text(path)))


@files("calibrations")
def test_calibrations(path):
    refused(lambda: Calibration.from_json(read_text(path)))


@files("labels")
def test_labels(path, tmp_path):
    shutil.copy(path, tmp_path / "labels.json")
    report = Report("a circle", {})
    body = json.loads(report.to_json())
    checks = [{"kind": "neglected", "claim": "circle", "confidence": 0.5, "verdict": "fine", "features": {}}]
    picture = {"index": 0, "words": [], "places": [], "findings": [], "checks": checks}
    (tmp_path / "r.json").write_text(json.dumps({**body, "pictures": [picture]}))
    refused(read_folder, tmp_path)


@pytest.mark.parametrize(
    ("value", "kind", "fitting"),
    [
        ([1, 2], tuple[int, int], True),
        ([1, 2, 3], tuple[int, int], False),
        ([1, "2"], tuple[int, int], False),
        ([1, 2, 3], tuple[int, ...], True),
        ([], tuple[int, ...], True),
        (["a", 1], list, True),
        (["a"], list[str], True),
        (["a", 1], list[str], False),
        (True, int, False),
        ({"a": [1.0]}, dict[str, list[float]], True),
        ({"a": ["1"]}, dict[str, list[float]], False),
        ("ab", tuple[str, ...], False),
    ],
)
def test_values_of_files_fit_what_is_annotated(value, kind, fitting):
    assert fits(value, kind) is fitting
