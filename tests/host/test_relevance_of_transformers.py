"""Head relevance of transformers: by the maps of words, saved, loaded, and used on a recording."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from test_families import module_watched, watching
from tiny_models import unet
from tiny_transformers import KINDS, sample_transformer, transformer

CONCEPTS = '{"Color": ["red", "blue"], "Animals": ["cat"], "Shape": ["circle"]}'
PROMPTS = ("a red circle", "a blue cat and a red circle", "two things")


class Tokens:
    """A CLIP object with the host's tokenizer, and random columns for its tokens: the same for the same."""

    def __init__(self, tokenizer, key: str):
        self.tokenizer, self._key, self.cond_stage_model = tokenizer, key, None

    def tokenize(self, text, return_word_ids=False, **kwargs):
        return self.tokenizer.tokenize_with_weights(text, return_word_ids, **kwargs)

    def encode_from_tokens_scheduled(self, tokens):
        columns = [hash(str(token)) % 9973 for chunk in tokens[self._key] for token, *_ in chunk]
        rows = [torch.randn(16, generator=torch.Generator().manual_seed(number)) for number in columns]
        return [[torch.stack(rows)[None], {"pooled_output": torch.zeros(1, 8)}]]


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


def clip_of(name: str) -> Tokens:
    def encoder(module):
        return importlib.import_module(f"comfy.text_encoders.{module}")

    if name == "flux":
        return Tokens(encoder("flux").FluxTokenizer(), "t5xxl")
    return Tokens(encoder("ideogram4").Ideogram4Tokenizer(), "qwen3vl_8b")


