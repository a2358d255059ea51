"""Words that are not in the prompt, by family: exact against float64, harmless to the run, or refused."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from attention_reference import probabilities
from tiny_models import noise, pooled, sd2, sdxl, text, unet
from tiny_transformers import KINDS, encoded, transformer

SIGMAS = (9.0, 2.0)
UNETS = {"sd1": unet, "sd2": sd2, "sdxl": sdxl}


@pytest.fixture(scope="module")
def parts(host, pack):
    return SimpleNamespace(
        recorder=importlib.import_module("selagg_nodes.recording.recorder"),
        families=importlib.import_module("selagg_nodes.families"),
        probe=importlib.import_module("selagg_nodes.probe"),
        host=importlib.import_module("selagg_nodes.host"),
    )


def recorded(parts, model, positive, latents, asked=(), sigmas=SIGMAS):
    """The recording, and what the model gave for each latent."""
    given = []
    model = model.clone()

    def kept(apply, args):
        out = apply(args["input"], args["timestep"], **args["c"])
        given.append(out.clone())
        return out

    model.set_model_unet_function_wrapper(kept)
    return parts.recorder.record_evaluations(model, positive, latents, sigmas, None, asked), given


@pytest.mark.parametrize("name", UNETS)
def test_asked_words_are_exact_and_leave_the_run_alone(parts, name):
    model = UNETS[name]()
    positive = pooled(text(77, 1)) if name == "sdxl" else text(77, 1)
    asked = [text(77, seed)[0][0] for seed in (5, 6)]
    latents = [noise(2, 8, 12, seed) * sigma for seed, sigma in enumerate(SIGMAS)]
    plain, before = recorded(parts, model, positive, latents)
    _, sites = parts.families.family_of(model)
    queries: dict[tuple, list] = {site.key: [] for site in sites}
    hooks = [
        site.module.to_q.register_forward_hook(
            lambda _m, _a, out, key=site.key: queries[key].append(out.clone())
        )
        for site in sites
    ]
    found, after = recorded(parts, model, positive, latents, asked)
    for hook in hooks:
        hook.remove()
    assert len(before) == len(after) == len(SIGMAS)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    for layer, maps in plain.positive().maps.items():
        assert np.array_equal(maps, found.positive().maps[layer])
    entries = [entry for entry in found.entries if entry.kind == "asked"]
    assert [entry.index for entry in entries] == [0, 1]
    for entry, context in zip(entries, asked, strict=True):
        for site in sites:
            keys = context.double() @ site.module.to_k.weight.detach().double().T
            own = [
                probabilities(q.double(), keys.expand(len(q), -1, -1), site.heads) for q in queries[site.key]
            ]
            wanted = np.moveaxis(np.mean(own, axis=0), 3, 2)
            maps = entry.maps[site.layer]
            assert np.abs(maps.reshape(wanted.shape) - wanted).max() < 2e-6, site.layer


def test_wan_is_asked_by_the_same_text(parts):
    """Its own text, asked about, must get the maps of the text: its keys are made in the same way."""
    pytest.importorskip("comfy.ldm.krea2.model", reason="older hosts do not name the blocks of Wan")
    kind = KINDS["wan"]
    model, positive = transformer(kind), encoded(kind, 12, 1)
    shape = (1, kind.channels, 1, 8, 12)
    latents = [torch.randn(shape, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    found, given = recorded(
        parts, model, positive, latents, [positive[0][0], encoded(kind, 9, 2)[0][0]], (0.9, 0.4)
    )
    _, before = recorded(parts, model, positive, latents, sigmas=(0.9, 0.4))
    assert all(torch.equal(one, other) for one, other in zip(before, given, strict=True))
    asked, other = [entry for entry in found.entries if entry.kind == "asked"]
    assert next(iter(other.maps.values())).shape[2] == 9
    for layer, maps in found.positive().maps.items():
        np.testing.assert_allclose(asked.maps[layer], maps, rtol=0, atol=1e-6)


def test_joint_families_refuse_with_the_reason(parts):
    for family in parts.families.FAMILIES:
        assert not (getattr(family, "joint", False) and hasattr(family, "asked_keys")), type(family).__name__
    kind = KINDS["lumina2"]
    pytest.importorskip("comfy.ldm.lumina.model", reason="this host has no Lumina")
    with pytest.raises(ValueError, match="text and picture change each other") as refusal:
        parts.probe.SelAggProbe().probe(
            transformer(kind),
            encoded(kind, 12, 1),
            latent={"samples": torch.ones(1, 16, 8, 12)},
            asked="fruit",
        )
    assert "write the words into the text" in str(refusal.value)


def test_other_families_without_it_refuse_too(parts):
    pytest.importorskip("comfy.ldm.cosmos.predict2", reason="this host has no Cosmos-Predict2")
    kind = KINDS["cosmos"]
    with pytest.raises(ValueError, match="does not know how it makes keys"):
        parts.probe.SelAggProbe().probe(
            transformer(kind),
            encoded(kind, 12, 1),
            latent={"samples": torch.ones(1, 16, 1, 8, 12)},
            asked="fruit",
        )
