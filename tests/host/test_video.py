"""A video from the sampler to the viewer: its frames are what pictures of a batch are."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
import torch
from test_families import captured
from test_viewers import diagnosed, heatmaps, viewers  # noqa: F401 (fixture)
from tiny_transformers import KINDS, encoded, sample_transformer, transformer

TEXT = "red circle left of blue square"
FRAMES, IMAGES = 3, 9  # Wan's decoder makes four pictures of every frame but the first


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


def filmed(viewers, frames: int = FRAMES, batch: int = 1) -> dict:  # noqa: F811
    """The sockets of a finished run of Wan: capture, latent, and random pictures as of its decoder."""
    kind = KINDS["wan"]
    positive = encoded(kind, 20, 31)
    spoken = tuple(viewers.prompt.Word(word, (i,)) for i, word in enumerate(TEXT.split(), start=1))
    special = (0, *range(len(spoken) + 1, 20))
    viewers.labels.register(viewers.prompt.Prompt(TEXT, spoken, 20, special), positive[0][0])
    with_capture, capture = captured(transformer(kind))
    start = torch.zeros(batch, 16, frames, 8, 12)
    latent = sample_transformer(kind, with_capture, positive, encoded(kind, 20, 2), latent=start)
    images = batch * (4 * (frames - 1) + 1)
    image = torch.rand(images, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    return {"capture": capture, "latent": {"samples": latent}, "image": image}


@pytest.fixture(scope="module")
def video(host, viewers):  # noqa: F811
    return filmed(viewers)


def test_heatmaps_give_every_frame_as_a_picture_of_a_batch(viewers, video):  # noqa: F811
    overlays, masks, sheets, words = heatmaps(viewers, video, words="circle, square", mode="all")
    assert len(overlays) == len(masks) == 2 * FRAMES and len(sheets) == FRAMES
    assert "3 of its 9 frames, those with the numbers 1, 5, 9" in words
    assert not torch.equal(masks[0], masks[2]), "frames have maps of their own"


def test_a_diagnosis_says_which_frames_it_is_of(viewers, video):  # noqa: F811
    result = diagnosed(viewers, video)
    assert len(result.report["pictures"]) == FRAMES == len(result.annotated)
    assert "numbers 1, 5, 9" in result.warnings


def test_the_pictures_below_the_maps_are_those_of_the_frames(viewers, video):  # noqa: F811
    open_run = importlib.import_module("selagg_core.view").open_run
    view = open_run(video["capture"], video["latent"]["samples"], video["image"])
    assert view.frames == (1, 5, 9)
    for number, picture in zip(view.frames, view.pictures, strict=True):
        wanted = (video["image"][number - 1].numpy() * 255).round()
        assert np.abs(picture.astype(float) - wanted).max() <= 1
    entry = view.entries[0]
    manifest = importlib.import_module("selagg_core.report.manifest").manifest
    shown = importlib.import_module("selagg_core.report.shown")
    settings = importlib.import_module("selagg_core.relevance.choose_heads").HeadSettings
    told = json.loads(json.dumps(manifest(shown.prepare(view, settings("all")))))
    assert told["frames"] == [1, 5, 9] and told["pictures"] == 3 == entry.batch
    assert len(told["texts"][0]["shares"]) == 3


@pytest.mark.parametrize("images", [IMAGES, 1])
def test_the_browser_asks_for_the_heads_of_any_frame(viewers, video, images, monkeypatch):  # noqa: F811
    hand_over = importlib.import_module("selagg_nodes.viewer.hand_over")
    store = importlib.import_module("selagg_nodes.viewer.store")
    sheets = importlib.import_module("selagg_core.report.manifest").head_sheets
    monkeypatch.setattr(viewers.host, "server_routes", lambda: object())
    monkeypatch.setattr(hand_over, "VIEWS", store.ViewStore())
    some = {**video, "image": video["image"][:images]}
    given = viewers.heatmaps().draw(**some, words="circle", mode="all", top_fraction=0.25, threshold=0.0)
    (shown,) = given["ui"]["selagg"]
    view = hand_over.VIEWS.get(shown["id"])
    (text,) = view.source.texts()
    frames = len(json.loads(view.manifest)["frames"]) or 1
    assert len(view.pictures) == frames == text.pictures == text.entry.batch
    asked = [json.dumps(sheets(text, number, 1)) for number in range(frames)]
    assert len(set(asked)) == frames
    with pytest.raises(ValueError, match="there is no picture"):
        sheets(text, frames, 1)


def test_one_picture_of_a_video_is_its_first_frame(viewers, video):  # noqa: F811
    one = {**video, "image": video["image"][:1]}
    overlays, _, sheets, words = heatmaps(viewers, one, words="circle", mode="all")
    every = heatmaps(viewers, video, words="circle", mode="all")[0]
    assert len(overlays) == len(sheets) == 1 and "first frame" in words
    assert torch.equal(overlays[0], every[0])


def test_pictures_of_which_the_frame_cannot_be_told_are_refused(viewers, video):  # noqa: F811
    """Fewer than the latent has frames; as many or more, as of another decoder, are taken."""
    two, eight = ({**video, "image": video["image"][:count]} for count in (2, 8))
    _, masks, _, words = heatmaps(viewers, two, words="circle", mode="all")
    assert not masks.any() and words.startswith("SelAgg Heatmaps: ") and "2" in words
    assert "numbers 1, 5, 8" in heatmaps(viewers, eight, words="circle", mode="all")[3]


def test_two_videos_at_once(viewers):  # noqa: F811
    both = filmed(viewers, frames=2, batch=2)
    overlays, _, sheets, words = heatmaps(viewers, both, words="circle", mode="all")
    assert len(overlays) == len(sheets) == 4 and "2 of its 5 frames, those with the numbers 1, 5" in words


def test_a_saved_video_is_opened_again(viewers, video, pack, monkeypatch, tmp_path):  # noqa: F811
    saved = importlib.import_module("selagg_nodes.saved")
    monkeypatch.setattr(saved, "saved_folder", lambda: tmp_path / "saved")
    nodes = pack.NODE_CLASS_MAPPINGS
    (name,) = nodes["SelAggSave"]().save(video["capture"], video["latent"], video["image"], "film")["result"]
    assert len(list((tmp_path / "saved").glob("*.png"))) == FRAMES
    capture, latent, image, _ = nodes["SelAggLoad"]().load(name)
    assert image.shape[0] == FRAMES
    before = heatmaps(viewers, video, words="circle", mode="all")[1]
    again = heatmaps(
        viewers, {"capture": capture, "latent": latent, "image": image}, words="circle", mode="all"
    )
    assert torch.equal(before, again[1])
