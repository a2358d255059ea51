"""The text of a prompt in pieces, each word at the place where it was written."""

from __future__ import annotations

from dataclasses import dataclass

from .word_places import word_spans
from .words import Prompt


@dataclass(frozen=True)
class Piece:
    """A piece of the text; `word`: which word of the prompt it is, None for what stands between words."""

    text: str
    word: int | None = None


def written_pieces(prompt: Prompt) -> tuple[Piece, ...]:
    """The text of a prompt in pieces, each word at its place, as it was written.

    Words that the tokens carry but the text does not show (embeddings without a name) come at the end.
    """
    text = prompt.text
    pieces: list[Piece] = []
    missing: list[Piece] = []
    end = 0
    for index, (word, span) in enumerate(zip(prompt.words, word_spans(prompt), strict=True)):
        if span is None:
            missing.append(Piece(word.text, index))
            continue
        start, stop = span
        if start > end:
            pieces.append(Piece(text[end:start]))
        pieces.append(Piece(text[start:stop], index))
        end = stop
    if end < len(text):
        pieces.append(Piece(text[end:]))
    return (*pieces, *missing)
