"""What a prompt claims about the picture: entities, their attributes, places and relations.

Claims come from the words in their order (see `phrases`); the artist's edits are final.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .concepts import Lexicon, common_words
from .groups import WordGroup, choose_groups, find_group
from .phrases import PLACELESS_CONCEPTS, Link, NounPhrase, read_phrases
from .prompt import Prompt
from .relevance import Concept

DIRECTIONS: Mapping[str, tuple[int, int]] = {
    "left of": (1, 0),
    "right of": (-1, 0),
    "above": (0, 1),
    "below": (0, -1),
    "on": (0, 1),
    "under": (0, -1),
}
"""Relation -> direction (x, y) from its subject to the other entity. "on" and "under" say more than that."""
RELATIONS = (*DIRECTIONS, "next to", "in front of", "behind", "inside")
PLACES: Mapping[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "top": (0, -1),
    "bottom": (0, 1),
    "top left": (-1, -1),
    "top right": (1, -1),
    "bottom left": (-1, 1),
    "bottom right": (1, 1),
    "center": (0, 0),
}
"""Place -> direction (x, y) from the middle of the picture."""
_OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_SYNONYMS = {"centre": "center", "middle": "center", "upper": "top", "lower": "bottom"}


@dataclass(frozen=True)
class Claim:
    """Something that the prompt, or the artist, says about the picture.

    kind: "entity" (it is there), "attribute" (`value` is said of it), "place" (where in the picture),
    "relation" (to `other`), "count", or "sense" (which of its meanings `words` has: `intended` against
    `unintended` concepts). subject: the entity; words: what says it, None for an edit without words.
    """

    kind: str
    subject: WordGroup
    value: str = ""
    words: WordGroup | None = None
    other: WordGroup | None = None
    intended: tuple[str, ...] = ()
    unintended: tuple[str, ...] = ()
    source: str = "prompt"

    @property
    def text(self) -> str:
        """The claim in plain words, in the form in which it can be edited."""
        subject = self.subject.label
        if self.kind == "attribute":
            return f"{self.value} > {subject}"
        if self.kind == "relation" and self.other is not None:
            return f"{subject} {self.value} {self.other.label}"
        if self.kind == "sense":
            return f"{(self.words or self.subject).label} = {' + '.join(self.intended)}"
        return f"{subject}: {self.value}" if self.value else subject


@dataclass(frozen=True)
class Claims:
    """All claims, and what could not be understood or contradicts itself, as sentences for the artist."""

    all: tuple[Claim, ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.all if claim.kind == kind)

    @property
    def groups(self) -> tuple[WordGroup, ...]:
        """Every word or phrase that a claim is about, once, in the order of the claims."""
        named = (group for claim in self.all for group in (claim.subject, claim.words, claim.other))
        return tuple(dict.fromkeys(group for group in named if group is not None))

    def attributes_of(self, entity: WordGroup) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.of("attribute") if claim.subject == entity)


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
    return _without_contradictions(_edited(found, prompts, lexicon, edits))


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


_ATTRIBUTE_EDIT = re.compile(r"^(?P<value>.+?)\s*>\s*(?P<subject>.+)$")
_SENSE_EDIT = re.compile(r"^(?P<subject>.+?)\s*=\s*(?P<concepts>.+)$")
_RELATION_EDIT = re.compile(
    r"^(?P<subject>.+?)\s+(?:is\s+)?(?:to the |on the )?"
    rf"(?P<relation>{'|'.join(sorted(RELATIONS, key=len, reverse=True))})\s+(?:the\s+|a\s+)?(?P<other>.+)$"
)


def parse_place(text: str) -> str | None:
    """A name of PLACES for the way an artist writes it ("in the upper left corner"), or None."""
    words = re.findall("[a-z]+", text.casefold())
    skipped = {"on", "at", "in", "to", "the", "side", "corner", "half", "third", "part", "edge", "of"}
    name = " ".join(_SYNONYMS.get(word, word) for word in words if word not in skipped)
    return name if name in PLACES else None


def _edited(found: Sequence[Claim], prompts: Sequence[Prompt], lexicon: Lexicon, edits: str) -> Claims:
    claims, problems = list(found), []
    for line in filter(None, (part.strip() for part in re.split(r"[\n;]", edits))):
        try:
            claims = _apply(claims, prompts, lexicon, line)
        except ValueError as error:
            problems.append(f'claim "{line}": {error}')
    return Claims(tuple(claims), tuple(problems))


def _apply(claims: list[Claim], prompts: Sequence[Prompt], lexicon: Lexicon, line: str) -> list[Claim]:
    """The claims with one line of edits applied. Raises ValueError, with what to write instead."""
    head, colon, rest = line.partition(":")
    if colon and head.strip().casefold() == "ignore":
        return _ignored(claims, prompts, rest)
    if match := _ATTRIBUTE_EDIT.match(line):
        word, entity = (_named(prompts, claims, match[name]) for name in ("value", "subject"))
        concepts = lexicon.lookup(word.text)
        others = [c for c in claims if not (c.kind in ("attribute", "sense") and c.words == word)]
        return [
            *_with_entity(others, entity),
            Claim("attribute", entity, word.text, word, None, concepts[:1], source="artist"),
        ]
    if match := _SENSE_EDIT.match(line):
        return _with_sense(claims, _named(prompts, claims, match["subject"]), match["concepts"], lexicon)
    if match := _RELATION_EDIT.match(line):
        subject, other = (_named(prompts, claims, match[name]) for name in ("subject", "other"))
        others = _unless_read(claims, "relation", lambda c: {c.subject, c.other} == {subject, other})
        claim = Claim("relation", subject, match["relation"], None, other, source="artist")
        return [*_with_entity(_with_entity(others, subject), other), claim]
    if colon and (place := parse_place(rest)):
        entity = _named(prompts, claims, head)
        others = _unless_read(claims, "place", lambda c: c.subject == entity)
        return [*_with_entity(others, entity), Claim("place", entity, place, source="artist")]
    raise ValueError(
        "write it like one of: red > scarf, cat left of dog, cat: top left, orange = Color, "
        "ignore: masterpiece."
    )


def _unless_read(claims: Sequence[Claim], kind: str, replaced: Callable[[Claim], bool]) -> list[Claim]:
    """The claims without those of a kind that an edit replaces; what the artist wrote himself stays."""
    return [c for c in claims if c.kind != kind or c.source == "artist" or not replaced(c)]


def _named(prompts: Sequence[Prompt], claims: Sequence[Claim], text: str) -> WordGroup:
    """The group of an edit: one of a claim if its label or its words are meant, else from the prompt."""
    wanted = text.strip().casefold()
    groups = Claims(tuple(claims)).groups
    for group in groups:
        if group.label.casefold() == wanted:
            return group
    for group in groups:
        if wanted.endswith(f" {group.text.casefold()}") or group.text.casefold().endswith(f" {wanted}"):
            return group
    whole = find_group(prompts, text)
    pieces = len(text.split())
    return replace(whole, indices=whole.indices[:pieces]) if len(whole.indices) > pieces else whole


def _with_entity(claims: Sequence[Claim], entity: WordGroup) -> list[Claim]:
    known = any(claim.kind == "entity" and claim.subject == entity for claim in claims)
    return [*claims] if known else [*claims, Claim("entity", entity, words=entity, source="artist")]


def _with_sense(claims: Sequence[Claim], word: WordGroup, names: str, lexicon: Lexicon) -> list[Claim]:
    known = {name.casefold(): name for name in lexicon.concepts}
    named = [name.strip().casefold() for name in names.split("+")]
    if unknown := [name for name in named if name not in known]:
        raise ValueError(f'there is no concept "{unknown[0]}"; concepts are {", ".join(lexicon.concepts)}.')
    intended = tuple(known[name] for name in named)
    others = tuple(sense for sense in lexicon.lookup(word.text) if sense not in intended)
    bound = next((c.subject for c in claims if c.kind == "attribute" and c.words == word), word)
    kept = [c for c in claims if not (c.kind == "sense" and c.words == word)]
    return [*kept, Claim("sense", bound, word.text, word, None, intended, others, "artist")]


def _ignored(claims: Sequence[Claim], prompts: Sequence[Prompt], words: str) -> list[Claim]:
    kept = list(claims)
    for word in filter(None, (part.strip() for part in words.split(","))):
        gone = _named(prompts, claims, word)
        kept = [c for c in kept if gone not in (c.subject, c.other, c.words)]
    return kept


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


def claim_lines(claims: Claims) -> Iterator[str]:
    """The claims as lines that can be edited, entities first."""
    for kind in ("entity", "attribute", "relation", "place", "count", "sense"):
        for claim in claims.of(kind):
            yield claim.text
