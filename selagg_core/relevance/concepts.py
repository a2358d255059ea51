"""Which visual concepts a word of a prompt speaks of: "cat" -> Animals, "orange" -> a fruit and a colour.

The artist's word is final; else a lexicon of common words decides, which keeps all senses of a word; else the
nearest concept in the space of the connected text encoder, if it is clearly the nearest; else it is unknown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..files.versioned import parse_json
from ..prompt.lexicon import Concept, Lexicon, base_forms, plain_form
from ..prompt.marks import plain_marks
from ..prompt.messages import message
from ..prompt.quoted import short, shortened
from ..prompt.word_table import trusted_concept

EVERY_HEAD = "all"
"""What an artist writes in place of a concept for a word that is to use all heads."""
DEFAULT_MARGIN = 0.05
"""Cosine by which the nearest concept must lead the next one, at least; see `trusted_margin`."""
CLOSEST_WORDS = 3
"""A concept is as near as the mean of this many of its words, the nearest ones."""
TRUSTED_SHARE = 0.9
"""Of the nearest concepts of words whose concept is known, this share must be right for a margin to do."""
ANSWERS_TO_TRUST = 10


@dataclass(frozen=True)
class Assignment:
    """The concepts of a word. how: "override", "lexicon", "table", "embedding" or "unknown".

    No concepts means all heads; `note` says why, or what else should be known.
    """

    word: str
    concepts: tuple[str, ...]
    how: str
    note: str = ""

    @property
    def ambiguous(self) -> bool:
        """Whether the word has several senses, which may be at odds in a picture."""
        return len(self.concepts) > 1


@dataclass(frozen=True)
class Nearest:
    """The nearest concept in an embedding space: its mean cosine, and by how much it leads the next one."""

    concept: str
    similarity: float
    lead: float


def parse_overrides(text: str, concepts: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The artist's own choice: "orange=Color, mint=Color+Plants, thing=all" -> word -> concepts.

    One entry a line, or separated by commas or semicolons; "+" joins several concepts, "all" means all
    heads (an empty tuple). Case does not matter.

    Raises ValueError for an entry without a word or a concept, an unknown concept, or a word given twice.
    """
    known = {name.casefold(): name for name in concepts}
    chosen: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, (part.strip() for part in re.split(r"[,;\n]", plain_marks(text)))):
        word, equals, names = (part.strip() for part in entry.partition("="))
        if not (word and equals and names):
            raise ValueError(message("override_form", entry=short(entry)))
        key = plain_form(word)
        if key in chosen:
            raise ValueError(message("override_twice", word=short(word)))
        chosen[key] = () if names.casefold() == EVERY_HEAD else _named(names, known)
    return MappingProxyType(chosen)


def parse_concepts(text: str) -> tuple[Concept, ...]:
    """Own concepts: a JSON object of names and their words, {"Color": ["red", "blue"], "Animals": ["cat"]}.

    Raises ValueError, saying what is wrong, for anything else, or fewer than two concepts: they compete.
    """
    example = 'write them like {"Color": ["red", "blue"], "Animals": ["cat"]}'
    try:
        listed = parse_json(text)
    except ValueError as error:
        raise ValueError(f"the concepts are not JSON ({error}): {example}.") from error
    if not isinstance(listed, dict) or len(listed) < 2:
        raise ValueError(f"there must be at least two concepts, for they compete: {example}.")
    return tuple(_own_concept(name, words, example) for name, words in listed.items())


def _own_concept(name: str, words: object, example: str) -> Concept:
    if not name.strip() or re.search(r"[=+,;\n]|__", name) or name.strip().casefold() == EVERY_HEAD:
        raise ValueError(
            f'"{short(name)}" cannot name a concept: leave out = + , ; and __, and "{EVERY_HEAD}".'
        )
    if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
        raise ValueError(f'the words of "{short(name)}" are no list of words: {example}.')
    return Concept(name.strip(), tuple(dict.fromkeys(word.strip() for word in words)))


