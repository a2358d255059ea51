"""The ways of making word maps that are compared: those of a proof, further controls, refinements, oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from selagg_core.maps.recipe import DEFAULT, MapRecipe
from selagg_core.proof.methods import Method, Scorer, compared
from selagg_core.proof.target import Sample, Target
from selagg_core.relevance.relevance import HeadRelevance

WRONG_CONCEPT = {
    "object": "Color",
    "colour": "Objects",
    **dict.fromkeys(("pattern", "material", "style", "size", "ground"), "Color"),
}
"""Kind of word -> a concept whose heads are the wrong ones for it."""
REFINEMENTS: dict[str, MapRecipe] = {
    "normalise_heads": MapRecipe(normalise_heads=True),
    "cap_borders": MapRecipe(cap_borders=True),
    "late_steps": MapRecipe(late_steps=0.4),
    "competition": MapRecipe(competition=0.5),
    "propagation": MapRecipe(propagation=0.5),
    "best_token": MapRecipe(best_token=True),
    "edge_aware": MapRecipe(edge_aware=True),
}
"""One refinement each, on the heads that the default chooses."""


@dataclass(frozen=True)
class Relevances:
    """Head scores: counted wins as published, those of a wrong concept, the label-free ones, the oracle."""

    wins: Scorer
    wrong_wins: Scorer
    agreement: Scorer
    oracle: Scorer


def methods(scores: Relevances, default: MapRecipe = DEFAULT) -> dict[str, Method]:
    """All methods by name."""
    return {
        **compared(scores.wins, scores.agreement, default),
        "random": Method(scores=scores.wins, control="random"),
        "wrong_concept": Method(scores=scores.wrong_wins),
        "agreement_matched": Method(scores=scores.agreement, control="matched"),
        "oracle": Method(scores=scores.oracle),
        **{name: Method(recipe, scores.agreement) for name, recipe in REFINEMENTS.items()},
        "default_late_steps": Method(replace(default, late_steps=0.4), scores.agreement),
        "default_all_heads": Method(default),
        "default_paper25": Method(default, scores.wins),
        "default_matched": Method(default, scores.agreement, control="matched"),
        "default_oracle": Method(default, scores.oracle),
    }


def by_wrong_concept(relevance: HeadRelevance) -> Scorer:
    """Scores of a concept that the word does not have."""
    return lambda target: relevance.scores_of(WRONG_CONCEPT[target.kind])


def by_oracle(samples: Sequence[Sample]) -> Scorer:
    """Mean correlation of each head's own map with the mask, by kind of word: the ceiling of any choice.

    A kind that no sample has takes the mean over all words.
    """
    found: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        for target in sample.targets:
            found.setdefault(target.kind, []).append(_correlations(sample.head_maps, target))
    means = {kind: np.mean(rows, axis=0) for kind, rows in found.items()}
    everything = np.mean([row for rows in found.values() for row in rows], axis=0)
    return lambda target: means.get(target.kind, everything)


def _correlations(head_maps: Any, target: Target) -> np.ndarray:
    rows = []
    for layer in head_maps.layout.layers:
        maps = head_maps.maps[layer][:, list(target.words)].mean(axis=1)
        mask = cv2.resize(target.mask.astype(np.float32), maps.shape[:0:-1], interpolation=cv2.INTER_AREA)
        a = maps.reshape(len(maps), -1) - maps.mean(axis=(1, 2))[:, None]
        b = mask.ravel() - mask.mean()
        length = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
        rows.append(np.divide(a @ b, length, out=np.zeros(len(maps)), where=length > 0))
    return np.concatenate(rows)
