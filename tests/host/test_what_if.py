"""What the picture would be without a word: the same seed, one word silent in attention."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

from demo.studio import SamplingSettings, Studio
from selagg_core.comparing.what_if import effect_of, lines, strip
from selagg_core.prompt.groups import WordGroup

TEXT = "a red circle left of a blue star"
STEPS = 6


@pytest.fixture(scope="module")
def studio(host, pack):
    return Studio()


@pytest.fixture
def node(pack, host, tmp_path, monkeypatch):
    sockets = importlib.import_module("selagg_nodes.viewer.sockets")
    monkeypatch.setattr(sockets.host, "temp_directory", lambda: str(tmp_path))
    return pack.NODE_CLASS_MAPPINGS["SelAggWhatIf"]()


def sampled(node, pack, studio, **changes):
    encode = pack.NODE_CLASS_MAPPINGS["SelAggTextEncode"]()
    positive, negative = (encode.encode(text, studio.clip)[0] for text in (changes.pop("text", TEXT), ""))
    given = {
        "model": studio.model,
        "positive": positive,
        "negative": negative,
        "latent": {"samples": torch.zeros(1, 4, 16, 16)},
        "vae": studio.vae,
        "words": "red, circle, star",
        "seed": 7,
        "steps": STEPS,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        **changes,
    }
    with torch.inference_mode():
        return node.sample(**given)["result"]


def test_a_word_changes_the_picture_where_its_map_is(node, pack, studio):
    drawn, told, pictures = sampled(node, pack, studio)
    assert pictures.shape[0] == 3 and drawn.shape[0] == 1
    sentences = told.splitlines()
    assert len(sentences) == 3 and all("picture changes by" in own for own in sentences)
    assert "times as much as elsewhere" in told


def test_the_picture_with_all_words_is_that_of_the_sampler(node, pack, studio, monkeypatch):
    """The first steps are done once for all: the picture of the strip is the artist's own."""
    module = importlib.import_module("selagg_nodes.what_if")
    bases = []
    monkeypatch.setattr(module, "strip", lambda base, effects: (bases.append(base), strip(base, effects))[1])
    for share in (0.0, 0.5):
        sampled(node, pack, studio, words="star", from_share=share)
    how = SamplingSettings(steps=STEPS, cfg=4.0)
    with torch.inference_mode():
        (wanted,) = studio.decode(studio.sample(TEXT, [7], how))
    for base in bases:
        assert np.abs(base.astype(int) - wanted.astype(int)).mean() < 0.6


def test_from_a_later_step_on_less_changes(node, pack, studio):
    pictures = [sampled(node, pack, studio, words="red", from_share=share)[2] for share in (0.0, 0.8)]
    full = sampled(node, pack, studio, words="of", from_share=0.8)[2]
    early, late = (float((own - full).abs().mean()) for own in pictures)
    assert late < early


def test_nothing_stays_in_the_model(node, pack, studio):
    first = sampled(node, pack, studio, words="red")[2]
    sampled(node, pack, studio, words="star")
    assert torch.equal(first, sampled(node, pack, studio, words="red")[2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": "zeppelin"}, "zeppelin"),
        ({"model": None}, "no model"),
        ({"latent": {"samples": torch.zeros(2, 4, 16, 16)}}, "batch_size"),
        ({"latent": None}, "latent"),
        ({"text": " ".join(f"{c}{d} cat" for c in "abcdef" for d in "mnop"), "words": "all"}, "too many"),
    ],
)
def test_bad_input_is_refused_in_words(node, pack, studio, changes, message):
    with pytest.raises(ValueError, match=message):
        sampled(node, pack, studio, **changes)


# -- values ----------------------------------------------------------------------------------------------


def test_lift_is_how_much_more_changes_in_the_map():
    base = np.full((64, 64, 3), 100, np.uint8)
    other = base.copy()
    other[:, :32] += 40
    other[:, 32:] += 10
    heat = np.zeros((16, 16), np.float32)
    heat[:, :8] = 1
    own = effect_of(WordGroup("red", (1,)), base, other, heat)
    assert own.mean == pytest.approx(25) and own.lift == pytest.approx(4, rel=0.2)
    assert effect_of(WordGroup("red", (1,)), base, base, heat).lift is None
    assert effect_of(WordGroup("red", (1,)), base, other).lift is None
    same = effect_of(WordGroup("a", (0,)), base, base)
    assert list(lines([same, own]))[0].startswith('Without "red"') and "the same" in list(lines([same]))[0]
    drawn = strip(base, [own, same])
    assert drawn.dtype == np.uint8 and drawn.shape[1] > 3 * 224


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"vae": None}, "no VAE"),
        ({"negative": None}, "no negative"),
        ({"steps": 0}, "1 or more"),
        ({"from_share": float("inf")}, "from 0 to 1"),
        ({"from_share": float("nan")}, "from 0 to 1"),
        ({"from_share": -0.5}, "from 0 to 1"),
    ],
)
def test_what_it_cannot_work_with_is_told(node, pack, studio, wrong, told):
    with pytest.raises(ValueError, match=told):
        sampled(node, pack, studio, **wrong)
