"""A thing that is not where the prompt says, in the picture or beside another thing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...claims.claim import DIRECTIONS, PLACES
from ...claims.expectations import place_region
from ...maps.regions import centroid, place_name
from ...prompt.groups import WordGroup
from ..scene import Scene
from ..terms import at_place, relation, relation_to_it
from .kind import Candidate, Facts, FindingKind, Outline, Regions, Sentence

Point = tuple[float, float]
"""(x, y) in shares of width and height."""


@dataclass(frozen=True)
class Places(Facts):
    """Where the subject, and in a relation the other thing, are by their maps and by their colours.

    value: the relation or the place that is claimed. by_colour: () where colours cannot tell. deciding: the
    places by the evidence that speaks most against the claim.
    """

    value: str
    by_map: tuple[Point, ...]
    by_colour: tuple[Point, ...] = ()
    colour_decides: bool = False

    @property
    def deciding(self) -> tuple[Point, ...]:
        return self.by_colour if self.colour_decides else self.by_map

    def told(self) -> dict[str, float | bool | str]:
        names = ("found_at", "other_found_at")
        return {name: place_name(*at) for name, at in zip(names, self.deciding, strict=False)}


class Misplaced(FindingKind[Places]):
    name = "misplaced"
    thing = "place"
    features = ("turned", "turned_by_colour")
    pixel_features = frozenset(("turned_by_colour",))
    texts = {
        "title": "Wrong place",
        "relation": '"{subject}" should be {value} "{other}", but it is {found}.',
        "relation_unclear": '"{subject}" should be {value} "{other}"; that cannot be seen clearly.',
        "place": '"{subject}" should be {value}, but it is {found}.',
        "place_unclear": '"{subject}" should be {value}; that cannot be seen clearly.',
    }
    remedies = {
        "region": 'give "{first}" its own region (Conditioning Set Area or Set Mask)',
        "seed": "try another seed",
        "order": "say the relation the other way round",
        "weight": "raise the weight of the words that say the place",
    }

    def candidates(self, scene: Scene) -> Iterator[Candidate[Places]]:
        for claim in scene.claims.of("relation"):
            if claim.other is None or claim.value not in DIRECTIONS:
                continue
            words = (claim.subject, claim.other)
            ends = [centroid(scene.region[group]) for group in words]
            by_colour = [scene.colour_centre(group) for group in words]
            direction = DIRECTIONS[claim.value]
            features = {"turned": scene.turned(ends, direction), "turned_by_colour": float("nan")}
            known = tuple(at for at in by_colour if at is not None)
            if len(known) == len(words):
                features["turned_by_colour"] = scene.turned(known, direction)
            yield Candidate(self.name, claim, words, features, _places(claim.value, ends, known, features))
        for claim in scene.claims.of("place"):
            ends = [centroid(scene.region[claim.subject])]
            features = {"turned": scene.away(ends[0], claim.value), "turned_by_colour": float("nan")}
            at = scene.colour_centre(claim.subject)
            if at is not None:
                features["turned_by_colour"] = scene.away(at, claim.value)
            facts = _places(claim.value, ends, () if at is None else (at,), features)
            yield Candidate(self.name, claim, (claim.subject,), features, facts)

    def sentence(self, candidate: Candidate[Places]) -> Sentence:
        facts, subject, other = candidate.facts, candidate.words[0].label, candidate.claim.other
        if other is None:
            found, meant = at_place(place_name(*facts.deciding[0])), at_place(facts.value)
            if found == meant:
                return self.say("place_unclear", subject=subject, value=meant)
            return self.say("place", subject=subject, value=meant, found=found)
        seen, value = _relation(*facts.deciding[:2]), relation(facts.value)
        if DIRECTIONS[seen] == DIRECTIONS[facts.value]:
            return self.say("relation_unclear", subject=subject, value=value, other=other.label)
        found = relation_to_it(seen)
        return self.say("relation", subject=subject, value=value, other=other.label, found=found)

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        found = regions.of(words[0])
        if not isinstance(facts, Places):
            return Outline(found=found, label=words[0].label)
        if len(words) == 1:
            there = found is not None and facts.value in PLACES
            expected = place_region(facts.value, found.shape).mask if there and found is not None else None
            return Outline(found, expected, words[0].label)
        return Outline(found, label=words[0].label, arrow=_way_to(words, facts.value, regions))


def _places(
    value: str, by_map: list[Point], by_colour: tuple[Point, ...], features: dict[str, float]
) -> Places:
    told_by_colour = features["turned_by_colour"]
    decides = math.isfinite(told_by_colour) and told_by_colour > features["turned"]
    return Places(value, tuple(by_map), by_colour if len(by_colour) == len(by_map) else (), decides)


def _relation(subject: Point, other: Point) -> str:
    """How a thing lies to another, seen along the longer of the two ways."""
    dx, dy = other[0] - subject[0], other[1] - subject[1]
    if abs(dx) >= abs(dy):
        return "left of" if dx > 0 else "right of"
    return "above" if dy > 0 else "below"


def _way_to(words: tuple[WordGroup, ...], value: str, regions: Regions) -> tuple[Point, Point] | None:
    """From where the subject is to about where it should be, seen from the other entity."""
    ends = [regions.of(word) for word in words]
    if value not in DIRECTIONS or any(end is None for end in ends):
        return None
    (ax, ay), (bx, by) = (centroid(end) for end in ends if end is not None)
    away = max(0.25, float(np.hypot(ax - bx, ay - by)))
    dx, dy = DIRECTIONS[value]
    x, y = (float(np.clip(at, 0.06, 0.94)) for at in (bx - dx * away, by - dy * away))
    return (ax, ay), (x, y)
