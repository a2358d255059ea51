"""Head relevance built in the real host: by the published definition, resumed, saved, loaded, shown."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from attention_reference import probabilities, watched
from tiny_models import UNET_SITES, unet, unreadable
from tiny_text import clip as tiny_clip

CONCEPTS = '{"Color": ["red"], "Animals": ["polar bear"], "Shape": ["circle"]}'
PLACES = list(UNET_SITES)
PROMPTS = ("a red circle", "a red cat and a blue circle")


@pytest.fixture(scope="module")
def parts(pack):
    def module(name):
        return importlib.import_module(name)

    return SimpleNamespace(
        host=module("selagg_nodes.host"),
        builder=module("selagg_nodes.recording.build_relevance"),
        nodes=module("selagg_nodes.relevance"),
        words=module("selagg_nodes.recording.words"),
        unet=module("selagg_nodes.families.unet"),
        concepts=module("selagg_core.relevance.concepts"),
        shipped=module("selagg_core.relevance.shipped"),
        relevance=module("selagg_core.relevance.relevance"),
        choosing=module("selagg_core.relevance.choose_heads"),
        recipe=module("selagg_core.maps.recipe"),
        capture=module("selagg_nodes.capture"),
        prompt=module("selagg_nodes.prompt"),
    )


@pytest.fixture(scope="module")
def clip(host):
    return tiny_clip()


@pytest.fixture
def plan(parts):
    concepts = parts.concepts.parse_concepts(CONCEPTS)
    return parts.builder.BuildPlan(
        PROMPTS, concepts, "Tiny", seed=3, steps=2, cfg=3.0, sampler="euler", scheduler="normal", size=(8, 12)
    )


def reference_wins(parts, model, clip, concepts, events) -> np.ndarray:
    """(concepts, heads), head by head from the definition; every concept has one word."""
    encoded = [parts.words.encode_word(clip, concept.words[0]) for concept in concepts]
    text = torch.cat([encoded[0][0][None], *(tokens for _, tokens in encoded)])
    owner = np.array([-1, *(i for i, (_, tokens) in enumerate(encoded) for _ in tokens)])
    wins = []
    for site in sorted(parts.unet.cross_attention_sites(model), key=lambda site: PLACES.index(site.key)):
        own = np.zeros((len(concepts), site.heads), int)
        with torch.no_grad():
            keys = site.module.to_k(text[None])
        for event in (event for event in events if event.key == site.key):
            size = len(event.q) // len(event.order)
            start = event.order.index(0) * size
            mean = probabilities(event.q[start : start + size], keys.expand(size, -1, -1), site.heads).mean(2)
            strength = np.stack([mean[..., owner == i].mean(-1) for i in range(len(concepts))])
            for winners in strength.argmax(axis=0):
                own[winners, np.arange(site.heads)] += 1
        wins.append(own)
    return np.concatenate(wins, axis=1)


# -- building --------------------------------------------------------------------------------------------


def test_wins_are_those_of_the_definition_and_the_picture_is_untouched(parts, clip, plan):
    model, events = watched(unet())
    made = parts.builder.build_relevance(model, clip, plan)
    expected = reference_wins(parts, model, clip, plan.concepts, events)
    decisions = len(PROMPTS) * plan.steps
    assert expected.sum(axis=0).tolist() == [decisions] * made.layout.total
    np.testing.assert_allclose(made.win_share * decisions, expected, atol=1e-4)
    assert (expected.sum(axis=1) > 0).all()
    assert (made.base_model, made.context_width, made.layout.total) == ("Tiny", 16, 14)
    plain, undisturbed = watched(unet())
    negative = parts.host.encode_text(clip, "")
    for index, prompt in enumerate(PROMPTS):
        positive = parts.host.encode_text(clip, prompt)
        parts.host.sample_new(plain, positive, negative, (8, 12), 3 + index, 2, 3.0, "euler", "normal")
    assert [event.key for event in undisturbed] == [event.key for event in events]
    assert all(torch.equal(one.q, other.q) for one, other in zip(undisturbed, events, strict=True))


def test_maps_of_known_words_are_scored(parts, clip, plan):
    made = parts.builder.build_relevance(unet(), clip, plan, score_kind="agreement")
    # "red" twice and "blue" are colours, "circle" twice a shape, "cat" an animal.
    assert [concept.maps for concept in made.concepts] == [3, 1, 2]
    assert made.score_kind == "agreement" and set(made.score_kinds) == set(parts.nodes.KINDS)
    for kind in parts.relevance.MAP_KINDS:
        scores = made.with_score(kind).scores
        assert np.abs(scores).max() <= 1 and scores.std() > 0


def test_an_interrupted_build_goes_on_and_ends_the_same(parts, clip, plan, tmp_path):
    import comfy.model_management as management

    model, state = unet(), tmp_path / "tiny.building"
    steps = []

    def stop_in_the_second_picture(done, total):
        steps.append((done, total))
        if done == 3:
            management.interrupt_current_processing(True)

    with pytest.raises(_interruption()):
        parts.builder.build_relevance(model, clip, plan, state, stop_in_the_second_picture)
    assert state.is_file() and steps[-1] == (3, 4)
    steps.clear()
    made = parts.builder.build_relevance(model, clip, plan, state, lambda *step: steps.append(step))
    assert steps == [(3, 4), (4, 4)]
    assert not state.exists()
    whole = parts.builder.build_relevance(model, clip, plan)
    for kind in whole.score_kinds:
        np.testing.assert_array_equal(made.with_score(kind).scores, whole.with_score(kind).scores)


def test_the_words_are_told_before_the_first_picture_and_can_be_stopped(parts, clip, plan):
    import comfy.model_management as management

    words, steps = [], []
    parts.builder.build_relevance(
        unet(),
        clip,
        plan,
        on_word=lambda *told: words.append((len(steps), *told)),
        on_step=lambda *told: steps.append(told),
    )
    assert words == [(0, 1, 3), (0, 2, 3), (0, 3, 3)] and len(steps) == 4

    def stop_after_the_second(done, total):
        words.append(done)
        management.interrupt_current_processing(done == 2)

    words.clear()
    steps.clear()
    with pytest.raises(_interruption()):
        parts.builder.build_relevance(
            unet(), clip, plan, on_step=lambda *told: steps.append(told), on_word=stop_after_the_second
        )
    assert words == [1, 2] and not steps


def _interruption() -> type:
    """What the host raises when it is interrupted; the registry's keeps it elsewhere."""
    try:
        from comfy.interruption import InterruptProcessingException
    except ImportError:
        from comfy.model_management import InterruptProcessingException
    return InterruptProcessingException


