"""Phrases and links -> what a prompt says: things, their values, places and relations.

A clause has a subject; what is worn, held or stood on does not take its place. Where an end of a relation was
not understood, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from . import jargon, thing_words
from .links import Kind, Link
from .phrases import Phrase
from .tagging import Tag, Tagged
from .vocabulary import Thing, Vocabulary


class Role(Enum):
    """What a phrase is in its clause."""

    SUBJECT = "subject"
    HELD = "held"  # worn, carried, contained
    OBJECT = "object"  # what is done with it
    GROUND = "ground"  # the other end of a relation


@dataclass(frozen=True)
class Said:
    """A value, place or relation of a thing. sure: whether the words leave no doubt whose it is."""

    kind: str
    subject: Phrase
    value: str
    tokens: tuple[int, ...]
    concepts: tuple[str, ...] = ()
    other: Phrase | None = None
    sure: bool = True


@dataclass
class Reading:
    """What one prompt says, in reading order."""

    things: list[Phrase] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


@dataclass(frozen=True)
class _Pending:
    """A relation that waits for its other end. nearest: the phrase right before it."""

    link: Link
    subject: Phrase
    nearest: Phrase
    sure: bool


class ClauseReader:
    """Collects what is said from phrases and links in reading order."""

    def __init__(self, tagged: Sequence[Tagged], vocabulary: Vocabulary) -> None:
        self.tagged, self.vocabulary = tagged, vocabulary
        self.out = Reading()
        self.roles: dict[int, Role] = {}
        self.topic: Phrase | None = None
        self._new_clause()

    def _new_clause(self) -> None:
        self.subject: Phrase | None = None
        self.last: Phrase | None = None
        self._after_break()

    def _after_break(self) -> None:
        self.pending: _Pending | None = None
        self.fronted: tuple[Link, Phrase] | None = None
        self.opening: Link | None = None
        self.waiting: list[Link | Phrase] = []
        self.passed: Phrase | None = None
        self.before: Kind = Kind.BREAK
        self.mode: Kind | None = None
        self.looked = False

    def read(self, parts: Iterable[Phrase | Link]) -> Reading:
        for part in parts:
            if isinstance(part, Link):
                self._take_link(part)
                self.before = part.kind
            else:
                self._take_phrase(part)
        return self.out

    # -------------------------------------------------------------------------------------------- phrases

    def _take_phrase(self, phrase: Phrase) -> None:
        if self._takes_as_value(phrase):
            pass
        elif not phrase.name:
            self.waiting.append(phrase)
        elif phrase.thing is Thing.NO or self._only_says_how(phrase):
            self._no_thing(phrase)
        else:
            self._take_thing(phrase)
        if self.before is not Kind.AND:
            self.mode = None
        self.before = Kind.OTHER if self.before is not Kind.OF else Kind.OF

    def _takes_as_value(self, phrase: Phrase) -> bool:
        """A phrase of values after "is", "in" and "made of" says what stands before it is like."""
        bare = len(phrase.name) == 1 and not phrase.determined and not phrase.values
        values = phrase.values if not phrase.name else ()
        in_or_of = self.before in (Kind.IN, Kind.MADE_OF)
        if bare and (in_or_of or self._is_predicate(phrase)):
            values = ((phrase.name[0], self.vocabulary.value(phrase.words[-1])),)
        owner = {Kind.COPULA: self._described(), Kind.IN: self.last, Kind.MADE_OF: self.last}.get(self.before)
        values = tuple(value for value in values if value[1])
        if owner is None or not values:
            return False
        for index, concepts in values:
            self._value(owner, index, concepts, sure=self.before is Kind.COPULA)
        return True

    def _is_predicate(self, phrase: Phrase) -> bool:
        """ "the sky is orange", neither "there are oranges" nor "is light brown"."""
        at = phrase.name[0]
        spoken = [word.text for word in self.tagged[max(0, at - 3) : at]]
        after = self.tagged[at + 1].tag if at + 1 < len(self.tagged) else Tag.BREAK
        there = any(word.startswith("there") for word in spoken)
        return self.before is Kind.COPULA and not there and after is not Tag.ADJECTIVE

    def _described(self) -> Phrase | None:
        """Whom "is red" speaks of."""
        last = self.last
        if last is not None and (self.roles.get(id(last)) is Role.SUBJECT or self._is_after_whose(last)):
            return last
        return self.subject or last

    def _is_after_whose(self, phrase: Phrase) -> bool:
        """ "a house whose roof": what "is red" then speaks of, and not the house."""
        first = min([*phrase.name, *(index for index, _ in phrase.values)])
        return first > 0 and self.tagged[first - 1].text == "whose"

    def _only_says_how(self, phrase: Phrase) -> bool:
        """ "on fire", "on canvas": no place and no thing."""
        bare = not phrase.determined and not phrase.values and not phrase.count
        after_on = self.pending is not None and self.pending.link.value == "on"
        return bare and after_on and phrase.words[-1] in thing_words.NO_PLACE_AFTER_ON

    def _no_thing(self, phrase: Phrase) -> None:
        """A noun that is no thing ends what waited for one; "a square slice of" passes on its values."""
        if phrase.words[-1] in jargon.PARTITIVES:
            self.passed = phrase
            return
        self.pending, self.waiting = None, []
        if self.before not in (Kind.OF, Kind.WITH, Kind.IN, Kind.OTHER, Kind.LOOK):
            self.last = None

    def _take_thing(self, phrase: Phrase) -> None:
        role = self._role(phrase)
        self.roles[id(phrase)] = role
        self.out.things.append(phrase)
        for index, concepts in phrase.values:
            self._value(phrase, index, concepts, sure=True)
        if self.passed is not None and self.before is Kind.OF:
            for index, concepts in self.passed.values:
                self._value(phrase, index, concepts, sure=True)
        self.passed = None
        self._take_waiting(phrase)
        if self.pending is not None:
            self._relate(self.pending, phrase)
        elif self.opening is not None:
            self.fronted, self.opening = (self.opening, phrase), None
            return
        elif self.fronted is not None and role is Role.SUBJECT:
            link, ground = self.fronted
            self._say_relation(link, phrase, ground, sure=False)
            self.fronted = None
        elif self.before is Kind.IN and self.last is not None and not self._is_worn(phrase):
            self._inside(phrase)
        if role is Role.SUBJECT:
            self.subject = phrase
        inner = self.before is Kind.OF or (self.before is Kind.IN and self.last is not None)
        self.last = self.last if inner and self.last is not None else phrase

    def _role(self, phrase: Phrase) -> Role:
        if self.mode is Kind.WITH:
            return Role.HELD
        if self.before is Kind.IN and self.last is not None:
            return Role.HELD
        if self.pending is not None or self.opening is not None:
            return Role.GROUND
        if self.before is Kind.AND and self.last is not None:
            before = self.roles.get(id(self.last), Role.SUBJECT)
            return Role.SUBJECT if before is Role.GROUND else before
        if self.before in (Kind.ACTION, Kind.LOOK, Kind.OTHER, Kind.POSTURE, Kind.OF) and self.subject:
            return Role.OBJECT
        return Role.SUBJECT

    def _is_worn(self, phrase: Phrase) -> bool:
        concepts = {*self.vocabulary.senses(" ".join(phrase.words))}
        concepts.add(self.vocabulary.use(phrase.words[-1]).concept or "")
        return bool(concepts & {"Clothing", "Accessories", "Color", "Material"})

    def _take_waiting(self, phrase: Phrase) -> None:
        for waiting in self.waiting:
            if isinstance(waiting, Link):
                self._place(phrase, waiting, sure=True)
        self.waiting = []

    # ---------------------------------------------------------------------------------------------- links

    def _take_link(self, link: Link) -> None:
        if link.kind in (Kind.BREAK, Kind.COMMA):
            self._take_break(link.kind)
        elif link.kind is Kind.ZONE:
            self.pending, self.last = None, None
        elif link.kind is Kind.RELATION:
            self._take_relation(link)
        elif link.kind is Kind.PLACE:
            self._take_place(link)
        elif link.kind is Kind.PRONOUN:
            self._take_pronoun(link)
        elif link.kind is Kind.WITH:
            self.pending, self.mode = None, Kind.WITH
        elif link.kind is Kind.LOOK:
            self.looked, self.pending = True, None
        elif link.kind in (Kind.ACTION, Kind.POSTURE):
            self.looked, self.pending, self.mode = False, None, None
            self.last = self.last or self.subject
        elif link.kind in (Kind.OTHER, Kind.FRAME, Kind.RELATIVE, Kind.IN):
            self.pending = None

    def _take_break(self, kind: Kind) -> None:
        if kind is Kind.BREAK:
            self.topic = self.subject or self.topic
            self._new_clause()
            return
        fronted = self.fronted
        self._after_break()
        self.fronted = fronted
        self.last = None
        self.before = Kind.COMMA

    def _take_relation(self, link: Link) -> None:
        if self.looked:
            self.looked, self.pending = False, None
            return
        if self.before is Kind.POSTURE or (self.before is Kind.COPULA and self.subject is not None):
            subject = self._described()
            nearest, sure = self.last or subject, True
        elif self.last is not None:
            nearest = self.last
            inner = self.roles.get(id(nearest)) is not Role.SUBJECT and self.subject is not None
            subject = self.subject if inner else nearest
            sure = self.roles.get(id(nearest)) is Role.SUBJECT
        else:
            subject = nearest = None
        if subject is None or nearest is None:
            self.pending, self.opening = None, link if self.before is Kind.BREAK else None
            return
        self.pending = _Pending(link, subject, nearest, sure)

    def _take_place(self, link: Link) -> None:
        self.pending = None
        if self.last is not None:
            owner = self._described() if self.before in (Kind.POSTURE, Kind.COPULA) else self.last
            self._place(owner or self.last, link, sure=True)
        else:
            self.waiting.append(link)

    def _take_pronoun(self, link: Link) -> None:
        pending, self.pending = self.pending, None
        if self.opening is not None and self.topic is not None:
            self.fronted, self.opening = (self.opening, self.topic), None
            return
        if pending is not None:
            other = self._meant(pending)
            if other is not None:
                self._say_relation(pending.link, pending.nearest, other, sure=False)
        elif self.before in (Kind.BREAK, Kind.COMMA, Kind.AND, Kind.RELATIVE):
            self.subject = self.last = self.subject or self.topic
            if self.subject is not None:
                self.roles.setdefault(id(self.subject), Role.SUBJECT)

    def _meant(self, pending: _Pending) -> Phrase | None:
        """What "it" in "on it" means: the subject, or what the last sentence was about."""
        for known in (self.subject, self.topic):
            if known is not None and known is not pending.nearest:
                return known
        return None

    # ------------------------------------------------------------------------------------------- sayings

    def _relate(self, pending: _Pending, phrase: Phrase) -> None:
        self.pending = None
        own = phrase.owned and pending.nearest is not pending.subject
        self._say_relation(
            pending.link, pending.nearest if own else pending.subject, phrase, pending.sure and not own
        )

    def _say_relation(self, link: Link, subject: Phrase, other: Phrase, sure: bool) -> None:
        if subject is not other:
            self.out.said.append(Said("relation", subject, link.value, link.indices, (), other, sure))

    def _inside(self, phrase: Phrase) -> None:
        if self.last is not None and phrase.determined:
            self.out.said.append(Said("relation", self.last, "inside", (), (), phrase, False))

    def _place(self, phrase: Phrase, link: Link, sure: bool) -> None:
        self.out.said.append(Said("place", phrase, link.value, link.indices, sure=sure))

    def _value(self, phrase: Phrase, index: int, concepts: tuple[str, ...], sure: bool) -> None:
        word = self.tagged[index]
        sure = sure and not word.token.unsure
        self.out.said.append(Said("attribute", phrase, word.text, (index,), concepts, sure=sure))
