"""Where the words of a prompt stand in the text as it was written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from .words import Prompt

_AT_WORD_START = r"(?<![^\W\d_])"
_OPTIONAL_CONTRACTION = re.compile(r"'(?:s|t|re|ve|m|ll|d)(?![^\W\d_])", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """A piece of the text; `word`: which word of the prompt it is, None for what stands between words."""

    text: str
    word: int | None = None


def written_pieces(prompt: Prompt) -> tuple[Piece, ...]:
    """The text of a prompt in pieces, each word at its place, as it was written.

    Words that the tokens carry but the text does not show (embeddings without a name) come at the end.
    """
    text = unicodedata.normalize("NFC", prompt.text)
    pieces: list[Piece] = []
    missing: list[Piece] = []
    end = 0
    for index, word in enumerate(prompt.words):
        found = _find(word.text, text, end)
        if found is None:
            missing.append(Piece(word.text, index))
            continue
        start, stop = found
        if start > end:
            pieces.append(Piece(text[end:start]))
        pieces.append(Piece(text[start:stop], index))
        end = stop
    if end < len(text):
        pieces.append(Piece(text[end:]))
    return (*pieces, *missing)


def _find(word: str, text: str, start: int) -> tuple[int, int] | None:
    """(start, stop) of the next place of a word, rather where no letter stands before it."""
    contraction = _OPTIONAL_CONTRACTION.match(text, start)
    begin = contraction.end() if contraction else start
    literal = re.escape(word)
    for pattern in (_AT_WORD_START + literal, literal):
        match = re.compile(pattern, re.IGNORECASE).search(text, begin)
        if match:
            return match.span()
    return None
