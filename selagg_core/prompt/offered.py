"""Texts that a conditioning is said to be made of, checked against its columns.

Encoders that weigh words in ways of their own give other numbers for the same tokens: nothing of theirs has a
known content address, but column i still carries token i. So a text is accepted for columns that point where
those of its own plain encoding point, after what the same columns of an empty text give is taken away: the
place in the text alone makes columns alike.

Encoders that lie side by side in a column may have been given a text each: then one encoder's part of the
columns tells its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch

from .columns import PADDING, Wordless, at_new_places, merged, wordless
from .known_texts import Labels
from .messages import message
from .quoted import short
from .words import CHUNK, Prompt, Word

DENSE_WIDTH = 64
"""Numbers that are kept of a column as a whole: angles between columns keep within about 1 / sqrt(64)."""
RUNS = 64
"""Numbers that are kept beside them, one for each of so many runs of a column, in order."""
SKETCH_WIDTH = DENSE_WIDTH + RUNS
WHOLE = slice(0, DENSE_WIDTH)
"""The numbers that tell of a column as a whole."""
LEAST_LIKENESS = 0.8
"""Cosine that every word of a text must reach for the text to be accepted. On the demo's text encoder other
weights of the same words give 0.96 and more, a text with one other word 0.76 and less."""
SAME = 0.99
"""Cosine from which on columns are those of the text itself. The part of one encoder must reach it: it has
fewer numbers."""

NEARLY_EMPTY = 0.25
"""Distance from the empty text, in lengths of a column, below which a part counts as one without words."""


def sketch_of(embedding: torch.Tensor) -> np.ndarray:
    """A random projection of each column, of the whole and of its runs.

    (columns, width), or a batch of one -> (columns, 128) float32.
    """
    values = embedding[0] if embedding.ndim == 3 else embedding
    return (values.detach().to("cpu", torch.float32) @ _projection(int(values.shape[-1]))).numpy()


@lru_cache(maxsize=16)
def _projection(width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(width)
    dense = torch.randn(width, DENSE_WIDTH, generator=generator) / DENSE_WIDTH**0.5
    signs = torch.randint(0, 2, (width,), generator=generator) * 2.0 - 1
    runs = torch.zeros(width, RUNS)
    runs[torch.arange(width), _run_of(torch.arange(width), width)] = signs
    return torch.cat([dense, runs], dim=1)


def _run_of(place, width: int):
    return place * RUNS // width


def runs_of(start: int, stop: int, width: int) -> slice:
    """The numbers of a sketch that tell of start..stop alone, of columns of this width."""
    first, last = -(-start * RUNS // width), _run_of(stop, width)
    return slice(DENSE_WIDTH + first, DENSE_WIDTH + last)


@dataclass(frozen=True, eq=False)
class OfferedText:
    """A text as a plain encoder encodes it.

    source: where it comes from, in the artist's words.  sketch, empty: `sketch_of` its columns and those of
    the empty text, of which the first chunk counts.  encoders: numbers of the sketch (`runs_of`) that tell of
    one encoder each, where several lie side by side, that by whose text maps are named before the others.
    """

    prompt: Prompt
    source: str
    sketch: np.ndarray
    empty: np.ndarray
    refusal: str = ""
    """Why it has no words, if it has none."""
    encoders: tuple[slice, ...] = ()

    def parts(self) -> list[tuple[Prompt, np.ndarray]]:
        """Words and sketch of each part that can move by itself."""
        step = _step(self.prompt.length)
        chunks = self.prompt.chunks(step)
        return [(own, self.sketch[n * step : (n + 1) * step]) for n, own in enumerate(chunks)]

    def likeness(self, part: Prompt, own: np.ndarray, real: np.ndarray, numbers: slice = WHOLE) -> float:
        """Least cosine of `own` and `real`, both less the empty text's, over the words of a part and its end.

        own, real: sketches of columns, of which `numbers` count; a common factor of all columns is no
        difference. For a part without words: 1 if all of `real` is near the empty text, else 0.
        """
        own, real, empty = own[:, numbers], real[:, numbers], self.empty[:, numbers]
        scale = float(np.median((real * own).sum(axis=1) / np.maximum((own * own).sum(axis=1), 1e-12)))
        if scale <= 0:
            return 0.0
        own, there = _less(own, empty), _less(real / scale, empty)
        columns = sorted({column for word in part.words for column in word.columns})
        if not columns:
            away, whole = np.linalg.norm(there, axis=1), np.linalg.norm(real / scale, axis=1)
            return float((away < NEARLY_EMPTY * whole).all())
        columns += [column for column in part.special if column > columns[-1]][:1]
        lengths = np.linalg.norm(own[columns], axis=1) * np.linalg.norm(there[columns], axis=1)
        return float(((own[columns] * there[columns]).sum(axis=1) / np.maximum(lengths, 1e-12)).min())


def _less(sketch: np.ndarray, empty: np.ndarray) -> np.ndarray:
    less = sketch.copy()
    shared = min(len(less), len(empty))
    less[:shared] -= empty[:shared]
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


@dataclass(frozen=True)
class _Match:
    """Columns from `start` on, `size` of them, that are those from `origin` on of an offered text.

    beside: another encoder was given another text in the same columns.
    """

    start: int
    size: int
    offer: OfferedText
    origin: int
    beside: bool = False

    def goes_on(self, later: _Match) -> bool:
        return (
            later.offer is self.offer
            and later.start == self.start + self.size
            and later.origin == self.origin + self.size
            and later.beside == self.beside
        )

    def moved(self, columns: Iterable[int]) -> tuple[int, ...]:
        """Columns of the offered text as those of the model, if they are in here."""
        by = self.start - self.origin
        return tuple(column + by for column in columns if 0 <= column - self.origin < self.size)

    def words(self) -> list[Word]:
        moved = (replace(word, columns=self.moved(word.columns)) for word in self.offer.prompt.words)
        return [word for word in moved if word.columns]

    def wordless(self) -> Wordless:
        inside = range(self.origin, self.origin + self.size)
        by = self.start - self.origin
        return at_new_places(self.offer.prompt.wordless, lambda c: c + by if c in inside else None)


def recognise(
    known: Labels, sketch: np.ndarray, start: int, length: int, offers: Sequence[OfferedText]
) -> tuple[Labels, tuple[str, ...]]:
    """Words for columns that nobody has labelled, each stretch from the text that is most like it, if one is.

    Labels completed so, and the sources of the texts that were encoded in another way. sketch: of the text's
    own columns, of which the first is column `start` of `length`.
    """
    matches = _matches(known, sketch, start, offers)
    if not matches:
        return known, ()
    before = known.prompt or Prompt("", (), length, ())
    words = sorted([*before.words, *(word for match in matches for word in match.words())], key=_first_column)
    special = {*before.special, *range(start), *range(start + len(sketch), length)}
    special.update(c for match in matches for c in match.moved(match.offer.prompt.special))
    named = {column for match in matches for column in range(match.start, match.start + match.size)}
    text = before.text or " ".join(dict.fromkeys(match.offer.prompt.text for match in matches))
    beside = dict.fromkeys(match.offer.source for match in matches if match.beside)
    notes = (*before.notes, *(message("one_of_two", source=short(source)) for source in beside))
    beyond = {*range(start), *range(start + len(sketch), length)} - set(before.special)
    kinds = merged(before.wordless, wordless(**{PADDING: beyond}), *(match.wordless() for match in matches))
    prompt = Prompt(text, tuple(words), length, tuple(sorted(special)), notes, wordless=kinds)
    sources = tuple(dict.fromkeys(match.offer.source for match in matches if not match.beside))
    return Labels(prompt, tuple(c for c in known.unknown if c not in named), known.cut), sources


def _first_column(word: Word) -> int:
    return word.columns[0]


def _matches(known: Labels, sketch: np.ndarray, start: int, offers: Sequence[OfferedText]) -> list[_Match]:
    """What is recognised, in stretches: a word across the end of a chunk stays one."""
    unknown, step = set(known.unknown), _step(len(sketch))
    found: list[_Match] = []
    for first in range(0, len(sketch), step):
        real = sketch[first : first + step]
        if not unknown.issuperset(range(start + first, start + first + len(real))):
            continue
        match = _most_like(real, offers, start + first)
        if match is None:
            continue
        if found and found[-1].goes_on(match):
            found[-1] = replace(found[-1], size=found[-1].size + match.size)
        else:
            found.append(match)
    return found


def _most_like(real: np.ndarray, offers: Sequence[OfferedText], start: int) -> _Match | None:
    """The offered part of this length that is most like these columns; None if none is like them.

    What is the same goes first, in the whole columns and then in those of one encoder: a text that is only
    like the whole would blame the weights where another encoder was given another text.
    """
    whole = [(offer, WHOLE) for offer in offers]
    found = _best(real, whole, start, SAME)
    for rank in range(max((len(offer.encoders) for offer in offers), default=0)):
        parts = [(offer, offer.encoders[rank]) for offer in offers if rank < len(offer.encoders)]
        found = found or _best(real, parts, start, SAME)
    return found or _best(real, whole, start, LEAST_LIKENESS)


def _best(
    real: np.ndarray, offers: Iterable[tuple[OfferedText, slice]], start: int, best: float
) -> _Match | None:
    """The most alike one, of those at least `best`, in the numbers of each that count."""
    found = None
    for offer, numbers in offers:
        for number, (part, own) in enumerate(offer.parts()):
            likeness = offer.likeness(part, own, real, numbers) if len(own) == len(real) else 0.0
            if likeness >= best and (found is None or likeness > best):
                origin = number * _step(offer.prompt.length)
                best, found = likeness, _Match(start, len(own), offer, origin, numbers != WHOLE)
    return found


def _step(columns: int) -> int:
    """Columns of a part: CLIP encodes by chunks, other encoders a text as a whole."""
    return CHUNK if columns % CHUNK == 0 else max(1, columns)
