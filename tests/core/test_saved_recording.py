"""A recording in a file, and the three lines from it to a word's map."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from synthetic import GRIDS, LAYOUT, entry_of, recording_of

from selagg_core.maps.recipe import PAPER
from selagg_core.notebook import HeadSettings, load_recording, save_recording, word_map
from selagg_core.recording.coverage import Coverage
from selagg_core.recording.head_maps import Recording, SubTokens
from selagg_core.recording.layout import LayerId
from selagg_core.recording.self_attention import SelfAttention

BUMPS = {"red": (0.2, 0.3, 0.1), "circle": (0.7, 0.6, 0.15)}


def rich_recording() -> Recording:
    """All that a recording can hold: two entries, an area, parts of the run, self-attention, tokens."""
    random = np.random.default_rng(0)
    whole = entry_of("a red circle", BUMPS, batch=2)
    parts = tuple(MappingProxyType({x: v * share for x, v in whole.maps.items()}) for share in (0.5, 1.5))
    q, k = (random.normal(size=(2, 2, 64, 8)).astype(np.float16) for _ in range(2))
    tokens = {
        layer: random.random((2, LAYOUT.heads_of(layer), 4, *grid), dtype=np.float32)
        for layer, grid in GRIDS.items()
    }
    whole = replace(
        whole,
        step_maps=parts,
        self_attention=MappingProxyType({LayerId("output", 3, 0): SelfAttention(q, k, (8, 8))}),
        sub_tokens=SubTokens(((0,), (1, 2), (3,)), MappingProxyType(tokens)),
    )
    area = replace(entry_of("blue star", {"star": (0.5, 0.5, 0.2)}, batch=2, area=(8, 8, 0, 8)), index=1)
    columns = replace(entry_of("x y z", {}), kind="negative", prompt=None)
    return Recording(
        (whole, area, columns),
        LAYOUT,
        (2, 4, 16, 16),
        (14.6, 1.5, 0.0),
        False,
        ("Two notices.", "\u732b"),
        768,
        Coverage((3, 3), (7, 7), (2, 4), (2, 2)),
        from_picture=True,
    )


def assert_equal(one, other, where: str = "recording") -> None:
    if is_dataclass(one):
        assert type(one) is type(other), where
        for field in fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, where)
        assert one.dtype == other.dtype, where
    elif hasattr(one, "items"):
        assert list(one) == list(other), where
        for key, value in one.items():
            assert_equal(value, other[key], f"{where}[{key}]")
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{where}[{number}]")
    else:
        assert one == other and type(one) is type(other), where


@pytest.mark.parametrize("recording", [rich_recording(), recording_of(entry_of("a red circle", BUMPS))])
def test_there_and_back(tmp_path, recording):
    save_recording(recording, tmp_path / "run.safetensors")
    assert_equal(recording, load_recording(tmp_path / "run.safetensors"))
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_files_of_before_do_not_say_where_their_run_started(tmp_path):
    path = tmp_path / "run.safetensors"
    save_recording(rich_recording(), path)
    changed(path, lambda header, _arrays: header.pop("from_picture"))
    assert load_recording(path).from_picture is None


def test_three_lines_to_the_map_of_a_word(tmp_path):
    save_recording(recording_of(entry_of("a red circle", BUMPS)), tmp_path / "run.safetensors")

    recording = load_recording(tmp_path / "run.safetensors")
    heat = word_map(recording, "circle")

    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert heat.shape == (16, 16) and heat.dtype == np.float32
    assert ((x + 0.5) / 16, (y + 0.5) / 16) == pytest.approx((0.7, 0.6), abs=0.07)
    both = word_map(recording, "red circle", settings=HeadSettings("all", recipe=PAPER))
    single = [word_map(recording, w, settings=HeadSettings("all", recipe=PAPER)) for w in ("red", "circle")]
    np.testing.assert_allclose(both, np.mean(single, axis=0), atol=1e-6)


def test_a_word_or_picture_that_is_not_there_is_named():
    recording = recording_of(entry_of("a red circle", BUMPS))
    with pytest.raises(ValueError, match='"dog" is not in the prompt. Words that are there: a, red, circle'):
        word_map(recording, "dog")
    for picture in (-1, 1, 99):
        with pytest.raises(ValueError, match=f"no picture {picture}: this run made 1"):
            word_map(recording, "circle", picture)


def test_a_full_disk_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"run\.safetensors could not be written"):
        save_recording(rich_recording(), tmp_path / "file" / "run.safetensors")


def changed(path, change) -> None:
    """The file with its header, or its arrays, changed."""
    with safe_open(path, "np") as file:
        header = json.loads(file.metadata()["selagg"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    change(header, arrays)
    save_file(arrays, path, {"selagg": json.dumps(header)})


def first(header):
    return header["entries"][0]


CHANGES = {
    "another format": lambda h, a: h.update(format="selagg-head-relevance"),
    "a newer version": lambda h, a: h.update(version=2),
    "a start that is no yes or no": lambda h, a: h.update(from_picture="yes"),
    "no entries": lambda h, a: h.pop("entries"),
    "entries of text": lambda h, a: h.update(entries="abc"),
    "maps missing": lambda h, a: a.pop("0.maps.1"),
    "a layer too many": lambda h, a: first(h)["maps"].append(3),
    "a layer before the first": lambda h, a: first(h)["maps"].append(-1),
    "heads too few": lambda h, a: a.update({"0.maps.0": a["0.maps.0"][:, :1]}),
    "words too few": lambda h, a: a.update({"0.maps.0": a["0.maps.0"][:, :, :2]}),
    "pictures too few": lambda h, a: a.update({"0.maps.0": a["0.maps.0"][:1]}),
    "not finite": lambda h, a: a.update({"0.maps.0": a["0.maps.0"] * np.nan}),
    "no maps at all": lambda h, a: a.update({"0.maps.0": a["0.maps.0"][..., :0]}),
    "whole numbers": lambda h, a: a.update({"0.maps.0": a["0.maps.0"].astype(np.int64)}),
    "another grid of special tokens": lambda h, a: a.update({"0.special.0": a["0.special.0"][..., :2]}),
    "special tokens of no layer": lambda h, a: first(h)["special"].pop(),
    "a part of other words": lambda h, a: a.update({"0.step1.0": a["0.step1.0"][:, :, :1]}),
    "a token without maps": lambda h, a: first(h)["sub_tokens"]["groups"].__setitem__(0, [9]),
    "a token before the first": lambda h, a: first(h)["sub_tokens"]["groups"].__setitem__(0, [-1]),
    "a word without tokens": lambda h, a: first(h)["sub_tokens"]["groups"].__setitem__(0, []),
    "a word outside the text": lambda h, a: first(h)["prompt"]["words"][0].update(columns=[77]),
    "a word without columns": lambda h, a: first(h)["prompt"]["words"][0].update(columns=[]),
    "a word that is a number": lambda h, a: first(h)["prompt"]["words"][0].update(text=3),
    "a word with more": lambda h, a: first(h)["prompt"]["words"][0].update(run="rm"),
    "a block that is a list": lambda h, a: h["layout"][0].__setitem__(1, [1]),
    "a layer twice": lambda h, a: h["layout"].append(h["layout"][0]),
    "heads of another model": lambda h, a: h["layout"][0].__setitem__(3, 9),
    "an area of three": lambda h, a: first(h).update(area=[1, 2, 3]),
    "self-attention on another grid": lambda h, a: first(h)["self_attention"][0].__setitem__(3, 4),
    "self-attention in other numbers": lambda h, a: a.update({"0.self.0.q": a["0.self.0.q"].astype("f4")}),
    "self-attention that overflowed": lambda h, a: a.update(
        {"0.self.0.q": a["0.self.0.q"] * np.float16(np.inf)}
    ),
    "coverage with more": lambda h, a: h["coverage"].update(more=[1, 1]),
    "steps that are text": lambda h, a: first(h).update(steps="many"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_was_tampered_with_is_refused(tmp_path, change):
    path = tmp_path / "run.safetensors"
    save_recording(rich_recording(), path)
    changed(path, change)
    with pytest.raises(
        ValueError, match=r"run\.safetensors is (not a readable|a damaged) recording"
    ) as caught:
        load_recording(path)
    assert len(str(caught.value)) < 300


def test_a_file_too_large_is_not_opened(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    save_recording(rich_recording(), path)
    monkeypatch.setattr("selagg_core.files.tensors.safe_open", lambda *_: pytest.fail("opened"))
    with pytest.raises(ValueError, match="more than the 0 MiB allowed"):
        load_recording(path, most_bytes=1000)