@pytest.mark.parametrize("change", ["model", "plan", "damage"])
def test_what_was_done_for_something_else_is_not_mixed_in(parts, clip, plan, tmp_path, change):
    state = tmp_path / "tiny.building"
    sums = parts.builder.RelevanceSums.empty(3, 14)
    layout = parts.builder.HeadLayout.of((*s.key, s.heads) for s in parts.unet.cross_attention_sites(unet()))
    foreign = replace(sums, prompts=1, decisions=2, wins=sums.wins + 1, mark=np.ones(7, np.float32))
    foreign.save(state, "other" if change == "plan" else plan.job(layout))
    if change == "damage":
        state.write_bytes(state.read_bytes()[:50])
    made = parts.builder.build_relevance(unet(), clip, plan, state)
    expected = parts.builder.build_relevance(unet(), clip, plan)
    np.testing.assert_array_equal(made.win_share, expected.win_share)


def test_models_and_encoders_that_will_not_do_are_named(parts, clip, plan):
    with pytest.raises(ValueError, match="cannot read .* yet"):
        parts.builder.build_relevance(unreadable(), clip, plan)
    with pytest.raises(ValueError, match="no prompt"):
        parts.builder.build_relevance(unet(), clip, replace(plan, prompts=()))
    with pytest.raises(ValueError, match="no CLIP"):
        parts.builder.build_relevance(unet(), None, plan)
    nothing = (replace(plan.concepts[0], words=(" ",)), *plan.concepts[1:])
    with pytest.raises(ValueError, match='no words for " "'):
        parts.builder.build_relevance(unet(), clip, replace(plan, concepts=nothing))


