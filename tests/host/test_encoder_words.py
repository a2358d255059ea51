"""Words of the host's own tokenizers: T5, Qwen with templates, CLIP and T5 in one sequence, sentencepiece.

The encoders are doubles that give random columns as the real ones do, cuts of templates included (their own
code); tokenizers are the host's.  The vocabularies of UMT5, Gemma and Mistral come with their models and
are not to be had: a small sentencepiece model stands for the first two.
"""

from __future__ import annotations

import importlib
import io

import pytest
import torch

PROMPT = "A photo of a capybara, holding a (red:1.3) umbrella's handle; don't smile"
WORDS = ["a", "photo", "of", "a", "capybara", "holding", "a", "red", "umbrella", "handle", "don", "smile"]


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.text_encoders.krea2", reason="these encoders came with later hosts")


@pytest.fixture(scope="module")
def nodes(host, pack):
    return importlib.import_module("selagg_nodes.prompt")


class Double:
    """A CLIP object: the host's tokenizer, and an encoder that gives `columns(tokens)` random columns."""

    def __init__(self, tokenizer, columns, **extra):
        self.tokenizer, self._columns, self._extra = tokenizer, columns, extra
        self.cond_stage_model = None

    def tokenize(self, text, return_word_ids=False, **kwargs):
        return self.tokenizer.tokenize_with_weights(text, return_word_ids, **kwargs)

    def encode_from_tokens_scheduled(self, tokens):
        count = self._columns(tokens)
        generator = torch.Generator().manual_seed(count)
        extra = {name: make(tokens) for name, make in self._extra.items()}
        return [[torch.randn(1, count, 16, generator=generator), {"pooled_output": None, **extra}]]


def whole(name: str):
    return lambda tokens: sum(len(chunk) for chunk in tokens[name])


def cut(module: str, model: str, name: str):
    """Columns that the host's own encoder leaves of its template."""

    def columns(tokens) -> int:
        clip = importlib.import_module("comfy.sd1_clip")
        kind = getattr(importlib.import_module(f"comfy.text_encoders.{module}"), model)
        count = len(tokens[name][0])
        stacked = (1, 2, count, 4) if module == "krea2" else (1, count, 4)
        given = torch.zeros(stacked), None, {"attention_mask": torch.ones(1, count)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clip.SD1ClipModel, "encode_token_weights", lambda self, pairs: given)
            return kind.encode_token_weights(kind.__new__(kind), tokens)[0].shape[1]

    return columns


def encoders() -> dict:
    def of(module, kind):
        return getattr(importlib.import_module(f"comfy.text_encoders.{module}"), kind)()

    def ids(tokens):
        return torch.tensor([token for token, *_ in tokens["t5xxl"][0]])

    return {
        "flux": Double(of("flux", "FluxTokenizer"), whole("t5xxl")),
        "klein": Double(of("flux", "KleinTokenizer"), whole("qwen3_4b")),
        "z_image": Double(of("z_image", "ZImageTokenizer"), whole("qwen3_4b")),
        "qwen_image": Double(
            of("qwen_image", "QwenImageTokenizer"), cut("qwen_image", "QwenImageTEModel", "qwen25_7b")
        ),
        "krea2": Double(of("krea2", "Krea2Tokenizer"), cut("krea2", "Krea2TEModel", "qwen3vl_4b")),
        "anima": Double(of("anima", "AnimaTokenizer"), whole("qwen3_06b"), t5xxl_ids=ids),
        "sd3": Double(
            of("sd3_clip", "SD3Tokenizer"), lambda tokens: whole("l")(tokens) + whole("t5xxl")(tokens)
        ),
    }


@pytest.fixture(scope="module")
def clips(host):
    return encoders()


WEIGHTED = ("flux", "anima", "sd3")
LITERAL = ("klein", "z_image", "qwen_image", "krea2")


