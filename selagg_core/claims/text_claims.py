"""What was read from one prompt -> claims about its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..prompt.groups import WordGroup, choose_groups
from ..prompt.lexicon import Lexicon
from ..prompt.placed_text import Span, placed_text
from ..prompt.words import Prompt
from .claim import PLACES, RELATIONS, Claim, Silent
from .english import seems_foreign
from .mentions import first_mentions
from .reading.clauses import Said
from .reading.phrases import Phrase
from .reading.reader import TextReading, read_text
from .reading.vocabulary import PLACELESS_CONCEPTS, Thing, Vocabulary


@dataclass(frozen=True)
class TextClaims:
    """The claims of one prompt, the parts that make none, and whether it seems to be in another language."""

    claims: tuple[Claim, ...]
    silent: tuple[Silent, ...]
    foreign: bool


def claims_of(prompt: Prompt, entry: int, vocabulary: Vocabulary) -> TextClaims:
    """Reads the prompt of the `entry`-th conditioning entry."""
    text, spans = placed_text(prompt)
    reading = read_text(text, vocabulary)
    words = _words_of_tokens(reading, spans)
    writer = _Writer(prompt, entry, vocabulary.lexicon, words)
    return TextClaims(
        tuple(writer.claims(reading)), tuple(writer.silent(reading)), seems_foreign(reading.tagged)
    )


def _words_of_tokens(reading: TextReading, spans: Sequence[Span | None]) -> list[tuple[int, ...]]:
    """For each token the words of the prompt that lie in it."""
    placed = [(span, index) for index, span in enumerate(spans) if span is not None]
    found: list[tuple[int, ...]] = []
    at = 0
    for word in reading.tagged:
        own = []
        while at < len(placed) and placed[at][0][0] < word.token.stop:
            if placed[at][0][0] >= word.token.start:
                own.append(placed[at][1])
            at += 1
        found.append(tuple(own))
    return found


@dataclass
class _Writer:
    """Turns phrases and what is said of them into claims about word groups."""

    prompt: Prompt
    entry: int
    lexicon: Lexicon
    words: Sequence[tuple[int, ...]]
    """For each token its words."""
    labels: dict[int, str] = field(init=False)
    numbers: dict[str, dict[tuple[int, ...], int]] = field(default_factory=dict)
    """Text of a group of several words -> its groups and their numbers."""

    def __post_init__(self) -> None:
        words = choose_groups([self.prompt], "all") if self.prompt.words else ()
        self.labels = {group.indices[0]: group.label for group in words}

    def claims(self, reading: TextReading) -> Iterable[Claim]:
        first = first_mentions(reading.said.things)
        of_thing: dict[int, list[Said]] = {}
        others: list[Said] = []
        for said in reading.said.said:
            if said.kind == "attribute":
                of_thing.setdefault(id(first[id(said.subject)]), []).append(said)
            else:
                others.append(said)
        counted = {id(first[id(p)]): p for p in reversed(reading.said.things) if p.count}
        for phrase in reading.said.things:
            if first[id(phrase)] is phrase and (entity := self._group(phrase.name)) is not None:
                yield from self._thing(phrase, entity, counted.get(id(phrase)), of_thing.get(id(phrase), ()))
        yield from self._others(others, first)

    def silent(self, reading: TextReading) -> Iterable[Silent]:
        run: list[int] = []
        for index, reason in enumerate((*reading.silent, "")):
            before = reading.silent[index - 1] if index else ""
            if run and reason != before:
                group = self._group(tuple(run))
                if group is not None:
                    yield Silent(group, before)
                run = []
            if reason:
                run.append(index)

    def _thing(
        self, phrase: Phrase, entity: WordGroup, counted: Phrase | None, said: Sequence[Said]
    ) -> Iterable[Claim]:
        checked = is_sure(phrase)
        yield Claim("entity", entity, words=entity, checked=checked)
        if counted is not None and counted.count is not None:
            number, token = counted.count
            yield Claim("count", entity, str(number), self._group((token,)), checked=checked)
        seen: set[str] = set()
        for value in said:
            if value.value not in seen:
                seen.add(value.value)
                yield from self._attribute(entity, value, checked and value.sure)
        yield from self._sense_of(entity, checked)

    def _attribute(self, entity: WordGroup, said: Said, checked: bool) -> Iterable[Claim]:
        word = self._group(said.tokens)
        if word is None:
            return
        yield Claim("attribute", entity, word.text, word, intended=said.concepts, checked=checked)
        senses = self.lexicon.lookup(word.text)
        others = tuple(s for s in senses if s not in PLACELESS_CONCEPTS and s not in said.concepts)
        if others and set(senses) & set(said.concepts):
            yield Claim("sense", entity, word.text, word, None, said.concepts, others, checked=checked)

    def _sense_of(self, entity: WordGroup, checked: bool) -> Iterable[Claim]:
        """A noun that could also be a colour, such as "orange", is meant as the thing."""
        senses = self.lexicon.lookup(entity.text)
        as_colour = tuple(sense for sense in senses if sense == "Color")
        others = tuple(sense for sense in senses if sense not in PLACELESS_CONCEPTS)
        if as_colour and others:
            yield Claim("sense", entity, entity.text, entity, None, others, as_colour, checked=checked)

    def _others(self, said: Sequence[Said], first: dict[int, Phrase]) -> Iterable[Claim]:
        seen: set[tuple] = set()
        for one in said:
            subject = first[id(one.subject)]
            other = first[id(one.other)] if one.other is not None else None
            key = (one.kind, id(subject), one.value, id(other))
            group, far = self._group(subject.name), self._group(other.name) if other else None
            if key in seen or group is None or (other is not None and (far is None or far == group)):
                continue
            seen.add(key)
            words = self._group(one.tokens)
            checked = one.sure and is_sure(subject) and (other is None or is_sure(other))
            if (one.kind == "place" and one.value in PLACES) or one.value in RELATIONS:
                yield Claim(one.kind, group, one.value, words, far, checked=checked)

    def _group(self, tokens: Sequence[int]) -> WordGroup | None:
        """The words of some tokens as a group; None if the tokens have none."""
        indices = tuple(index for token in tokens for index in self.words[token])
        if not indices:
            return None
        if len(indices) == 1 and indices[0] in self.labels:
            return WordGroup(self.labels[indices[0]], indices, self.entry)
        label = " ".join(self.prompt.words[i].text for i in indices)
        known = self.numbers.setdefault(label.casefold(), {})
        number = known.setdefault(indices, len(known) + 1)
        return WordGroup(f"{label} ({number})" if number > 1 else label, indices, self.entry)


def is_sure(phrase: Phrase) -> bool:
    """Whether a phrase is surely one of a thing in the picture, so that its absence can be warned of."""
    return phrase.thing is Thing.SURE and not phrase.unsure
