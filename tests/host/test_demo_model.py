"""The shipped demo model, run by the host's own classes."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import torch

from demo.model import UNET_CONFIG, WEIGHTS, load_weights, model_card
from demo.scenes import render, scene_from_seed


@pytest.fixture(scope="module")
def studio(host):
    from demo.studio import Studio

    return Studio()


def test_the_weights_are_small_and_tell_their_training():
    assert WEIGHTS.stat().st_size <= 25_000_000
    card = model_card(load_weights())
    assert card["steps"] > 0 and 0 < card["loss"] < 1 and card["denoiser_hours"] > 0


def test_missing_or_foreign_weights_are_refused(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(ValueError, match="missing"):
        load_weights(tmp_path / "none.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="does not hold the demo model"):
        load_weights(tmp_path / "other.safetensors")


def test_the_unet_has_the_heads_of_sd1(studio, pack):
    sites = importlib.import_module("selagg_nodes.families.unet").cross_attention_sites(studio.model)
    expected = (
        [("input", n) for n in (1, 2, 4, 5, 7, 8)] + [("middle", 0)] + [("output", n) for n in range(3, 12)]
    )
    assert sorted(site.key[:2] for site in sites) == sorted(expected)
    assert sum(site.heads for site in sites) == 128 and {site.heads for site in sites} == {8}
    assert UNET_CONFIG["num_res_blocks"] == [2, 2, 2, 2]


def test_training_tokenises_captions_as_the_host_does(studio):
    from demo.training.text_encoder import CaptionTokenizer

    tokenizer = CaptionTokenizer()
    for seed in range(150):
        _, caption = scene_from_seed(seed, held_out=None)
        host_ids = [token for token, _ in studio.clip.tokenize(caption.text)["l"][0]]
        assert tokenizer.encode(caption)[0] == host_ids, caption.text


def test_the_host_encodes_text_as_the_trained_encoder_does(studio):
    from demo.training.text_encoder import CaptionTokenizer, TextEncoder

    tokenizer, weights = CaptionTokenizer(), load_weights()
    twin = TextEncoder(tokenizer.tokens)
    twin.load_state_dict(weights.text)
    for seed in range(6):
        _, caption = scene_from_seed(seed)
        with torch.no_grad():
            expected = twin(torch.tensor([tokenizer.encode(caption)[0]]))
        assert torch.allclose(studio.conditioning(caption.text)[0][0].float(), expected, atol=2e-3)


def test_the_autoencoder_gives_scenes_back(studio):
    pictures = np.stack([render(scene_from_seed(seed)[0])[0] for seed in range(8)])
    again = studio.decode(studio.encode(pictures))
    error = (again.astype(np.float32) - pictures) / 255
    assert -10 * np.log10(np.square(error).mean()) > 24


def test_the_node_loads_what_the_sampler_can_run(pack):
    node = pack.NODE_CLASS_MAPPINGS["SelAggDemoModel"]
    model, clip, vae = node().load()
    assert model.model.model_type.name == "V_PREDICTION"
    assert clip.tokenize("a red circle")["l"][0][0][0] == 49406
    assert vae.downscale_ratio == 8


def test_sample_command_prints_what_the_reader_saw(host, monkeypatch, capsys, tmp_path):
    from demo import sample

    words = [
        "sample",
        "--prompt",
        "a large red circle on a white background",
        "--seed",
        "3",
        "--out",
        str(tmp_path),
    ]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sample, "prepare_host", lambda: host)
    sample.main()
    line = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert {"picture", "objects", "background", "matches_prompt"} <= set(line)
    assert (tmp_path / line["picture"].split("/")[-1].split("\\")[-1]).is_file()
    assert all({"name", "colour", "pattern", "box", "sure"} == set(o) for o in line["objects"])
