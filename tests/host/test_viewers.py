"""SelAgg Heatmaps and SelAgg Diagnose on runs of the host's own sampler; what they do with bad input."""

from __future__ import annotations

import importlib
import json
import logging
import os
from types import SimpleNamespace

import pytest
import torch
from tiny_models import sample, text, unet, unreadable

TEXT = "a red circle left of a blue square"
VIEWERS = ("heatmaps", "diagnose")


@pytest.fixture(scope="module")
def viewers(pack):
    def module(name):
        return importlib.import_module(name)

    return SimpleNamespace(
        capture=module("selagg_nodes.capture").SelAggCapture,
        heatmaps=module("selagg_nodes.heatmaps").SelAggHeatmaps,
        diagnose=module("selagg_nodes.diagnose").SelAggDiagnose,
        recipe=module("selagg_nodes.recipe").SelAggMapRecipe,
        labels=module("selagg_nodes.recording.labels").LABELS,
        prompt=module("selagg_core.prompt.words"),
        host=module("selagg_nodes.host"),
    )


def labelled(viewers, words: str, seed: int) -> list:
    """CONDITIONING of random embeddings whose columns carry `words`."""
    conditioning = text(77, seed)
    spoken = tuple(viewers.prompt.Word(word, (i,)) for i, word in enumerate(words.split(), start=1))
    special = (0, *range(len(spoken) + 1, 77))
    viewers.labels.register(viewers.prompt.Prompt(words, spoken, 77, special), conditioning[0][0])
    return conditioning


