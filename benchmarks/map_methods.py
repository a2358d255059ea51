"""The ways of making word maps that are compared: published ones, controls, refinements, the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from selagg_core.choosing import sense_scores
from selagg_core.concepts import Lexicon, assign_concepts
from selagg_core.layout import HeadLayout
from selagg_core.maps import HeadSelection, matched_random, resolution_groups, select_heads, word_maps
from selagg_core.recipe import DEFAULT, PAPER, MapRecipe
from selagg_core.relevance import HeadRelevance
from selagg_core.upsampling import enlarge

from .map_sources import Sample

DRAWS = 20
FRACTION = 0.25
OTHER_CONCEPT = {"object": "colour", "colour": "object", "pattern": "colour"}
"""Kind of word -> the kind whose heads are the wrong ones for it."""
REFINEMENTS: dict[str, MapRecipe] = {
    "normalise_heads": MapRecipe(normalise_heads=True),
    "cap_borders": MapRecipe(cap_borders=True),
    "late_steps": MapRecipe(late_steps=0.4),
    "competition": MapRecipe(competition=0.5),
    "propagation": MapRecipe(propagation=0.5),
    "edge_aware": MapRecipe(edge_aware=True),
}
"""One refinement each, on the heads that the default chooses."""


@dataclass(frozen=True)
class Method:
    """scores: kind of word -> score of each head (heads,); None takes every head.

    order: "selective" or "least". control: "random" or "matched" replaces the choice by random draws, of as
    many heads, or of as many heads on each grid.
    """

    recipe: MapRecipe = PAPER
    scores: Mapping[str, np.ndarray] | None = None
    fraction: float = FRACTION
    order: str = "selective"
    control: str = ""
    published_layers: bool = False


@dataclass(frozen=True)
class Relevances:
    """Head scores by kind of word: published counting of wins, the label-free default, and the oracle."""

    wins: Mapping[str, np.ndarray]
    default: Mapping[str, np.ndarray]
    oracle: Mapping[str, np.ndarray] = field(default_factory=dict)


def methods(scores: Relevances, default: MapRecipe = DEFAULT) -> dict[str, Method]:
    """All methods by name."""
    wrong = {kind: scores.wins[other] for kind, other in OTHER_CONCEPT.items()}
    table = {
        "all": Method(published_layers=True),
        "all_heads": Method(),
        "paper20": Method(scores=scores.wins, fraction=0.20),
        "paper25": Method(scores=scores.wins),
        "least20": Method(scores=scores.wins, fraction=0.20, order="least"),
        "random": Method(scores=scores.wins, control="random"),
        "matched": Method(scores=scores.wins, control="matched"),
        "wrong_concept": Method(scores=wrong),
        "agreement25": Method(scores=scores.default),
        "agreement_matched": Method(scores=scores.default, control="matched"),
        "oracle": Method(scores=scores.oracle),
        "by_resolution": Method(MapRecipe(by_resolution=True), scores.default),
        **{name: Method(recipe, scores.default) for name, recipe in REFINEMENTS.items()},
        "default": Method(default, scores.default),
        "default_all_heads": Method(default),
        "default_paper25": Method(default, scores.wins),
        "default_matched": Method(default, scores.default, control="matched"),
        "default_oracle": Method(default, scores.oracle),
    }
    return {name: method for name, method in table.items() if method.scores != {}}


def heats(sample: Sample, method: Method, kinds: Sequence[str]) -> Iterator[np.ndarray]:
    """Maps (words, h, w) at picture size of the sample's target words, one stack for every draw."""
    groups = resolution_groups(sample.head_maps)
    maps = sample.head_maps
    chosen = [_selection(maps.layout, method, kind, groups) for kind in kinds]
    rng = np.random.default_rng(sample.number)
    everywhere = np.zeros_like(groups) if method.control == "random" else groups
    for _ in range(DRAWS if method.control else 1):
        selections = chosen
        if method.control:
            selections = [matched_random(one, everywhere, rng) for one in chosen]
        yield _enlarged(sample, selections, method.recipe)


def _enlarged(sample: Sample, selections: list[HeadSelection], recipe: MapRecipe) -> np.ndarray:
    """Competition is among all words of the prompt, so all of them are made when it is on."""
    words = [target.word for target in sample.targets]
    if recipe.competition:
        every = {i: select_heads(sample.head_maps.layout) for i in range(sample.head_maps.words)}
        every.update(zip(words, selections, strict=True))
        maps = word_maps(sample.head_maps, [every[i] for i in sorted(every)], recipe=recipe)[words]
    else:
        maps = word_maps(sample.head_maps.of_words(words), selections, recipe=recipe)
    return enlarge(maps, sample.picture, recipe.edge_aware)


def _selection(layout: HeadLayout, method: Method, kind: str, groups: np.ndarray) -> HeadSelection:
    if method.scores is None:
        every = select_heads(layout)
        return replace(every, mask=published_layers(groups)) if method.published_layers else every
    return select_heads(
        layout,
        method.order,
        method.fraction,
        method.scores[kind],
        groups if method.recipe.by_resolution else None,
    )


def published_layers(groups: np.ndarray) -> np.ndarray:
    """(heads,) bool: the heads that DAAM takes, those on grids at most four times coarser than the finest."""
    return groups > groups.max() / 8**2


def scores_by_kind(relevance: HeadRelevance, examples: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Kind of word -> head scores, by the concept that most of its example words have."""
    lexicon = Lexicon.of(relevance.concepts)
    result = {}
    for kind, words in examples.items():
        senses = [assign_concepts(word, lexicon).concepts for word in words]
        single = [found[0] for found in senses if len(found) == 1]
        if not single:
            raise ValueError(f"The relevance of {relevance.base_model} knows no concept of {kind} words.")
        result[kind] = sense_scores(relevance, (max(set(single), key=single.count),))
    return result


def oracle_scores(samples: Sequence[Sample]) -> dict[str, np.ndarray]:
    """Kind of word -> mean correlation of each head's own map with the mask: the ceiling of any choice."""
    found: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        for target in sample.targets:
            found.setdefault(target.kind, []).append(_correlations(sample.head_maps, target))
    return {kind: np.mean(rows, axis=0) for kind, rows in found.items()}


def _correlations(head_maps: Any, target: Any) -> np.ndarray:
    rows = []
    for layer in head_maps.layout.layers:
        maps = head_maps.maps[layer][:, target.word]
        mask = cv2.resize(target.mask.astype(np.float32), maps.shape[:0:-1], interpolation=cv2.INTER_AREA)
        a = maps.reshape(len(maps), -1) - maps.mean(axis=(1, 2))[:, None]
        b = mask.ravel() - mask.mean()
        length = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
        rows.append(np.divide(a @ b, length, out=np.zeros(len(maps)), where=length > 0))
    return np.concatenate(rows)
