from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic import OneRunCapture, entry_of, recording_of

from selagg_core.recording import Recording
from selagg_core.viewing import Expectations, diagnose_run, draw_heatmaps, open_run

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


def test_the_report_names_what_cannot_be_done_and_diagnoses_the_rest():
    expectations = Expectations(boxes="circle: 50%,0,100%,100%\ndragon: 0,0,1,1", mask_words="square")
    report, pictures = diagnose_run(view(), "circle, unicorn", expectations)
    assert len(report.problems) == 3 and len(pictures) == 1 and pictures[0].shape[1] == 512
    text = "\n".join(report.warnings())
    assert '"unicorn" is not in the prompt' in text and '"dragon" is not in the prompt' in text
    assert "no expected MASK" in text
    assert "misplaced" in [finding.kind for finding in report.pictures[0].findings]
    assert report.warnings()[0].startswith("problem: ")


def test_a_mask_for_a_word_and_one_mask_for_each_picture():
    left = np.zeros((128, 128), np.float32)
    left[:, :64] = 1
    both = np.stack([left, left[:, ::-1]])
    report, _ = diagnose_run(view(batch=2), expectations=Expectations(both, "circle, red"))
    assert [[f.kind for f in picture.findings] for picture in report.pictures] == [[], ["misplaced"] * 2]
    assert not report.problems


@pytest.mark.parametrize(
    ("masks", "words", "problem"),
    [
        (np.ones((3, 128, 128)), "circle", "3 masks for 2 pictures"),
        (np.ones((1, 100, 128)), "circle", "mask is 128x100, the picture 128x128"),
        (np.zeros((1, 128, 128)), "circle", "mask is empty"),
        (np.ones((1, 128, 128)), " ", "no words"),
        (np.ones((1, 128, 128)), "cat", '"cat" is not in the prompt'),
    ],
)
def test_masks_that_cannot_be_used(masks, words, problem):
    report, _ = diagnose_run(view(batch=2), expectations=Expectations(masks, words))
    assert len(report.problems) == 1 and problem in report.problems[0]
    assert len(report.pictures) == 2 and report.pictures[0].words


def test_several_boxes_of_a_word_are_all_right_places():
    boxes = "circle: 0,0,10%,10%\ncircle: 0,20%,50%,80%"
    report, _ = diagnose_run(view(), expectations=Expectations(boxes=boxes))
    assert len(report.pictures[0].places) == 1 and report.pictures[0].findings == ()


def test_words_of_a_regional_prompt_lie_in_their_area():
    whole = entry_of("a forest", {"forest": (0.5, 0.5, 0.3)})
    area = replace(entry_of("a cat", {"cat": (0.5, 0.5, 0.15)}, area=(8, 8, 0, 8)), index=1)
    recording = replace(recording_of(whole), entries=(area, whole))
    opened = view(recording=recording)
    assert opened.text == "a forest | a cat"
    heatmaps = draw_heatmaps(opened, "cat, forest")
    cat = heatmaps.masks[0]
    assert cat[32, 96] == 1 and cat[:, :60].sum() == 0 and cat[72:].sum() == 0
    report, _ = diagnose_run(opened, expectations=Expectations(boxes="cat: 0,50%,50%,100%"))
    finding = next(f for f in report.pictures[0].findings if f.kind == "misplaced")
    assert finding.sure and finding.evidence["found_at"] == "upper right"


def test_images_that_are_not_of_the_latent():
    recording = recording_of(entry_of(TEXT, BUMPS, batch=2))
    capture, latent = OneRunCapture(recording), torch.zeros(2, 4, 16, 16)
    with pytest.raises(ValueError, match="image batch holds 3, the latent batch 2"):
        open_run(capture, latent, torch.zeros(3, 128, 128, 3))
    with pytest.raises(ValueError, match="image is 160x128, which is not the shape of the latent"):
        open_run(capture, latent, torch.zeros(2, 128, 160, 3))
    with pytest.raises(ValueError, match="not sampled with this capture"):
        open_run(capture, torch.zeros(1, 4, 8, 8), torch.zeros(1, 64, 64, 3))


def test_an_empty_prompt():
    with pytest.raises(ValueError, match="prompt is empty"):
        draw_heatmaps(view({}, text=""))
    report, pictures = diagnose_run(view({}, text=""))
    assert "prompt is empty" in report.warnings()[0] and len(pictures) == 1


def test_a_long_prompt_of_many_scripts_is_diagnosed():
    text = " ".join(f"word{i}" for i in range(60)) + " \u732b \U0001f431"
    report, pictures = diagnose_run(view({"word1": (0.5, 0.5, 0.1)}, text=text))
    assert len(report.pictures[0].words) == 62 and pictures[0].shape[0] < 2000
