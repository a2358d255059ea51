"""A template for a new family: a toy network, the family that reads it, and its maps from end to end.

The family itself is what a file in nodes/families/ would hold; the line in `FAMILIES` is the fixture's.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from test_viewers import TEXT, diagnosed, heatmaps, labelled, viewers  # noqa: F401 (fixture)
from tiny_models import CONTEXT, fill, sample, text, unet, unreadable

HEADS, DIM, LAYERS = 2, 8, 3


# -- the network: text and picture in one sequence --------------------------------------------


class ToyNetwork(torch.nn.Module):
    """Joint attention of text (first) and latent pixels, `attend` being its attention function."""

    dtype = torch.float32

    def __init__(self):
        super().__init__()
        self.text_in, self.image_in = torch.nn.Linear(CONTEXT, 16), torch.nn.Linear(4, 16)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 48) for _ in range(LAYERS))
        self.out = torch.nn.Linear(16, 4)
        self.attend = lambda layer, q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v)

    def forward(self, x, timesteps, context=None, **_):
        pixels = self.image_in(x.flatten(2).mT) + timesteps[:, None, None].cos()
        tokens = torch.cat([self.text_in(context), pixels], dim=1)
        for number, layer in enumerate(self.layers):
            normed = torch.nn.functional.layer_norm(tokens, (16,))
            q, k, v = layer(normed).unflatten(2, (3, HEADS, DIM)).permute(2, 0, 3, 1, 4)
            tokens = tokens + self.attend(number, q, k, v).transpose(1, 2).flatten(2)
        return self.out(tokens[:, context.shape[1] :]).mT.unflatten(2, x.shape[-2:])


# -- the family -------------------------------------------------------------------------------


def toy_family():
    """What the one new file would hold."""
    family = importlib.import_module("selagg_nodes.families.family")
    models = importlib.import_module("selagg_nodes.host.models")
    layer_id = importlib.import_module("selagg_core.recording.layout").LayerId

    class Toy:
        def sites(self, model):
            if not isinstance(models.diffusion_model(model), ToyNetwork):
                return ()
            self.network = models.diffusion_model(model)
            return tuple(
                family.AttentionSite(layer_id("layer", i), HEADS, 1, joint=True) for i in range(LAYERS)
            )

        @contextmanager
        def hooked(self, sites, call, listener):
            columns, grid, own = call.context.shape[1], tuple(call.x.shape[-2:]), self.network.attend

            def reading(layer, q, k):
                image = slice(columns, None)
                return family.AttentionReading(sites[layer].layer, q, k, grid, image, slice(0, columns))

            def attend(layer, q, k, v):
                listener.record(reading, layer, q, k)
                return own(layer, q, k, v)

            self.network.attend = attend
            try:
                yield call.options
            finally:
                self.network.attend = own

        def text(self, sites, entry, genuine):
            return family.EncodedText.of(family.context_of(entry))

        def words(self, clip, text):
            return None

    return Toy()


@pytest.fixture
def model(host, pack, monkeypatch):
    families = importlib.import_module("selagg_nodes.families")
    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, toy_family()))
    patcher = unet()
    patcher.model.diffusion_model = fill(ToyNetwork(), 5)
    return patcher


@pytest.fixture
def capturing(model):
    node = importlib.import_module("selagg_nodes.capture").SelAggCapture
    return lambda **settings: node().capture(model, **settings)


# -- end to end -------------------------------------------------------------------------------


def naive(model, positive, negative, **settings):
    """Latent, and float64 means over steps of text columns: layer -> (rows, heads, pixels, columns)."""
    network, calls = model.model.diffusion_model, []
    own, columns = network.attend, positive[0][0].shape[1]

    def attend(layer, q, k, v):
        if layer == 0:
            calls.append({})
        calls[-1][layer] = torch.softmax(q.double() @ k.double().mT * DIM**-0.5, -1)[:, :, columns:, :columns]
        return own(layer, q, k, v)

    network.attend = attend
    try:
        latent = sample(model, positive, negative, cfg=1.0, **settings)
    finally:
        network.attend = own
    steps = [calls[i] for i in range(len(calls))]
    return latent, {i: np.mean([step[i].numpy() for step in steps], axis=0) for i in range(LAYERS)}


@pytest.mark.parametrize("size", [(1, 8, 12), (2, 7, 5)])
def test_maps_of_a_new_family_are_exact(model, capturing, viewers, size):  # noqa: F811
    positive, negative = labelled(viewers, TEXT, 21), text(77, 2)
    plain, wanted = naive(model, positive, negative, size=size)
    captured, capture = capturing()
    latent = sample(captured, positive, negative, cfg=1.0, size=size)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.coverage.complete, recording.coverage
    assert [str(layer) for layer in entry.maps] == ["layer 0", "layer 1", "layer 2"]
    for layer, values in entry.maps.items():
        columns = wanted[layer.number].swapaxes(2, 3).reshape(*values.shape[:2], 77, *size[1:])
        own = columns[:, :, [word.columns[0] for word in entry.prompt.words]]
        assert np.abs(values - own).max() < 1e-5
        assert values.std() > 0.1 * values.mean()
        assert np.abs(entry.special[layer] - columns[:, :, list(entry.prompt.special)].sum(2)).max() < 1e-5
        assert (
            values.sum(2) + entry.special[layer]
        ).max() < 0.999  # the picture has its share of the softmax


def test_large_grids_are_sampled(model, capturing):
    captured, capture = capturing()
    positive = text(77, 1)
    latent = sample(captured, positive, text(77, 2), cfg=1.0, size=(1, 48, 40))
    _, wanted = naive(model, positive, text(77, 2), size=(1, 48, 40))
    for layer, values in capture.recording_for(latent).positive().maps.items():
        assert values.shape[-2:] == (24, 20)
        columns = wanted[layer.number].swapaxes(2, 3).reshape(1, HEADS, 77, 48, 40)
        assert np.abs(values - columns[..., ::2, ::2]).max() < 1e-5


def test_heatmaps_and_a_diagnosis_of_a_new_family(model, capturing, viewers):  # noqa: F811
    captured, capture = capturing()
    latent = sample(captured, labelled(viewers, TEXT, 21), text(77, 2), size=(1, 8, 12))
    image = torch.rand(1, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    run = {"capture": capture, "latent": {"samples": latent}, "image": image}
    overlays, masks, _, words = heatmaps(viewers, run)
    assert words.splitlines()[:5] == ["red", "circle", "left", "blue", "square"]
    assert overlays.shape[0] == masks.shape[0] == 5
    result = diagnosed(viewers, run)
    assert ("misplaced", "circle left of square") in {
        (check["kind"], check["claim"]) for check in result.report["pictures"][0]["checks"]
    }


def test_a_network_of_no_family_is_refused_in_plain_words(host, pack):
    patcher = unreadable()
    node = importlib.import_module("selagg_nodes.capture").SelAggCapture
    same, capture = node().capture(patcher)
    assert same is patcher
    with pytest.raises(
        ValueError, match="SelAgg cannot read this kind of model yet.*your picture is unaffected"
    ):
        capture.last()
