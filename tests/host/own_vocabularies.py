"""Small vocabularies of our own in the forms in which the host's tokenizers take theirs.

They stand for those that come with a model's weights and are not to be had.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
from functools import cache

import torch

SENTENCES = [
    "a red umbrella", "two cats and a dog", "an old red house", "the umbrella of a cat", "holding a capybara",
    "A photo of a handle", "do not smile.", "user assistant", "describe (the) image by: 0.1, 23456789!",
] * 20  # fmt: skip


@cache
def bpe(*specials: str):
    """A byte-level BPE tokenizer of the `tokenizers` library, with these special tokens first."""
    tokenizers = importlib.import_module("tokenizers")
    own = tokenizers.Tokenizer(tokenizers.models.BPE())
    own.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256 + len(specials) + 80, initial_alphabet=alphabet, special_tokens=list(specials)
    )
    own.train_from_iterator(SENTENCES, trainer)
    return own


def tensor(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def gpt_oss() -> torch.Tensor:
    """As Lens finds it in its text encoder's file."""
    marks = ("<|start|>", "<|message|>", "<|end|>", "<|channel|>", "<|endoftext|>")
    return tensor(bpe(*marks).to_str().encode())


def llama_json() -> dict:
    """tokenizer.json of llama: the host's install may lack its file."""
    begin = "<|begin_of_text|>"
    data = json.loads(bpe(begin, "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>").to_str())
    data["model"]["merges"] = [
        pair if isinstance(pair, str) else " ".join(pair) for pair in data["model"]["merges"]
    ]
    pattern = importlib.import_module("comfy.text_encoders.bpe_tokenizer")._LLAMA_PATTERN
    data["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": pattern}}
    data["post_processor"] = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": begin}}]}
    return data


def tekken() -> torch.Tensor:
    """As Mistral's text encoders bring it."""
    marks = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
    marks += [f"<special_{number}>" for number in range(len(marks), 20)]
    words = importlib.import_module("selagg_core.prompt.words").byte_of()
    pieces = sorted(bpe().get_vocab().items(), key=lambda item: (len(item[0]) > 1, item[1]))
    vocabulary = [
        {"rank": rank, "token_bytes": base64.b64encode(bytes(words[c] for c in piece)).decode()}
        for rank, (piece, _) in enumerate(pieces)
    ]
    data = {
        "config": {"default_num_special_tokens": 20, "default_vocab_size": 20 + len(vocabulary)},
        "vocab": vocabulary,
        "special_tokens": [{"rank": rank, "token_str": mark} for rank, mark in enumerate(marks)],
    }
    return tensor(json.dumps(data).encode())


@cache
def sentencepiece_model(bos: int = -1) -> torch.Tensor:
    """bos: the number of the token that begins a text; -1: none."""
    sentencepiece = importlib.import_module("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=110, pad_id=0, eos_id=1,
        unk_id=2 if bos < 0 else 3, bos_id=bos, byte_fallback=False, hard_vocab_limit=False,
        character_coverage=1.0,
    )  # fmt: skip
    return tensor(model.getvalue())
