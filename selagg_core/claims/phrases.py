"""A prompt read into noun phrases and what links them: tags and plain English, without a language model.

What the reading does not understand it leaves out: fewer phrases, never wrong ones for want of grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..prompt.groups import FUNCTION_WORDS
from ..prompt.lexicon import Lexicon
from ..prompt.words import Prompt

ATTRIBUTE_CONCEPTS = frozenset(
    ("Color", "Material", "Texture", "Geometric Patterns", "Size", "Shape", "Facial Expressions")
)
"""Concepts of words that say what something is like, if they stand before a noun."""
PLACELESS_CONCEPTS = frozenset(
    (
        *ATTRIBUTE_CONCEPTS - {"Shape"},
        "Lighting Conditions",
        "Weather Conditions",
        "Time of Day",
        "Geo-locations",
        "Image Style",
        "Counting",
        "Poses and Gestures",
        "Brand Logos",
        "Background",
        "Position",
    )
)
"""Concepts of words that name nothing with a place of its own in the picture."""

_NUMBERS = """
    one two three four five six seven eight nine ten
"""
_PLAIN = """
    solid plain unpatterned
"""
_COPULA = """
    is are was were be being looks appears
"""
_KIND = """
    color colour colors colours coloured colored pattern patterned texture
"""
_SEPARATOR = """
    wearing wears has have holds made next while against who which where there
"""
_DETERMINER = """
    a an the this that these those some any each his her its their my your
"""
_MEDIUM = """
    photo photograph picture image painting drawing illustration render style quality best masterpiece
    detailed highly very realistic 4k 8k hd uhd score absurdres