def test_a_layer_that_another_pack_bypasses_is_named(parts, clip, plan):
    model = unet()
    site = parts.unet.cross_attention_sites(model)[0]
    site.module.register_forward_hook(lambda module, given, out: out)
    with pytest.raises(ValueError, match=r"input 1\.0"):
        parts.builder.build_relevance(model, clip, plan)


# -- nodes -----------------------------------------------------------------------------------------------


def build(parts, clip, name="My model", **changes):
    settings = {
        "prompts": "a __Color__ circle\na polar bear", "pictures": 2, "seed": 0, "steps": 2, "cfg": 3.0,
        "sampler": "euler", "scheduler": "normal", "width": 64, "height": 64, "score": "agreement",
        "concepts": CONCEPTS,
    }  # fmt: skip
    return parts.nodes.SelAggBuildRelevance().build(unet(), clip, name, **{**settings, **changes})


@pytest.fixture(scope="module")
def built(parts, clip):
    return build(parts, clip)["result"]


def test_the_node_saves_what_the_other_loads(parts, built):
    relevance, summary = built
    assert "My model: 3 concepts, 14 heads in 7 layers; score: agreement" in summary
    load = parts.nodes.SelAggLoadRelevance
    assert "My_model.safetensors" in load.INPUT_TYPES()["required"]["file"][0]
    again, told = load().load("My_model.safetensors", "as saved")
    np.testing.assert_array_equal(again.scores, relevance.scores)
    assert again.concepts == relevance.concepts and told == summary
    wins, _ = load().load("My_model.safetensors", "argmax wins")
    np.testing.assert_array_equal(wins.scores, relevance.with_score("argmax wins").scores)
    assert again.about["source"] == "SelAgg Build Relevance"
    assert "2 pictures of 64 x 64, seeds from 0, euler, normal, 2 steps" in again.about["measured"]
    assert not list(Path(parts.host.relevance_directory()).glob("*.building"))


def test_presets_are_loaded_by_name(parts):
    preset, summary = parts.nodes.SelAggLoadRelevance().load("sd14", "as saved")
    assert preset is parts.shipped.load_preset("sd14") and "Stable Diffusion v1.4" in summary
    with pytest.raises(ValueError, match='no score "agreement"'):
        parts.nodes.SelAggLoadRelevance().load("sd14", "agreement")


@pytest.mark.parametrize("file", ["../sd14.safetensors", "none.safetensors", "/etc/passwd", ""])
def test_only_files_of_the_folder_are_loaded(parts, file):
    with pytest.raises(ValueError, match="there is no file"):
        parts.nodes.SelAggLoadRelevance().load(file, "as saved")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../etc/cron", "etc_cron"),
        ("C:\\x", "C_x"),
        (" a b ", "a_b"),
        (".hidden", "hidden"),
    ],
)
def test_names_stay_in_the_folder(parts, name, stem):
    assert parts.nodes.file_stem(name) == stem


@pytest.mark.parametrize("name", ["", "..", "con", "NUL.txt", "///"])
def test_names_that_are_no_files_are_refused(parts, name):
    assert "no name for a file" in parts.nodes.SelAggBuildRelevance.VALIDATE_INPUTS(name=name)


def test_bad_input_is_refused_before_anything_is_sampled(parts):
    validate = parts.nodes.SelAggBuildRelevance.VALIDATE_INPUTS
    assert validate(name="a", prompts=parts.nodes.DEFAULT_PROMPTS, concepts="") is True
    assert "not JSON" in validate(name="a", concepts="Color")
    assert "which is none here" in validate(name="a", prompts="a __Mood__ cat", concepts="")


