"""The ways of making word maps that are compared: published ones, controls, refinements, the default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import cv2
import numpy as np

from selagg_core.maps.enlarge import enlarge
from selagg_core.maps.heads import HeadSelection, matched_random, resolution_groups, select_heads
from selagg_core.maps.recipe import DEFAULT, PAPER, MapRecipe
from selagg_core.maps.word_maps import everything_map, finest_grid, word_maps
from selagg_core.prompt.lexicon import Lexicon
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.choose_heads import sense_scores
from selagg_core.relevance.concepts import assign_concepts
from selagg_core.relevance.relevance import HeadRelevance

from .map_sources import Sample, Target

DRAWS = 20
FRACTION = 0.25
WRONG_CONCEPT = {"object": "Color", "colour": "Objects", "pattern": "Color"}
"""Kind of word -> a concept whose heads are the wrong ones for it."""
Scorer = Callable[[Target], np.ndarray]
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
class Method:
    """scores: target word -> score of each head (heads,); None takes every head.

    order: "selective" or "least". control: "random" or "matched" replaces the choice by random draws, of as
    many heads, or of as many heads on each grid.
    """

    recipe: MapRecipe = PAPER
    scores: Scorer | None = None
    fraction: float = FRACTION
    order: str = "selective"
    control: str = ""
    published_layers: bool = False


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
        "all": Method(published_layers=True),
        "all_heads": Method(),
        "paper20": Method(scores=scores.wins, fraction=0.20),
        "paper25": Method(scores=scores.wins),
        "least20": Method(scores=scores.wins, fraction=0.20, order="least"),
        "random": Method(scores=scores.wins, control="random"),
        "matched": Method(scores=scores.wins, control="matched"),
        "wrong_concept": Method(scores=scores.wrong_wins),
        "agreement25": Method(scores=scores.agreement),
        "agreement_matched": Method(scores=scores.agreement, control="matched"),
        "oracle": Method(scores=scores.oracle),
        "by_resolution": Method(MapRecipe(by_resolution=True), scores.agreement),
        **{name: Method(recipe, scores.agreement) for name, recipe in REFINEMENTS.items()},
        "default": Method(default, scores.agreement),
        "default_late_steps": Method(replace(default, late_steps=0.4), scores.agreement),
        "default_all_heads": Method(default),
        "default_paper25": Method(default, scores.wins),
        "default_matched": Method(default, scores.agreement, control="matched"),
        "default_oracle": Method(default, scores.oracle),
    }


def heats(sample: Sample, method: Method) -> np.ndarray:
    """Maps (draws, words, h, w) at picture size of the sample's target words; one draw unless a control."""
    groups = resolution_groups(sample.head_maps)
    chosen = [_selection(sample.head_maps.layout, method, target, groups) for target in sample.targets]
    if method.control:
        rng = np.random.default_rng(sample.number)
        everywhere = np.zeros_like(groups) if method.control == "random" else groups
        chosen = [matched_random(one, everywhere, rng) for _ in range(DRAWS) for one in chosen]
    maps = _maps(sample, chosen, method.recipe)
    large = enlarge(maps, sample.picture, method.recipe.edge_aware)
    return large.reshape(-1, len(sample.targets), *large.shape[-2:])


def _maps(sample: Sample, selections: list[HeadSelection], recipe: MapRecipe) -> np.ndarray:
    """Maps (selections, h, w), the target words in turn."""
    whole = sample.head_maps
    words = [target.word for target in sample.targets] * (len(selections) // len(sample.targets))
    everything = everything_map(whole, finest_grid(whole)) if recipe.competition else None
    return word_maps(whole.of_words(words), selections, recipe=recipe, everything=everything)


def _selection(layout: HeadLayout, method: Method, target: Target, groups: np.ndarray) -> HeadSelection:
    if method.scores is None:
        every = select_heads(layout)
        return replace(every, mask=published_layers(groups)) if method.published_layers else every
    return select_heads(
        layout,
        method.order,
        method.fraction,
        method.scores(target),
        groups if method.recipe.by_resolution else None,
    )


def published_layers(groups: np.ndarray) -> np.ndarray:
    """(heads,) bool: the heads that DAAM takes, those on grids at most four times coarser than the finest."""
    return groups > groups.max() / 8**2


def by_concept(relevance: HeadRelevance) -> Scorer:
    """Scores of a word as the nodes choose them: by its concept, or by all of its senses."""
    lexicon = Lexicon.of(relevance.concepts)

    @cache
    def of_text(text: str) -> np.ndarray:
        found = assign_concepts(text, lexicon)
        if not found.concepts:
            raise ValueError(f"The relevance of {relevance.base_model} knows no concept of {text!r}.")
        return sense_scores(relevance, found.concepts)

    return lambda target: of_text(target.text)


def by_wrong_concept(relevance: HeadRelevance) -> Scorer:
    """Scores of a concept that the word does not have."""
    return lambda target: relevance.scores_of(WRONG_CONCEPT[target.kind])


def by_oracle(samples: Sequence[Sample]) -> Scorer:
    """Mean correlation of each head's own map with the mask, by kind of word: the ceiling of any choice."""
    found: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        for target in sample.targets:
            found.setdefault(target.kind, []).append(_correlations(sample.head_maps, target))
    means = {kind: np.mean(rows, axis=0) for kind, rows in found.items()}
    return lambda target: means[target.kind]


def _correlations(head_maps: Any, target: Target) -> np.ndarray:
    rows = []
    for layer in head_maps.layout.layers:
        maps = head_maps.maps[layer][:, target.word]
        mask = cv2.resize(target.mask.astype(np.float32), maps.shape[:0:-1], interpolation=cv2.INTER_AREA)
        a = maps.reshape(len(maps), -1) - maps.mean(axis=(1, 2))[:, None]
        b = mask.ravel() - mask.mean()
        length = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
        rows.append(np.divide(a @ b, length, out=np.zeros(len(maps)), where=length > 0))
    return np.concatenate(rows)
