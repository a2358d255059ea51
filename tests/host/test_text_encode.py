"""Words from the host's own tokenizer, and labels that find their way to the maps."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import CONTEXT, sample, unet
from tiny_text import clip as tiny_clip
from tiny_text import clip_with_embeddings, sdxl_tokens_clip

from selagg_core.prompt.known_texts import LabelCache


@pytest.fixture(scope="module")
def clip(host):
    return tiny_clip()


@pytest.fixture(scope="module")
def model(host):
    return unet()


@pytest.fixture
def nodes(pack, monkeypatch):
    """The prompt nodes and how they read a prompt, with labels of their own for each test."""
    encode = importlib.import_module("selagg_nodes.recording.encode")
    capture = importlib.import_module("selagg_nodes.capture")
    labels = LabelCache()
    monkeypatch.setattr(encode, "LABELS", labels)
    monkeypatch.setattr(capture, "LABELS", labels)
    prompt = importlib.import_module("selagg_nodes.prompt")
    return SimpleNamespace(**vars(prompt), read_prompt=encode.read_prompt)


@pytest.fixture
def capturing(pack, nodes):
    node = importlib.import_module("selagg_nodes.capture").SelAggCapture
    return lambda model, **settings: node().capture(model, **settings)


def stock_encode(clip, text):
    """CLIP Text Encode."""
    tokens = clip.tokenize(text)
    if hasattr(clip, "encode_from_tokens_scheduled"):
        return clip.encode_from_tokens_scheduled(tokens)
    cond, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    return [[cond, {"pooled_output": pooled}]]


def texts(prompt):
    return [word.text for word in prompt.words]


# -- reading ---------------------------------------------------------------------------------------------


def assert_columns_match_tokens(clip, prompt):
    """Each word's columns carry just its pieces in the host's own token list."""
    stream = [entry[0] for chunk in clip.tokenize(prompt.text)["l"] for entry in chunk]
    vocabulary = clip.tokenizer.clip_l.inv_vocab
    assert prompt.length == len(stream)
    for word in prompt.words:
        pieces = "".join(vocabulary[stream[c]] for c in word.columns)
        assert pieces == f"{word.text}</w>"
    for column in prompt.special:
        assert stream[column] in (49406, 49407)
    owned = {c for word in prompt.words for c in word.columns}
    for column in set(range(prompt.length)) - owned - set(prompt.special):
        assert not any(ch.isalnum() for ch in vocabulary[stream[column]].removesuffix("</w>").strip("'std"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a red circle", ["a", "red", "circle"]),
        ("A Red CIRCLE,blue;star!", ["a", "red", "circle", "blue", "star"]),
        ("(red:1.3) [circle] ((star))", ["red", "circle", "star"]),
        (r"rose \(flower\) by (mint:0.5)", ["rose", "flower", "by", "mint"]),
        ("red BREAK blue", ["red", "break", "blue"]),
        ("chiaroscuro tyrannosaurus", ["chiaroscuro", "tyrannosaurus"]),
        ("a cat's hat isn't red-haired", ["a", "cat", "hat", "isn", "red", "haired"]),
        ("line\nbreak  and   spaces", ["line", "break", "and", "spaces"]),
        ("", []),
        (" , . !", []),
    ],
)
def test_words_of_real_tokens(nodes, clip, text, expected):
    prompt = nodes.read_prompt(clip, text)
    assert [word.casefold() for word in texts(prompt)] == expected  # one host keeps a lone capital A
    assert_columns_match_tokens(clip, prompt)


def test_weights_of_real_tokens(nodes, clip):
    prompt = nodes.read_prompt(clip, "(red:1.3) (circle) (big (star:0.5)) blue")
    weights = {word.text: word.weight for word in prompt.words}
    assert weights == pytest.approx({"red": 1.3, "circle": 1.1, "big": 1.1, "star": 0.5, "blue": 1.0})


def test_pieces_of_one_word_stay_together(nodes, clip):
    prompt = nodes.read_prompt(clip, "a tyrannosaurus")
    word = prompt.find("tyrannosaurus")
    assert len(word) == 1
    assert len(word[0].columns) > 1


@pytest.mark.parametrize("count", [74, 75, 76, 150, 300])
def test_long_prompts(nodes, clip, count):
    text = " ".join(f"{('red', 'blue', 'green')[i % 3]}" for i in range(count - 1)) + " moon"
    prompt = nodes.read_prompt(clip, text)
    assert len(prompt.words) == count
    assert_columns_match_tokens(clip, prompt)
    (moon,) = prompt.find("moon")
    assert moon.columns == (count + 2 * ((count - 1) // 75),)
    conditioning, encoded = nodes.SelAggTextEncode().encode(text, clip)
    assert encoded == prompt
    assert conditioning[0][0].shape == (1, prompt.length, CONTEXT)


def test_accents_and_other_scripts(nodes, clip):
    prompt = nodes.read_prompt(clip, "caf\u00e9 na\u00efve \u732b")
    assert texts(prompt)[:2] == ["caf\u00e9", "na\u00efve"]
    assert prompt.find("Caf\u00e9")
    found = prompt.find("\u732b")
    assert found and all(word.columns for word in found)


@pytest.fixture(scope="module")
def with_embeddings(host, tmp_path_factory):
    return clip_with_embeddings(tmp_path_factory.mktemp("embeddings"))


def test_embeddings_of_right_and_wrong_width(nodes, with_embeddings):
    prompt = nodes.read_prompt(with_embeddings, "red embedding:style circle")
    assert texts(prompt) == ["red", "embedding:style", "circle"]
    assert [word.columns for word in prompt.words] == [(1,), (2, 3, 4), (5,)]
    prompt = nodes.read_prompt(with_embeddings, "red embedding:wide circle")
    assert [(word.text, word.columns) for word in prompt.words] == [("red", (1,)), ("circle", (2,))]
    # The encoder itself agrees: with the embedding dropped the encoding is that of the bare text.
    bare = stock_encode(with_embeddings, "red circle")[0][0]
    dropped = stock_encode(with_embeddings, "red embedding:wide circle")[0][0]
    assert torch.allclose(dropped[:, :4], bare[:, :4], atol=1e-5)


def test_sdxl_pair_of_encoders(host, nodes):
    prompt = nodes.read_prompt(sdxl_tokens_clip(), "a (red:1.2) tyrannosaurus!")
    assert texts(prompt) == ["a", "red", "tyrannosaurus"]
    assert prompt.length == 77
    assert prompt.special[0] == 0 and prompt.special[-1] == 76
    assert not {c for word in prompt.words for c in word.columns} & set(prompt.special)


# -- encoding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "a (red:1.3) circle", "red " * 100])
def test_encodes_exactly_as_clip_text_encode(nodes, clip, text):
    conditioning, prompt = nodes.SelAggTextEncode().encode(text, clip)
    stock = stock_encode(clip, text)
    assert len(conditioning) == len(stock) == 1
    assert torch.equal(conditioning[0][0], stock[0][0])
    assert torch.equal(conditioning[0][1]["pooled_output"], stock[0][1]["pooled_output"])
    assert set(conditioning[0][1]) == {*stock[0][1], "selagg_prompt"}
    assert prompt.length == conditioning[0][0].shape[1]


@pytest.mark.parametrize("node", ["SelAggTextEncode", "SelAggPrompt"])
def test_no_clip(nodes, node):
    instance = nodes.NODES[node]()
    with pytest.raises(ValueError, match=r"SelAgg (Text Encode|Prompt): there is no CLIP.*loader"):
        getattr(instance, instance.FUNCTION)(text="red", clip=None)


def test_a_text_encoder_that_is_not_clip_still_encodes(nodes, caplog):
    class Other:
        def tokenize(self, text, return_word_ids=False):
            return {"t5xxl": [[(1, 1.0)]]}

        def encode_from_tokens_scheduled(self, tokens):
            return [[torch.zeros(1, 3, 4), {"pooled_output": None}]]

    conditioning, prompt = nodes.SelAggTextEncode().encode("red", Other())
    assert conditioning[0][0].shape == (1, 3, 4)
    assert prompt.words == () and prompt.length == 3
    assert "SelAgg Text Encode" in caplog.text


def test_nodes_explain_themselves(nodes, pack):
    capture = importlib.import_module("selagg_nodes.capture")
    for module in (nodes, capture):
        assert set(module.NODES) == set(module.DISPLAY_NAMES)
        for name, node in module.NODES.items():
            assert name.startswith("SelAgg")
            assert node.DESCRIPTION and node.SEARCH_ALIASES and node.CATEGORY.startswith("SelAgg")
            assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
            inputs = node.INPUT_TYPES()
            for group in ("required", "optional"):
                for kind, options in inputs.get(group, {}).values():
                    assert kind and options["tooltip"]


# -- words reach the maps --------------------------------------------------------------------------------


def test_words_reach_the_maps(nodes, clip, model, capturing):
    positive, prompt = nodes.SelAggTextEncode().encode("a red circle", clip)
    negative, _ = nodes.SelAggTextEncode().encode("blurry " * 80, clip)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, positive, negative)
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.notices == ()
    assert entry.prompt == prompt
    plain_model, whole = capturing(model)
    unlabelled = [[positive[0][0] * 1.0, {"pooled_output": None}]]
    whole.labels = type(whole.labels)()
    assert torch.equal(sample(plain_model, unlabelled, negative), latent)
    columns = whole.recording_for(latent).positive()
    assert columns.prompt is None
    for layer, values in entry.maps.items():
        for i, word in enumerate(prompt.words):
            expected = columns.maps[layer][:, :, list(word.columns)].mean(2)
            assert np.abs(values[:, :, i] - expected).max() < 1e-6


def test_selagg_prompt_labels_what_clip_text_encode_made_even_later(nodes, clip, model, capturing):
    positive, negative = stock_encode(clip, "a red circle"), stock_encode(clip, "")
    captured_model, capture = capturing(model)
    latent = sample(captured_model, positive, negative)
    before = capture.recording_for(latent)
    assert before.positive().prompt is None
    assert any("SelAgg Prompt" in notice for notice in before.notices)
    (prompt,) = nodes.SelAggPrompt().read("a red circle", clip)
    after = capture.recording_for(latent)
    assert after.positive().prompt == prompt
    assert after.notices == ()


def test_words_survive_concat_combine_and_areas(nodes, clip, model, capturing):
    cat, _ = nodes.SelAggTextEncode().encode("orange cat", clip)
    moon, _ = nodes.SelAggTextEncode().encode("silver moon", clip)
    joined = [[torch.cat([cat[0][0], moon[0][0]], 1), cat[0][1].copy()]]
    part = [[moon[0][0], {**moon[0][1], "area": (8, 12, 2, 5), "strength": 1.0}]]
    captured_model, capture = capturing(model, negative_prompt=True)
    negative, _ = nodes.SelAggTextEncode().encode("blurry", clip)
    latent = sample(captured_model, joined + part, negative, size=(1, 12, 20))
    recording = capture.recording_for(latent)
    entries = {(e.kind, e.index): e for e in recording.entries}
    assert texts(entries["positive", 0].prompt) == ["orange", "cat", "silver", "moon"]
    assert entries["positive", 0].prompt.find("moon")[0].columns == (79,)
    assert texts(entries["positive", 1].prompt) == ["silver", "moon"]
    assert entries["positive", 1].area == (8, 12, 2, 5)
    # The host completes the area by a negative entry made from the positive: its words are the negative's.
    completed = [e for e in recording.entries if e.kind == "negative" and e.area is not None]
    assert [texts(e.prompt) for e in completed] == [["blurry"]]


def test_averaged_conditioning_is_labelled_approximately(nodes, clip, model, capturing):
    cat, _ = nodes.SelAggTextEncode().encode("orange cat", clip)
    dog, _ = nodes.SelAggTextEncode().encode("brown dog", clip)
    blend = [[cat[0][0] * 0.5 + dog[0][0] * 0.5, cat[0][1].copy()]]
    captured_model, capture = capturing(model)
    latent = sample(captured_model, blend, stock_encode(clip, ""))
    recording = capture.recording_for(latent)
    assert texts(recording.positive().prompt) == ["orange", "cat"]
    assert any("approximate" in notice for notice in recording.notices)
