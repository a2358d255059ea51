"""Where the words of a prompt stand in the text as it was written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .host_text import hidden_spans
from .words import CLIP_SPLIT, Prompt, is_word

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
    """The text as CLIP splits it."""
    found: list[Piece] = []
    hidden = iter([*hidden_spans(text), (len(text), len(text))])
    start, stop = next(hidden)
    for match in CLIP_SPLIT.finditer(text):
        while stop <= match.start() and start < len(text):
            start, stop = next(hidden)
        inside = start <= match.start() < stop
        found.append(Piece(_plain(match.group()), match.start(), match.end(), inside))
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
        index = self._spoken(self.at)
        if index < len(self.pieces) and self.pieces[index].text == word:
            return self._take(index, index)
        several = self._several(index, word)
        if several is not None:
            return self._take(index, several)
        later = self._later(word)
        if later is not None and (later - self.at <= _NEAR or self._goes_on(later, number)):
            return self._take(later, later)
        hidden = self._hidden(word)
        return None if hidden is None else self._take(hidden, hidden)

    def _take(self, first: int, last: int) -> tuple[int, int]:
        self.at = last + 1
        return self.pieces[first].start, self.pieces[last].stop

    def _spoken(self, index: int) -> int:
        """The next piece that is a word, or can start one, and is encoded; marks before it are skipped."""
        last = min(len(self.pieces), index + _NEAR)
        while index < last and (self.pieces[index].hidden or not is_word(self.pieces[index].text)):
            index += 1
        return index

    def _several(self, index: int, word: str) -> int | None:
        """The last piece of a word that the text encoder has in one ("35mm", an embedding)."""
        text, last = "", index
        while last < len(self.pieces) and len(text) < len(word) and word.startswith(text):
            text += self.pieces[last].text
            if text == word:
                return last
            last += 1
        return None

    def _hidden(self, word: str) -> int | None:
        """A piece of what looks like a weight, but was encoded: its bracket was never closed."""
        near = range(self.at, min(len(self.pieces), self.at + _NEAR))
        return next((i for i in near if self.pieces[i].hidden and self.pieces[i].text == word), None)

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
