"""What the picture would be without a word: the same seed, one word silent in attention."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

from demo.studio import SamplingSettings, Studio
from selagg_core.comparing.what_if import effect_of, lines, sentence_of, strip
from selagg_core.diagnosis.sentences import ENGLISH
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
    assert len(sentences) == 3 and all("of 255" in own for own in sentences)
    assert '"star" makes what is in its own place' in told


def test_of_one_thing_it_says_how_true_the_map_is(node, pack, studio):
    told = sampled(node, pack, studio, text="a red circle", words="circle")[1]
    assert "picture changes by" in told and "times as much as elsewhere" in told


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


@pytest.mark.parametrize("mask", [False, True], ids=["whole", "inpainted"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_start_picture_counts_as_in_the_sampler(node, pack, studio, monkeypatch, share, mask):
    """denoise and a noise mask: what is compared is what the KSampler node of the host makes."""
    sampler = importlib.import_module("nodes").KSampler() if importlib.util.find_spec("nodes") else None
    if sampler is None:
        pytest.skip("this host has no KSampler node")
    module = importlib.import_module("selagg_nodes.what_if")
    bases = []
    monkeypatch.setattr(module, "strip", lambda base, effects: (bases.append(base), strip(base, effects))[1])
    encode = pack.NODE_CLASS_MAPPINGS["SelAggTextEncode"]()
    positive, negative = (encode.encode(text, studio.clip)[0] for text in (TEXT, ""))
    start = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    latent = {"samples": start}
    if mask:
        latent["noise_mask"] = torch.zeros(1, 1, 128, 128)
        latent["noise_mask"][..., 64:] = 1
    sampled(node, pack, studio, words="star", from_share=share, denoise=0.4, latent=dict(latent))
    with torch.inference_mode():
        (wanted,) = sampler.sample(
            studio.model, 7, STEPS, 4.0, "euler", "normal", positive, negative, latent, denoise=0.4
        )
        (picture,) = studio.decode(wanted["samples"])
    assert np.abs(bases[0].astype(int) - picture.astype(int)).mean() < 0.6


def test_from_a_later_step_on_less_changes(node, pack, studio):
    pictures = [sampled(node, pack, studio, words="red", from_share=share)[2] for share in (0.0, 0.8)]
    full = sampled(node, pack, studio, words="of", from_share=0.8)[2]
    early, late = (float((own - full).abs().mean()) for own in pictures)
    assert late < early


def test_it_says_which_thing_a_word_changes(node, pack, studio):
    """What a viewer is handed: a sentence for any language, and two pictures a word."""
    encode = pack.NODE_CLASS_MAPPINGS["SelAggTextEncode"]()
    positive, negative = (encode.encode(text, studio.clip)[0] for text in (TEXT, ""))
    latent = {"samples": torch.zeros(1, 4, 16, 16)}
    how = {"seed": 7, "steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal"}
    with torch.inference_mode():
        made = node.sample(studio.model, positive, negative, latent, studio.vae, words="red, star", **how)
    red, star = made["ui"]["selagg_what_if"]
    assert [own["word"] for own in (red, star)] == ["red", "star"]
    assert red["said"]["key"] in ("general.without_one", "general.without_both")
    assert star["said"]["key"] == "general.without_own" and star["said"]["values"]["other"] == "circle"
    assert red["told"] in made["ui"]["text"][0]
    names = {own[part]["filename"] for own in (red, star) for part in ("without", "change")}
    assert len(names) == 4


def test_a_repaired_model_is_refused(node, pack, studio):
    """Its own repair would be lost without the word, and that would be taken for what the word does."""
    hooks = importlib.import_module("selagg_nodes.repairing.hooks")
    plan = importlib.import_module("selagg_core.repair.plan").RepairPlan((), ())
    model = studio.model.clone()
    hooks.install(model, plan)
    with pytest.raises(ValueError, match="SelAgg Repair acts"):
        sampled(node, pack, studio, model=model)


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


WORDS = {name: WordGroup(name, (place,)) for place, name in enumerate(("red", "car", "scarf"))}


@pytest.mark.parametrize(
    ("word", "left", "right", "key"),
    [
        ("red", 40, 2, "without_one"),
        ("red", 40, 35, "without_both"),
        ("car", 40, 2, "without_own"),
        ("scarf", 40, 2, "without_one"),
        ("red", 0, 0, "without_same"),
    ],
)
def test_a_sentence_says_which_thing_it_was(word, left, right, key):
    base = np.full((64, 64, 3), 100, np.uint8)
    other = base.copy()
    other[:, :32] += left
    other[:, 32:] += right
    half = np.zeros((16, 16), np.float32)
    half[:, :8] = 1
    things = {WORDS["car"]: half, WORDS["scarf"]: 1 - half}
    own = effect_of(WORDS[word], base, other, None, things)
    said = sentence_of(own)
    assert said.key == f"general.{key}"
    told = ENGLISH.say(said)
    if key == "without_one":
        assert f'"{word}" changes "car", not "scarf"' in told
    assert told.count('"') in (2, 4, 6) and "{" not in told
    if len(own.things) and left:
        (first, most), (_, less) = own.things
        assert (
            first == WORDS["car"]
            and most == pytest.approx(left, abs=2)
            and less == pytest.approx(right, abs=2)
        )


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
        ({"denoise": 0.0}, "at most 1"),
        ({"denoise": float("nan")}, "at most 1"),
    ],
)
def test_what_it_cannot_work_with_is_told(node, pack, studio, wrong, told):
    with pytest.raises(ValueError, match=told):
        sampled(node, pack, studio, **wrong)
