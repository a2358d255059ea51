"""Texts that a conditioning is said to be made of, checked against its columns.

Encoders that weigh words in ways of their own give other numbers for the same tokens: nothing of theirs has a
known content address, but column i still carries token i. So a text is accepted for columns that point where
those of its own plain encoding point, after what the same columns of an empty text give is taken away: the
place in the text alone makes columns alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch

from .known_texts import Labels
from .words import CHUNK, Prompt, Word

SKETCH_WIDTH = 64
"""Numbers that are kept of a column: angles between columns keep within about 1 / sqrt(64)."""
LEAST_LIKENESS = 0.8
"""Cosine that every word of a text must reach for the text to be accepted. On the demo's text encoder other
weights of the same words give 0.96 and more, a text with one other word 0.76 and less."""

NEARLY_EMPTY = 0.25
"""Distance from the empty text, in lengths of a column, below which a part counts as one without words."""


def sketch_of(embedding: torch.Tensor) -> np.ndarray:
    """A random projection of each column: (columns, width), or a batch of one -> (columns, 64) float32."""
    values = embedding[0] if embedding.ndim == 3 else embedding
    return (values.detach().to("cpu", torch.float32) @ _projection(int(values.shape[-1]))).numpy()


@lru_cache(maxsize=16)
def _projection(width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(width)
    return torch.randn(width, SKETCH_WIDTH, generator=generator) / SKETCH_WIDTH**0.5


@dataclass(frozen=True, eq=False)
class OfferedText:
    """A text as a plain encoder encodes it.

    source: where it comes from, in the artist's words.  sketch, empty: `sketch_of` its columns and those of
    the empty text, of which the first chunk counts.
    """

    prompt: Prompt
    source: str
    sketch: np.ndarray
    empty: np.ndarray
    refusal: str = ""
    """Why it has no words, if it has none."""

    def parts(self) -> list[tuple[Prompt, np.ndarray]]:
        """Words and sketch of each part that can move by itself."""
        step = CHUNK if self.prompt.length % CHUNK == 0 else max(1, self.prompt.length)
        stretches = ((first, first + step) for first in range(0, self.prompt.length, step))
        return [(self.prompt.part(*span), self.sketch[slice(*span)]) for span in stretches]

    def likeness(self, part: Prompt, own: np.ndarray, real: np.ndarray) -> float:
        """Least cosine of `own` and `real`, both less the empty text's, over the words of a part and its end.

        own, real: sketches (columns, 64); a common factor of all columns is no difference. For a part without
        words: 1 if all of `real` is near the empty text, else 0.
        """
        scale = float(np.median((real * own).sum(axis=1) / np.maximum((own * own).sum(axis=1), 1e-12)))
        if scale <= 0:
            return 0.0
        own, there = self._less_empty(own), self._less_empty(real / scale)
        columns = sorted({column for word in part.words for column in word.columns})
        if not columns:
            away, whole = np.linalg.norm(there, axis=1), np.linalg.norm(real / scale, axis=1)
            return float((away < NEARLY_EMPTY * whole).all())
        columns += [column for column in part.special if column > columns[-1]][:1]
        lengths = np.linalg.norm(own[columns], axis=1) * np.linalg.norm(there[columns], axis=1)
        return float(((own[columns] * there[columns]).sum(axis=1) / np.maximum(lengths, 1e-12)).min())

    def _less_empty(self, sketch: np.ndarray) -> np.ndarray:
        less = sketch.copy()
        shared = min(len(less), len(self.empty))
        less[:shared] -= self.empty[:shared]
        return less


@dataclass(frozen=True, eq=False)
class OfferedPrompt(Prompt):
    """What SelAgg Prompt says of a text, with all texts that may be meant; it equals one without them."""

    offers: tuple[OfferedText, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prompt) and _plain(self) == _plain(other)

    def __hash__(self) -> int:
        return hash(_plain(self))


def _plain(prompt: Prompt) -> tuple:
    return tuple(getattr(prompt, own.name) for own in fields(Prompt))


def refused(source: str, why: str) -> OfferedText:
    """A text that no words are known of, with a sentence that says why."""
    nothing = np.zeros((0, SKETCH_WIDTH), np.float32)
    return OfferedText(Prompt("", (), 0, ()), source, nothing, nothing, why)


def offers_of(prompt: Prompt | None) -> tuple[OfferedText, ...]:
    return prompt.offers if isinstance(prompt, OfferedPrompt) else ()


def recognise(
    known: Labels, sketch: np.ndarray, start: int, length: int, offers: Sequence[OfferedText]
) -> tuple[Labels, tuple[str, ...]]:
    """Words for columns that nobody has labelled, each stretch from the text that is most like it, if one is.

    Labels completed so, and the sources of the texts that named something. sketch: of the text's own columns,
    of which the first is column `start` of `length`.
    """
    words = list(known.prompt.words) if known.prompt else []
    special = list(known.prompt.special) if known.prompt else []
    unknown, sources, texts = set(known.unknown), [], []
    for first, size in _stretches(len(sketch), unknown, start):
        real = sketch[first : first + size]
        found = _most_like(real, offers)
        if found is None:
            continue
        offer, part = found
        moved = part.moved(start + first)
        words += moved.words
        special += moved.special
        unknown -= set(range(start + first, start + first + size))
        sources.append(offer.source)
        texts.append(offer.prompt.text)
    if not sources:
        return known, ()
    beside = [c for c in range(length) if c not in range(start, start + len(sketch)) and c not in special]
    text = known.prompt.text if known.prompt else " ".join(dict.fromkeys(texts))
    ordered = tuple(sorted(words, key=_first_column))
    notes = known.prompt.notes if known.prompt else ()
    prompt = Prompt(text, ordered, length, tuple(sorted({*special, *beside})), notes)
    return Labels(prompt, tuple(sorted(unknown)), known.cut), tuple(dict.fromkeys(sources))


def _first_column(word: Word) -> int:
    return word.columns[0]


def _stretches(columns: int, unknown: set[int], start: int) -> list[tuple[int, int]]:
    """(first, size) of the parts of a text whose columns are all unknown."""
    step = CHUNK if columns % CHUNK == 0 else max(1, columns)
    parts = [(first, min(step, columns - first)) for first in range(0, columns, step)]
    return [part for part in parts if unknown.issuperset(range(start + part[0], start + sum(part)))]


def _most_like(real: np.ndarray, offers: Sequence[OfferedText]) -> tuple[OfferedText, Prompt] | None:
    """The offered part of this length that is most like these columns; None if none is like them."""
    best, found = LEAST_LIKENESS, None
    for offer in offers:
        for part, own in offer.parts():
            likeness = offer.likeness(part, own, real) if len(own) == len(real) else 0.0
            if likeness >= best and (found is None or likeness > best):
                best, found = likeness, (offer, part)
    return found
