"""Transformers of the host's own classes: the latent is untouched, maps are exact, nothing stays behind."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny_transformers import KINDS, PIXART, STRANGER, Kind, encoded, sample_transformer, transformer

OVERRIDE = "optimized_attention_override"
COLUMNS = 20


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


@pytest.fixture(scope="module")
def tiny(host, pack):
    made: dict = {}

    def model(name: str):
        if name not in made:
            made[name] = transformer(KINDS[name])
        return made[name]

    return model


def captured(model, **settings):
    return importlib.import_module("selagg_nodes.capture").SelAggCapture().capture(model, **settings)


# -- an independent record --------------------------------------------------------------------


@dataclass
class Call:
    q: torch.Tensor
    k: torch.Tensor
    mask: torch.Tensor | None
    order: list[int]


def with_override(model, function):
    """A copy of the model with another pack's override."""
    model = model.clone()
    model.model_options["transformer_options"] = {
        **model.model_options.get("transformer_options", {}), OVERRIDE: function,
    }  # fmt: skip
    return model


def by_head(q, k, heads: int, asked: dict):
    """q, k in float64, (rows, heads, tokens, dim)."""
    if not asked.get("skip_reshape"):
        q, k = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k))
    return q.double(), k.double()


def watching(model):
    """A copy of the model that keeps every attention call, and the list it keeps them in."""
    calls: list[Call] = []

    def keep(function, q, k, v, heads, mask=None, **kwargs):
        order = list(kwargs["transformer_options"]["cond_or_uncond"])
        calls.append(Call(*by_head(q, k, heads, kwargs), mask, order))
        return function(q, k, v, heads, mask=mask, **kwargs)

    return with_override(model, keep), calls


