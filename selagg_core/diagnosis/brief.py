"""The findings of a picture that are worth an artist's time: one for each cause, few, the worst first.

Findings in, findings out: checks and candidates keep everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ..claims.claim import Claims
from ..prompt.groups import WordGroup
from ..prompt.lexicon import Concept, Lexicon, common_words
from ..prompt.messages import message
from .findings import DIFFUSE, LEVELS, Finding
from .kinds.blended import Blended, Pair
from .kinds.neglected import Neglected

MOST = 12
"""Findings of one picture at most."""
HARM = ("neglected", "leaked", "misplaced", "misplaced_region", "wrong_sense", "blended")
"""Kinds of findings, the greatest harm to a picture first; others come after them."""
NEAR = 2
"""Two things with at most one other between them in the prompt are neighbours."""
ALIKE = 4.0
"""A thing is confused with another whose region is at most this many times as large."""


@dataclass(frozen=True)
class Brief:
    """What is said of a picture, the worst first, and what is left to its checks."""

    findings: tuple[Finding, ...]
    left_out: tuple[Finding, ...] = ()


def brief(findings: Sequence[Finding], claims: Claims) -> Brief:
    """The findings of one picture without those that follow from others, and at most `MOST` of them."""
    causes = likely_pairs(without_consequences(findings), claims)
    ranked = sorted(causes, key=rank)
    return Brief(tuple(ranked[:MOST]), tuple(ranked[MOST:]))


def rank(finding: Finding) -> tuple[int, int, float]:
    """For sorting, the worst first: by level, by harm to the picture, by confidence."""
    known = HARM.index(finding.kind) if finding.kind in HARM else len(HARM)
    return LEVELS.index(finding.level), known + (finding.kind == DIFFUSE), -finding.severity


def lost_things(findings: Sequence[Finding]) -> frozenset[WordGroup]:
    """The things that are surely not there."""
    return frozenset(f.words[0] for f in findings if f.kind == Neglected.name and f.sure)


def without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that do not rest on a thing that is surely not there: its map shows no place of it."""
    lost = lost_things(findings)
    return [f for f in findings if f.kind == Neglected.name or not f.involved & lost]


def likely_pairs(findings: Sequence[Finding], claims: Claims) -> list[Finding]:
    """All findings, of doubtful pairs only the likeliest of each thing, and only such as could be confused.

    A pair that is surely blended stays, and its things are in no doubtful one beside it.
    """
    pairs = sorted((f for f in findings if f.kind == Blended.name), key=rank)
    order = prompt_order(claims)
    taken: set[WordGroup] = set()
    kept: set[int] = set()
    for pair in pairs:
        if not pair.sure and (taken.intersection(pair.words) or not could_be_confused(pair, order)):
            continue
        taken.update(pair.words)
        kept.add(id(pair))
    return [f for f in findings if f.kind != Blended.name or id(f) in kept]


def prompt_order(claims: Claims) -> dict[WordGroup, tuple[int, int]]:
    """For each thing its conditioning entry, and its number among the things there in the order of words."""
    things = sorted({claim.subject for claim in claims.of("entity")}, key=_first_word)
    counts: dict[int, int] = {}
    order = {}
    for thing in things:
        counts[thing.entry] = counts.get(thing.entry, -1) + 1
        order[thing] = thing.entry, counts[thing.entry]
    return order


def could_be_confused(pair: Finding, order: Mapping[WordGroup, tuple[int, int]]) -> bool:
    """Whether two things are alike in size, and neighbours in the prompt or of one concept."""
    one, other = pair.words
    if one not in order or other not in order:
        return False
    areas = pair.facts.areas if isinstance(pair.facts, Pair) else ()
    if areas and max(areas) > ALIKE * min(areas):
        return False
    (entry, first), (other_entry, second) = order[one], order[other]
    near = entry == other_entry and abs(first - second) <= NEAR
    return near or bool(set(_concepts(one)) & set(_concepts(other)))


def left_out_notices(counts: Sequence[int]) -> Iterator[str]:
    """Says of each picture how many findings it has beside those that are listed: `counts`, by picture."""
    for index, count in enumerate(counts):
        if count:
            one = message("one_left_out", most=MOST)
            told = message("left_out", count=count, most=MOST) if count > 1 else one
            yield message("of_picture", number=index + 1, what=told) if len(counts) > 1 else told


def _first_word(thing: WordGroup) -> tuple[int, int]:
    return thing.entry, min(thing.indices, default=0)


def _concepts(thing: WordGroup) -> tuple[str, ...]:
    return _lexicon().lookup(thing.text)


@cache
def _lexicon() -> Lexicon:
    return Lexicon.of([Concept(name, words) for name, words in common_words().items()])
