"""What the viewer in the browser is told about a run."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from synthetic import LAYOUT, OneRunCapture, entry_of, recording_of

from selagg_core.claims.expectations import expected_regions, read_expectations
from selagg_core.diagnose import diagnose_run
from selagg_core.diagnosis.findings import Finding
from selagg_core.diagnosis.landing import landing
from selagg_core.maps.recipe import PAPER
from selagg_core.prompt.groups import WordGroup
from selagg_core.recording.coverage import Coverage
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.report.manifest import (
    head_sheets,
    manifest,
    maps_file,
    step_bins,
    step_sheet,
)
from selagg_core.report.packed_maps import PackedMaps, unpack_maps
from selagg_core.report.shown import Planned, prepare, texts_of
from selagg_core.view import open_run

TEXT = "a red circle left of a circle and a star"
BUMPS = {"red": (0.25, 0.5, 0.1), "circle": (0.25, 0.5, 0.12), "star": (0.75, 0.5, 0.12)}


@pytest.fixture
def view():
    positive = entry_of(TEXT, BUMPS, batch=2)
    negative = replace(entry_of("ugly star", BUMPS, batch=2), kind="negative")
    recording = replace(recording_of(positive), entries=(positive, negative))
    images = torch.rand(2, 32, 32, 3, generator=torch.Generator().manual_seed(0))
    return open_run(OneRunCapture(recording), torch.zeros(2, 4, 16, 16), images)


def unpacked(body) -> np.ndarray:
    return unpack_maps(PackedMaps.from_dict(body))


RED, STAR = WordGroup("red", (1,)), WordGroup("star", (9,))


def by_label(picture) -> dict:
    return {word.label: each for word, each in landing(picture).items()}


def close(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Within half a level of each map's range."""
    spread = wanted.max(axis=(1, 2), keepdims=True) - wanted.min(axis=(1, 2), keepdims=True)
    return bool((np.abs(found - wanted) <= spread / 509 + 1e-6).all())


def test_all_texts_with_all_their_words_and_maps(view):
    body = json.loads(json.dumps(manifest(prepare(view, HeadSettings())), allow_nan=False))
    assert [text["name"] for text in body["texts"]] == ["positive", "negative"]
    assert [word["text"] for word in body["texts"][0]["words"]] == TEXT.split()
    assert "".join(text for text, _ in body["texts"][0]["pieces"]) == TEXT
    assert body["size"] == [32, 32] and body["pictures"] == len(body["maps"]) == 2
    text = texts_of(view.recording, 2)[0]
    chosen = Planned.of(view, HeadSettings()).chosen[0]
    for picture in range(2):
        wanted = view.maps(picture, text.groups, chosen.selections)
        assert close(unpacked(body["maps"][picture][0]["all"]), wanted)
        special = unpacked(body["maps"][picture][0]["special"])
        assert special.shape == (1, *wanted.shape[1:])


def test_the_coverage_of_the_recording_goes_along(view):
    counts = Coverage((2, 3), (4, 7), (4, 4), (4, 4))
    counted = replace(view, recording=replace(view.recording, coverage=counts))
    told = json.loads(json.dumps(manifest(prepare(counted, HeadSettings()))))["coverage"]
    assert told == {"layers": [2, 3], "heads": [4, 7], "steps": [4, 4], "rows": [4, 4]}
    assert (
        manifest(prepare(replace(counted, recording=replace(view.recording, coverage=None)), HeadSettings()))[
            "coverage"
        ]
        is None
    )


def test_without_relevance_the_mode_asked_for_shows_all_heads(view):
    body = manifest(prepare(view, HeadSettings("least")))
    assert body["maps"][0][0]["least"] == body["maps"][0][0]["all"]
    assert "selective" not in body["maps"][0][0]


def test_a_choice_that_cannot_be_used_becomes_a_notice(view):
    chosen = Planned.of(view, HeadSettings(fraction=7.0)).chosen[0]
    assert chosen.uses_all and "All heads were used" in chosen.notices[0]


