"""The twin of the demo model, a Flux run by the host's own classes: weights, capture, maps, training."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from demo.model import load_weights, model_card
from demo.scenes import caption_words, scene_from_seed
from demo.studio import SamplingSettings, Studio
from demo.twin import FLUX_CONFIG, TWIN_WEIGHTS, flux_config, load_twin
from selagg_core.recording.capture import Capture
from selagg_core.recording.settings import READINGS, CaptureSettings

TEXT = "a small red circle above a blue square on a white background"
FEW = SamplingSettings(steps=3)


@pytest.fixture(scope="module")
def flux(host):
    pytest.importorskip("comfy.ldm.flux.model", reason="Flux came with later hosts")


@pytest.fixture(scope="module")
def trainable(flux):
    layers = importlib.import_module("comfy.ldm.flux.layers")
    if isinstance(getattr(layers, "RMSNorm", None), type):
        pytest.skip("trained on hosts whose Flux has torch's own norm")


@pytest.fixture(scope="module")
def studio(flux, pack):
    return Studio(load_twin())


def captured(studio, text: str, settings: CaptureSettings, seeds=(3,)):
    encode = importlib.import_module("selagg_nodes.recording.encode")
    recorder = importlib.import_module("selagg_nodes.recording.recorder")
    encode.encode_and_label("test", studio.clip, text)
    capture, model = Capture(recorder.LABELS, settings), studio.model.clone()
    recorder.install(model, capture)
    latents = studio.sample(text, list(seeds), FEW, model)
    return latents, capture.recording_for(latents)


def test_the_file_is_small_and_tells_its_training():
    assert TWIN_WEIGHTS.stat().st_size <= 25_000_000
    card = model_card(load_twin())
    assert card["steps"] > 0 and 0 < card["loss"] < 2 and card["hours"] > 0


def test_missing_or_foreign_weights_are_refused(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(ValueError, match="part of the repository"):
        load_twin(tmp_path / "none.safetensors")
    save_file({"flux.a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="does not hold the demo model"):
        load_twin(tmp_path / "other.safetensors")


def test_a_host_without_flux_is_told(host, pack, monkeypatch):
    monkeypatch.setitem(sys.modules, "comfy.ldm.flux.model", None)
    with pytest.raises(ValueError, match="older than Flux"):
        Studio(load_twin())


def test_capture_leaves_its_picture_as_it_is_and_reads_every_head(studio):
    plain = studio.sample(TEXT, [3, 4], FEW)
    latents, recording = captured(studio, TEXT, CaptureSettings(), (3, 4))
    assert torch.equal(latents, plain) and latents.std() > 0.1
    assert recording.coverage.complete
    entry = recording.positive()
    assert [word.text for word in entry.prompt.words] == caption_words(TEXT)
    layers = FLUX_CONFIG["depth"] + FLUX_CONFIG["depth_single_blocks"]
    assert len(entry.maps) == layers and entry.layout.total == layers * FLUX_CONFIG["num_heads"]
    assert {values.shape[-2:] for values in entry.maps.values()} == {(16, 16)}


def test_words_of_many_captions_are_read_as_written(studio):
    families = importlib.import_module("selagg_nodes.families")
    assert type(families.family_of(studio.model)[0]).__name__ == "Flux"
    for seed in range(40):
        text = scene_from_seed(seed, world="hard" if seed % 2 else "plain")[1].text
        read = families.read_prompt(studio.clip, text)
        assert [word.text for word in read.words] == caption_words(text) and read.length == 77


def test_maps_of_each_reading_keep_its_sum(studio):
    """No word here has two tokens: what is kept of a word is all of it."""
    found = {}
    for reading in READINGS:
        _, recording = captured(studio, TEXT, CaptureSettings(reading=reading))
        found[reading] = np.stack(list(recording.positive().picture(0).maps.values())).astype(np.float64)
    assert all(np.isfinite(maps).all() for maps in found.values())
    places, alone, words, _ = found.values()
    assert (places >= 0).all() and (places.sum(axis=2) < 1).all()
    assert np.allclose(alone.sum(axis=2), 1, atol=1e-4)
    assert (words >= 0).all() and (words.sum(axis=(3, 4)) < 1 + 1e-5).all()
    share = places / places.sum(axis=2, keepdims=True)
    assert np.corrcoef(share.ravel(), alone.ravel())[0, 1] > 0.9


def test_the_host_encodes_text_as_the_trained_encoder_does(studio):
    from demo.training.text_encoder import CaptionTokenizer, TextEncoder

    tokenizer, weights = CaptionTokenizer("hard"), load_twin()
    assert torch.equal(tokenizer.tokens, weights.tokens)
    trained = TextEncoder(tokenizer.tokens)
    trained.load_state_dict(weights.text)
    for seed in range(4):
        _, caption = scene_from_seed(seed, world="hard")
        ids = tokenizer.encode(caption)[0]
        with torch.no_grad():
            expected = trained(torch.tensor([ids]))
        ((embedding, extra),) = studio.conditioning(caption.text)
        assert torch.allclose(embedding.float(), expected, atol=2e-3)
        assert torch.allclose(extra["pooled_output"][0].float(), expected[0, ids.index(49407)], atol=2e-3)


@pytest.mark.parametrize("columns", [32, 77])
def test_the_trainable_pass_is_that_of_the_host_and_has_gradients(trainable, columns):
    from demo.training.flux import TrainableFlux, new_flux

    torch.manual_seed(columns)
    network = new_flux({**flux_config(), "depth": 1, "depth_single_blocks": 2})
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    x, times, context = torch.randn(2, 4, 16, 16), torch.rand(2), torch.randn(2, columns, 96)
    pooled = torch.randn(2, 96)
    found, heard = TrainableFlux(network, 16)(x, times, context, pooled)
    found.square().mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
    with torch.no_grad():
        expected = network(x, times, context, pooled)
    assert heard.shape == (2, 192, 16, 16)
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max())


def test_attention_has_the_gradients_of_the_plain_formula(host):
    from demo.training.flux import attention

    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(19, 7, 6, dtype=torch.float64, generator=generator) for _ in range(3))
    inputs = [t.requires_grad_() for t in (q, k, v)]
    assert torch.autograd.gradcheck(attention, inputs, atol=1e-6, fast_mode=True)
    plain = ((q @ k.transpose(1, 2)) * 6**-0.5).softmax(-1) @ v
    assert torch.allclose(attention(q, k, v), plain)


@pytest.fixture
def training(trainable, tmp_path):
    from demo.training.text_encoder import CaptionTokenizer
    from demo.training.twin import TwinPlan, TwinTraining

    plan = TwinPlan(steps=2, batch=2, first_pool=4, pool=4, pool_growth=0, save_every=2, whole=0.0)

    def new(world: str = "hard", **changes) -> TwinTraining:
        torch.manual_seed(0)
        made = TwinTraining(tmp_path, replace(plan, **changes), CaptionTokenizer(world))
        made.start_from_weights(load_weights())
        return made

    return new


@pytest.fixture(scope="module")
def encoder(host):
    from demo.training.autoencoder import new_autoencoder

    autoencoder = new_autoencoder()
    vae = load_weights().vae
    autoencoder.load_state_dict({k: v for k, v in vae.items() if not k.startswith("vae_")})
    return autoencoder["taesd_encoder"]


def test_training_steps_save_and_go_on(training, encoder):
    from demo.training.latents import LatentPool

    first = training()
    before = first.flux.double_blocks[0].img_attn.qkv.weight.clone()
    first.run(LatentPool(encoder))
    assert first.step == 2 and 0 < first.loss < 10 and first.checkpoint.exists()
    assert not torch.equal(first.flux.double_blocks[0].img_attn.qkv.weight, before)
    again = training(steps=3)
    again.resume(again.checkpoint)
    assert again.step == 2
    assert all(torch.equal(v, again.average[k]) for k, v in first.average.items())
    again.run(LatentPool(encoder))
    assert again.step == 3


def test_an_interrupted_training_saves(training, encoder, monkeypatch):
    from demo.training.latents import LatentPool

    made = training(steps=9)
    step = made._one_step

    def stopped(*batch):
        if made.step == 1:
            raise KeyboardInterrupt
        return step(*batch)

    monkeypatch.setattr(made, "_one_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        made.run(LatentPool(encoder))
    again = training()
    again.resume(again.checkpoint)
    assert again.step == 1


def test_training_goes_on_with_more_words(training):
    plain = training("plain")
    plain.save()
    fuller = training("hard")
    fuller.resume(fuller.checkpoint)
    table = "text.text_model.embeddings.token_embedding.weight"
    known = torch.searchsorted(fuller.tokenizer.tokens, plain.tokenizer.tokens)
    assert len(fuller.average[table]) > len(plain.average[table])
    assert torch.equal(fuller.average[table][known], plain.average[table])


def test_what_is_exported_is_read_and_trained_on(training, tmp_path, monkeypatch):
    from demo import train_twin

    made = training()
    made.step, made.seconds = 7, 36.0
    train_twin.export(made, tmp_path / "exported.safetensors")
    assert (tmp_path / "exported.safetensors").stat().st_size <= 25_000_000
    weights = load_twin(tmp_path / "exported.safetensors")
    assert model_card(weights)["steps"] == 7
    monkeypatch.setattr(train_twin, "load_twin", lambda: weights)
    train_twin.unpack(made)
    again = training()
    again.resume(again.checkpoint)
    name = "flux.single_blocks.0.linear1.weight"
    assert again.step == 7 and torch.allclose(again.average[name], made.average[name], atol=1e-3)
    with pytest.raises(SystemExit, match="already"):
        train_twin.unpack(made)


def test_the_map_benchmark_measures_the_twin_in_a_reading(studio):
    from benchmarks.joint_maps import agreement_of, concept_attention
    from benchmarks.map_sources import DemoModel
    from demo.relevance import CONCEPTS

    with torch.inference_mode():
        samples = [DemoModel(twin=True, reading="outputs").scene(seed) for seed in (9000, 9001)]
    relevance = agreement_of(samples, CONCEPTS)
    heads = samples[0].head_maps.layout.total
    assert relevance.scores_of("Color").shape == (heads,) and np.ptp(relevance.scores_of("Color")) > 0
    maps = concept_attention(samples[0])
    assert maps.shape == (len(samples[0].targets), 128, 128)
    assert maps.min() > -0.2 and maps.max() < 1.2
    with pytest.raises(ValueError, match="no development scenes"):
        agreement_of([], CONCEPTS)
