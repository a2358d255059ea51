"""Two things that have become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...claims.claim import Claim
from ...maps.regions import centroid
from ...prompt.groups import WordGroup
from ..scene import Scene, overlap, unit_mass
from .kind import Candidate, Facts, FindingKind, Outline, Regions, Sentence

SHARED = 0.5
"""Overlap of two maps from which they are said to share one region."""


@dataclass(frozen=True)
class Pair(Facts):
    """areas: shares of the picture that the regions of the two things cover."""

    areas: tuple[float, float]


class Blended(FindingKind[Pair]):
    name = "blended"
    thing = "pair"
    features = ("overlap", "close", "alike", "one_thing", "mixed_colour", "too_few_things")
    pixel_features = frozenset(features[3:])
    texts = {
        "title": "Merged",
        "shared": '"{one}" and "{other}" may have merged: the model put both in the same place.',
        "one_thing": '"{one}" and "{other}" may have merged: there is one thing where both should be.',
    }
    remedies = {
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "weight": "raise the weight of both words",
        "seed": "try another seed",
        "order": "name them in the other order",
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    }

    def candidates(self, scene: Scene) -> Iterator[Candidate[Pair]]:
        for one, other in combinations(scene.entities, 2):
            claim = Claim("pair", one, words=one, other=other)
            regions = scene.region[one], scene.region[other]
            (ax, ay), (bx, by) = (centroid(region) for region in regions)
            reach = sum(np.sqrt(region.mean() / np.pi) for region in regions)
            common = [unit_mass(scene.observed.common[group]) for group in (one, other)]
            features = {
                "overlap": overlap(scene.mass[one], scene.mass[other]),
                "close": -float(np.hypot(ax - bx, ay - by) / max(reach, 1e-6)),
                "alike": overlap(*common),
                "one_thing": scene.one_thing(regions),
                "mixed_colour": scene.mixed(one, other),
                "too_few_things": len(scene.entities) - scene.things[0],
            }
            areas = float(regions[0].mean()), float(regions[1].mean())
            yield Candidate(self.name, claim, (one, other), features, Pair(areas))

    def sentence(self, candidate: Candidate[Pair]) -> Sentence:
        one, other = (word.label for word in candidate.words)
        shared = candidate.features["overlap"] >= SHARED
        return self.say("shared" if shared else "one_thing", one=one, other=other)

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        one, other = (regions.of(word) for word in words)
        if one is None or other is None:
            return Outline()
        return Outline(one | other, label=" + ".join(word.label for word in words))
