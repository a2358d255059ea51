"""The artist's own claims, a line each: they are final."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..prompt.groups import WordGroup, find_group
from ..prompt.lexicon import Lexicon
from ..prompt.marks import plain_marks
from ..prompt.messages import message, why
from ..prompt.quoted import short, shortened
from ..prompt.words import Prompt
from .claim import PLACES, RELATIONS, Claim, Claims

_SYNONYMS = {"centre": "center", "middle": "center", "upper": "top", "lower": "bottom"}


_ATTRIBUTE_EDIT = re.compile(r"^(?P<value>.+?)\s*>\s*(?P<subject>.+)$")
_SENSE_EDIT = re.compile(r"^(?P<subject>.+?)\s*=\s*(?P<concepts>.+)$")
_RELATION_EDIT = re.compile(
    r"^(?P<subject>.+?)\s+(?:is\s+)?(?:to the |on the )?"
    rf"(?P<relation>{'|'.join(sorted(RELATIONS, key=len, reverse=True))})\s+(?:the\s+|a\s+)?(?P<other>.+)$"
)


_MARKS_OF_EDITS = re.compile(r"[\n;,:>=]")


def can_be_named(label: str) -> bool:
    """Whether a line of edits can call words by this label: it holds none of the marks that part a line."""
    plain = plain_marks(label)
    return bool(plain.strip()) and _MARKS_OF_EDITS.search(plain) is None


def parse_place(text: str) -> str | None:
    """A name of PLACES for the way an artist writes it ("in the upper left corner"), or None."""
    words = re.findall("[a-z]+", text.casefold())
    skipped = {"on", "at", "in", "to", "the", "side", "corner", "half", "third", "part", "edge", "of"}
    name = " ".join(_SYNONYMS.get(word, word) for word in words if word not in skipped)
    return name if name in PLACES else None


def edited(found: Sequence[Claim], prompts: Sequence[Prompt], lexicon: Lexicon, edits: str) -> Claims:
    claims, problems = list(found), []
    for line in filter(None, (part.strip() for part in re.split(r"[\n;]", plain_marks(edits)))):
        try:
            claims = _apply(claims, prompts, lexicon, line)
        except ValueError as error:
            problems.append(message("of_claim", line=short(line), why=why(error)))
    return Claims(tuple(claims), tuple(problems))


def _apply(claims: list[Claim], prompts: Sequence[Prompt], lexicon: Lexicon, line: str) -> list[Claim]:
    """The claims with one line of edits applied. Raises ValueError, with what to write instead."""
    head, colon, rest = line.partition(":")
    if colon and head.strip().casefold() == "ignore":
        return _ignored(claims, prompts, rest)
    if colon and head.strip().casefold() == "thing":
        return _with_things(claims, prompts, rest)
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
    raise ValueError(message("claim_form"))


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


def _with_things(claims: Sequence[Claim], prompts: Sequence[Prompt], words: str) -> list[Claim]:
    kept = list(claims)
    for word in filter(None, (part.strip() for part in words.split(","))):
        kept = _with_entity(kept, _named(prompts, kept, word))
    return kept


def _with_entity(claims: Sequence[Claim], entity: WordGroup) -> list[Claim]:
    """The claims with a thing that the artist named: it is there, and checked."""
    for number, claim in enumerate(claims):
        if claim.kind == "entity" and claim.subject == entity:
            return [*claims[:number], replace(claim, checked=True), *claims[number + 1 :]]
    return [*claims, Claim("entity", entity, words=entity, source="artist")]


def _with_sense(claims: Sequence[Claim], word: WordGroup, names: str, lexicon: Lexicon) -> list[Claim]:
    known = {name.casefold(): name for name in lexicon.concepts}
    named = [name.strip().casefold() for name in names.split("+")]
    if unknown := [name for name in named if name not in known]:
        names = shortened(lexicon.concepts)
        raise ValueError(message("no_concept", name=short(unknown[0]), concepts=names))
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
