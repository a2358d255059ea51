"""What a prompt claims about the picture: entities, their attributes, places and relations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..prompt.groups import WordGroup

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
    checked: bool = True
    """Whether the reading is sure enough to warn; else it is shown as read, not checked."""

    @property
    def groups(self) -> tuple[WordGroup, ...]:
        """The words or phrases that it is about."""
        return tuple(group for group in (self.subject, self.words, self.other) if group is not None)

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
class Silent:
    """Words that make no claim, and why: "not there" (a negation), "style" or "likeness"."""

    words: WordGroup
    reason: str


@dataclass(frozen=True)
class Claims:
    """All claims, and what could not be understood or contradicts itself, as sentences for the artist.

    silent: parts of the prompts that speak of no thing in the picture. notices: what should be known about
    the reading as a whole.
    """

    all: tuple[Claim, ...] = ()
    problems: tuple[str, ...] = ()
    silent: tuple[Silent, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def checked(self) -> Claims:
        """The claims that are sure enough to warn; the same in all else."""
        return replace(self, all=tuple(claim for claim in self.all if claim.checked))

    def of(self, kind: str) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.all if claim.kind == kind)

    @property
    def groups(self) -> tuple[WordGroup, ...]:
        """Every word or phrase that a claim is about, once, in the order of the claims."""
        return tuple(dict.fromkeys(group for claim in self.all for group in claim.groups))

    def attributes_of(self, entity: WordGroup) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.of("attribute") if claim.subject == entity)


def claim_lines(claims: Claims) -> Iterator[str]:
    """The claims as lines that can be edited, entities first."""
    for kind in ("entity", "attribute", "relation", "place", "count", "sense"):
        for claim in claims.of(kind):
            yield claim.text
