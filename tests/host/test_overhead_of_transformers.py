"""The benchmark of what capture costs runs on every transformer that it names; small ones stand for them."""

from __future__ import annotations

import argparse
import gc
from dataclasses import replace

import pytest
import torch
from tiny_transformers import KINDS, small_adapter

from benchmarks.full_size_transformers import TRANSFORMERS

SMALL = {
    "flux": "flux",
    "zimage": "z_image",
    "qwen": "qwen_image",
    "krea2": "krea2",
    "anima": "anima",
    "wan": "wan",
}


@pytest.fixture(scope="module", autouse=True)
def todays_host(host, pack):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")
    # The benchmark collects garbage before every run: what earlier tests left is not looked through
    # each time.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def asked(name: str) -> argparse.Namespace:
    from benchmarks.overhead import PROMPT

    return argparse.Namespace(
        model=name, size=64, steps=2, repeat=1, seed=1, prompt=PROMPT, every_nth_step=1, device="cpu",
        dtype="float32", naive=True, blocks=2, trim=False, attention="host", json="-",
    )  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_every_transformer_is_measured(name, monkeypatch):
    from benchmarks import overhead

    kind, full = KINDS[SMALL[name]], TRANSFORMERS[name]
    config = {**full.config, **{key: value for key, value in kind.config.items() if key not in full.depth}}
    small = replace(full, config=config, columns=20, width=16)
    if kind.ids:
        import comfy.ldm.anima.model as anima

        monkeypatch.setattr(anima, "LLMAdapter", small_adapter(anima.LLMAdapter))
    if kind.pooled:
        small = replace(small, beside=lambda columns, noise: {"pooled_output": torch.zeros(1, kind.pooled)})
    monkeypatch.setitem(overhead.TRANSFORMERS, name, small)
    result = overhead.run_transformer(asked(name))
    for own in (result, result["fewest"]):
        assert own["identical"] and own["finite"] and own["repaired"]
        assert own["words"] == 12 and own["layers"] == sum(own["blocks"].values()) and own["bytes_kept"] > 0
    assert set(result["seconds"]) == {"plain", "capture", "repair"}
    assert result["calculated"] == {} or result["calculated"]["blocks"] == sum(full.depth.values())


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_real_widths_are_of_a_family_that_is_read(name):
    """Built without memory: which weights there are, not what is in them."""
    import comfy.supported_models
    from comfy.model_patcher import ModelPatcher

    from selagg_nodes.families import family_of

    full = TRANSFORMERS[name]
    blocks = full.blocks(2)
    kind = getattr(comfy.supported_models, full.family)({**full.config, **blocks, "dtype": torch.float32})
    kind.set_inference_dtype(torch.float32, None)
    device = torch.device("meta")
    model = ModelPatcher(kind.get_model({}, "", device=device), load_device=device, offload_device=device)
    _, sites = family_of(model)
    assert len(sites) == sum(blocks.values())