def sampled(viewers, words: str = TEXT, batch: int = 2, seed: int = 11) -> dict:
    """The sockets of a finished run: capture, latent, image."""
    model, capture = viewers.capture().capture(unet())
    latent = sample(model, labelled(viewers, words, seed), text(77, 2), size=(batch, 8, 12))
    image = torch.rand(batch, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    return {"capture": capture, "latent": {"samples": latent}, "image": image}


@pytest.fixture(scope="module")
def run(host, viewers):
    return sampled(viewers)


def heatmaps(viewers, sockets: dict, **changes):
    settings = {"words": "all", "mode": "selective", "top_fraction": 0.25, "threshold": 0.0}
    return viewers.heatmaps().draw(**{**sockets, **settings, **changes})["result"]


def diagnosed(viewers, sockets: dict, **changes) -> SimpleNamespace:
    given = viewers.diagnose().diagnose(**{**sockets, **changes})
    annotated, warnings, report = given["result"]
    return SimpleNamespace(annotated=annotated, warnings=warnings, report=json.loads(report), ui=given["ui"])


# -- good input ------------------------------------------------------------------------------------------


def test_overlays_masks_and_sheets_of_a_run(viewers, run):
    overlays, masks, sheets, words = heatmaps(viewers, run)
    assert words.splitlines()[:5] == ["red", "circle", "left", "blue", "square"]
    assert "all heads are used" in words
    assert overlays.shape[0] == masks.shape[0] == 10 and sheets.shape[0] == 2
    assert masks.shape[1:] == (64, 96) and set(masks.unique().tolist()) == {0.0, 1.0}
    for values in (overlays, sheets):
        assert values.dtype == torch.float32 and values.shape[-1] == 3
        assert values.min() >= 0 and values.max() <= 1 and values.std() > 0.05


def test_words_differ_and_pictures_of_a_batch_differ(viewers, run):
    masks = heatmaps(viewers, run)[1].reshape(2, 5, 64, 96)
    assert not torch.equal(masks[0, 0], masks[0, 1])
    assert not torch.equal(masks[0, 0], masks[1, 0])


def test_a_picture_of_a_batch_has_the_maps_that_it_has_alone(viewers, run):
    """The published recipe reads the run alone, whatever picture lies under it; the default follows edges."""
    swapped = {**run, "image": run["image"].flip(0)}
    asked = {"words": "circle", "threshold": 0.5}
    (published,) = viewers.recipe().recipe("paper")
    masks, again = (heatmaps(viewers, one, **asked, recipe=published)[1] for one in (run, swapped))
    assert torch.equal(masks, again)
    assert not torch.equal(heatmaps(viewers, run, **asked)[1], heatmaps(viewers, swapped, **asked)[1])


def test_phrases_give_one_overlay(viewers, run):
    overlays, masks, _, words = heatmaps(viewers, run, words="red circle, SQUARE", mode="all")
    assert words == "red circle\nSQUARE" and len(overlays) == len(masks) == 4


def test_a_diagnosis_with_a_mask_and_boxes(viewers, run):
    mask = torch.zeros(1, 64, 96)
    mask[:, :32, :48] = 1
    result = diagnosed(
        viewers, run, expected=mask, expected_words="circle", boxes="square: 50%,0,100%,100%\nred: 0,0,48,64"
    )
    assert result.annotated.shape[0] == 2 and min(result.annotated.shape[1:3]) >= 512
    assert [len(picture["places"]) for picture in result.report["pictures"]] == [3, 3]
    assert result.report["prompt"] == TEXT and result.report["problems"] == []
    assert result.ui["text"] == result.warnings.splitlines()


def test_the_preview_is_what_the_output_shows(viewers, run):
    import cv2

    result = diagnosed(viewers, run)
    assert len(result.ui["images"]) == 2
    for shown, image in zip(result.ui["images"], result.annotated, strict=True):
        path = os.path.join(viewers.host.temp_directory(), shown["subfolder"], shown["filename"])
        pixels = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
        os.remove(path)
        assert shown["type"] == "temp"
        assert torch.equal(torch.from_numpy(pixels), (image * 255).round().to(torch.uint8))


def test_every_input_and_output_is_explained(viewers):
    for node in (viewers.heatmaps, viewers.diagnose):
        kinds = node.INPUT_TYPES()
        for name, options in {**kinds["required"], **kinds["optional"]}.items():
            assert options[1]["tooltip"], name
        assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
        assert node.DESCRIPTION and node.SEARCH_ALIASES and node.CATEGORY.startswith("SelAgg")


# -- bad input -------------------------------------------------------------------------------------------


def refused(viewers, which: str, sockets: dict, caplog, **changes) -> str:
    """What a viewer says about bad input: the same on the picture's output, as text and in the log."""
    with caplog.at_level(logging.WARNING, logger="selagg"):
        if which == "heatmaps":
            overlays, masks, sheets, message = heatmaps(viewers, sockets, **changes)
            assert len(overlays) == len(masks) == len(sheets) == len(sockets["image"])
            assert not masks.any()
            pictures = overlays
        else:
            result = diagnosed(viewers, sockets, **changes)
            message = result.warnings
            assert result.report["problems"] and result.report["pictures"] == []
            pictures = result.annotated
    name = {"heatmaps": "SelAgg Heatmaps", "diagnose": "SelAgg Diagnose"}[which]
    assert f"{name}: " in message and len(message.splitlines()) == 1
    assert any(f"{name}: " in record.getMessage() for record in caplog.records)
    assert pictures.shape[2] >= 512 and pictures[:, :512].std() > 0.05
    return message


@pytest.mark.parametrize("which", VIEWERS)
def test_a_latent_of_another_run(viewers, run, which, caplog):
    other = {**run, "latent": {"samples": run["latent"]["samples"] + 1}}
    assert "connect the LATENT of the sampler" in refused(viewers, which, other, caplog)


@pytest.mark.parametrize("which", VIEWERS)
def test_no_run_yet(viewers, run, which, caplog):
    unused = viewers.capture().capture(unet())[1]
    assert "no sampling run yet" in refused(viewers, which, {**run, "capture": unused}, caplog)


@pytest.mark.parametrize("which", VIEWERS)
def test_no_latent(viewers, run, which, caplog):
    assert "connect the LATENT" in refused(viewers, which, {**run, "latent": {}}, caplog)


@pytest.mark.parametrize("which", VIEWERS)
def test_an_unsupported_model(viewers, run, which, caplog):
    capture = viewers.capture().capture(unreadable())[1]
    assert "cannot read this kind of model yet" in refused(
        viewers, which, {**run, "capture": capture}, caplog
    )


@pytest.mark.parametrize("which", VIEWERS)
def test_a_prompt_without_labels(viewers, which, caplog):
    model, capture = viewers.capture().capture(unet())
    latent = sample(model, text(77, 99), text(77, 2))
    sockets = {"capture": capture, "latent": {"samples": latent}, "image": torch.rand(1, 64, 96, 3)}
    message = refused(viewers, which, sockets, caplog)
    assert "SelAgg Text Encode" in message and "SelAgg Prompt" in message


@pytest.mark.parametrize("which", VIEWERS)
def test_another_number_of_images(viewers, run, which, caplog):
    fewer = {**run, "image": run["image"][:1]}
    assert "image batch holds 1, the latent batch 2" in refused(viewers, which, fewer, caplog)


@pytest.mark.parametrize("which", VIEWERS)
def test_an_image_of_another_shape(viewers, run, which, caplog):
    cropped = {**run, "image": run["image"][:, :, :64]}
    assert "64x64, which is not the shape of the latent (12x8)" in refused(viewers, which, cropped, caplog)


def test_a_word_that_is_not_in_the_prompt(viewers, run, caplog):
    message = refused(viewers, "heatmaps", run, caplog, words="circle, dragon")
    assert '"dragon" is not in the prompt' in message and "red, circle, left" in message
    result = diagnosed(viewers, run, words="dragon")
    assert '"dragon" is not in the prompt' in result.warnings
    assert len(result.report["pictures"]) == 2 and result.report["pictures"][0]["words"]


@pytest.mark.parametrize("which", VIEWERS)
def test_an_empty_prompt(viewers, which, caplog):
    sockets = sampled(viewers, words="", batch=1, seed=12)
    if which == "heatmaps":
        assert "prompt is empty" in refused(viewers, which, sockets, caplog)
    else:
        result = diagnosed(viewers, sockets)
        assert "prompt is empty" in result.warnings and len(result.annotated) == 1


def test_a_mask_of_another_shape(viewers, run):
    result = diagnosed(viewers, run, expected=torch.ones(1, 64, 64), expected_words="circle")
    assert "mask is 64x64, the picture 96x64" in result.warnings
    assert result.report["pictures"][0]["words"]
    larger = diagnosed(viewers, run, expected=torch.ones(1, 128, 192), expected_words="circle")
    assert larger.report["problems"] == [] and len(larger.report["pictures"][0]["places"]) == 1


@pytest.mark.parametrize("fraction", [0.0, 1.5, -1.0])
def test_a_fraction_out_of_range(viewers, run, fraction, caplog):
    verdict = viewers.heatmaps.VALIDATE_INPUTS(top_fraction=fraction)
    assert verdict.startswith("SelAgg Heatmaps: top_fraction is")
    assert "top_fraction is" in refused(viewers, "heatmaps", run, caplog, top_fraction=fraction)


def test_good_settings_are_accepted_before_the_run(viewers):
    assert viewers.heatmaps.VALIDATE_INPUTS(top_fraction=0.25, threshold=0.4) is True
    assert viewers.heatmaps.VALIDATE_INPUTS(threshold=1.0).startswith("SelAgg Heatmaps: threshold is")
    assert viewers.diagnose.VALIDATE_INPUTS(boxes="cat: 0,0,50%,100%\n") is True


def test_a_box_that_cannot_be_read(viewers, run):
    assert "cannot read the box" in viewers.diagnose.VALIDATE_INPUTS(boxes="cat 1 2 3 4")
    result = diagnosed(viewers, run, boxes="cat 1 2 3 4")
    assert "cannot read the box" in result.warnings and result.report["pictures"][0]["words"]
