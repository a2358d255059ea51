"""SelAgg Save and SelAgg Load: a run that is opened again without its model is the run."""

from __future__ import annotations

import errno
import importlib
import json
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from tiny_models import sample, unet
from tiny_text import clip as tiny_clip


@pytest.fixture(scope="module")
def run(pack):
    """A captured run with its LATENT and IMAGE."""
    nodes, clip = pack.NODE_CLASS_MAPPINGS, tiny_clip()
    model, capture = nodes["SelAggCapture"]().capture(unet(), step_bins=2)
    with torch.inference_mode():
        positive, _ = nodes["SelAggTextEncode"]().encode("a red circle left of a blue star", clip)
        negative, _ = nodes["SelAggTextEncode"]().encode("", clip)
        latent = sample(model, positive, negative, size=(2, 12, 20))
    generator = torch.Generator().manual_seed(3)
    pictures = torch.randint(0, 256, (2, 96, 160, 3), generator=generator) / 255
    return capture, {"samples": latent}, pictures


@pytest.fixture
def nodes(pack, monkeypatch, tmp_path):
    saved = importlib.import_module("selagg_nodes.saved")
    monkeypatch.setattr(saved, "saved_folder", lambda: tmp_path / "saved")
    return pack.NODE_CLASS_MAPPINGS


def diagnosed(nodes, capture, latent, image):
    with torch.inference_mode():
        return nodes["SelAggDiagnose"]().diagnose(capture, latent, image)["result"]


def test_a_loaded_run_gives_the_same_diagnosis(nodes, run, tmp_path):
    picture, warnings, report = diagnosed(nodes, *run)
    (name,) = nodes["SelAggSave"]().save(*run, "my run", report)["result"]
    assert {file.name for file in (tmp_path / "saved").iterdir()} == {
        *(f"my_run-0001{end}" for end in (".safetensors", ".json", "_1.png", "_2.png")),
    }
    capture, latent, image, kept = nodes["SelAggLoad"]().load(name)
    assert json.loads(kept) == json.loads(report)
    np.testing.assert_allclose(image.numpy(), run[2].numpy(), atol=1e-6)
    again, same, _ = diagnosed(nodes, capture, latent, image)
    assert same == warnings and torch.equal(again, picture)
    with torch.inference_mode():
        overlays = [
            nodes["SelAggHeatmaps"]().draw(*own, "all", "selective", 0.25, 0.0)["result"][0]
            for own in (run, (capture, latent, image))
        ]
    assert torch.equal(*overlays)


def test_nothing_is_overwritten_and_the_list_has_all(nodes, run):
    names = [nodes["SelAggSave"]().save(*run, "a")["result"][0] for _ in range(2)]
    assert names == ["a-0001.safetensors", "a-0002.safetensors"]
    assert nodes["SelAggLoad"].INPUT_TYPES()["required"]["file"][0] == names
    assert nodes["SelAggLoad"]().load("a-0001.safetensors")[3] == ""


@pytest.mark.parametrize("name", ["", "///", "nul", "..", "\u732b" * 300, "a/b\\c:*?"])
def test_any_name_is_taken_or_refused_in_words(nodes, run, tmp_path, name):
    told = nodes["SelAggSave"]().save(*run, name)["result"][0]
    files = list(tmp_path.rglob("*.safetensors"))
    assert [file.parent for file in files] in ([], [tmp_path / "saved"])
    assert bool(files) != ("is no name for a file" in told)


def test_bad_input_never_ends_the_queue(nodes, run, tmp_path):
    capture, latent, image = run
    save = nodes["SelAggSave"]().save
    other = {"samples": latent["samples"] + 1}
    assert "not sampled with this capture" in save(capture, other, image, "a")["result"][0]
    assert "image batch" in save(capture, latent, image[:1], "a")["result"][0]
    assert "SelAgg Save:" in save(capture, latent, image, "a", "no json")["result"][0]
    assert not list(tmp_path.rglob("*.*"))
    (tmp_path / "saved").write_text("a file where the folder should be")
    assert "SelAgg Save:" in save(capture, latent, image, "a")["result"][0]


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "choose another one")]
)
@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_disk_that_takes_no_more_is_told_and_nothing_half_is_offered(
    nodes, run, monkeypatch, number, cure, taken
):
    """The disk is full after so many files."""
    left = iter([True] * taken)

    def opened(*given, **more):
        if next(left, False):
            return open(*given, **more)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("selagg_core.files.write.open", opened, raising=False)
    told = nodes["SelAggSave"]().save(*run, "full", diagnosed(nodes, *run)[2])["result"][0]
    assert told.startswith("SelAgg Save: ") and cure in told and len(told) <= 300
    assert nodes["SelAggLoad"].INPUT_TYPES()["required"]["file"][0] == []
    monkeypatch.undo()