def grid_of(kind: Kind, size) -> tuple[int, int]:
    return -(-size[1] // kind.patch), -(-size[2] // kind.patch)


def reference(
    kind: Kind, calls, size, columns=COLUMNS, references=0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each layer, means over steps for the positive rows: columns' maps, and the padding's sum."""
    height, width = grid_of(kind, size)
    cells, batch = height * width, size[0]
    start, length = kind.text(columns)
    if kind.joint:
        total = kind.total(columns, cells) + references
        own = [call for call in calls if call.q.shape[2] == call.k.shape[2] == total]
    else:
        own = [call for call in calls if call.k.shape[2] == length and call.q.shape[2] == cells]
        own = [call for call in own if 0 in call.order]
        own = own[1::2] if length == cells else own  # self-attention comes first and looks the same
    own = [call for call in own if 0 in call.order]
    layers = len(kind.layers)
    assert len(own) == 2 * layers  # two steps
    maps, rest = [], []
    for layer in range(layers):
        steps = []
        for call in own[layer::layers]:
            image = slice(length, length + cells) if kind.joint else slice(None)
            logits = call.q[:, :, image] @ call.k.mT * call.q.shape[3] ** -0.5
            if call.mask is not None:
                logits = logits + call.mask
            row = call.order.index(0) * batch
            steps.append(torch.softmax(logits, -1)[row : row + batch, :, :, :length])
        mean = torch.stack(steps).mean(0).mT.unflatten(3, (height, width)).numpy()
        maps.append(mean[:, :, start : start + columns])
        rest.append(mean.sum(2) - maps[-1].sum(2))
    return maps, rest


def assert_exact(kind: Kind, capture, latent, calls, size, **more) -> None:
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.coverage.complete, recording.coverage
    assert [str(layer) for layer in entry.maps] == list(kind.layers)
    for values, special, wanted, padding in zip(
        entry.maps.values(), entry.special.values(), *reference(kind, calls, size, **more), strict=True
    ):
        assert values.shape == wanted.shape
        assert np.abs(values - wanted).max() < 1e-5
        assert np.abs(special - padding).max() < 1e-5
        assert values.std() > 0.1 * values.mean()  # flat attention would fit any mix of rows and heads


# -- exactness and the untouched latent -------------------------------------------------------


@pytest.mark.parametrize(("size", "cfg"), [((1, 8, 12), 4.0), ((2, 8, 12), 1.0), ((2, 10, 7), 4.0)])
@pytest.mark.parametrize("name", KINDS)
def test_maps_are_exact_and_the_latent_is_untouched(tiny, name, size, cfg):
    kind, model = KINDS[name], tiny(name)
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    watched, calls = watching(model)
    plain = sample_transformer(kind, watched, positive, negative, size, cfg)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, negative, size, cfg)
    assert torch.equal(latent, plain) and torch.isfinite(latent).all()
    assert_exact(kind, capture, latent, calls, size)
    assert OVERRIDE not in with_capture.model_options.get("transformer_options", {})


@pytest.mark.parametrize("name", KINDS)
def test_texts_of_two_lengths_and_image_to_image(tiny, name):
    kind, model = KINDS[name], tiny(name)
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS + 5, 2)
    start = torch.randn(1, kind.channels, *((1,) if kind.frames else ()), 8, 10)
    settings = {"size": (1, 8, 10), "latent": start, "denoise": 0.7}
    watched, calls = watching(model)
    plain = sample_transformer(kind, watched, positive, negative, **settings)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, negative, **settings)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, (1, 8, 10))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", KINDS)
def test_another_packs_override_still_has_its_say(tiny, name, when):
    """It changes the picture as it does without capture, and is called as often."""
    kind, model = KINDS[name], tiny(name)
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    seen = []

    def other(function, *args, **kwargs):
        seen.append(1)
        return function(*args, **kwargs) * 0.9

    plain = sample_transformer(kind, with_override(model, other), positive, negative)
    times = len(seen)
    if when == "before":
        with_capture, capture = captured(with_override(model, other))
    else:
        with_capture, capture = captured(model)
        with_capture = with_override(with_capture, other)
    latent = sample_transformer(kind, with_capture, positive, negative)
    assert torch.equal(latent, plain) and len(seen) == 2 * times
    assert not torch.equal(latent, sample_transformer(kind, model, positive, negative))
    assert capture.recording_for(latent).coverage.complete
    assert with_capture.model_options["transformer_options"][OVERRIDE] is other


@pytest.mark.parametrize("name", ["flux", "flux2", "qwen_image", "krea2"])
def test_reference_pictures_are_not_the_picture(tiny, name):
    kind, model = KINDS[name], tiny(name)
    shape = (1, kind.channels, *((1,) if kind.frames else ()), 4, 6)
    extra = {"reference_latents": [torch.randn(shape, generator=torch.Generator().manual_seed(4))]}
    extra["reference_latents_method"] = "index"
    positive = [[values, {**own, **extra}] for values, own in encoded(kind, COLUMNS, 1)]
    watched, calls = watching(model)
    plain = sample_transformer(kind, watched, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    assert torch.equal(latent, plain)
    cells = -(-4 // kind.patch) * -(-6 // kind.patch)
    assert_exact(kind, capture, latent, calls, (1, 8, 12), references=cells)


def test_padded_captions_with_a_mask(tiny):
    """Qwen-Image: columns that are masked out get nothing."""
    kind, model = KINDS["qwen_image"], tiny("qwen_image")
    mask = torch.ones(1, COLUMNS, dtype=torch.long)
    mask[:, 15:] = 0
    positive = [[values, {**own, "attention_mask": mask}] for values, own in encoded(kind, COLUMNS, 1)]
    watched, calls = watching(model)
    plain = sample_transformer(kind, watched, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, (1, 8, 12))
    for values in capture.recording_for(latent).positive().maps.values():
        assert values[:, :, 15:].max() == 0 and values[:, :, :15].min() > 0


def test_another_number_of_tokens_is_not_guessed(tiny):
    """A pack adds tokens: nothing is recorded, the picture is as without capture, a notice says why."""
    kind, model = KINDS["flux"], tiny("flux")

    def longer(args):
        more = args["txt"][:, :1]
        return {
            **args,
            "txt": torch.cat([args["txt"], more], 1),
            "txt_ids": torch.cat([args["txt_ids"]] * 2, 1)[:, :21],
        }

    changed = model.clone()
    changed.set_model_post_input_patch(longer)
    plain = sample_transformer(kind, changed, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    with_capture, capture = captured(changed)
    latent = sample_transformer(kind, with_capture, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries and not recording.coverage.complete
    assert "text and picture is made in a way that is not known" in " ".join(recording.notices)


def test_blocks_that_another_pack_leaves_out_do_not_shift_the_names(tiny):
    kind, model = KINDS["sd3"], tiny("sd3")
    skipping = model.clone()
    skipping.set_model_patch_replace(lambda args, extra: args, "dit", "double_block", 0)
    plain = sample_transformer(kind, skipping, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    with_capture, capture = captured(skipping)
    latent = sample_transformer(kind, with_capture, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert [str(layer) for layer in recording.positive().maps] == ["double block 1"]
    assert "double block 0" in " ".join(recording.notices)


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_a_transformer_of_no_known_family_is_read_by_the_shape_of_its_calls(host, pack, cfg):
    """And what was guessed is said. Text of another length than the family thinks: nothing is recorded."""
    model = transformer(STRANGER)
    watched, calls = watching(model)
    plain = sample_transformer(STRANGER, watched, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2), cfg=cfg)
    with_capture, capture = captured(model)
    latent = sample_transformer(
        STRANGER, with_capture, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2), cfg=cfg
    )
    assert torch.equal(latent, plain)
    assert_exact(STRANGER, capture, latent, calls, (1, 8, 12))
    assert "does not know this model" in " ".join(capture.recording_for(latent).notices)


def test_a_stranger_whose_calls_have_another_shape_gives_no_maps(host, pack):
    model = transformer(STRANGER)
    own = model.model.diffusion_model
    own.forward = _one_token_less(own.forward)
    plain = sample_transformer(STRANGER, model, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2))
    with_capture, capture = captured(model)
    latent = sample_transformer(STRANGER, with_capture, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries and "No cross-attention was seen" in " ".join(recording.notices)


def _one_token_less(forward):
    return lambda x, timesteps, context=None, **more: forward(x, timesteps, context=context[:, 1:], **more)


@pytest.mark.parametrize("size", [(1, 40, 32), (2, 32, 36)])
def test_pixart_whose_network_asks_no_override(host, pack, monkeypatch, size):
    """The function of its module is exchanged for the length of a call, and back again."""
    model, calls = transformer(PIXART), []
    blocks = importlib.import_module("comfy.ldm.pixart.blocks")
    own = blocks.optimized_attention

    def keep(q, k, v, heads, **kwargs):
        calls.append(Call(*by_head(q, k, heads, kwargs), None, [0]))
        return own(q, k, v, heads, **kwargs)

    texts = encoded(PIXART, 20, 1), encoded(PIXART, 20, 2)
    with monkeypatch.context() as patch:
        patch.setattr(blocks, "optimized_attention", keep)
        plain = sample_transformer(PIXART, model, *texts, size=size, cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(PIXART, with_capture, *texts, size=size, cfg=1.0)
    assert torch.equal(latent, plain) and blocks.optimized_attention is own
    assert_exact(PIXART, capture, latent, calls, size)
