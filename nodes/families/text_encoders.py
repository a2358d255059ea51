"""Tokens of the host's text encoders as words."""

from __future__ import annotations

import re
from collections.abc import Callable

from selagg_core.prompt.pieces import MARK, Piece, prompt_from_pieces
from selagg_core.prompt.tokens import merge_parallel, prompt_from_tokens
from selagg_core.prompt.words import Prompt, byte_of

from .. import host

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
#: How byte-level vocabularies write a space, and how sentencepiece does.
_SPACES = ("\u0120", "\u2581")


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
    return prompt_from_pieces(text, pieces, _pieces(clip, "", name, beside) or ())


def _pieces(clip, text: str, name: str, beside: tuple[str, ...]) -> list[Piece] | None:
    found = host.tokens_of(clip, text, name, beside)
    if found is None:
        return None
    tokens, tokenizer = found
    surface = _surfaces(tokenizer)
    return [Piece(surface(token), float(weight)) for token, weight, *_ in tokens]


def _surfaces(tokenizer) -> Callable[[object], bytes]:
    """What a token of an SDTokenizer stands for, in bytes; a vector or a picture stands for none."""
    vocabulary, marks = tokenizer.inv_vocab, _marks(tokenizer)
    byte_level = _SPACES[0] in vocabulary.values()
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
    piece = getattr(own, "tokenizer", None)
    if piece is not None and hasattr(piece, "is_control"):
        marks |= set(filter(piece.is_control, tokenizer.inv_vocab))
    return {int(mark) for mark in marks if mark is not None} - {_unknown(own)}


def _unknown(tokenizer) -> int | None:
    """The token for text that is not in the vocabulary, of a Hugging Face or a sentencepiece tokenizer."""
    piece = getattr(tokenizer, "tokenizer", None)
    if piece is not None and hasattr(piece, "unk_id"):
        return piece.unk_id()
    return getattr(tokenizer, "unk_token_id", None)
