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
    found, latent = parts.node.probe(
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
    one, _ = parts.node.probe(parts.studio.model, text, 2, latent={"samples": samples})
    other, _ = parts.node.probe(parts.studio.model, text, 2, image=scene.image, vae=parts.studio.vae)
    first, second = one.last().positive(), other.last().positive()
    for layer, maps in first.maps.items():
        assert np.allclose(maps, second.maps[layer], atol=1e-4)


def test_viewers_take_it_and_no_other_latent(parts, scene):
    found, latent = parts.node.probe(
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
    found, latent = parts.node.probe(
        parts.studio.model, parts.text(scene.text), 1, image=both, vae=parts.studio.vae
    )
    assert latent["samples"].shape[0] == found.last().positive().batch == 2


def test_the_noise_is_that_of_its_number(parts, scene):
    def first_map(noise: int) -> np.ndarray:
        found, _ = parts.node.probe(
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