"""
COUNTS = {word: number for number, word in enumerate(_NUMBERS.split(), start=1)}
COUNTS |= {str(number): number for number in range(1, 11)}
PLAIN_PATTERNS, _COPULAS, _KIND_NOUNS = (frozenset(w.split()) for w in (_PLAIN, _COPULA, _KIND))
_DETERMINERS, _MEDIUM_WORDS = frozenset(_DETERMINER.split()), frozenset(_MEDIUM.split())
_SEPARATORS = FUNCTION_WORDS | _COPULAS | frozenset(_SEPARATOR.split())
_FRAMES = frozenset(("background", "backdrop", "foreground"))
_BREAK_MARKS = re.compile(r"[,;.!?|\n\u3001\u3002\uff0c]")
_WEIGHT = re.compile(r":\s*[+-]?\d*\.?\d+\s*\)")

_PICTURE = "of the (?:image|picture|frame|photo|scene|canvas)"
_SIDE = "(?: (?:hand )?(?:side|half|third|part|edge|corner))?"
_CORNER = "(?:top|upper|bottom|lower) (?:left|right)"
_WHERE = f"{_CORNER}|left|right|top|bottom|upper|lower|center|centre|middle|foreground|background"
_PLACE = re.compile(
    rf"\b(?:on|at|in|to) (?:the )?(?:far )?(?P<where>{_WHERE}){_SIDE}(?: {_PICTURE}\b|(?! of\b)\b)"
)
_RELATION = re.compile(
    rf"\b(?:(?:(?:to|on|at) (?:the )?)?(?P<side>left|right){_SIDE} (?!{_PICTURE})of"
    r"|(?P<on>on top of|atop)|(?P<front>in front of)|(?P<next>next to|beside|near|alongside|close to)"
    r"|(?P<above>above|over)|(?P<below>below)|(?P<under>under|underneath|beneath)|(?P<behind>behind)"
    r"|(?P<inside>inside of|inside|within)|(?P<plain_on>on))\b"
)
_SPOKEN = {"front": "in front of", "next": "next to", "plain_on": "on"}
_PLACE_NAMES = {"upper": "top", "lower": "bottom", "centre": "center", "middle": "center"}


@dataclass(frozen=True)
class Described:
    """A word that says what an entity is like, and the concepts that it can mean in this position."""

    index: int
    concepts: tuple[str, ...]


@dataclass(frozen=True)
class NounPhrase:
    """`entity`: indices of the words that name it, empty for a phrase of attributes alone.

    `known`: whether the lexicon knows the entity as something that has a place in the picture.
    """

    entity: tuple[int, ...]
    attributes: tuple[Described, ...]
    count: int | None = None
    count_index: int | None = None
    known: bool = False


@dataclass(frozen=True)
class Link:
    """What stands between phrases: "relation", "place", "copula", "and", "in" or "break"."""

    kind: str
    value: str = ""
    indices: tuple[int, ...] = ()


def read_phrases(prompt: Prompt, lexicon: Lexicon) -> list[NounPhrase | Link]:
    """Noun phrases and links of a prompt in reading order."""
    return list(_Reader(prompt, lexicon).read())


def breaks_before(prompt: Prompt) -> list[bool]:
    """For each word whether a mark (comma, full stop, line end) parts it from the word before.

    Read from the text; where the words do not stand there as they are (embeddings, other case, a text that
    was put together from chunks), from columns between the words that belong to no word.
    """
    text, at, gaps = prompt.text.casefold(), 0, []
    for word in prompt.words:
        found = text.find(word.text.casefold(), at)
        gaps.append(text[at:found] if found >= 0 else None)
        at = found + len(word.text) if found >= 0 else at
    marked = any(gap and _BREAK_MARKS.search(_WEIGHT.sub(")", gap)) for gap in gaps)
    broken = []
    for i, (word, gap) in enumerate(zip(prompt.words, gaps, strict=True)):
        skips = i > 0 and bool(word.columns) and word.columns[0] > prompt.words[i - 1].columns[-1] + 1
        shown = skips if gap is None or not marked else bool(_BREAK_MARKS.search(_WEIGHT.sub(")", gap)))
        broken.append(i == 0 or shown or word.text == "BREAK" or prompt.words[i - 1].text == "BREAK")
    return broken


@dataclass
class _Reader:
    """Reads one prompt from left to right."""

    prompt: Prompt
    lexicon: Lexicon
    words: list[str] = field(init=False)
    breaks: list[bool] = field(init=False)
    linked: dict[int, Link] = field(init=False)

    def __post_init__(self) -> None:
        self.words = [word.text.casefold() for word in self.prompt.words]
        self.breaks = breaks_before(self.prompt)
        self.linked = self._find_links()

    def read(self) -> Iterator[NounPhrase | Link]:
        run: list[int] = []
        determined, at = False, 0
        while at < len(self.words):
            word, link = self.words[at], self.linked.get(at)
            stops = self.breaks[at] or link is not None or self._separates(word)
            if stops and run:
                yield from self._phrase(run, determined)
                run, determined = [], False
            if self.breaks[at] and at:
                yield Link("break")
                determined = False
            if link is not None:
                yield link
                at += len(link.indices)
                continue
            if word in _DETERMINERS:
                determined = True
            elif word in _COPULAS:
                yield Link("copula")
            elif word in ("and", "in", "of"):
                yield Link("in" if word == "of" and at and self.words[at - 1] == "made" else word)
            elif not self._separates(word):
                run.append(at)
            at += 1
        if run:
            yield from self._phrase(run, determined)

    def _find_links(self) -> dict[int, Link]:
        """Relations and places by the index of their first word; none reaches over a break."""
        starts, text = [], ""
        for word, broken in zip(self.words, self.breaks, strict=True):
            text += (" , " if broken and text else " ") if text else ""
            starts.append(len(text))
            text += word
        index_at = {start: i for i, start in enumerate(starts)}
        found: dict[int, Link] = {}
        taken: set[int] = set()
        for pattern, kind in ((_PLACE, "place"), (_RELATION, "relation")):
            for match in pattern.finditer(text):
                first = index_at.get(match.start())
                if first is None:
                    continue
                indices = tuple(range(first, first + len(match.group().split())))
                if not taken & set(indices):
                    taken |= set(indices)
                    found[first] = Link(kind, _value(match), indices)
        return found

    def _separates(self, word: str) -> bool:
        return word in _SEPARATORS or word in _DETERMINERS or word == "break" or self._is_verb(word)

    def _is_verb(self, word: str) -> bool:
        senses = self.lexicon.lookup(word)
        return senses == ("Poses and Gestures",) or (not senses and len(word) > 5 and word.endswith("ing"))

    def _phrase(self, run: Sequence[int], determined: bool) -> Iterator[NounPhrase]:
        indices = [i for i in run if self.words[i] not in _MEDIUM_WORDS]
        bare = len(indices) == 1 and not determined
        if bare and self._after_in(indices[0]) and (one := self._described(indices[0])) is not None:
            yield NounPhrase((), (one,))
            return
        count_index = next((i for i in indices if self.words[i] in COUNTS), None)
        count = COUNTS[self.words[count_index]] if count_index is not None else None
        indices = [i for i in indices if i != count_index]
        named_kind = bool(indices) and self.words[indices[-1]] in _KIND_NOUNS
        while indices and self.words[indices[-1]] in _KIND_NOUNS:
            indices.pop()
        if named_kind:
            found = tuple(d for d in (self._described(i) for i in indices) if d is not None)
            if found:
                yield NounPhrase((), found)
            return
        if not indices or self.words[indices[-1]] in _FRAMES:
            return
        start = self._entity_start(indices)
        described = tuple(d for d in (self._described(i) for i in indices[:start]) if d is not None)
        entity = tuple(indices[start:])
        known = bool(entity) and self._has_place(entity)
        if (
            entity
            and not known
            and not (determined or described or count)
            or entity
            and self._placeless(entity)
        ):
            entity = ()
        if entity or described:
            yield NounPhrase(entity, described, count, count_index, known)

    def _after_in(self, index: int) -> bool:
        return index > 0 and not self.breaks[index] and self.words[index - 1] == "in"

    def _entity_start(self, indices: Sequence[int]) -> int:
        """Where the words that name the entity start; len(indices) if the phrase only describes."""
        last = len(indices) - 1
        senses = self.lexicon.lookup(self.words[indices[last]])
        if senses and all(sense in ATTRIBUTE_CONCEPTS - {"Shape"} for sense in senses):
            return len(indices)
        start = last
        while start > 0:
            pair = f"{self.words[indices[start - 1]]} {self.words[indices[start]]}"
            if pair not in self.lexicon.senses and self._described(indices[start - 1]) is not None:
                break
            start -= 1
        return start

    def _described(self, index: int) -> Described | None:
        word = self.words[index]
        senses = ("Geometric Patterns",) if word in PLAIN_PATTERNS else self.lexicon.lookup(word)
        fitting = tuple(sense for sense in senses if sense in ATTRIBUTE_CONCEPTS)
        return Described(index, fitting) if fitting else None

    def _has_place(self, entity: Sequence[int]) -> bool:
        senses = self.lexicon.lookup(" ".join(self.words[i] for i in entity))
        return any(sense not in PLACELESS_CONCEPTS for sense in senses)

    def _placeless(self, entity: Sequence[int]) -> bool:
        senses = self.lexicon.lookup(" ".join(self.words[i] for i in entity))
        return bool(senses) and all(sense in PLACELESS_CONCEPTS for sense in senses)


def _value(match: re.Match) -> str:
    named = {name: value for name, value in match.groupdict().items() if value}
    if "where" in named:
        return " ".join(_PLACE_NAMES.get(word, word) for word in named["where"].split())
    if "side" in named:
        return f"{named['side']} of"
    name = next(iter(named))
    return _SPOKEN.get(name, name)
