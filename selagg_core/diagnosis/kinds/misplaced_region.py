"""A word that is not in the region where the artist expects it: a box or a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...claims.claim import Claim
from ...maps.regions import place_name
from ...prompt.groups import WordGroup
from ..measure import PlaceEvidence
from ..scene import Scene
from ..terms import at_place
from .kind import Candidate, Facts, FindingKind, Outline, Regions, Sentence

COVERS_ALL = 0.95
"""An expected region larger than this share of the picture cannot be missed."""


@dataclass(frozen=True)
class OutOfRegion(Facts):
    """How the map of a word lies to its region."""

    place: PlaceEvidence

    @property
    def found_at(self) -> str:
        return place_name(*self.place.found_centre)

    @property
    def expected_at(self) -> str:
        return place_name(*self.place.expected_centre)

    @property
    def ends(self) -> tuple[str, str]:
        return self.found_at, self.expected_at

    def told(self) -> dict[str, float | bool | str]:
        return {
            "mass_inside": self.place.mass_inside,
            "expected_area": self.place.expected_area,
            "peak_inside": self.place.peak_inside,
            "overlap": self.place.overlap,
            "found_at": self.found_at,
            "expected_at": self.expected_at,
        }


class MisplacedRegion(FindingKind[OutOfRegion]):
    name = "misplaced_region"
    thing = "expected region"
    features = ("outside", "peak_outside", "elsewhere")
    texts = {
        "title": "Wrong place",
        "elsewhere": '"{word}" is {found}, but you expected it {expected}.',
        "beside": '"{word}" is beside the region where you expected it, {expected}.',
    }
    remedies = {
        "region": 'give "{first}" its own region (Conditioning Set Area or Set Mask)',
        "seed": "try another seed",
        "order": "say the relation the other way round",
        "weight": "raise the weight of the words that say the place",
    }

    counted_as = "misplaced"

    def candidates(self, scene: Scene) -> Iterator[Candidate[OutOfRegion]]:
        for word, place in scene.places.items():
            if place.expected_area <= COVERS_ALL:
                claim = Claim("place", word, "where it is expected", source="artist")
                yield Candidate(self.name, claim, (word,), region_features(place), OutOfRegion(place))

    def sentence(self, candidate: Candidate[OutOfRegion]) -> Sentence:
        word, found, expected = candidate.words[0].label, *map(at_place, candidate.facts.ends)
        if found == expected:
            return self.say("beside", word=word, expected=expected)
        return self.say("elsewhere", word=word, found=found, expected=expected)

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        region = regions.expected.get(words[0])
        return Outline(regions.of(words[0]), None if region is None else region.mask, words[0].label)


def region_features(place: PlaceEvidence) -> dict[str, float]:
    """What speaks for a word being outside of its expected region."""
    return {
        "outside": 1 - place.mass_inside,
        "peak_outside": float(not place.peak_inside),
        "elsewhere": place.elsewhere,
    }
