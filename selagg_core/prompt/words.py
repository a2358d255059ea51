"""Words of a prompt, and the columns of the conditioning that they own."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache

#: Columns of one encoded chunk of every CLIP text encoder.
CHUNK = 77
START_TOKENS = ("<|startoftext|>",)
END_TOKENS = ("<|endoftext|>",)
WORD_END = "</w>"

# CLIP's own split of a text: contractions, letters, single digits, other marks.
CLIP_SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)
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
    notes: what the artist should know of how this text is read.
    """

    text: str
    words: tuple[Word, ...]
    length: int
    special: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def find(self, text: str) -> tuple[Word, ...]:
        """Every run of words that equals `text`, case aside; a phrase gives its words; none gives ()."""
        wanted = text.strip().casefold()
        named = tuple(word for word in self.words if word.text.casefold() == wanted)
        if named:
            return named
        pieces = split_words(text)
        if not pieces:
            return ()
        own = [word.text.casefold() for word in self.words]
        found: list[Word] = []
        start = 0
        while start + len(pieces) <= len(own):
            if own[start : start + len(pieces)] == pieces:
                found.extend(self.words[start : start + len(pieces)])
                start += len(pieces)
            else:
                start += 1
        return tuple(found)

    def part(self, start: int, stop: int) -> Prompt:
        """The words that lie wholly in columns start..stop, columns counted from start."""
        inside = [w for w in self.words if all(start <= c < stop for c in w.columns)]
        words = tuple(replace(w, columns=tuple(c - start for c in w.columns)) for w in inside)
        special = tuple(c - start for c in self.special if start <= c < stop)
        return Prompt(" ".join(w.text for w in words), words, stop - start, special)

    def moved(self, by: int) -> Prompt:
        """The same words, `by` columns further right."""
        words = tuple(replace(w, columns=tuple(c + by for c in w.columns)) for w in self.words)
        return replace(
            self, words=words, length=self.length + by, special=tuple(c + by for c in self.special)
        )


def split_words(text: str) -> list[str]:
    """Words of a text as CLIP splits them, lower case, without marks, contractions and weights."""
    text = unicodedata.normalize("NFC", WEIGHT.sub("", text))
    return [piece.casefold() for piece in CLIP_SPLIT.findall(text) if is_word(piece)]


def is_word(piece: str) -> bool:
    """Letters, digits and pictograms speak; marks and contractions ('s, 't) do not."""
    if piece.startswith("'"):
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
