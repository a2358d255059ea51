"""Tokens of the host's text encoders as words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from selagg_core.prompt.columns import merged
from selagg_core.prompt.pieces import MARK, Piece, prompt_from_pieces, what_is_common
from selagg_core.prompt.tokens import merge_parallel, prompt_from_tokens
from selagg_core.prompt.words import Prompt, Word, byte_of

from .. import host
from .heard import is_kind

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
#: How byte-level vocabularies write a space, and how sentencepiece does.
_SPACES = ("\u0120", "\u2581")
#: How wordpiece vocabularies (BERT) mark what goes on within a word.
_WITHIN = "##"
#: How the names of language models begin, which read from left to right (the host's attention is causal).
ONE_WAY = ("qwen", "mistral", "ministral", "gemma", "llama", "gpt_oss")
#: Texts without words; what their tokens have in common is the encoder's own.
PROBES = (".", "!")


def clip_words(clip, text: str, beside: tuple[str, ...] = ()) -> Prompt | None:
    """The words of CLIP encoders that run side by side; beside: names of other encoders that may be there."""
    streams = host.token_streams(clip, text, beside)
    if not streams:
        return None
    return merge_parallel(
        [
            prompt_from_tokens(text, s.chunks, s.vocabulary, s.embedding_width, s.has_embedding)
            for s in streams
        ]
    )


def read_words(clip, text: str, name: str, beside: tuple[str, ...] = ()) -> Prompt | None:
    """The words of the encoder that the host calls `name`; None for an encoder of another kind.

    beside: names of encoders that may be there too, and whose columns are not in the conditioning.
    """
    pieces = _pieces(clip, text, name, beside)
    if pieces is None:
        return None
    if not text.strip():
        return prompt_from_pieces(text, pieces, pieces)
    one_way = name.startswith(ONE_WAY)
    # Not what an empty prompt gives: some encoders wrap that into another template, or give nothing for it.
    probes = [_pieces(clip, probe, name, beside) or () for probe in PROBES]
    return replace(prompt_from_pieces(text, pieces, what_is_common(*probes)), one_way=one_way)


def is_tokenizer(clip, module: str, *names: str) -> bool:
    """Whether a CLIP's tokenizer is of the host's class of one of these names, or derived from it."""
    return is_kind(getattr(clip, "tokenizer", None), f"text_encoders.{module}", *names)


def in_one_text(embedding: torch.Tensor, *others: torch.Tensor | None) -> torch.Tensor:
    """Columns of several encoders one after the other, (batch, columns, width of the widest).

    By these a text is known where a model takes more columns than those of its conditioning.
    """
    texts = [embedding, *(other for other in others if other is not None)]
    width = max(text.shape[-1] for text in texts)
    padded = [torch.nn.functional.pad(text.float(), (0, width - text.shape[-1])) for text in texts]
    return torch.cat([text.expand(embedding.shape[0], -1, -1) for text in padded], dim=1)


def text_of(embedding: torch.Tensor, extra: Mapping[str, Any]) -> torch.Tensor:
    """All columns of an entry of CONDITIONING (batch, columns, width), in the order of the model's keys."""
    second, states = extra.get("conditioning_mt5xl"), extra.get("conditioning_llama3")
    if second is not None:
        return in_one_text(embedding, second)
    return embedding if states is None else with_llama(embedding, states)


