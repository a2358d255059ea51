"""Files of ours with one value changed: read as what they say, or refused in a sentence.

The files are whole and of the right version, so only what reads the single values can tell. What is taken
must do all that such a file is for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from test_hostile_files import LONGEST_MESSAGE, PYTHON
from test_report import report
from test_saved_recording import rich_recording

from selagg_core.diagnose import diagnose_run
from selagg_core.diagnosis.calibration import PRESET, Calibration
from selagg_core.diagnosis.findings import Finding
from selagg_core.files.checked import check_fields, fits
from selagg_core.heatmaps import draw_heatmaps
from selagg_core.recording.saved import load_recording, save_recording
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.relevance.shipped import load_preset
from selagg_core.report.page import report_page
from selagg_core.report.report import Report
from selagg_core.view import view_of

KEY = "selagg"
VALUES = (
    None, -1, 0, 1, 2**31, 2**70, -(2**70), 1.5, 1e300, "x", "", "9" * 5000, "x" * 3000, True, [], [1], [[]],
    [None], ["x", 1], {}, {"x": "y"}, {"a": 1}, [0, 4, 12, 20], [2**40] * 4,
)  # fmt: skip
OWN_WORDS = (*PYTHON, "update sequence", "values to unpack", "set_int_max_str_digits")
TRIED = 250


def places(value: Any, at: tuple = ()) -> Iterator[tuple]:
    """Where values stand in a JSON value; of a list the first two and the last."""
    yield at
    if isinstance(value, dict):
        for key, own in value.items():
            yield from places(own, (*at, key))
    elif isinstance(value, list):
        for index in sorted({0, 1, len(value) - 1} & set(range(len(value)))):
            yield from places(value[index], (*at, index))


def changed(body: Any, at: tuple, value: Any) -> Any:
    if not at:
        return value
    copy = json.loads(json.dumps(body))
    within = copy
    for step in at[:-1]:
        within = within[step]
    within[at[-1]] = value
    return copy


def holds(body: Any, read: Callable[[Any], Any], use: Callable[[Any], Any], seed: int) -> None:
    """Changes one value at a time; a ValueError of `use` is an answer too."""
    every = [(at, value) for at in places(body) for value in VALUES]
    taken = 0
    for at, value in random.Random(seed).sample(every, min(TRIED, len(every))):
        try:
            made = read(changed(body, at, value))
            taken += 1
            use(made)
        except Exception as error:
            message = str(error)
            is_told = isinstance(error, ValueError) and 0 < len(message) <= LONGEST_MESSAGE
            told = f"{at} = {ascii(value)[:40]}: {type(error).__name__}: {message[:300]}"
            assert is_told and not any(word in message for word in OWN_WORDS), told
    assert 0 < taken < TRIED, "some must be taken, and some refused, or this tries nothing"


def header_of(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    with safe_open(path, "np") as file:
        return json.loads(file.metadata()[KEY]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize("seed", range(2))
def test_recordings(tmp_path, seed):
    path = tmp_path / "run.safetensors"
    save_recording(rich_recording(), path)
    body, arrays = header_of(path)
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)

    def read(header: Any):
        save_file(arrays, path, {KEY: json.dumps(header)})
        return load_recording(path)

    def use(recording) -> None:
        assert all(size > 0 for size in recording.latent_shape)
        assert all(isinstance(text, str) and len(text) <= 310 for text in recording.notices)
        view = view_of(recording, images[: recording.latent_shape[0]])
        draw_heatmaps(view)
        json.dumps(diagnose_run(view).report.to_json())

    holds(body, read, use, seed)


@pytest.mark.parametrize("seed", range(2))
def test_head_relevances(tmp_path, seed):
    path = tmp_path / "own.safetensors"
    load_preset("demo").save(path)
    body, arrays = header_of(path)

    def read(header: Any) -> HeadRelevance:
        save_file(arrays, path, {KEY: json.dumps(header)})
        return HeadRelevance.load(path)

    def use(relevance: HeadRelevance) -> None:
        relevance.describe()
        relevance.save(tmp_path / "again.safetensors")
        HeadRelevance.load(tmp_path / "again.safetensors")

    holds(body, read, use, seed)


@pytest.mark.parametrize("seed", range(4))
def test_reports(seed):
    def use(made: Report) -> None:
        assert Report.from_json(made.to_json()) == made
        report_page(made, [("a", b"x")]).encode("utf-8")
        assert all(isinstance(line, str) for line in made.warnings())

    holds(json.loads(report(batch=2).to_json()), lambda body: Report.from_json(json.dumps(body)), use, seed)


@pytest.mark.parametrize("seed", range(2))
def test_calibrations(seed):
    body = json.loads(PRESET.read_text(encoding="utf-8"))
    features = {"focus": 0.4, "turned": 0.9}

    def use(calibration: Calibration) -> None:
        Calibration.from_json(calibration.to_json())
        assert all(0 <= model.confidence(features) <= 1 for model in calibration.kinds.values())

    holds(body, lambda changed: Calibration.from_json(json.dumps(changed)), use, seed)


# -- the kinds of values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "good"),
    [
        (1, float, True), (True, float, False), ("1", int, False), (1.0, int, False), (True, bool, True),
        ([1, 2.5], tuple[float, float], True), ([1], tuple[float, float], False),
        (["a"], tuple[str, ...], True), ("a", tuple[str, ...], False), ([None], tuple[str, ...], False),
        ({"a": 1}, dict[str, float | bool | str], True), ({"a": None}, dict[str, float], False),
        ([], dict[str, float], False), (None, int | None, True), ("x", int | None, False),
    ],
)  # fmt: skip
def test_values_are_of_the_kinds_that_fields_name(value, kind, good):
    assert fits(value, kind) is good


def test_a_field_of_the_wrong_kind_is_named():
    check_fields(Finding, {"message": "x", "confidence": 1, "words": [], "unknown": 3})
    with pytest.raises(ValueError, match='"confidence" is of the wrong kind'):
        check_fields(Finding, {"message": "x", "confidence": "high"})
