"""Prompts -> claims: from the words in their order (see `phrases`); the artist's edits are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..prompt.groups import WordGroup, choose_groups
from ..prompt.lexicon import Concept, Lexicon, common_words
from ..prompt.words import Prompt
from .claim import PLACES, Claim, Claims
from .edits import edited
from .phrases import PLACELESS_CONCEPTS, Link, NounPhrase, read_phrases

_OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def general_lexicon(concepts: Sequence[Concept] = ()) -> Lexicon:
    """The common words of all published concepts, and those of `concepts` beside."""
    known = {concept.name for concept in concepts}
    common = [Concept(name, words) for name, words in common_words().items() if name not in known]
    return Lexicon.of([*common, *concepts])


def read_claims(prompts: Sequence[Prompt], lexicon: Lexicon, edits: str = "") -> Claims:
    """The claims of the prompts of one or several conditioning entries, with the artist's edits applied.

    edits, one a line: `red > scarf`, `cat left of dog`, `cat: top left`, `orange = Color`, `ignore: words`.
    A line that cannot be used becomes a problem; the others count.
    """
    found: list[Claim] = []
    for entry, prompt in enumerate(prompts):
        found += _PromptClaims(prompt, entry, lexicon).read()
    return _without_contradictions(edited(found, prompts, lexicon, edits))


@dataclass
class _PromptClaims:
    """The claims of one prompt, collected phrase by phrase."""

    prompt: Prompt
    entry: int
    lexicon: Lexicon
    labels: dict[int, str] = field(init=False)
    found: list[Claim] = field(default_factory=list)
    last: WordGroup | None = None
    """The entity that a place or an attribute after it is about."""
    relation: tuple[WordGroup, Link] | None = None
    waiting: list[Link | NounPhrase] = field(default_factory=list)
    """Places and attributes that stand before the entity that they are about."""
    link: str = "break"

    def __post_init__(self) -> None:
        words = choose_groups([self.prompt], "all") if self.prompt.words else ()
        self.labels = {group.indices[0]: group.label for group in words}

    def read(self) -> list[Claim]:
        for part in read_phrases(self.prompt, self.lexicon):
            if isinstance(part, NounPhrase):
                self._take_phrase(part)
                self.link = ""
            else:
                self._take_link(part)
        return self.found

    def _take_phrase(self, phrase: NounPhrase) -> None:
        if not phrase.entity:
            bound = self.last if self.link in ("copula", "in") else None
            if bound is None:
                self.waiting.append(phrase)
            else:
                self._describe(bound, phrase)
            return
        entity = self._group(phrase.entity)
        self.found.append(Claim("entity", entity, words=entity))
        if phrase.count is not None and phrase.count_index is not None:
            self.found.append(Claim("count", entity, str(phrase.count), self._group((phrase.count_index,))))
        self._describe(entity, phrase)
        self._sense(entity)
        if self.relation is not None:
            subject, link = self.relation
            self.found.append(Claim("relation", subject, link.value, self._group(link.indices), entity))
            self.relation = None
        for waiting in self.waiting:
            if isinstance(waiting, Link):
                self._place(entity, waiting)
            elif self.link == "and":
                self._describe(entity, waiting)
        self.waiting, self.last = [], entity

    def _take_link(self, link: Link) -> None:
        if link.kind == "relation":
            self.relation = (self.last, link) if self.last is not None else None
        elif link.kind == "place" and self.last is not None:
            self._place(self.last, link)
        elif link.kind == "place":
            self.waiting.append(link)
        elif link.kind == "break":
            self.last, self.waiting = (self.last if self.relation else None), []
        self.link = link.kind

    def _describe(self, entity: WordGroup, phrase: NounPhrase) -> None:
        for described in phrase.attributes:
            word = self._group((described.index,))
            self.found.append(Claim("attribute", entity, word.text, word, intended=described.concepts))
            senses = self.lexicon.lookup(word.text)
            others = tuple(sense for sense in senses if sense not in PLACELESS_CONCEPTS)
            others = tuple(sense for sense in others if sense not in described.concepts)
            if others and set(senses) & set(described.concepts):
                self.found.append(Claim("sense", entity, word.text, word, None, described.concepts, others))

    def _sense(self, entity: WordGroup) -> None:
        """A noun that could also be a colour, such as "orange", is meant as the thing."""
        senses = self.lexicon.lookup(entity.text)
        as_colour = tuple(sense for sense in senses if sense == "Color")
        others = tuple(sense for sense in senses if sense not in PLACELESS_CONCEPTS)
        if as_colour and others:
            self.found.append(Claim("sense", entity, entity.text, entity, None, others, as_colour))

    def _place(self, entity: WordGroup, link: Link) -> None:
        if link.value in PLACES:
            self.found.append(Claim("place", entity, link.value, self._group(link.indices)))

    def _group(self, indices: tuple[int, ...]) -> WordGroup:
        if len(indices) == 1 and indices[0] in self.labels:
            return WordGroup(self.labels[indices[0]], indices, self.entry)
        label = " ".join(self.prompt.words[i].text for i in indices)
        earlier = {c.subject for c in self.found if c.subject.text == label and c.subject.indices != indices}
        return WordGroup(f"{label} ({len(earlier) + 1})" if earlier else label, indices, self.entry)


def _without_contradictions(claims: Claims) -> Claims:
    """Of two claims that cannot both be true the later one goes, the artist's own stay; a problem says so."""
    ordered = sorted(claims.all, key=lambda claim: claim.source != "artist")
    kept: list[Claim] = []
    problems = list(claims.problems)
    for claim in ordered:
        against = next((other for other in kept if _contradict(claim, other)), None)
        if against is None:
            kept.append(claim)
        else:
            problems.append(
                f'"{claim.text}" and "{against.text}" cannot both be true: only the second is checked. '
                "Say which one you mean."
            )
    order = {id(claim): number for number, claim in enumerate(claims.all)}
    return Claims(tuple(sorted(kept, key=lambda claim: order[id(claim)])), tuple(problems))


def _contradict(one: Claim, other: Claim) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == "place":
        return one.subject == other.subject and one.value != other.value and _apart(one.value, other.value)
    if one.kind != "relation" or one.value not in _OPPOSITE or other.value not in _OPPOSITE:
        return False
    same = (one.subject, one.other) == (other.subject, other.other)
    turned = (one.subject, one.other) == (other.other, other.subject)
    return (same and one.value == _OPPOSITE[other.value]) or (turned and one.value == other.value)


def _apart(one: str, other: str) -> bool:
    """Whether two places exclude each other: "left" and "top" do not, "left" and "right" do."""
    (x, y), (u, v) = PLACES[one], PLACES[other]
    return x * u < 0 or y * v < 0 or (one == "center") != (other == "center")