def with_llama(embedding: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """T5's columns, and twice those of llama, (batch, layers, columns, width): HiDream-I1 reads them so."""
    return in_one_text(embedding, states[:, -1], states[:, -1])


def joined(first: Prompt, second: Prompt) -> Prompt:
    """One prompt of two encoders whose columns follow each other; words are those of the first."""
    return shared(first, second.moved(first.length))


def shared(lead: Prompt, *others: Prompt) -> Prompt:
    """One prompt of several encoders that read the same text, each where its columns lie.

    Words are those of the first; each owns its columns of the others too.
    """
    words = lead.words
    for other in others:
        words = _with_columns(words, other.words)
    placed = (lead, *others)
    special = tuple(sorted({column for prompt in placed for column in prompt.special}))
    notes = tuple(dict.fromkeys(note for prompt in placed for note in prompt.notes))
    length = max(prompt.length for prompt in placed)
    one_way, kinds = all(prompt.one_way for prompt in placed), merged(*(p.wordless for p in placed))
    return Prompt(lead.text, words, length, special, notes, one_way, kinds)


def _with_columns(words: tuple[Word, ...], others: tuple[Word, ...]) -> tuple[Word, ...]:
    """Words with the columns of the same words among others, both in reading order."""
    found, rest = [], list(others)
    for word in words:
        own = _bare(word.text)
        same = next((i for i, other in enumerate(rest) if _bare(other.text) == own), None)
        if same is not None:
            word = replace(word, columns=tuple(sorted((*word.columns, *rest[same].columns))))
            del rest[: same + 1]
        found.append(word)
    return tuple(found)


def _bare(word: str) -> str:
    """Without accents, which some encoders take off."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _pieces(clip, text: str, name: str, beside: tuple[str, ...]) -> list[Piece] | None:
    found = host.tokens_of(clip, text, name, beside)
    if found is None:
        return None
    tokens, tokenizer = found
    surface = _surfaces(tokenizer)
    own = [token for token, *_ in tokens]
    fills = _fillers(own, tokenizer)
    return [
        Piece(surface(token), float(weight), fills[column])
        for column, (token, weight, *_) in enumerate(tokens)
    ]


def _fillers(tokens: Sequence[object], tokenizer) -> list[bool]:
    """Which tokens are padding: where the end mark fills up, the first of those at the end is the mark."""
    pad = tokenizer.pad_token
    found = [host.is_token(token) and token == pad for token in tokens]
    if pad == tokenizer.end_token and True in found:
        found[found.index(True)] = False
    return found


def _surfaces(tokenizer) -> Callable[[object], bytes]:
    """What a token of an SDTokenizer stands for, in bytes; a vector or a picture stands for none."""
    vocabulary, marks = tokenizer.inv_vocab, _marks(tokenizer)
    known = set(vocabulary.values()) & {*_SPACES, _WITHIN + "s"}
    byte_level = _SPACES[0] in known and _SPACES[1] not in known  # sentencepiece may know it as a letter
    word_pieces = known == {_WITHIN + "s"}
    unknown = _unknown(tokenizer.tokenizer)

    def surface(token) -> bytes:
        if not host.is_token(token) or int(token) in marks:
            return MARK
        written = vocabulary.get(int(token))
        if int(token) == unknown or written is None:
            return b"."  # text that the encoder cannot read: no word
        if isinstance(written, bytes):
            return written
        if byte_level:
            table = byte_of()
            return bytes(table[c] for c in written) if all(c in table for c in written) else written.encode()
        if word_pieces:
            within = written.startswith(_WITHIN)
            return (written[len(_WITHIN) :] if within else f" {written}").encode()
        single = _BYTE.fullmatch(written)
        return bytes([int(single.group(1), 16)]) if single else written.replace(_SPACES[1], " ").encode()

    return surface


def _marks(tokenizer) -> set[int]:
    """Tokens that are no text."""
    own = tokenizer.tokenizer
    marks = {tokenizer.start_token, tokenizer.end_token, tokenizer.pad_token}
    marks |= set(getattr(own, "all_special_ids", ()))
    marks |= {i for i, token in getattr(own, "added_tokens_decoder", {}).items() if token.special}
    marks |= set((getattr(own, "special_tokens", None) or {}).values())
    marks |= set(getattr(own, "_special_ids", ()))  # the host's own kind of tokenizer
    piece = getattr(own, "tokenizer", None)
    if piece is not None and hasattr(piece, "get_added_tokens_decoder"):
        marks |= {i for i, token in piece.get_added_tokens_decoder().items() if token.special}
    if piece is not None and hasattr(piece, "is_control"):
        marks |= set(filter(piece.is_control, tokenizer.inv_vocab))
    return {int(mark) for mark in marks if mark is not None} - {_unknown(own)}


def _unknown(tokenizer) -> int | None:
    """The token for text that is not in the vocabulary, of a Hugging Face or a sentencepiece tokenizer."""
    piece = getattr(tokenizer, "tokenizer", None)
    if piece is not None and hasattr(piece, "unk_id"):
        return piece.unk_id()
    return getattr(tokenizer, "unk_token_id", None)