def test_the_heads_of_a_concept_are_shown(parts, built):
    show = parts.nodes.SelAggHeadRelevance()
    heads, ranking, table = show.show("color", 0.25, relevance=built[0])
    lines = ranking.splitlines()
    assert lines[0].startswith("unreliable: agreement of Color") and len(lines) == 15
    assert lines[1].startswith("1. ") and "won" in lines[1]
    assert heads.shape[0] == 1 and heads.std() > 0.1 and table.std() < 0.01
    paper, _, _ = show.show("color", 0.25, relevance=built[0], recipe=parts.recipe.PAPER)
    assert not torch.equal(paper, heads)


def test_single_heads_of_a_word_are_shown(parts, built, clip):
    captured, capture = parts.capture.SelAggCapture().capture(unet())
    positive, _ = parts.prompt.encode_and_label("test", clip, "a red circle")
    negative = parts.host.encode_text(clip, "")
    latent = parts.host.sample_new(captured, positive, negative, (8, 8), 0, 2, 3.0, "euler", "normal")
    sockets = {"capture": capture, "latent": {"samples": latent}, "image": torch.rand(1, 64, 64, 3)}
    show = parts.nodes.SelAggHeadRelevance()
    _, _, table = show.show("Color", 0.25, built[0], word="red", **sockets)
    _, _, other = show.show("Color", 0.25, built[0], word="circle", **sockets)
    assert table.std() > 0.1 and not torch.equal(table, other)
    _, text, picture = show.show("Color", 0.25, built[0], word="dog", **sockets)
    assert text.startswith('SelAgg Head Relevance: "dog" is not in the prompt') and picture.std() > 0.01


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "nothing to show"),
        ({"relevance": "built", "concept": "Mood"}, 'no concept "Mood"'),
        ({"relevance": "built", "top_fraction": 2.0}, "share of heads"),
        ({"relevance": "built", "image": torch.zeros(1, 64, 64, 3)}, "connect all three"),
    ],
)
def test_bad_input_becomes_a_picture(parts, built, inputs, message):
    given = {"concept": "Color", "top_fraction": 0.25, **inputs}
    if "relevance" in given:
        given["relevance"] = built[0]
    picture, text, _ = parts.nodes.SelAggHeadRelevance().show(**given)
    assert text.startswith("SelAgg Head Relevance: ") and message in text and picture.std() > 0.01


# -- words that no list knows ----------------------------------------------------------------------------


class TableClip:
    """Stands for a text encoder in which the words of a concept lie together: no such weights can be had."""


@pytest.fixture
def clustered(parts, clip, monkeypatch):
    """A finder whose encoder puts every word at the place of its first letter."""

    def encode(own, word):
        if not word.strip():
            raise ValueError("no words")
        random = np.random.default_rng(sum(map(ord, word)))
        place = 5 * np.eye(32)[ord(word[0]) % 32] + 0.1 * random.standard_normal(32)
        return torch.zeros(32), torch.from_numpy(place)[None]

    monkeypatch.setattr(parts.words, "encode_word", encode)
    return parts.words.ConceptFinder()


def concepts_by_letter(parts):
    words = {letter: [f"{letter}{i}x" for i in range(6)] for letter in "abc"}
    return parts.concepts.parse_concepts(json.dumps({letter * 3: own for letter, own in words.items()}))


def test_an_unknown_word_takes_the_concept_nearest_to_it(parts, clustered):
    concepts, clip = concepts_by_letter(parts), TableClip()
    assert clustered.by(clip)("bzz", concepts).concept == "bbb"
    assert clustered.by(clip)(" ", concepts) is None
    assert clustered.by(None) is None


def test_an_encoder_that_knows_no_concepts_finds_none(parts, clip):
    """Its weights are random: whatever is nearest is so by chance."""
    finder = parts.words.ConceptFinder()
    concepts = parts.shipped.load_preset("sd14").concepts[:6]
    assert [finder.by(clip)(word, concepts) for word in ("zyxwv", "qwertz", "lamp")] == [None] * 3
