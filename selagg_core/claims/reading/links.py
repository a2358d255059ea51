"""Relations and places as they are spoken: runs of words such as "in front of" and "on the left side"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from .tagging import Tag, Tagged


class Kind(Enum):
    """What stands between phrases."""

    RELATION = "relation"
    PLACE = "place"
    FRAME = "frame"  # "in the background"
    WITH = "with"  # what follows belongs to what stands before
    IN = "in"
    OF = "of"
    MADE_OF = "made of"
    POSTURE = "posture"
    ACTION = "action"
    LOOK = "look"
    COPULA = "copula"
    AND = "and"
    PRONOUN = "pronoun"
    RELATIVE = "relative"
    OTHER = "other"  # a preposition that says nothing of places
    COMMA = "comma"
    BREAK = "break"
    ZONE = "zone"


@dataclass(frozen=True)
class Link:
    """A link, what it says ("left of", "top left"), and the indices of its tokens."""

    kind: Kind
    value: str = ""
    indices: tuple[int, ...] = ()


_PICTURE = "of the (?:image|picture|frame|photo|scene|canvas|painting|screen|view)"
_SIDE = "(?: (?:hand )?(?:side|half|third|part|edge|corner))?"
_CORNER = "(?:top|upper|bottom|lower) (?:left|right)"
_WHERE = f"{_CORNER}|left|right|top|bottom|upper|lower|center|centre|middle"
_THE = "(?:the )?"
_GROUND = "(?:background|backdrop|foreground|distance)"
_OWN = r"(?:(?!(?:in|on|at|with|and|against|over|of|by)\b)\w+ ){0,2}"
_FRAME = re.compile(rf"\b(?:(?:in|on|at|against|over) )?(?:(?:the|a|an) )?{_OWN}{_GROUND}\b")
_THIS_PICTURE = re.compile(
    r"\b(?:in|on|from) (?:the|this) (?:image|picture|photo|photograph|painting|scene)\b"
)
_PLACE = re.compile(
    rf"\b(?:on|at|in|to) {_THE}(?:far |very )?(?P<where>{_WHERE}){_SIDE}"
    rf"(?: {_PICTURE}\b|(?! of\b| to\b)(?! \w+ of\b)\b)"
)
_NEXT = (
    rf"(?:on|at|by|to) {_THE}(?:other )?(?:side|edge|bank) of|by {_THE}side of|next to|adjacent to|close to"
    "|near to|nearby|near|besides|beside|alongside"
)
_HIDDEN = "(?:partially |partly )?(?:hidden|obscured|concealed|blocked) (?:by|behind)"
_RELATION = re.compile(
    rf"\b(?:(?:to|on|at|in) {_THE})?(?P<side>left|right){_SIDE} (?!{_PICTURE})(?:of|to|from)\b"
    rf"|\b(?P<on>(?:on|at|in) {_THE}(?:top|tip|surface) of|atop|on top|upon)\b"
    rf"|\b(?P<below>(?:on|at|in) {_THE}(?:bottom|foot|underside) of|below)\b"
    rf"|\b(?P<front>in {_THE}front of|in front|ahead of)\b"
    rf"|\b(?P<next>{_NEXT})\b"
    r"|\b(?P<above>above|hovering over|high over|over)\b"
    r"|\b(?P<under>under|underneath|beneath)\b"
    rf"|\b(?P<behind>behind|in {_THE}back of|{_HIDDEN})\b"
    r"|\b(?P<inside>inside of|inside|within)\b"
    r"|\b(?P<plain_on>on|onto)\b"
)
_SPOKEN = {"front": "in front of", "next": "next to", "plain_on": "on"}
_PLACE_NAMES = {"upper": "top", "lower": "bottom", "centre": "center", "middle": "center"}
_FIXED = (
    (Kind.MADE_OF, re.compile(r"\b(?:made|built|carved|constructed|crafted) (?:out )?(?:of|from)\b")),
    (Kind.FRAME, _FRAME),
    (Kind.FRAME, _THIS_PICTURE),
    (Kind.PLACE, _PLACE),
    (Kind.RELATION, _RELATION),
)


def find_links(tagged: Sequence[Tagged], silent: Sequence[str]) -> dict[int, Link]:
    """Relations and places by the index of their first token; none reaches over a break or a silent part."""
    starts: dict[int, int] = {}
    parts: list[str] = []
    length = 0
    for index, word in enumerate(tagged):
        shown = "," if word.tag is Tag.BREAK or silent[index] else word.text
        starts[length] = index
        parts.append(shown)
        length += len(shown) + 1
    text = " ".join(parts)
    found: dict[int, Link] = {}
    taken: set[int] = set()
    for kind, pattern in _FIXED:
        for match in pattern.finditer(text):
            first = starts.get(match.start())
            if first is None:
                continue
            indices = tuple(range(first, first + len(match.group().split())))
            if taken.isdisjoint(indices):
                taken.update(indices)
                found[first] = Link(kind, _value(match), indices)
    return found


def _value(match: re.Match) -> str:
    named = {name: value for name, value in match.groupdict().items() if value}
    if "where" in named:
        return " ".join(_PLACE_NAMES.get(word, word) for word in named["where"].split())
    if "side" in named:
        return f"{named['side']} of"
    name = next(iter(named), "")
    return _SPOKEN.get(name, name)
