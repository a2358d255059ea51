"""An attribute that is on the wrong thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...claims.claim import Claim
from ...claims.reading.value_words import PLAIN_PATTERNS
from ...maps.regions import centroid
from ...prompt.groups import WordGroup
from ..pixels import colour_word
from ..scene import Scene
from .kind import Candidate, Facts, FindingKind, Outline, Regions, Sentence


@dataclass(frozen=True)
class Leak(Facts):
    """taker: the thing that has most of the attribute, beside its own; taken: more of it than its own."""

    taker: WordGroup
    taken: bool = True

    @property
    def others(self) -> tuple[WordGroup, ...]:
        return (self.taker,)

    def told(self) -> dict[str, float | bool | str]:
        return {"taken_by": self.taker.label}


class Leaked(FindingKind[Leak]):
    name = "leaked"
    thing = "attribute"
    features = ("map_elsewhere", "map_not_own", "colour_elsewhere", "colour_not_own", "colour_too_often")
    pixel_features = frozenset(features[2:])
    texts = {
        "title": "Colour bled",
        "title_other": "Look bled",
        "taken": '"{attribute}" was meant for "{entity}", but it bled onto "{taker}".',
        "shared": '"{attribute}" was meant for "{entity}"; some of it bled onto "{taker}" too.',
    }
    remedies = {
        "seed": "try another seed",
        "weight": 'bring the weight of "{first}" back to 1, if it has another',
        "order": 'name "{second}" with "{first}" first in the prompt',
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    }

    def candidates(self, scene: Scene) -> Iterator[Candidate[Leak]]:
        for claim in scene.claims.of("attribute"):
            others = scene.not_entitled(claim)
            if claim.words is None or not others or not _can_leak(claim):
                continue
            features, taker, taken = scene.where(claim.words, claim.subject, others)
            features["colour_too_often"] = scene.too_often(claim)
            yield Candidate(self.name, claim, (claim.words, claim.subject), features, Leak(taker, taken))

    def sentence(self, candidate: Candidate[Leak]) -> Sentence:
        attribute, entity = (word.label for word in candidate.words)
        key = "taken" if candidate.facts.taken else "shared"
        return self.say(key, attribute=attribute, entity=entity, taker=candidate.facts.taker.label)

    def title(self, candidate: Candidate[Leak]) -> Sentence:
        return self.say("title" if colour_word(candidate.words[0].text) else "title_other")

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        attribute, entity = words
        own = regions.of(entity)
        found = regions.of(facts.taker) if isinstance(facts, Leak) else None
        arrow = (centroid(own), centroid(found)) if own is not None and found is not None else None
        return Outline(found, own, attribute.label, arrow)


def _can_leak(claim: Claim) -> bool:
    """Whether another thing could show the attribute instead: plain surfaces and sizes belong to nobody."""
    return claim.value.casefold() not in PLAIN_PATTERNS and claim.intended != ("Size",)