def test_findings_point_to_words_and_expected_regions(view):
    given = read_expectations(None, "", boxes="star: 0%, 0%, 50%, 100%")
    report = diagnose_run(view, "all", given, HeadSettings()).report
    expected = expected_regions(given, view.prompts, 2, view.size, [])
    body = manifest(prepare(view, HeadSettings()), report, expected)
    assert body["labels"]["circle"] == [0, [2]] and body["labels"]["circle (2)"] == [0, [6]]
    assert body["report"][0]["words"]["star"]["state"] in ("landed", "doubtful", "warned")
    region = unpacked(body["expected"][0]["star"])[0]
    assert region[:, 1:15].min() == 1 and region[:, 17:].max() == 0
    assert body["report"][0]["checks"]


def test_landing_follows_the_worst_finding_and_leaves_information_aside(view):
    report = diagnose_run(view, "red, star, circle", None, HeadSettings()).report
    plain = replace(report.pictures[0], findings=())
    assert {each["state"] for each in by_label(plain).values()} == {"landed"}
    sure = Finding("neglected", (STAR,), 0.5, {}, 0.9, "", "")
    unsure = sure.demoted("", "unsure")
    told = replace(unsure, words=(RED,), level="information")
    states = by_label(replace(plain, findings=(sure, unsure, told)))
    assert states["star"]["state"] == "warned" and states["red"]["state"] == "landed"
    assert all(0 <= each["landed"] <= 1 for each in states.values())


def test_heads_of_a_word_are_those_of_the_recording(view):
    text = texts_of(view.recording, 2)[1]
    seen = {}
    for sheet in head_sheets(text, 1, 1)["sheets"]:
        seen.update(zip(sheet["heads"], unpacked(sheet), strict=True))
    assert sorted(seen) == list(range(LAYOUT.total))
    for layer, values in text.entry.maps.items():
        for head in range(LAYOUT.heads_of(layer)):
            assert close(seen[LAYOUT.offset(layer) + head][None], values[1, head, 1][None])
    with pytest.raises(ValueError, match="there is no word 9"):
        head_sheets(text, 0, 9)
    with pytest.raises(ValueError, match="there is no picture 3"):
        head_sheets(text, 2, 0)


def test_parts_of_the_run(view):
    entry = view.entries[0]
    first = MappingProxyType({layer: 2 * values for layer, values in entry.maps.items()})
    empty = MappingProxyType({})
    entries = (replace(entry, step_maps=(first, empty)),)
    parted = replace(view, entries=entries, recording=replace(view.recording, entries=entries))
    text = texts_of(parted.recording, 2)[0]
    selections = Planned.of(view, HeadSettings()).chosen[0].selections
    assert (
        len(step_bins(text.entry)) == 2 and manifest(prepare(parted, HeadSettings()))["texts"][0]["bins"] == 2
    )
    whole = view.maps(0, text.groups, selections, PAPER)
    assert close(unpacked(step_sheet(text, 0, 0, selections, PAPER)), 2 * whole)
    for missing in (1, 2):
        with pytest.raises(ValueError, match="nothing was recorded in part"):
            step_sheet(text, 0, missing, selections, PAPER)


def test_relevance_of_a_word_is_sent_in_the_order_in_which_heads_are_taken():
    from selagg_core.relevance.shipped import load_preset
    from selagg_core.report.manifest import _ranking

    relevance = load_preset("sd14")
    packed = _ranking(relevance, ["Animals"])
    order = np.frombuffer(base64.b64decode(packed["order"]), "<u2")
    assert list(order[:32]) == list(relevance.top_heads("Animals", 0.25))
    levels = np.frombuffer(base64.b64decode(packed["scores"]), np.uint8)
    assert levels.size == 128 and levels[order[0]] == 255


def test_the_file_of_maps(view):
    tensors = load(maps_file(prepare(view, HeadSettings())))
    text = texts_of(view.recording, 2)[0]
    wanted = view.maps(1, text.groups, Planned.of(view, HeadSettings()).chosen[0].selections)
    np.testing.assert_array_equal(tensors["1/0-positive/selective"], wanted)
    assert set(tensors) >= {"0/0-positive/all", "0/1-negative/all"}
