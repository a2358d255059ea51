"""A thing that is not in the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..scene import Scene, inside, largest, overlap
from .kind import Candidate, Facts, FindingKind, Sentence

NOT_WORTH_TELLING = 0.85
"""Share of the usual from which a figure is not named: it is about as it is for others."""
STRONG = 0.6
"""From here on a feature between 0 and 1 is named."""


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
        "plain": 'no region holds "{word}".',
        "signs": 'no region holds "{word}": {signs}.',
        "map": "its map has {shares}",
        "faint": "{share:.0%} of the peak of the other things",
        "unfocused": "{share:.0%} of the focus of the other things",
        "weak": "{share:.0%} of the attention of the other things",
        "and": " and ",
        "nothing_there": "its map lies where nothing stands out",
        "colour_nowhere": "nothing in the picture has its colour",
    }
    remedies = {
        "weight": "raise the weight of {first}, such as ({bare}:{raised})",
        "seed": "try another seed",
        "order": "name {first} first in the prompt",
        "region": "give {first} its own region (Conditioning Set Area or Set Mask)",
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
        word, features = candidate.words[0].label, candidate.features
        shares = []
        for name in ("faint", "unfocused", "weak"):
            share = math.exp(-features.get(name, 0.0))
            if share < NOT_WORTH_TELLING:
                shares.append((share, self.texts[name].format(share=share)))
        signs = []
        if shares:
            told = self.texts["and"].join(text for _, text in sorted(shares)[:2])
            signs.append(self.texts["map"].format(shares=told))
        signs += [self.texts[n] for n in ("nothing_there", "colour_nowhere") if features.get(n, 0) > STRONG]
        if not signs:
            return Sentence("plain", {"word": word})
        return Sentence("signs", {"word": word, "signs": "; ".join(signs)})
