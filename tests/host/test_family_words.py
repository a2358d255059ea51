"""From a prompt to its words' maps, in every way in which a family places a text in its sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_encoder_words import encoders, nodes, todays_host  # noqa: F401 (fixtures)
from test_families import captured, reference, watched_sample
from test_viewers import diagnosed, heatmaps, viewers  # noqa: F401 (fixture)
from tiny_transformers import KINDS, sample_transformer, transformer

TEXT = "a red umbrella left of two capybaras"
CLAIM = "a (red:1.2) circle left of a blue square"
#: The family's model and the encoder whose words it reads. Padded left, right, by the network, recoded.
PAIRS = {
    "flux": "flux", "flux2": "qwen_image", "z_image": "z_image", "qwen_image": "qwen_image", "anima": "anima",
    "sd3": "sd3", "krea2": "krea2",
}  # fmt: skip


@pytest.fixture(scope="module")
def clips(host):
    return encoders()


@pytest.mark.parametrize("name", PAIRS)
def test_a_words_map_is_that_of_its_tokens(nodes, clips, name):  # noqa: F811
    kind, model = KINDS[name], transformer(KINDS[name])
    conditioning, prompt = nodes.SelAggTextEncode().encode(TEXT, clips[PAIRS[name]])
    if kind.pooled is not None:
        conditioning = [
            [values, {**extra, "pooled_output": torch.ones(1, kind.pooled)}] for values, extra in conditioning
        ]
    if kind.ids:
        conditioning[0][1]["t5xxl_weights"] = torch.ones(prompt.length)
    plain, calls = watched_sample(kind, model, conditioning, conditioning, cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, conditioning, conditioning, cfg=1.0)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.coverage.complete and not [n for n in recording.notices if "not known" in n]
    assert [word.text for word in entry.prompt.words] == TEXT.split()
    wanted, padding = reference(kind, calls, (1, 8, 12), columns=prompt.length)
    for values, special, columns, rest in zip(
        entry.maps.values(), entry.special.values(), wanted, padding, strict=True
    ):
        own = np.stack([columns[:, :, list(word.columns)].mean(2) for word in prompt.words], axis=2)
        assert np.abs(values - own).max() < 1e-5
        marks = columns[:, :, list(prompt.special)].sum(2) + rest
        assert np.abs(special - marks).max() < 1e-5


def test_heatmaps_and_a_diagnosis_of_a_joint_model(nodes, clips, viewers):  # noqa: F811
    kind, model = KINDS["z_image"], transformer(KINDS["z_image"])
    conditioning, _ = nodes.SelAggTextEncode().encode(
        "a (red:1.2) circle left of a blue square", clips["z_image"]
    )
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, conditioning, conditioning, cfg=1.0, size=(1, 16, 16))
    image = torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(0))
    run = {"capture": capture, "latent": {"samples": latent}, "image": image}
    overlays, masks, _, words = heatmaps(viewers, run, words="circle, square")
    assert overlays.shape[0] == masks.shape[0] == 2
    assert "reads brackets and numbers" in words
    result = diagnosed(viewers, run)
    checks = {(check["kind"], check["claim"]) for check in result.report["pictures"][0]["checks"]}
    assert ("misplaced", "circle left of square") in checks
    assert "negative prompt did nothing" in result.warnings