def spoken(clip, prompt, key: str) -> list[str]:
    """What the host's tokenizer itself says of each word's tokens, decoded."""
    tokenizer = getattr(clip.tokenizer, key, None) or getattr(clip.tokenizer, f"clip_{key}")
    entries = [entry for chunk in clip.tokenize(prompt.text)[key] for entry in chunk]
    cut_off = len(entries) - prompt.length
    said = []
    for word in prompt.words:
        own = [entries[column + cut_off][0] for column in word.columns]
        said.append(tokenizer.tokenizer.decode(own).strip(" ,;:().'").lower())
    return said


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("flux", "t5xxl"), ("klein", "qwen3_4b"), ("z_image", "qwen3_4b"), ("qwen_image", "qwen25_7b"),
        ("krea2", "qwen3vl_4b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "text",
    [PROMPT, "two cats", "caf\u00e9 \u732b na\u00efve, 1920s film", "x" * 40 + " dog", "a <b> [c] {d}"],
)
def test_columns_of_words_decode_to_the_words(nodes, clips, name, key, text):
    conditioning, prompt = nodes.SelAggTextEncode().encode(text, clips[name])
    assert prompt.words and prompt.length == conditioning[0][0].shape[1]
    assert conditioning[0][1]["selagg_prompt"] is prompt
    for word, said in zip(prompt.words, spoken(clips[name], prompt, key), strict=True):
        assert said == word.text, (word, said)
    owned = [column for word in prompt.words for column in word.columns]
    assert len(owned) == len(set(owned)) and not set(owned) & set(prompt.special)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_are_weights_where_the_host_reads_them(nodes, clips, name, caplog):
    _, prompt = nodes.SelAggTextEncode().encode(PROMPT, clips[name])
    assert [word.text for word in prompt.words] == WORDS
    assert {word.text: word.weight for word in prompt.words}["red"] == pytest.approx(1.3)
    assert not prompt.notes and not caplog.text


@pytest.mark.parametrize("name", LITERAL)
def test_brackets_are_text_where_the_host_reads_no_weights(nodes, clips, name, caplog):
    _, prompt = nodes.SelAggTextEncode().encode(PROMPT, clips[name])
    texts = [word.text for word in prompt.words]
    assert [text for text in texts if text not in ("1", "3", "1.3")] == WORDS
    assert {word.weight for word in prompt.words} == {1.0}
    assert "(red:1.3)" in " ".join(prompt.notes) and "reads brackets" in caplog.text
    _, plain = nodes.SelAggTextEncode().encode("a red (old) umbrella", clips[name])
    assert not plain.notes


@pytest.mark.parametrize("name", LITERAL)
def test_templates_and_padding_are_special(nodes, clips, name):
    _, prompt = nodes.SelAggTextEncode().encode("two cats", clips[name])
    owned = {column for word in prompt.words for column in word.columns}
    assert owned | set(prompt.special) == set(range(prompt.length))
    assert [word.text for word in prompt.words] == ["two", "cats"]


def test_an_empty_prompt_has_no_words(nodes, clips):
    for name, clip in clips.items():
        _, prompt = nodes.SelAggTextEncode().encode("", clip)
        assert prompt.words == (), name


def test_anima_counts_the_tokens_of_t5(nodes, clips):
    conditioning, prompt = nodes.SelAggTextEncode().encode("a red umbrella", clips["anima"])
    assert prompt.length == len(conditioning[0][1]["t5xxl_ids"]) != conditioning[0][0].shape[1]
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    key = importlib.import_module("selagg_core.prompt.known_texts").TextKey.of(conditioning[0][0])
    assert labels.resolve(key).prompt == prompt


def test_sd3_owns_columns_of_clip_and_of_t5(nodes, clips):
    _, prompt = nodes.SelAggTextEncode().encode("a red umbrella", clips["sd3"])
    red = prompt.words[1]
    assert red.text == "red" and red.columns[0] == 2 and red.columns[1] >= 77
    assert len(red.columns) == 2


def test_sentencepiece_encoders(nodes):
    """UMT5's and Gemma's class of tokenizer, on a vocabulary of our own."""
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    sentences = ["a red umbrella", "two cats and a dog", "an old red house", "the umbrella of a cat"] * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=60, pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, byte_fallback=False, hard_vocab_limit=False, character_coverage=1.0,
    )  # fmt: skip
    wan = importlib.import_module("comfy.text_encoders.wan")
    data = torch.frombuffer(bytearray(model.getvalue()), dtype=torch.uint8)
    clip = Double(wan.WanT5Tokenizer(tokenizer_data={"spiece_model": data}), whole("umt5xxl"))
    _, prompt = nodes.SelAggTextEncode().encode("an old (red:1.2) umbrella, \u732b two cats", clip)
    assert [word.text for word in prompt.words] == ["an", "old", "red", "umbrella", "two", "cats"]
    assert prompt.length == 512 and len(prompt.special) > 480
    for word, said in zip(prompt.words, spoken(clip, prompt, "umt5xxl"), strict=True):
        assert said == word.text
