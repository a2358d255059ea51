"""Words of a prompt, and the columns of the conditioning that they own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from .columns import Wordless, at_new_places, merged, wordless

#: Columns of one encoded chunk of every CLIP text encoder.
CHUNK = 77
START_TOKENS = ("<|startoftext|>",)
END_TOKENS = ("<|endoftext|>",)
WORD_END = "</w>"

# CLIP's own split of a text: contractions, letters, single digits, other marks. CLIP knows the straight
# apostrophe alone; a typographic one says the same.
APOSTROPHES = "'\u2019\u02bc\u2018\u00b4"
_CONTRACTED = "s|t|re|ve|m|ll|d"
CONTRACTIONS = frozenset(_CONTRACTED.split("|"))
CLIP_SPLIT = re.compile(
    rf"'(?:{_CONTRACTED})|[{APOSTROPHES}](?:{_CONTRACTED})(?![^\W\d_])|[^\W\d_]+|\d|(?:[^\s\w]|_)+",
    re.IGNORECASE,
)
WEIGHT = re.compile(r":\s*[+-]?\d*\.?\d+\s*(?=\))")


@dataclass(frozen=True)
class Word:
    """A word of a prompt, the 0-based columns of the conditioning that carry it, and its weight."""

    text: str
    columns: tuple[int, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A text as the model sees it.

    words: in reading order; punctuation is no word, and belongs to no word.
    length: columns in all.  special: columns of begin, end and padding marks, and of a template.
    notes: what the artist should know of how this text is read.  one_way: it is read from left to right by a
    language model: no word knows those behind it.  wordless: what special columns are (`columns.py`).
    """

    text: str
    words: tuple[Word, ...]
    length: int
    special: tuple[int, ...]
    notes: tuple[str, ...] = ()
    one_way: bool = False
    wordless: Wordless = ()

    def find(self, text: str) -> tuple[Word, ...]:
        """Every run of words that equals `text`, case aside; a phrase gives its words; none gives ()."""
        return tuple(self.words[i] for run in WordSearch(self).occurrences(text) for i in run)

    def chunks(self, size: int) -> tuple[Prompt, ...]:
        """The prompt in parts of `size` columns, in one pass; a word across an end has a part in both."""
        count = -(-self.length // size)
        words: list[list[Word]] = [[] for _ in range(count)]
        special: list[list[int]] = [[] for _ in range(count)]
        for word in self.words:
            by_chunk: dict[int, list[int]] = {}
            for column in word.columns:
                by_chunk.setdefault(column // size, []).append(column % size)
            for number, columns in by_chunk.items():
                words[number].append(replace(word, columns=tuple(columns)))
        for column in self.special:
            special[column // size].append(column % size)
        return tuple(
            Prompt(
                " ".join(word.text for word in own),
                tuple(own),
                min(size, self.length - number * size),
                tuple(special[number]),
                wordless=at_new_places(self.wordless, _within(number * size, size)),
            )
            for number, own in enumerate(words)
        )

    def moved(self, by: int) -> Prompt:
        """The same words, `by` columns further right."""
        words = tuple(replace(w, columns=tuple(c + by for c in w.columns)) for w in self.words)
        special, kinds = tuple(c + by for c in self.special), at_new_places(self.wordless, lambda c: c + by)
        return replace(self, words=words, length=self.length + by, special=special, wordless=kinds)

    def lengthened(self, length: int, kind: str) -> Prompt:
        """The same words in `length` columns, of which those behind the prompt's own are of a kind."""
        more = tuple(range(self.length, length))
        kinds = merged(self.wordless, wordless(**{kind: more}))
        return replace(self, length=length, special=(*self.special, *more), wordless=kinds)


def _within(start: int, size: int) -> Callable[[int], int | None]:
    return lambda column: column - start if 0 <= column - start < size else None


class WordSearch:
    """Looks words and phrases of one prompt up, after a single pass over it."""

    def __init__(self, prompt: Prompt) -> None:
        self._own = [word.text.casefold() for word in prompt.words]
        self._places: dict[str, list[int]] = {}
        for index, text in enumerate(self._own):
            self._places.setdefault(text, []).append(index)

    def occurrences(self, text: str) -> list[tuple[int, ...]]:
        """Indices of the words of every run that equals `text`, case aside; a word by itself goes first."""
        named = self._places.get(text.strip().casefold())
        if named:
            return [(index,) for index in named]
        pieces = split_words(text)
        found: list[tuple[int, ...]] = []
        stop = 0
        for start in self._starts(pieces):
            if start >= stop and (run := self._run(start, pieces)):
                found.append(run)
                stop = run[-1] + 1
        return found

    def _starts(self, pieces: list[str]) -> list[int]:
        if not pieces:
            return []
        first = pieces[0]
        return self._places.get(first) or (self._places.get(first[0], []) if _has_no_blanks(first) else [])

    def _run(self, start: int, pieces: list[str]) -> tuple[int, ...]:
        """The words from `start` on that are these pieces; () if they are not.

        A script without blanks is encoded sign by sign: there a piece may be several words.
        """
        at = start
        for piece in pieces:
            rest, begun = piece, at
            while rest and at < len(self._own) and rest.startswith(self._own[at]):
                rest = rest[len(self._own[at]) :]
                at += 1
                if rest and not _has_no_blanks(piece):
                    return ()
            if rest or at == begun:
                return ()
        return tuple(range(start, at))


_NO_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def _has_no_blanks(piece: str) -> bool:
    """Whether a piece is of a script that puts no blanks between words (Chinese, Japanese, Thai, ...)."""
    return _NO_BLANKS.search(piece) is not None


def split_words(text: str) -> list[str]:
    """Words of a text as CLIP splits them, lower case, without marks, contractions and weights."""
    text = unicodedata.normalize("NFC", WEIGHT.sub("", text))
    return [piece.casefold() for piece in CLIP_SPLIT.findall(text) if is_word(piece)]


def is_word(piece: str) -> bool:
    """Letters, digits and pictograms speak; marks and contractions ('s, 't) do not."""
    if piece[:1] in APOSTROPHES and piece[1:].casefold() in CONTRACTIONS:
        return False
    return any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in piece)


@cache
def byte_of() -> dict[str, int]:
    """The inverse of the printable characters by which byte-level BPE writes bytes (GPT-2, CLIP)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    pairs = {chr(b): b for b in plain}
    pairs.update({chr(256 + i): b for i, b in enumerate(rest)})
    return pairs


def decode_piece(piece: str) -> str:
    table = byte_of()
    if any(c not in table for c in piece):
        return piece
    return unicodedata.normalize("NFC", bytes(table[c] for c in piece).decode("utf-8", errors="replace"))
