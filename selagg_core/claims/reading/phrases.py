"""Tagged tokens -> noun phrases and the links between them, in reading order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import closed_classes, jargon, thing_words, value_words, verb_words
from .links import Kind, Link, find_links
from .tagging import Tag, Tagged
from .vocabulary import Thing, Vocabulary

SENTENCE_MARKS = frozenset(".!?;|\n\u3002")
MOST_NOUNS = 3
"""Nouns in a row that can still be one name; more are a list without commas."""
_IN_PHRASE = frozenset((Tag.NUMBER, Tag.ADJECTIVE, Tag.NOUN, Tag.NAME, Tag.UNKNOWN))
_DEFINITE = frozenset(("the", "this", "that", "these", "those", "both"))


@dataclass
class Phrase:
    """A noun phrase; identity matters: one phrase is one mention of a thing.

    name: indices of the tokens that name the thing, () for values alone. values: those that say what it is
    like, with their concepts. count: how many, and the token that says so.
    """

    name: tuple[int, ...]
    words: tuple[str, ...] = ()
    values: tuple[tuple[int, tuple[str, ...]], ...] = ()
    count: tuple[int, int] | None = None
    determined: bool = False
    definite: bool = False
    owned: bool = False
    thing: Thing = Thing.NO
    unsure: bool = False


@dataclass
class _Run:
    """Tokens of a phrase that is being read."""

    indices: list[int] = field(default_factory=list)
    determiner: str = ""
    owned: bool = False


class PhraseReader:
    """Reads the phrases and links of one prompt."""

    def __init__(self, tagged: Sequence[Tagged], silent: Sequence[str], vocabulary: Vocabulary) -> None:
        self.tagged, self.silent, self.vocabulary = tagged, silent, vocabulary
        self.links = find_links(tagged, silent)
        self.run = _Run()

    def read(self) -> Iterator[Phrase | Link]:
        at = 0
        while at < len(self.tagged):
            link = self.links.get(at)
            if link is not None and not self._is_noun_side(at):
                yield from self._flush()
                yield link
                at += len(link.indices)
                continue
            yield from self._take(at)
            at += 1
        yield from self._flush()

    def _take(self, at: int) -> Iterator[Phrase | Link]:
        word = self.tagged[at]
        if self.silent[at]:
            yield from self._flush()
            yield Link(Kind.ZONE, self.silent[at])
        elif word.tag in (Tag.DETERMINER, Tag.POSSESSIVE):
            yield from self._flush()
            self.run = _Run([], word.text, word.tag is Tag.POSSESSIVE)
        elif word.tag is Tag.OWNER:
            self.run.indices.append(at)
            yield from self._flush()
            self.run = _Run([], word.text, True)
        elif word.tag in _IN_PHRASE:
            if word.tag in (Tag.ADJECTIVE, Tag.NUMBER) and self._has_noun():
                yield from self._flush()
            self.run.indices.append(at)
        elif word.tag in (Tag.ADVERB, Tag.MUTE):
            if self._has_noun():
                yield from self._flush()
        elif self._joins(at):
            pass
        else:
            yield from self._flush()
            yield self._link(at)

    def _has_noun(self) -> bool:
        return any(self.tagged[i].tag in (Tag.NOUN, Tag.NAME, Tag.UNKNOWN) for i in self.run.indices)

    def _joins(self, at: int) -> bool:
        """Whether "and" or a comma stands between two values of one noun ("a red and blue shirt")."""
        if self.tagged[at].text not in ("and", "or", "&", ",") or not self.run.indices:
            return False
        if self.tagged[at].text == "," and not self.run.determiner:
            return False
        follows = at + 1 < len(self.tagged) and not self.silent[at + 1] and self.tagged[at + 1]
        if not follows or follows.tag is not Tag.ADJECTIVE or (at + 1) in self.links:
            return False
        return all(self.tagged[i].tag in (Tag.ADJECTIVE, Tag.NUMBER) for i in self.run.indices)

    def _is_noun_side(self, at: int) -> bool:
        """ "left" and "right" before a noun ("left arm") are no links."""
        link = self.links[at]
        return len(link.indices) == 1 and link.value in ("left of", "right of")

    def _link(self, at: int) -> Link:
        word = self.tagged[at]
        return Link(self._kind(word), word.text, (at,))

    def _kind(self, word: Tagged) -> Kind:
        if word.tag is Tag.BREAK:
            return Kind.BREAK if word.text in SENTENCE_MARKS else Kind.COMMA
        if word.tag is Tag.COPULA:
            return Kind.COPULA
        if word.tag is Tag.PRONOUN:
            return Kind.PRONOUN
        if word.tag is Tag.RELATIVE:
            return Kind.RELATIVE
        if word.tag is Tag.CONJUNCTION:
            return Kind.AND
        if word.text in ("in", "into"):
            return Kind.IN
        if word.text == "of":
            return Kind.OF
        if word.text in verb_words.WEARING:
            return Kind.WITH
        if word.text in verb_words.LOOKING:
            return Kind.LOOK
        if word.text in verb_words.POSTURES:
            return Kind.POSTURE
        return Kind.ACTION if word.tag in (Tag.VERB, Tag.DOING, Tag.DONE) else Kind.OTHER

    # ------------------------------------------------------------------------------------------- phrases

    def _flush(self) -> Iterator[Phrase | Link]:
        run, self.run = self.run, _Run()
        if not run.indices:
            return
        indices = self._without_kind_nouns(run.indices)
        head = self._head(indices)
        values_alone = len(indices) < len(run.indices) and run.indices[-1] not in indices
        if head is None or values_alone or self._is_shade(indices):
            yield Phrase((), values=self._values(indices, ""), determined=bool(run.determiner))
            return
        nouns = [i for i in indices if self.tagged[i].tag is Tag.NOUN]
        last_two = [self.tagged[i].text for i in nouns[-2:]]
        no_name = len(nouns) == MOST_NOUNS and not self.vocabulary.thing(last_two)
        if (len(nouns) > MOST_NOUNS or no_name) and not run.determiner:
            yield from self._list_of(nouns)
            return
        yield self._phrase(run, indices[: indices.index(head) + 1])

    def _list_of(self, nouns: Sequence[int]) -> Iterator[Phrase | Link]:
        """A row of nouns without commas ("sky clouds nature park snow"): each may be a thing of its own."""
        for index in nouns:
            phrase = self._phrase(_Run(), [index])
            if phrase.thing is Thing.SURE:
                phrase.unsure = True
                yield phrase
                yield Link(Kind.COMMA)

    def _without_kind_nouns(self, indices: Sequence[int]) -> list[int]:
        """ "white color car": "color" only says what kind of value "white" is."""
        kept: list[int] = []
        for index in indices:
            if self.tagged[index].text in value_words.KIND_NOUNS and kept and self._value(kept[-1]):
                continue
            kept.append(index)
        return kept

    def _is_shade(self, indices: Sequence[int]) -> bool:
        """ "dark orange" is a colour, though an orange is a thing."""
        texts = [self.tagged[i].text for i in indices]
        return len(texts) == 2 and texts[0] in value_words.SHADES and "Color" in self._value(indices[1])

    def _head(self, indices: Sequence[int]) -> int | None:
        """The last noun. Strange words after a thing are its own name ("princess Zelda")."""
        named = [i for i in indices if self.tagged[i].tag in (Tag.NOUN, Tag.OWNER, Tag.UNKNOWN)]
        known = [i for i in named if self.tagged[i].tag is not Tag.UNKNOWN]
        if known and self.vocabulary.thing((self.tagged[known[-1]].text,)):
            return known[-1]
        return named[-1] if named else None

    def _value(self, index: int) -> tuple[str, ...]:
        return self.vocabulary.value(self.tagged[index].text)

    def _phrase(self, run: _Run, indices: list[int]) -> Phrase:
        start = self._name_start(indices)
        name = tuple(indices[start:])
        words = tuple(self.tagged[i].text.removesuffix("'s") for i in name)
        values = self._values(indices[:start], words[-1])
        counts = [(self._number(i), i) for i in indices[:start] if self.tagged[i].tag is Tag.NUMBER]
        thing = self._thing_of(run, indices, words, bool(counts))
        return Phrase(
            name,
            words,
            values,
            counts[0] if counts and 0 < counts[0][0] <= closed_classes.MOST_COUNTED else None,
            bool(run.determiner),
            run.determiner in _DEFINITE or run.owned,
            run.owned,
            thing,
            any(self.tagged[i].token.unsure for i in name),
        )

    def _thing_of(self, run: _Run, indices: Sequence[int], words: tuple[str, ...], counted: bool) -> Thing:
        head, word = indices[-1], words[-1]
        determined = bool(run.determiner) or counted
        thing = self.vocabulary.thing(words)
        after = self.tagged[head + 1].text if head + 1 < len(self.tagged) else ""
        if self._is_medium(head, len(words)) or (word in jargon.PARTITIVES and after == "of"):
            return Thing.NO
        if word in thing_words.DETERMINED_THINGS and determined:
            return Thing.NO if self._stands_alone(indices) else Thing.SURE
        if word in thing_words.GENERIC:
            return Thing.PERHAPS if determined or len(indices) > 1 else Thing.NO
        if word in thing_words.BODY:
            return Thing.PERHAPS if run.owned else Thing.NO
        if self.tagged[head].tag is Tag.UNKNOWN:
            seen = determined and len(indices) <= MOST_NOUNS and word not in jargon.NOT_THINGS
            return Thing.PERHAPS if seen or self._does_something(head) else Thing.NO
        if not thing and determined and word not in jargon.NOT_THINGS and self._looks_seen(indices):
            return Thing.PERHAPS
        if determined or len(indices) > 1:
            return thing
        if self.vocabulary.is_material(word) or (self._value(head) and self._is_rather_value(word)):
            return Thing.NO
        if word in jargon.ART_SUPPLIES:
            return Thing.NO
        return Thing.PERHAPS if thing and self.vocabulary.is_rare(word) else thing

    def _does_something(self, head: int) -> bool:
        """Whether a verb follows: somebody whose name nothing knows, such as "Jeff Bezos wears"."""
        if (
            head + 1 >= len(self.tagged)
            or self.tagged[head].text in jargon.NOT_THINGS
            or self.silent[head + 1]
        ):
            return False
        after = self.tagged[head + 1]
        known = verb_words.POSTURES | verb_words.WEARING | verb_words.TRANSITIVE
        return after.tag in (Tag.VERB, Tag.DOING) and after.text in known

    def _is_rather_value(self, word: str) -> bool:
        use = self.vocabulary.use(word)
        return use.adj > use.noun

    def _looks_seen(self, indices: Sequence[int]) -> bool:
        """Whether a colour, material or shape is said of it: then it can be seen, whatever it is."""
        seen = {"Color", "Material", "Shape", "Geometric Patterns", "Texture"}
        return any(seen & set(self._value(i)) for i in indices[:-1])

    def _number(self, index: int) -> int:
        text = self.tagged[index].text
        return int(text) if text.isdecimal() else closed_classes.NUMBERS.get(text, 0)

    def _is_medium(self, head: int, words: int) -> bool:
        """ "photo of", "poster showing": the picture itself."""
        after = self.tagged[head + 1].text if head + 1 < len(self.tagged) else ""
        if self.tagged[head].text not in jargon.MEDIA or after not in jargon.AFTER_MEDIUM:
            return False
        return after != "with" or words == 1

    def _stands_alone(self, indices: Sequence[int]) -> bool:
        """Whether a phrase is all of its sentence or tag: "a photo, ...", "an oil painting"."""
        before = indices[0] - 2 if indices[0] else -1
        last = indices[-1] + 1
        first = before < 0 or self.tagged[before].tag is Tag.BREAK
        return first and (last >= len(self.tagged) or self.tagged[last].tag is Tag.BREAK)

    def _name_start(self, indices: Sequence[int]) -> int:
        """Where the words start that name the thing: nouns before it belong to its name, values do not."""
        start, head = len(indices) - 1, self.tagged[indices[-1]].text
        while start and self.tagged[indices[start - 1]].tag is Tag.NAME:
            start -= 1
        while start and len(indices) - start < MOST_NOUNS:
            before = indices[start - 1]
            tag = self.tagged[before].tag
            names = tag is Tag.UNKNOWN and self.tagged[indices[-1]].tag is Tag.UNKNOWN
            if (tag not in (Tag.NOUN, Tag.NAME) and not names) or before + 1 != indices[start]:
                break
            text = self.tagged[before].text
            if text in jargon.NOT_THINGS or self.vocabulary.value_before(text, head):
                break
            start -= 1
        return start

    def _values(self, indices: Sequence[int], head: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
        found = []
        for place, index in enumerate(indices):
            text = self.tagged[index].text
            concepts = self.vocabulary.value_before(text, head)
            after = indices[place + 1] if place + 1 < len(indices) else None
            if after is not None and self.tagged[after].text in value_words.BODY_ADJECTIVES:
                continue  # "pink haired": the hair is
            shade = text in value_words.SHADES and after is not None and "Color" in self._value(after)
            if concepts and not shade:
                found.append((index, concepts))
        return tuple(found)
