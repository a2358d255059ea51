"""Where the words of a prompt stand in the text as it was written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .host_text import hidden_spans
from .words import Prompt

_PIECE = re.compile(r"'(?:s|t|re|ve|m|ll|d)(?![^\W\d_])|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)
"""CLIP's own split of a text."""
_EMBEDDING = re.compile(r"embedding:[^\s,()]+")
_NEAR = 8
"""Pieces that may be skipped to find a word without further signs that it is the right one."""


@dataclass(frozen=True)
class Piece:
    """A piece of the text, lower case, at start..stop; `hidden`: the host does not encode it (a weight)."""

    text: str
    start: int
    stop: int
    hidden: bool = False


def word_spans(prompt: Prompt) -> tuple[tuple[int, int] | None, ...]:
    """For each word of a prompt its place (start, stop) in `prompt.text`; None if the text does not show it.

    Places are in order and never overlap. The time is linear in the length of the text and the words.
    """
    pieces = text_pieces(prompt.text)
    return _Matcher(pieces, [_plain(word.text) for word in prompt.words]).spans()


def text_pieces(text: str) -> list[Piece]:
    """The text as CLIP splits it; a textual embedding is one piece."""
    found: list[Piece] = []
    hidden = iter([*hidden_spans(text), (len(text), len(text))])
    start, stop = next(hidden)
    at = 0
    for embedding in (*_EMBEDDING.finditer(text), None):
        until = embedding.start() if embedding else len(text)
        for match in _PIECE.finditer(text, at, until):
            while stop <= match.start() and start < len(text):
                start, stop = next(hidden)
            inside = start <= match.start() < stop
            found.append(Piece(_plain(match.group()), match.start(), match.end(), inside))
        if embedding:
            at = embedding.end()
            found.append(Piece(_plain(embedding.group()), embedding.start(), at))
    return found


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


class _Matcher:
    """Finds words in pieces, both in order."""

    def __init__(self, pieces: Sequence[Piece], words: Sequence[str]) -> None:
        self.pieces, self.words = pieces, words
        self.at = 0
        self.where: dict[str, list[int]] = {}
        for index in reversed(range(len(pieces))):
            if not pieces[index].hidden:
                self.where.setdefault(pieces[index].text, []).append(index)

    def spans(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(self._next(number, word) for number, word in enumerate(self.words))

    def _next(self, number: int, word: str) -> tuple[int, int] | None:
        index = self._visible(self.at)
        if index < len(self.pieces) and self.pieces[index].text == word:
            return self._take(index, index)
        whole = self._several(index, word)
        if whole is not None:
            return whole
        index = self._later(word)
        if index is None or not (index - self.at <= _NEAR or self._goes_on(index, number)):
            return None
        return self._take(index, index)

    def _take(self, first: int, last: int) -> tuple[int, int]:
        self.at = last + 1
        return self.pieces[first].start, self.pieces[last].stop

    def _visible(self, index: int) -> int:
        while index < len(self.pieces) and self.pieces[index].hidden:
            index += 1
        return index

    def _several(self, index: int, word: str) -> tuple[int, int] | None:
        """A word that another text encoder has in one piece ("35mm")."""
        text, last = "", index
        while last < len(self.pieces) and len(text) < len(word) and word.startswith(text):
            text += self.pieces[last].text
            if text == word and last > index:
                return self._take(index, last)
            last += 1
        return None

    def _later(self, word: str) -> int | None:
        """The next piece that is the word; places that were passed are forgotten, so each is seen once."""
        places = self.where.get(word, [])
        while places and places[-1] < self.at:
            places.pop()
        return places[-1] if places else None

    def _goes_on(self, index: int, number: int) -> bool:
        """Whether the next word follows at once, or there is none."""
        after = number + 1
        if after >= len(self.words):
            return True
        following = range(index + 1, min(len(self.pieces), index + 1 + _NEAR))
        return any(self.pieces[i].text == self.words[after] for i in following)
