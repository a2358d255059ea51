"""What Heatmaps gives out is bounded in words x pictures x pixels, and it says what it made smaller."""

from __future__ import annotations

import pytest
import torch
from synthetic import OneRunCapture, entry_of, recording_of

from selagg_core import heatmaps
from selagg_core.heatmaps import draw_heatmaps
from selagg_core.view import open_run

TEXT = "a red circle left of a blue square above a green star"
WORDS = "circle, square, star"
BUMPS = {"circle": (0.25, 0.25, 0.12), "square": (0.75, 0.25, 0.12), "star": (0.5, 0.75, 0.12)}


def opened(side: int, batch: int = 1):
    recording = recording_of(entry_of(TEXT, BUMPS, batch=batch))
    return open_run(
        OneRunCapture(recording), torch.zeros(recording.latent_shape), torch.rand(batch, side, side, 3)
    )


@pytest.mark.parametrize(("side", "batch"), [(512, 1), (384, 3)])
def test_outputs_take_no_more_than_they_may(monkeypatch, side, batch):
    whole = draw_heatmaps(opened(side, batch), WORDS)
    monkeypatch.setattr(heatmaps, "OVERLAY_BYTES", whole.overlays.nbytes // 3)
    monkeypatch.setattr(heatmaps, "MASK_BYTES", whole.masks.nbytes // 5)
    monkeypatch.setattr(heatmaps, "SHEET_BYTES", 12 * 400 * 400 * batch)
    small = draw_heatmaps(opened(side, batch), WORDS)
    assert small.overlays.nbytes <= whole.overlays.nbytes // 3
    assert small.masks.nbytes <= whole.masks.nbytes // 5
    assert sum(sheet.size for sheet in small.sheets) < 0.6 * sum(sheet.size for sheet in whole.sheets)
    assert "overlays are" in small.notices[0] and f"not {side} x {side}" in small.notices[0]
    assert small.labels == whole.labels and len(small.overlays) == len(whole.overlays)
    for one, other in zip(small.masks, whole.masks, strict=True):
        assert one.mean() == pytest.approx(other.mean(), abs=0.03)


def test_usual_outputs_are_as_large_as_the_picture():
    made = draw_heatmaps(opened(512))
    assert made.masks.shape[1:] == (512, 512) and made.overlays.shape[2] == 512
    assert not any("too much memory" in notice for notice in made.notices)


@pytest.mark.parametrize("outputs", [(), ("masks",), ("overlays",)])
def test_only_what_is_asked_for_is_made(outputs):
    view = opened(512)
    whole, made = draw_heatmaps(view, WORDS), draw_heatmaps(view, WORDS, outputs=outputs)
    for name in heatmaps.OUTPUTS:
        own, other = getattr(made, name), getattr(whole, name)
        if name in outputs:
            assert (own == other).all()
        else:
            assert len(own) == len(other) and own.nbytes < 10_000, "as many, of no size"
    assert len(made.sheets) == 1 and made.sheets[0].shape == whole.sheets[0].shape