def test_what_is_missing_or_damaged_is_named(nodes, run, tmp_path):
    load = nodes["SelAggLoad"]().load
    with pytest.raises(ValueError, match="there is no file"):
        load("../secret.safetensors")
    (name,) = nodes["SelAggSave"]().save(*run, "a", diagnosed(nodes, *run)[2])["result"]
    folder = tmp_path / "saved"
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    for damaged, message in (
        ("a-0001.safetensors", "a-0001.safetensors is not a readable recording|damaged"),
        ("a-0001.json", "report"),
        ("a-0001_2.png", "a-0001_2.png is no readable PNG"),
    ):
        (folder / damaged).write_bytes(b"<html>")
        with pytest.raises(ValueError, match=f"SelAgg Load: .*({message})"):
            load(name)
        (folder / damaged).write_bytes(whole[damaged])
    (folder / "a-0001_1.png").unlink()
    with pytest.raises(ValueError, match="a-0001_1.png is missing"):
        load(name)


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """The PNG with one more part behind its header."""
    crc = struct.pack(">I", zlib.crc32(name + content))
    return png[:33] + struct.pack(">I", len(content)) + name + content + crc + png[33:]


def header(width: int, height: int) -> bytes:
    return struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


PNGS = {
    "a text that unpacks to 64 MiB": lambda png: with_chunk(
        png, b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26))
    ),
    "a transparency without numbers": lambda png: with_chunk(png, b"tRNS", b""),
    "a header that is cut": lambda png: png[:8] + with_chunk(png[:33], b"IHDR", b"\0" * 5)[33:],
    "more pixels than any disk": lambda png: png[:8] + with_chunk(png, b"IHDR", header(2**30, 2**30))[33:],
    "more pixels than a run has": lambda png: png[:8] + with_chunk(png, b"IHDR", header(9000, 9000))[33:],
    "no pixels": lambda png: png[:8] + with_chunk(png, b"IHDR", header(0, 0))[33:],
    "cut in the middle": lambda png: png[: len(png) // 2],
    "nothing": lambda png: b"",
}


@pytest.mark.parametrize("damage", PNGS.values(), ids=PNGS)
def test_a_picture_that_is_damaged_is_named_in_plain_words(nodes, run, tmp_path, damage):
    (name,) = nodes["SelAggSave"]().save(*run, "b")["result"]
    picture = tmp_path / "saved" / "b-0001_1.png"
    picture.write_bytes(damage(picture.read_bytes()))
    with pytest.raises(ValueError) as caught:
        nodes["SelAggLoad"]().load(name)
    message = str(caught.value)
    assert message.startswith("SelAgg Load: b-0001_1.png is ") and len(message) < 100, message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_report_that_an_editor_saved_is_read(nodes, run, tmp_path, encoding):
    report = diagnosed(nodes, *run)[2]
    (name,) = nodes["SelAggSave"]().save(*run, "c", report)["result"]
    (tmp_path / "saved" / "c-0001.json").write_bytes(report.encode(encoding))
    assert json.loads(nodes["SelAggLoad"]().load(name)[3]) == json.loads(report)
    (tmp_path / "saved" / "c-0001.json").write_bytes(report.encode("latin-1", "replace") + b"\xff")
    with pytest.raises(ValueError, match="c-0001.json is not in UTF-8: save it as UTF-8"):
        nodes["SelAggLoad"]().load(name)


def test_maps_are_given_for_their_own_latent_only(nodes, run):
    (name,) = nodes["SelAggSave"]().save(*run, "a")["result"]
    capture, latent, image, _ = nodes["SelAggLoad"]().load(name)
    assert "SelAgg Load gave out" in diagnosed(nodes, capture, {"samples": latent["samples"] + 1}, image)[1]