def assign_concepts(
    word: str,
    lexicon: Lexicon,
    overrides: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    nearest: Callable[[str], Nearest | None] | None = None,
    margin: float = DEFAULT_MARGIN,
) -> Assignment:
    """The concepts of a word or phrase: override, lexicon, word table, nearest embedding, or unknown.

    `nearest` finds the nearest concept of a word that the lexicon does not know (see `nearest_concept`).
    """
    for form in base_forms(word):
        if form in overrides:
            return Assignment(word, overrides[form], "override")
    found = lexicon.lookup(word)
    if found:
        return Assignment(word, found, "lexicon")
    trusted = trusted_concept(word)
    if trusted in lexicon.concepts:
        return Assignment(word, (trusted,), "table")
    near = nearest(word) if nearest is not None else None
    if near is not None and near.lead >= margin:
        note: str = message("concept_nearest", word=word, concept=near.concept)
        return Assignment(word, (near.concept,), "embedding", note)
    note = message("concept_unknown", words=f'"{word}"', word=word, concept="Concept")
    return Assignment(word, (), "unknown", note)


def nearest_concept(word: np.ndarray, concepts: Mapping[str, np.ndarray]) -> Nearest:
    """The concept whose words lie nearest to a word in the space of a text encoder.

    word: (width,); concepts: name -> (words, width). Cosines are taken about the centre of all concepts, for
    the embeddings of a text encoder share one large direction that says nothing.

    Raises ValueError if there are no concepts, widths differ, or an embedding is not finite.
    """
    if not concepts:
        raise ValueError("There are no concepts to compare a word with.")
    vector = np.asarray(word, dtype=np.float64)
    stacks = {name: np.asarray(rows, dtype=np.float64) for name, rows in concepts.items()}
    for name, rows in stacks.items():
        if rows.ndim != 2 or not len(rows) or vector.shape != rows.shape[1:]:
            raise ValueError(
                f"The embeddings of {name} are {rows.shape}, that of the word is {vector.shape}."
            )
    if not all(np.isfinite(values).all() for values in (vector, *stacks.values())):
        raise ValueError("The text encoder gave embeddings that are not finite.")
    centre = np.mean([rows.mean(axis=0) for rows in stacks.values()], axis=0)
    direction = _unit(vector - centre)
    near = {name: _nearness(_unit(rows - centre) @ direction) for name, rows in stacks.items()}
    ranked = sorted(near, key=near.__getitem__, reverse=True)
    second = near[ranked[1]] if len(ranked) > 1 else -1.0
    return Nearest(ranked[0], near[ranked[0]], near[ranked[0]] - second)


def trusted_margin(concepts: Mapping[str, np.ndarray]) -> float:
    """The lead from which on the nearest concept can be trusted in this text encoder: 0 any, inf none.

    concepts: name -> (words, width). Every word is taken out in turn and its concept looked for among the
    rest: the margin is the smallest at which TRUSTED_SHARE of at least ANSWERS_TO_TRUST answers are right.
    """
    tried = []
    for name, rows in concepts.items():
        for row in range(len(rows) if len(rows) > 1 else 0):
            others = {**concepts, name: np.delete(rows, row, axis=0)}
            found = nearest_concept(rows[row], others)
            tried.append((found.lead, found.concept == name))
    tried.sort(reverse=True)
    right = np.cumsum([correct for _, correct in tried])
    answers = np.arange(1, len(tried) + 1)
    enough = np.flatnonzero((right >= TRUSTED_SHARE * answers) & (answers >= ANSWERS_TO_TRUST))
    if not len(enough):
        return float("inf")
    return 0.0 if enough[-1] == len(tried) - 1 else tried[enough[-1]][0]


def _nearness(cosines: np.ndarray) -> float:
    return float(np.sort(cosines)[-CLOSEST_WORDS:].mean())


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; those of length 0, which point nowhere, stay."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def _named(names: str, known: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for name in (part.strip() for part in names.split("+")):
        if name.casefold() not in known:
            close = difflib.get_close_matches(name.casefold(), known, n=1)
            hint = message("concept_hint", name=short(known[close[0]])) if close else ""
            there = shortened(known.values())
            raise ValueError(message("concept_not_there", name=short(name), hint=hint, concepts=there))
        found.append(known[name.casefold()])
    return tuple(dict.fromkeys(found))
