"""Parses captions of the demo grammar into claims, and checks the claims against a reading of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from .reading import Reading, SeenObject
from .scenes import SIDE, Caption, Claim, caption_words
from .vocabulary import (
    BACKGROUNDS,
    COLOURS,
    GROUNDS,
    HARD_BACKGROUNDS,
    HARD_COLOURS,
    HARD_SIZES,
    MATERIALS,
    NATURAL_COLOUR,
    OBJECTS,
    PATTERNS,
    SIZES,
    STYLES,
    WORLDS,
)

RELATIONS = {"left of": (1, 0), "right of": (-1, 0), "above": (0, 1), "below": (0, -1)}
"""Relation -> direction (x, y) in pixels from the first object to the second."""

DEPTHS = ("in front of", "behind")
"""Relations of things that overlap, in the hard world."""

PLACES = {
    "on the left": (-1, 0),
    "on the right": (1, 0),
    "at the top": (0, -1),
    "at the bottom": (0, 1),
    "in the center": (0, 0),
}
"""Place -> direction (x, y) in pixels from the centre of the picture."""

_ARTICLES = frozenset({"a", "an"})
_ADJECTIVES = {"size": frozenset(SIZES), "pattern": frozenset(PATTERNS), "colour": frozenset(COLOURS)}
_JOINS = (("and",), ("next", "to"))


@dataclass(frozen=True)
class _Words:
    """The words of a world: adjectives of things by kind, of backgrounds by kind, relations."""

    adjectives: dict[str, frozenset[str]]
    grounds: dict[str, frozenset[str]]
    relations: tuple[str, ...]

    def knows(self, word: str) -> bool:
        return word in OBJECTS or any(word in words for words in self.adjectives.values())

    def kind(self, word: str) -> str:
        for kind, words in self.adjectives.items():
            if word in words:
                return kind
        *some, last = self.adjectives
        raise ValueError(f"{word!r} is no {', '.join(some)} or {last}, and stands before an object.")


_WORDS = {
    "plain": _Words(_ADJECTIVES, {"background": frozenset(BACKGROUNDS)}, tuple(RELATIONS)),
    "hard": _Words(
        {
            "size": frozenset(HARD_SIZES),
            "style": frozenset(STYLES),
            "pattern": frozenset(PATTERNS),
            "material": frozenset(MATERIALS[1:]),
            "colour": frozenset(HARD_COLOURS),
        },
        {"background": frozenset(HARD_BACKGROUNDS), "ground": frozenset(GROUNDS[1:])},
        (*RELATIONS, *DEPTHS),
    ),
}


def parse_caption(text: str, world: str = "plain") -> Caption:
    """The claims of a caption written in the grammar of a world of the demo, in sentences or as tags.

    A phrase's last word is its object and the words before it are adjectives, so "an orange orange" is an
    orange coloured orange.

    Raises:
        ValueError: no object is named, or a word is unknown or out of place (the message names it).
    """
    if world not in WORLDS:
        raise ValueError(f"There is no world {world!r}; there are {', '.join(WORLDS)}.")
    return Caption(text, tuple(_Parser(text, _WORDS[world]).claims()))


class _Parser:
    """Reads a caption from left to right, phrase by phrase."""

    def __init__(self, text: str, known: _Words) -> None:
        self.known = known
        self.words = [word.lower().strip(".!") for word in caption_words(text)]
        self.after_comma = _starts_after_comma(text)
        self.at = 0
        self.objects = 0
        self.joined = True

    def claims(self) -> Iterator[Claim]:
        while self.at < len(self.words):
            yield from (
                self._relation() or self._place() or self._join() or self._background() or self._object()
            )
        if not self.objects:
            raise ValueError(f"The caption names no object; it can name {', '.join(OBJECTS)}.")

    def _next_is(self, phrase: Sequence[str]) -> bool:
        return self.words[self.at : self.at + len(phrase)] == list(phrase)

    def _take(self, count: int) -> tuple[int, ...]:
        taken = tuple(range(self.at, self.at + count))
        self.at += count
        return taken

    def _relation(self) -> list[Claim]:
        for relation in self.known.relations:
            phrase = relation.split()
            if self._next_is(phrase):
                if not self.objects or self.at + len(phrase) >= len(self.words):
                    raise ValueError(f'"{relation}" needs an object before it and one after it.')
                return [Claim("relation", relation, self._take(len(phrase)), self.objects - 1, self.objects)]
        return []

    def _place(self) -> list[Claim]:
        for place in PLACES:
            phrase = place.split()
            if self._next_is(phrase):
                if not self.objects:
                    raise ValueError(f'"{place}" needs an object before it.')
                return [Claim("place", place, self._take(len(phrase)), self.objects - 1)]
        return []

    def _join(self) -> list[Claim]:
        """Skips what joins two objects and claims nothing; a second one in a row is refused."""
        for phrase in _JOINS:
            if self._next_is(phrase) and self.objects:
                self._take(len(phrase))
                return list(self._object())
        return []

    def _background(self) -> list[Claim]:
        skip = 2 if self._next_is(["on"]) else 1 if self.words[self.at] in _ARTICLES else 0
        rest = self.words[self.at + skip :]
        end = rest.index("background") if "background" in rest[: 1 + len(self.known.grounds)] else 0
        if not end or (skip == 2 and self.words[self.at + 1] not in _ARTICLES):
            return []
        kinds = [self._ground(word) for word in rest[:end]]
        if len(set(kinds)) < len(kinds):
            raise ValueError(
                f"{' '.join(rest[: end + 1])!r} says the same thing twice or contradicts itself."
            )
        places = self._take(skip + end + 1)[-1 - end : -1]
        return [Claim(kind, word, (at,)) for kind, word, at in zip(kinds, rest[:end], places, strict=True)]

    def _ground(self, word: str) -> str:
        for kind, words in self.known.grounds.items():
            if word in words:
                return kind
        every = ", ".join(sorted(set().union(*self.known.grounds.values())))
        raise ValueError(f"Unknown background {word!r}; a background is {every}.")

    def _object(self) -> list[Claim]:
        if self.at < len(self.words) and self.words[self.at] in _ARTICLES:
            self.at += 1
        start = self.at
        while self.at < len(self.words) and self.known.knows(self.words[self.at]):
            self.at += 1
            if self.at in self.after_comma:
                break
        phrase = self.words[start : self.at]
        if not phrase:
            raise ValueError(
                f"Unknown word {self.words[start]!r}." if start < len(self.words) else "An object is missing."
            )
        if phrase[-1] not in OBJECTS:
            following = self.words[self.at] if self.at < len(self.words) else phrase[-1]
            raise ValueError(f"No object where {following!r} is; an object is {', '.join(OBJECTS)}.")
        index, self.objects = self.objects, self.objects + 1
        adjectives = [
            Claim(self.known.kind(word), word, (start + i,), index) for i, word in enumerate(phrase[:-1])
        ]
        kinds = [claim.kind for claim in adjectives]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"{' '.join(phrase)!r} says the same thing twice or contradicts itself.")
        return [*adjectives, Claim("object", phrase[-1], (self.at - 1,), index)]


def _starts_after_comma(text: str) -> frozenset[int]:
    """Indices of the words that a comma goes before."""
    parts = text.split(",")
    return frozenset(len(caption_words(" ".join(parts[: i + 1]))) for i in range(len(parts) - 1))


@dataclass(frozen=True)
class Verdict:
    """Whether a picture shows what its caption says.

    Attributes:
        matches: True where all of it is there and nothing else, False where something is wrong, else None.
        wrong: Claims that the picture contradicts. Those without words are what the caption implies:
            a thing's natural colour, a plain surface, or (subject None) that nothing else is there.
        unsure: Claims that the reading leaves open, in the same form.
        assignment: For every object of the caption the index of the seen object that stands for it, or None.
    """

    matches: bool | None
    wrong: tuple[Claim, ...]
    unsure: tuple[Claim, ...]
    assignment: tuple[int | None, ...]


def check_caption(reading: Reading, caption: Caption) -> Verdict:
    """Checks every claim of a caption, said or implied, against a reading."""
    wanted = _wanted(caption)
    assignment = _assign(reading, wanted, caption)
    answers = [*_object_answers(reading, wanted, assignment), *_other_answers(reading, caption, assignment)]
    for index, item in enumerate(reading.objects):
        if index not in assignment:
            answers.append((Claim("object", item.name or "unknown", ()), False if item.name else None))
    wrong = tuple(claim for claim, answer in answers if answer is False)
    unsure = tuple(claim for claim, answer in answers if answer is None)
    matches = False if wrong else None if unsure or not reading.sure else True
    return Verdict(matches, wrong, unsure, assignment)


def _wanted(caption: Caption) -> list[dict[str, Claim]]:
    """For every object of the caption its claims by kind, the implied ones without words."""
    subjects = sorted({claim.subject for claim in caption.claims if claim.kind == "object"})
    wanted = []
    for subject in subjects:
        mine = {
            c.kind: c for c in caption.claims if c.subject == subject and c.kind in ("object", *_ADJECTIVES)
        }
        natural = NATURAL_COLOUR.get(mine["object"].value)
        if natural:
            mine.setdefault("colour", Claim("colour", natural, (), subject))
        mine.setdefault("pattern", Claim("pattern", "solid", (), subject))
        wanted.append(mine)
    return wanted


def _answer(item: SeenObject, claim: Claim) -> bool | None:
    """Whether a seen object bears out a claim about its name, colour, pattern or size."""
    if claim.kind == "size":
        return _has_size(item.diameter, claim.value)
    seen = {"object": item.name, "colour": item.colour, "pattern": item.pattern}[claim.kind]
    return None if seen is None else seen == claim.value


def _has_size(diameter: float, size: str) -> bool:
    """Loosely: what is nearer to the far end of the scale contradicts "small" and "large"."""
    return abs(diameter - SIZES[size]) <= 11


_COST = {"object": (4.0, 1.5), "colour": (2.0, 0.5), "pattern": (1.0, 0.3), "size": (0.5, 0.0)}
"""What a contradicted and what an open claim cost in the assignment."""

_MISSING = 5.0
_LOOKED_AT = 6


def _assign(reading: Reading, wanted: list[dict[str, Claim]], caption: Caption) -> tuple[int | None, ...]:
    """The assignment of caption objects to seen ones that contradicts least.

    An object that differs in name and in colour is another object, so the wanted one is missing.
    """
    largest = sorted(range(len(reading.objects)), key=lambda i: -int(reading.objects[i].mask.sum()))[
        :_LOOKED_AT
    ]
    slots: list[int | None] = [*largest, *[None] * len(wanted)]
    costs = {
        (w, i): _pair_cost(claims, reading.objects[i]) for w, claims in enumerate(wanted) for i in largest
    }

    def total(choice: tuple[int | None, ...]) -> float:
        cost = sum(_MISSING if i is None else costs[w, i] for w, i in enumerate(choice))
        others = _other_answers(reading, caption, choice)
        return cost + 0.2 * sum(answer is False for _, answer in others)

    return min(dict.fromkeys(permutations(slots, len(wanted))), key=total)


def _pair_cost(claims: dict[str, Claim], item: SeenObject) -> float:
    answers = {kind: _answer(item, claim) for kind, claim in claims.items()}
    if answers["object"] is False and answers.get("colour") is not True:
        return 2 * _MISSING
    return sum(
        _COST[kind][0 if answer is False else 1] for kind, answer in answers.items() if answer is not True
    )


def _object_answers(
    reading: Reading, wanted: list[dict[str, Claim]], assignment: tuple[int | None, ...]
) -> Iterator[tuple[Claim, bool | None]]:
    for claims, index in zip(wanted, assignment, strict=True):
        if index is None:
            yield claims["object"], None if reading.background is None else False
            continue
        for claim in claims.values():
            yield claim, _answer(reading.objects[index], claim)


def _other_answers(
    reading: Reading, caption: Caption, assignment: tuple[int | None, ...]
) -> list[tuple[Claim, bool | None]]:
    """Answers about background, relations and places; none about a relation of a missing object."""
    answers = []
    for claim in caption.claims:
        if claim.kind == "background":
            known = reading.background is not None
            answers.append((claim, reading.background == claim.value if known else None))
        elif claim.kind == "place" and assignment[claim.subject] is not None:
            x, y = reading.objects[assignment[claim.subject]].centre
            answers.append((claim, _in_place(x - SIDE / 2, y - SIDE / 2, claim.value)))
        elif claim.kind == "relation":
            pair = [assignment[claim.subject], assignment[claim.other]]
            if None not in pair:
                (ax, ay), (bx, by) = (reading.objects[i].centre for i in pair)
                answers.append((claim, _points(bx - ax, by - ay, RELATIONS[claim.value], least=6)))
    return answers


def _in_place(dx: float, dy: float, place: str) -> bool | None:
    if place != "in the center":
        return _points(dx, dy, PLACES[place], least=10)
    away = max(abs(dx), abs(dy))
    return None if 12 < away < 16 else away <= 12


def _points(dx: float, dy: float, direction: tuple[int, int], least: float) -> bool | None:
    """Whether (dx, dy) points in a direction: at least `least` pixels, and more along it than across."""
    along = dx * direction[0] + dy * direction[1]
    across = abs(dx * direction[1]) + abs(dy * direction[0])
    if along >= least and along >= 0.85 * across:
        return True
    return None if along >= least and along >= 0.5 * across else False
