"""SelAgg Probe: a picture that is there already, asked about with any text."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import unreadable

from demo.scenes import render, scene_from_seed
from selagg_core.maps.arrays import resize_maps
from selagg_core.notebook import word_map
from selagg_core.proof.statistics import auroc


@pytest.fixture(scope="module")
def parts(host, pack):
    studio = importlib.import_module("demo.studio").Studio()
    encode = importlib.import_module("selagg_nodes.recording.encode").encode_and_label
    return SimpleNamespace(
        node=importlib.import_module("selagg_nodes.probe").SelAggProbe(),
        heatmaps=importlib.import_module("selagg_nodes.heatmaps").SelAggHeatmaps(),
        studio=studio,
        text=lambda words: encode("tests", studio.clip, words)[0],
    )


@pytest.fixture(scope="module")
def scene():
    """A drawn scene of two things: caption, IMAGE, and the mask of each thing by its name."""
    made, caption = scene_from_seed(5004, 2)
    picture, masks = render(made)
    image = torch.from_numpy(np.ascontiguousarray(picture[None])).float() / 255
    return SimpleNamespace(
        text=caption.text, image=image, masks=dict(zip([o.name for o in made.objects], masks, strict=True))
    )


def test_a_drawn_picture_is_found_its_things_in(parts, scene):
    found, latent, _ = parts.node.probe(
        parts.studio.model, parts.text(scene.text), image=scene.image, vae=parts.studio.vae
    )
    recording = found.recording_for(latent["samples"])
    assert recording.complete and len(recording.sigmas) == 6 and latent["samples"].shape == (1, 4, 16, 16)
    for name, mask in scene.masks.items():
        heat = resize_maps(word_map(recording, name), mask.shape)
        assert auroc(heat, mask) > 0.75, name


def test_an_image_and_its_latent_are_one_picture(parts, scene):
    samples = parts.studio.encode((scene.image.numpy() * 255).round().astype(np.uint8))
    text = parts.text(scene.text)
    one, *_ = parts.node.probe(parts.studio.model, text, 2, latent={"samples": samples})
    other, *_ = parts.node.probe(parts.studio.model, text, 2, image=scene.image, vae=parts.studio.vae)
    first, second = one.last().positive(), other.last().positive()
    for layer, maps in first.maps.items():
        assert np.allclose(maps, second.maps[layer], atol=1e-4)


def test_viewers_take_it_and_no_other_latent(parts, scene):
    found, latent, _ = parts.node.probe(
        parts.studio.model, parts.text("a fruit"), 1, image=scene.image, vae=parts.studio.vae
    )
    settings = {"words": "all", "mode": "all", "top_fraction": 0.25, "threshold": 0.0}
    overlays, _, _, words = parts.heatmaps.draw(found, latent, scene.image, **settings)["result"]
    assert words.splitlines()[0] == "fruit" and overlays.shape[0] == 1
    other = {"samples": latent["samples"] + 1}
    *_, told = parts.heatmaps.draw(found, other, scene.image, **settings)["result"]
    assert "SelAgg Probe gave out" in told


def test_several_pictures_are_asked_at_once(parts, scene):
    both = torch.cat([scene.image, scene.image.flip(2)])
    found, latent, _ = parts.node.probe(
        parts.studio.model, parts.text(scene.text), 1, image=both, vae=parts.studio.vae
    )
    assert latent["samples"].shape[0] == found.last().positive().batch == 2


def test_the_noise_is_that_of_its_number(parts, scene):
    def first_map(noise: int) -> np.ndarray:
        found, *_ = parts.node.probe(
            parts.studio.model, parts.text(scene.text), 1, noise, image=scene.image, vae=parts.studio.vae
        )
        return next(iter(found.last().positive().maps.values()))

    assert np.array_equal(first_map(3), first_map(3)) and not np.array_equal(first_map(3), first_map(4))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"model": None}, "there is no model"),
        ({"model": "unreadable"}, "cannot be read yet"),
        ({"conditioning": []}, "there is no text"),
        ({"levels": 0}, "levels is 0"),
        ({"image": None}, "there is no picture"),
        ({"vae": None}, "there is no picture"),
        ({"latent": {}}, "there is no latent"),
        ({"latent": {"samples": torch.full((1, 4, 8, 8), torch.nan)}}, "not finite"),
        ({"latent": {"samples": torch.zeros(1, 4, 8, 8)}}, "the latent is empty"),
    ],
)
def test_what_cannot_be_asked_says_why(parts, scene, given, problem):
    given = {key: unreadable() if value == "unreadable" else value for key, value in given.items()}
    usual = {
        "model": parts.studio.model,
        "conditioning": parts.text(scene.text),
        "image": scene.image,
        "vae": parts.studio.vae,
    }
    with pytest.raises(ValueError, match=problem) as refusal:
        parts.node.probe(**{**usual, **given})
    assert str(refusal.value).startswith("SelAgg Probe: ")


# -- words that are not in the text ---------------------------------------------------------------------


def asked_entries(recording):
    return importlib.import_module("selagg_core.maps.asked").asked_entries(recording)


def probed(parts, scene, text: str, asked: str = "", levels: int = 2):
    usual = {"image": scene.image, "vae": parts.studio.vae, "clip": parts.studio.clip}
    return parts.node.probe(parts.studio.model, parts.text(text), levels, asked=asked, **usual)


def test_words_that_are_not_in_the_text_are_read_beside_it(parts, scene):
    found, latent, told = probed(parts, scene, scene.text, "a circle, striped star")
    recording = found.recording_for(latent["samples"])
    first, second = asked_entries(recording)
    assert [word.text for word in first.prompt.words] == ["a", "circle"]
    assert [word.text for word in second.prompt.words] == ["striped", "star"]
    assert recording.complete and not [notice for notice in recording.notices if "asked" in notice]
    lines = told.splitlines()
    assert lines[0].startswith("a circle (not in the prompt): strongest ") and len(lines) == 3
    assert "not to be compared" in lines[-1]


def test_what_is_recorded_of_the_text_is_the_same_with_and_without(parts, scene):
    plain, latent, nothing = probed(parts, scene, scene.text)
    asked, same, _ = probed(parts, scene, scene.text, "violin")
    assert nothing == "" and torch.equal(latent["samples"], same["samples"])
    one, other = (own.recording_for(latent["samples"]).positive() for own in (plain, asked))
    for layer, maps in one.maps.items():
        assert np.array_equal(maps, other.maps[layer]) and np.array_equal(
            one.special[layer], other.special[layer]
        )


def test_the_text_asked_about_gets_the_maps_of_the_text(parts, scene):
    """The same words, by their own keys against the same queries: the same softmax."""
    found, latent, _ = probed(parts, scene, "a red circle", "a red circle")
    recording = found.recording_for(latent["samples"])
    (asked,) = asked_entries(recording)
    for layer, maps in recording.positive().maps.items():
        np.testing.assert_allclose(asked.maps[layer], maps, rtol=0, atol=1e-6)
    assert asked.self_attention is recording.positive().self_attention


def test_a_thing_is_found_by_words_that_are_not_in_the_text(parts, scene):
    maps = importlib.import_module("selagg_core.maps.asked")
    names = list(scene.masks)
    found, latent, _ = probed(parts, scene, "a white background", ", ".join(names), levels=5)
    entries = asked_entries(found.recording_for(latent["samples"]))
    right = 0
    for name, entry in zip(names, entries, strict=True):
        heat = resize_maps(maps.asked_map(entry, 0), scene.masks[name].shape)
        right += auroc(heat, scene.masks[name]) > 0.6
    assert right == len(names)


def test_viewers_show_asked_words_as_a_text_of_their_own(parts, scene):
    shown = importlib.import_module("selagg_core.report.shown")
    found, latent, _ = probed(parts, scene, scene.text, "violin, a green cat")
    recording = found.recording_for(latent["samples"])
    texts = shown.texts_of(recording, 1)
    assert [text.entry.kind for text in texts] == ["positive", "asked", "asked"]
    *_, words = parts.heatmaps.draw(
        found, latent, scene.image, words="all", mode="all", top_fraction=0.25, threshold=0.0
    )["result"]
    assert "violin" not in words.split(), "it is no word of the prompt"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"clip": None}, "asked needs the clip"),
        ({"asked": ", ".join(f"word{n}" for n in range(9))}, "9 texts are asked about"),
        ({"asked": "!!!"}, "no word that can be asked"),
    ],
)
def test_words_that_cannot_be_asked_about_say_why(parts, scene, given, problem):
    usual = {"image": scene.image, "vae": parts.studio.vae, "clip": parts.studio.clip, "asked": "fruit"}
    with pytest.raises(ValueError, match=problem) as refusal:
        parts.node.probe(parts.studio.model, parts.text(scene.text), 1, **{**usual, **given})
    assert str(refusal.value).startswith("SelAgg Probe: ")