@pytest.mark.parametrize("name", ["flux", "ideogram4"])
def test_agreement_is_measured_and_used(pack, name, tmp_path: Path):
    def module(path):
        return importlib.import_module(path)

    builder, model, clip = (
        module("selagg_nodes.recording.build_relevance"),
        transformer(KINDS[name]),
        clip_of(name),
    )
    concepts = module("selagg_core.relevance.concepts").parse_concepts(CONCEPTS)
    plan = builder.BuildPlan(PROMPTS, concepts, "Tiny", 3, 2, 1.0, "euler", "simple", (16, 24))
    steps = []
    with torch.inference_mode():
        made = builder.build_relevance(
            model, clip, plan, tmp_path / "state.safetensors", lambda *told: steps.append(told)
        )
    assert steps[-1] == (6, 6) and not (tmp_path / "state.safetensors").exists()
    assert made.score_kinds == ("agreement", "concentration", "consistency") and made.win_share is None
    assert [str(layer) for layer in made.layout.layers] == list(KINDS[name].layers)
    counted = {concept.name: concept.maps for concept in made.concepts}
    assert counted == {"Color": 3, "Animals": 1, "Shape": 2}
    assert np.isfinite(made.scores).all() and made.scores.std() > 0
    assert KINDS[name].layers[0] in " ".join(head.label for head in made.ranking("Color"))
    made.save(tmp_path / "own.safetensors")
    loaded = type(made).load(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(loaded.scores, made.scores)
    assert "agreement" in loaded.describe()
    # used: the maps of a diagnosis are of the heads that it names
    with torch.inference_mode():
        positive, prompt = module("selagg_nodes.prompt").SelAggTextEncode().encode(PROMPTS[1], clip)
        own, capture = module("selagg_nodes.capture").SelAggCapture().capture(model)
        latent = module("selagg_nodes.host").sample_new(
            own, positive, positive, (16, 24), 1, 2, 1.0, "euler", "simple"
        )
    recording = capture.recording_for(latent)
    assert loaded.layout == recording.layout and loaded.context_width == recording.context_width
    scores = expected_agreement(recording, [word.text for word in prompt.words].index("cat"))
    assert scores.shape == (made.layout.total,)


class Anima(Tokens):
    """Columns of Qwen's tokens, and beside them the tokens of T5 by which the network reads them."""

    def __init__(self):
        super().__init__(importlib.import_module("comfy.text_encoders.anima").AnimaTokenizer(), "qwen3_06b")

    def encode_from_tokens_scheduled(self, tokens):
        ((columns, extra),) = super().encode_from_tokens_scheduled(tokens)
        ids = torch.tensor([token for token, *_ in tokens["t5xxl"][0]])
        return [[columns, {**extra, "t5xxl_ids": ids, "t5xxl_weights": torch.ones(len(ids))}]]


class Hunyuan(Tokens):
    """20 columns of the first encoder's tokens, and 12 of a second one."""

    def encode_from_tokens_scheduled(self, tokens):
        ((columns, extra),) = super().encode_from_tokens_scheduled(tokens)
        second = torch.randn(1, 12, 16, generator=torch.Generator().manual_seed(columns.shape[1]))
        masks = {"attention_mask": torch.ones(1, 20), "attention_mask_mt5xl": torch.ones(1, 12)}
        return [[columns[:, :20], {**extra, **masks, "conditioning_mt5xl": second}]]


def cross_clip(name: str, monkeypatch) -> Tokens:
    """A text encoder for a family with cross-attention; where its vocabulary is not to be had, T5's."""
    if name == "anima":
        return Anima()
    read = importlib.import_module("selagg_nodes.families.text_encoders").read_words
    if name == "wan":
        family = importlib.import_module("selagg_nodes.families.wan").Wan
        monkeypatch.setattr(family, "words", lambda self, clip, text: read(clip, text, "t5xxl"))
    if name != "hunyuan_dit":
        return clip_of("flux")
    cut = importlib.import_module("selagg_core.prompt.pieces").cut_to
    family = importlib.import_module("selagg_nodes.families.flux").Flux  # asked before HunyuanDiT
    monkeypatch.setattr(
        family, "words",
        lambda self, clip, text: cut(read(clip, text, "t5xxl"), 20).lengthened(32, "other"),
    )  # fmt: skip
    return Hunyuan(importlib.import_module("comfy.text_encoders.cosmos").CosmosT5Tokenizer(), "t5xxl")


@dataclass(frozen=True)
class Heard:
    """One attention call between picture and text: (rows, heads, tokens, dim) each."""

    q: torch.Tensor
    k: torch.Tensor


def of_text(model, kind, conditioning, columns: int, size) -> list[Heard]:
    """The calls between picture and text of one evaluation, layer by layer, in the host's own sampling."""
    watched, calls = watching(kind, model)
    with module_watched(kind, watched, calls):
        sample_transformer(kind, watched, conditioning, conditioning, size, 1.0, 1)
    return [Heard(call.q, call.k) for call in calls if call.k.shape[2] == columns != call.q.shape[2]]


@pytest.mark.parametrize("name", ["cosmos", "anima", "wan", "pixart", "hunyuan_dit"])
def test_wins_are_counted_where_a_word_can_be_encoded_alone(pack, name, monkeypatch, tmp_path: Path):
    """As published: against float64, with the same words drawn; keys are those that the network makes."""
    kind = KINDS[name]
    builder = importlib.import_module("selagg_nodes.recording.build_relevance")
    building = importlib.import_module("selagg_core.relevance.building")
    model, clip = transformer(kind), cross_clip(name, monkeypatch)
    concepts = importlib.import_module("selagg_core.relevance.concepts").parse_concepts(CONCEPTS)
    size = (40, 32) if name == "pixart" else (16, 24)
    plan = builder.BuildPlan(PROMPTS[:2], concepts, "Tiny", 3, 2, 4.0, "euler", "simple", size)
    asked = []
    count = building.count_wins

    def kept(q, k, heads, matrix):
        asked.append((q.clone(), k.clone(), heads, matrix.clone(), count(q, k, heads, matrix)))
        return asked[-1][-1]

    monkeypatch.setattr(builder, "count_wins", kept)
    words: list[tuple[int, int]] = []
    with torch.inference_mode():
        made = builder.build_relevance(
            model, clip, plan, tmp_path / "state.safetensors", on_word=lambda *told: words.append(told)
        )
    assert words == [(done, 4) for done in (1, 2, 3, 4)]
    layers = len(kind.layers)
    assert made.score_kinds[0] == "argmax wins" and "agreement" in made.score_kinds
    assert len(asked) == 2 * 2 * layers  # pictures, steps
    assert [str(layer) for layer in made.layout.layers] == list(kind.layers)
    wins = np.zeros((len(concepts), made.layout.total))
    for number, (q, k, heads, matrix, counted) in enumerate(asked):
        own_q, own_k = (x.double().unflatten(-1, (heads, -1)) for x in (q, k))
        logits = torch.einsum("bphd,khd->bhpk", own_q, own_k) * own_q.shape[-1] ** -0.5
        strength = (torch.softmax(logits, -1).mean(2) @ matrix.double())[0]
        assert torch.equal(counted.sum(1), torch.ones(heads, dtype=counted.dtype))
        told = strength.max(1).values > 1e-30  # less is none in float32
        assert torch.equal(counted.argmax(1)[told], strength.argmax(1)[told])
        first = number % layers * heads
        wins[:, first : first + heads] += counted.numpy().T
    np.testing.assert_allclose(made.win_share, wins / 4, atol=1e-6)
    # the keys of a word are those that the network attends to when it is given that word
    conditioning, prompt, _ = importlib.import_module("selagg_nodes.recording.encode").encode(clip, "circle")
    columns = kind.text(conditioning[0][0].shape[1])[1]
    heard = of_text(model, kind, conditioning, columns, (1, 8, 8))
    wanted = heard[0].k[0].transpose(0, 1).flatten(1)[list(prompt.words[0].columns)]
    last = asked[0][1][-len(wanted) :]  # "circle" is the one word of the last concept
    assert torch.allclose(last.double(), wanted, atol=1e-5)


def test_the_words_can_be_stopped_before_the_first_picture(pack, monkeypatch, tmp_path: Path):
    """The network is called with each word: no more of them are once the artist has stopped it."""
    management = importlib.import_module("comfy.model_management")
    builder = importlib.import_module("selagg_nodes.recording.build_relevance")
    concepts = importlib.import_module("selagg_core.relevance.concepts").parse_concepts(CONCEPTS)
    plan = builder.BuildPlan(PROMPTS[:1], concepts, "Tiny", 3, 2, 4.0, "euler", "simple", (16, 24))
    words, steps = [], []

    def stop_after_the_second(done, total):
        words.append(done)
        management.interrupt_current_processing(done == 2)

    with torch.inference_mode(), pytest.raises(management.InterruptProcessingException):
        builder.build_relevance(
            transformer(KINDS["cosmos"]), cross_clip("cosmos", monkeypatch), plan,
            on_step=lambda *told: steps.append(told), on_word=stop_after_the_second,
        )  # fmt: skip
    assert words == [1, 2] and not steps


def expected_agreement(recording, word: int) -> np.ndarray:
    """Correlation of each head's map of a word with the mean of all, each of sum 1."""
    maps = np.concatenate(
        [own[0, :, word].reshape(own.shape[1], -1) for own in recording.positive().maps.values()]
    )
    unit = maps / maps.sum(-1, keepdims=True)
    mean = unit.mean(0)
    return np.array([np.corrcoef(own, mean)[0, 1] for own in unit])


def test_prompts_without_a_known_word_are_refused(pack):
    builder = importlib.import_module("selagg_nodes.recording.build_relevance")
    concepts = importlib.import_module("selagg_core.relevance.concepts").parse_concepts(CONCEPTS)
    plan = builder.BuildPlan(("two things",), concepts, "Tiny", 3, 1, 1.0, "euler", "simple", (16, 16))
    with pytest.raises(ValueError, match="no prompt had a word of a known concept"), torch.inference_mode():
        builder.build_relevance(transformer(KINDS["flux"]), clip_of("flux"), plan)


@pytest.mark.parametrize(("name", "why"), [("flux", "attend to each other"), ("kandinsky5", "at every step")])
def test_why_no_wins_are_counted_is_said(pack, name, why):
    builder = importlib.import_module("selagg_nodes.recording.build_relevance")
    assert why in builder.why_no_wins(transformer(KINDS[name]))
    assert builder.why_no_wins(transformer(KINDS["cosmos"])) == ""
    assert builder.why_no_wins(unet()) == ""
