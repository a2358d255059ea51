"""Parts of a prompt that make no claims: what is not there, whose style it is, how it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import closed_classes, jargon, verb_words
from .listing import words as listed
from .tagging import Tag, Tagged

NEGATION, STYLE, LIKENESS, TECHNICAL = "not there", "style", "likeness", "technical"
_PHRASES = {tuple(phrase.split()) for phrase in jargon.SILENT_PHRASES}
_LENGTHS = sorted({len(phrase) for phrase in _PHRASES}, reverse=True)
LONGEST_NEGATION = 8
"""Words that a negation reaches at most."""
MOST_IN_A_NAME = 5
_IN_NAMES = frozenset((Tag.UNKNOWN, Tag.NOUN, Tag.NAME, Tag.CONJUNCTION))
_STYLE_HEADS = frozenset(
    ("style", "styles", "manner", "aesthetic", "aesthetics", "vibe", "vibes", "spirit", "vein")
)
_BEFORE_MEANS = frozenset(("on", "with", "by", "in", "at", "using", "from"))
"""After "trending", "shot" and the like: where and with what it was made."""
_AFTER_STYLE = frozenset(("of", "by"))
_SOURCES = listed(
    "inspired influenced reminiscent evoking evokes evocative inspiration influences homage tribute"
)


def zones(tagged: Sequence[Tagged]) -> list[str]:
    """For each token why it makes no claim, "" for most."""
    found = [""] * len(tagged)
    for at, word in enumerate(tagged):
        if found[at] or word.tag is Tag.BREAK:
            continue
        reason, stop = _zone(tagged, at)
        stop = _credits_end(tagged, stop) if reason == STYLE and word.text == "by" else stop
        for index in range(at, stop):
            found[index] = found[index] or reason
    return found


def _zone(tagged: Sequence[Tagged], at: int) -> tuple[str, int]:
    """The reason and the end of the zone that starts with a token; an empty zone if none does."""
    word = tagged[at].text
    if length := _phrase_length(tagged, at):
        return TECHNICAL, at + length
    if word in closed_classes.NEGATIONS:
        return NEGATION, _until(tagged, at + 1, _ends_negation, LONGEST_NEGATION)
    if word == "in" and (head := _style_head(tagged, at)):
        return STYLE, _break_after(tagged, head) if _goes_on(tagged, head) else head + 1
    if (word in _STYLE_HEADS and _goes_on(tagged, at)) or word in _SOURCES:
        return STYLE, _break_after(tagged, at)
    if word == "by" and _is_credit(tagged, at):
        return STYLE, _break_after(tagged, at)
    if word in jargon.PUBLISHED and _text(tagged, at + 1) in _BEFORE_MEANS:
        return STYLE, _break_after(tagged, at)
    if word in closed_classes.LIKENESS and tagged[at].tag in (Tag.PREPOSITION, Tag.CONJUNCTION):
        return LIKENESS, _until(tagged, at + 1, _ends_likeness, LONGEST_NEGATION)
    return "", at


def _phrase_length(tagged: Sequence[Tagged], at: int) -> int:
    """How many words from here on are a fixed expression; 0 for none."""
    for length in _LENGTHS:
        words = tuple(word.text for word in tagged[at : at + length])
        if words in _PHRASES:
            return len(words)
    return 0


def _credits_end(tagged: Sequence[Tagged], stop: int) -> int:
    """Where a row of names that a credit starts ends ("by Greg Rutkowski, Artgerm and Mucha")."""
    while stop < len(tagged) and tagged[stop].text == ",":
        end = _break_after(tagged, stop + 1)
        names = tagged[stop + 1 : end]
        if not 1 <= len(names) <= MOST_IN_A_NAME or not all(word.tag in _IN_NAMES for word in names):
            break
        if not any(word.tag is Tag.UNKNOWN for word in names):
            break
        stop = end
    return stop


def _text(tagged: Sequence[Tagged], at: int) -> str:
    return tagged[at].text if 0 <= at < len(tagged) else ""


def _until(tagged: Sequence[Tagged], at: int, ends: Callable[[Tagged], bool], most: int) -> int:
    stop = at
    while stop < min(len(tagged), at + most) and not ends(tagged[stop]):
        stop += 1
    return stop


def _break_after(tagged: Sequence[Tagged], at: int) -> int:
    stop = at
    while stop < len(tagged) and tagged[stop].tag is not Tag.BREAK:
        stop += 1
    return stop


def _ends_negation(word: Tagged) -> bool:
    return word.tag is Tag.BREAK or word.text in closed_classes.ENDS_OF_NEGATION


def _ends_likeness(word: Tagged) -> bool:
    """A likeness ends with its noun: what follows is said of the picture again."""
    ends = (Tag.BREAK, Tag.VERB, Tag.DOING, Tag.DONE, Tag.RELATIVE, Tag.COPULA, Tag.CONJUNCTION)
    return word.tag in ends or (word.tag is Tag.PREPOSITION and word.text != "of")


def _style_head(tagged: Sequence[Tagged], at: int) -> int | None:
    """Where the word "style" of "in the dark style of" stands; None if no such phrase starts here."""
    for index in range(at + 1, min(len(tagged), at + 6)):
        if tagged[index].text in _STYLE_HEADS:
            return index
        if tagged[index].tag in (Tag.BREAK, Tag.PREPOSITION, Tag.VERB, Tag.DOING):
            return None
    return None


def _goes_on(tagged: Sequence[Tagged], head: int) -> bool:
    return _text(tagged, head + 1) in _AFTER_STYLE


def _is_credit(tagged: Sequence[Tagged], at: int) -> bool:
    """Whether "by" names who made the picture, and not what stands near or does something in it."""
    before, after = _text(tagged, at - 1), tagged[at + 1] if at + 1 < len(tagged) else None
    if before in verb_words.PHYSICAL_BY:
        return False
    if before in jargon.CREATORS or after is None or tagged[at - 1].tag is Tag.BREAK:
        return True
    if after.tag in (Tag.DETERMINER, Tag.POSSESSIVE, Tag.NUMBER):
        return False
    return tagged[at - 1].tag is not Tag.DONE
