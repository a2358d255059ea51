from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic import OneRunCapture, entry_of, recording_of

from selagg_core.heatmaps import draw_heatmaps
from selagg_core.maps.arrays import normalise
from selagg_core.maps.strength import CommonScale
from selagg_core.prompt.groups import WordGroup
from selagg_core.recording.head_maps import Recording
from selagg_core.view import open_run

TEXT = "a red circle left of a blue square"
BUMPS = {
    "red": (0.25, 0.5, 0.1),
    "circle": (0.25, 0.5, 0.12),
    "blue": (0.75, 0.5, 0.1),
    "square": (0.75, 0.5, 0.12),
}


def view(bumps=BUMPS, text=TEXT, batch=1, recording: Recording | None = None):
    recording = recording or recording_of(entry_of(text, bumps, batch=batch))
    latent = torch.zeros(recording.latent_shape)
    return open_run(OneRunCapture(recording), latent, torch.rand(len(latent), 128, 128, 3))


def test_overlays_and_masks_picture_by_picture():
    heatmaps = draw_heatmaps(view(batch=2), "circle, blue square")
    assert heatmaps.labels == ("circle", "blue square")
    assert len(heatmaps.overlays) == 4 and heatmaps.masks.shape == (4, 128, 128) and len(heatmaps.sheets) == 2
    assert heatmaps.masks[0, 64, 32] == 1 and heatmaps.masks[0, 64, 96] == 0
    assert heatmaps.masks[1, 64, 96] == 1 and heatmaps.masks[1, 64, 32] == 0
    assert set(np.unique(heatmaps.masks)) == {0.0, 1.0}


def test_a_higher_threshold_gives_a_smaller_mask():
    areas = [draw_heatmaps(view(), "circle", threshold=t).masks.mean() for t in (0.1, 0.5, 0.9)]
    assert areas[0] > areas[1] > areas[2] > 0


def test_selective_without_relevance_says_that_all_heads_were_used():
    assert any("all heads" in notice for notice in draw_heatmaps(view()).notices)


def test_images_that_are_not_of_the_latent():
    recording = recording_of(entry_of(TEXT, BUMPS, batch=2))
    capture, latent = OneRunCapture(recording), torch.zeros(2, 4, 16, 16)
    with pytest.raises(ValueError, match="image batch holds 3, the latent batch 2"):
        open_run(capture, latent, torch.zeros(3, 128, 128, 3))
    with pytest.raises(ValueError, match="image is 160x128, which is not the shape of the latent"):
        open_run(capture, latent, torch.zeros(2, 128, 160, 3))
    with pytest.raises(ValueError, match="not sampled with this capture"):
        open_run(capture, torch.zeros(1, 4, 8, 8), torch.zeros(1, 64, 64, 3))


def test_maps_of_a_regional_prompt_lie_in_their_area():
    whole = entry_of("a forest", {"forest": (0.5, 0.5, 0.3)})
    area = replace(entry_of("a cat", {"cat": (0.5, 0.5, 0.15)}, area=(8, 8, 0, 8)), index=1)
    opened = view(recording=replace(recording_of(whole), entries=(area, whole)))
    assert opened.text == "a forest | a cat"
    cat = draw_heatmaps(opened, "cat, forest").masks[0]
    assert cat[32, 96] == 1 and cat[:, :60].sum() == 0 and cat[72:].sum() == 0


def test_an_empty_prompt_has_no_heatmaps():
    with pytest.raises(ValueError, match="prompt is empty"):
        draw_heatmaps(view({}, text=""))


def test_weak_words_look_weak_unless_each_has_its_own_scale_and_masks_do_not_depend_on_it():
    entry = entry_of(TEXT, BUMPS)
    for values in entry.maps.values():
        square = values[:, :, 7]
        square -= 0.8 * (square - square.min())  # the model looks for it, a fifth as much
    opened = view(recording=recording_of(entry))
    one = draw_heatmaps(opened, "circle, square")
    own = draw_heatmaps(opened, "circle, square", one_scale=False)
    assert np.array_equal(one.masks, own.masks)
    circle, square = (float(np.abs(one.overlays[i] - own.overlays[i]).mean()) for i in (0, 1))
    assert square > 0.02 and circle < 0.3 * square
    at_square = (1, slice(120, 136), slice(184, 200))
    assert one.overlays[at_square].mean() < 0.8 * own.overlays[at_square].mean()


def test_a_common_scale_is_that_of_the_words_that_should_have_a_place():
    words = [WordGroup("cat", (0,)), WordGroup("dog", (1,)), WordGroup("of", (2,))]
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 0, 0], maps[1, 1, 1], maps[2] = 0.4, 0.1, 0.9
    scale = CommonScale.of(maps, words)
    assert (scale.low, scale.high) == (0.0, pytest.approx(0.4))
    placed = [scale.place(normalise(heat[None])[0], heat) for heat in maps]
    assert [round(float(heat.max()), 3) for heat in placed] == [1.0, 0.25, 0.0]
    beyond = np.zeros((4, 4), np.float32)
    beyond[2, 2] = 0.8
    assert scale.place(normalise(beyond[None])[0], beyond).max() == 1.0
    alone = CommonScale.of(maps[2:], words[2:])
    assert np.array_equal(alone.place(np.zeros((4, 4), np.float32), maps[2]), np.zeros((4, 4)))
