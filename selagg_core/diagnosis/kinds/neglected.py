"""A thing that is not in the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..scene import Scene, inside, largest, overlap
from .kind import Candidate, Facts, FindingKind, Sentence

NOT_WORTH_TELLING = 0.85
"""Share of the usual from which a map is not spoken of: it is about as it is for others."""
STRONG = 0.6
"""From here on a feature between 0 and 1 is named."""
SIGNS = 2
"""Signs that are told at most."""


class Neglected(FindingKind[Facts]):
    name = "neglected"
    thing = "thing"
    features = (
        "unfocused",
        "faint",
        "weak",
        "scattered",
        "shared",
        "nothing_there",
        "colour_missing",
        "colour_nowhere",
        "too_few_things",
        "not_alone",
    )
    pixel_features = frozenset(features[5:])
    texts = {
        "title": "Missing",
        "plain": '"{word}" seems to be missing: the model found no place for it.',
        "sign": "{missing} {sign}",
        "signs": "{missing} {sign} {other}",
        "faint": "Nowhere did the model look for it clearly.",
        "unfocused": "The model looked for it all over the picture.",
        "weak": "The model hardly looked for it.",
        "nothing_there": "Where the model looked for it, there is only background.",
        "colour_nowhere": "Nothing in the picture has its colour.",
    }
    remedies = {
        "weight": 'raise the weight of "{first}", such as ({bare}:{raised})',
        "seed": "try another seed",
        "order": 'name "{first}" first in the prompt',
        "region": 'give "{first}" its own region (Conditioning Set Area or Set Mask)',
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    }

    def candidates(self, scene: Scene) -> Iterator[Candidate[Facts]]:
        for claim in scene.claims.of("entity"):
            entity = claim.subject
            others = [other for other in scene.entities if other != entity]
            features = {name: scene.below_others(name, entity, others) for name in self.features[:3]}
            mass, region = scene.mass[entity], scene.region[entity]
            features["scattered"] = 1 - float(mass[region].sum())
            features["shared"] = max((overlap(mass, scene.mass[o]) for o in others), default=float("nan"))
            there = inside(scene.salience, region)
            features["nothing_there"] = 1 - there if scene.calm else float("nan")
            features["colour_missing"] = scene.colour_missing(entity)
            features["colour_nowhere"] = 1 - largest(*map(scene.shown, scene.colours(entity)))
            features["too_few_things"] = len(scene.entities) - scene.things[0]
            together = [scene.one_thing((region, scene.region[other])) for other in others]
            features["not_alone"] = largest(*together)
            yield Candidate(self.name, claim, (entity,), features, Facts())

    def sentence(self, candidate: Candidate[Facts]) -> Sentence:
        missing = self.say("plain", word=candidate.words[0].label)
        signs = [self.say(name) for name in _signs(candidate.features)[:SIGNS]]
        if not signs:
            return missing
        if len(signs) == 1:
            return self.say("sign", missing=missing, sign=signs[0])
        return self.say("signs", missing=missing, sign=signs[0], other=signs[1])


def _signs(features: Mapping[str, float]) -> list[str]:
    """Names of what shows it: one sign of the maps, then those of the picture."""
    shares = {name: math.exp(-features.get(name, 0.0)) for name in ("weak", "faint", "unfocused")}
    lowest = min(shares, key=shares.__getitem__)
    of_maps = [lowest] if shares[lowest] < NOT_WORTH_TELLING else []
    return of_maps + [n for n in ("nothing_there", "colour_nowhere") if features.get(n, 0) > STRONG]
