"""What a kind of finding is: one object with its features, candidates, sentences, outlines and remedies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Generic, TypeVar

import numpy as np

from ...claims.claim import Claim
from ...maps.regions import Region, found_region, largest_component
from ...prompt.groups import WordGroup
from ..scene import Scene
from ..sentence import Sentence


@dataclass(frozen=True)
class Facts:
    """What a candidate knows beside its features; each kind has its own."""

    @property
    def others(self) -> tuple[WordGroup, ...]:
        """Words that are involved beside those that the finding is about."""
        return ()

    def told(self) -> dict[str, float | bool | str]:
        """What of it is shown as evidence: names, places in words, shares."""
        return {}


F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Candidate(Generic[F]):
    """A finding that could be made about a claim. words: those that it is about, the subject first."""

    kind: str
    claim: Claim
    words: tuple[WordGroup, ...]
    features: dict[str, float]
    facts: F


@dataclass(frozen=True, eq=False)
class Outline:
    """What is drawn of a finding: masks (h, w) of the picture, a word, an arrow in shares of its sides."""

    found: np.ndarray | None = None
    expected: np.ndarray | None = None
    label: str = ""
    arrow: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True, eq=False)
class Regions:
    """Where the words of a picture are by their maps, and where they were expected.

    heats: maps (h, w) at the size of the picture.
    """

    heats: Mapping[WordGroup, np.ndarray]
    expected: Mapping[WordGroup, Region] = field(default_factory=dict)

    def of(self, word: WordGroup) -> np.ndarray | None:
        heat = self.heats.get(word)
        return None if heat is None else largest_component(found_region(heat)).mask


class FindingKind(ABC, Generic[F]):
    """One kind of finding. A new one is a class of this form and a line in `kinds.KINDS`.

    name: as in reports and calibrations. thing: what is checked, for "3 things". features: names, those of
    maps first; more of one never makes the finding less likely. pixel_features: those of them that come from
    the picture and not from attention. texts: key -> sentence, with names in braces. remedies: key -> what to
    try; {first}, {second} are the words, {bare} the first one without its number, {raised} a higher weight.
    counted_as: the kind whose counts of what helped hold for this one too.

    texts has the name of the kind for artists under "title".
    """

    name: ClassVar[str]
    thing: ClassVar[str]
    features: ClassVar[tuple[str, ...]]
    pixel_features: ClassVar[frozenset[str]] = frozenset()
    texts: ClassVar[Mapping[str, str]]
    remedies: ClassVar[Mapping[str, str]] = MappingProxyType({})
    counted_as: ClassVar[str] = ""

    @abstractmethod
    def candidates(self, scene: Scene) -> Iterator[Candidate[F]]:
        """All candidates of this kind in a picture."""

    @abstractmethod
    def sentence(self, candidate: Candidate[F]) -> Sentence:
        """What is said of a candidate, told from the evidence that decides."""

    def title(self, candidate: Candidate[F]) -> Sentence:
        """What the fault is called; by default as the kind is."""
        return self.say("title")

    def say(self, key: str, **values: str | float | Sentence) -> Sentence:
        """One of the texts of this kind."""
        return Sentence(f"{self.name}.{key}", values)

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        """What is drawn of a finding about these words; nothing by default."""
        return Outline()
