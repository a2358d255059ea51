"""A prompt's text -> what it says, step by step: tokens, their classes, silent parts, phrases, clauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .clauses import ClauseReader, Reading
from .phrases import PhraseReader
from .tagging import Tagged, tag_tokens
from .text_layer import tokens
from .vocabulary import Vocabulary
from .zones import zones


@dataclass(frozen=True)
class TextReading:
    """What a text says, its tokens, and for each token why it makes no claim ("" for most)."""

    said: Reading
    tagged: Sequence[Tagged]
    silent: Sequence[str]


def read_text(text: str, vocabulary: Vocabulary) -> TextReading:
    """Reads one text. The time is linear in its length."""
    tagged = tag_tokens(tokens(text), vocabulary)
    silent = zones(tagged)
    parts = PhraseReader(tagged, silent, vocabulary).read()
    said = ClauseReader(tagged, vocabulary).read(parts)
    return TextReading(said, tagged, silent)
