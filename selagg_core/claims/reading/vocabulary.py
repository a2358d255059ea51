"""What a word or name can be in a prompt: a thing, a value of a thing, or neither.

The lexicon of concepts comes first, then the lists, then the table of English words.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property

from ...prompt.lexicon import Lexicon, base_forms
from ...prompt.word_table import WordUse, is_name, use_of
from . import closed_classes, jargon, thing_words, value_words

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
_GROWN = frozenset(("Animals", "Plants", "Fruits and Vegetables", "Food and Beverages", "Vehicles"))
"""Names of these that start with another thing are not made of it ("orange juice", "snow leopard")."""
_SURE, _PERHAPS = 6, 3
"""Of ten uses of a noun so many name something seen."""


class Thing(IntEnum):
    """How far a name is one of something that can be seen."""

    NO = 0
    PERHAPS = 1
    SURE = 2


class Vocabulary:
    """The words of English as one lexicon of concepts extends them. Answers are remembered."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._senses: dict[str, tuple[str, ...]] = {}
        self._values: dict[str, tuple[str, ...]] = {}
        self._things: dict[tuple[str, ...], Thing] = {}
        self._names: dict[tuple[str, ...], bool] = {}

    def use(self, word: str) -> WordUse:
        return use_of(word)

    @cached_property
    def _listed(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for concept, listed in value_words.VALUES.items():
            for word in listed:
                found[word] = (*found.get(word, ()), concept)
        return found

    def senses(self, name: str) -> tuple[str, ...]:
        """The concepts that the lexicon gives a word or name."""
        if name not in self._senses:
            self._senses[name] = self.lexicon.lookup(name)
        return self._senses[name]

    def value(self, word: str) -> tuple[str, ...]:
        """The concepts of a word as a value ("red": Color); none if it is no known value."""
        if word not in self._values:
            senses = self.senses(word)
            own = tuple(sense for sense in senses if sense in ATTRIBUTE_CONCEPTS)
            self._values[word] = own or self._listed.get(word, ())
        return self._values[word]

    def value_before(self, word: str, head: str) -> tuple[str, ...]:
        """The concepts of a word as a value of what stands after it ("wine": none before "glass")."""
        named_after = self.has_place(word) and not use_of(word).adj and head in thing_words.HOLDERS
        only_names = word in thing_words.NAMING and "Clothing" not in self.senses(head)
        return () if named_after or only_names else self.value(word)

    def is_listed(self, word: str) -> bool:
        """Whether the lexicon has the very word."""
        return word in self.lexicon.senses

    def has_place(self, name: str) -> bool:
        """Whether the lexicon knows a name as something with a place in the picture."""
        return any(sense not in PLACELESS_CONCEPTS for sense in self.senses(name))

    def thing(self, name: Sequence[str]) -> Thing:
        """Whether a name, given as its words in lower case, is one of a thing."""
        key = tuple(name)
        if key not in self._things:
            self._things[key] = self._thing(key)
        return self._things[key]

    def _thing(self, name: tuple[str, ...]) -> Thing:
        head, whole = name[-1], " ".join(name)
        if head in thing_words.THINGS:
            return Thing.SURE
        known = whole in self.lexicon.senses or (len(name) > 1 and is_name(name))
        if len(name) > 1 and head in thing_words.OBJECTS and use_of(name[-2]).thing >= _PERHAPS:
            return Thing.SURE
        if head == "light" and len(name) > 1 and name[-2] in thing_words.LAMPS:
            return Thing.SURE
        if head in jargon.NOT_THINGS and not (known and len(name) > 1):
            return Thing.NO
        if self.has_place(whole):
            return Thing.SURE
        use = use_of(whole if known and len(name) > 1 else head)
        if not use.noun:
            use = use_of(head.rpartition("-")[2])
        if self.senses(head):  # it knows the word, as nothing with a place
            return Thing.PERHAPS if use.thing > _SURE else Thing.NO
        if use.thing >= _SURE:
            return Thing.SURE
        return Thing.PERHAPS if use.thing >= _PERHAPS else Thing.NO

    def is_rare(self, word: str) -> bool:
        """Whether a noun is so rare that it may well be the name of somebody or of a style."""
        return use_of(word).noun <= 1 and word not in thing_words.THINGS and not self.senses(word)

    def is_material(self, word: str) -> bool:
        """Whether a noun names what things are made of, and no thing."""
        senses = self.senses(word)
        return bool(senses) and word not in thing_words.THINGS and not self.has_place(word)

    def is_phrase_of_value(self, words: Sequence[str]) -> bool:
        """Whether words together are a value of their own ("stainless steel")."""
        senses = self.lexicon.senses.get(" ".join(words), ())
        return bool(senses) and all(sense in ATTRIBUTE_CONCEPTS for sense in senses)

    def is_name(self, words: Sequence[str]) -> bool:
        """Whether words together are one name of a thing, the first of them no value that can be checked."""
        key = tuple(words)
        if key not in self._names:
            self._names[key] = self._is_name(key)
        return self._names[key]

    def _is_name(self, words: tuple[str, ...]) -> bool:
        if words[-1] in jargon.NOT_THINGS - jargon.MEDIA or words[0] in closed_classes.CLOSED:
            return False
        whole = " ".join(words)
        listed = any(form in self.lexicon.senses for form in base_forms(whole))
        listed = listed and self.has_place(whole)
        if not listed and not is_name(words):
            return False
        concepts = {*(self.senses(whole) if listed else ()), use_of(whole).concept}
        first = use_of(words[0])
        return not self.value(words[0]) or (first.noun >= first.adj and bool(concepts & _GROWN))
