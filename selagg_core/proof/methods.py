"""The ways of making word maps that a proof compares: as published, controls, the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np

from ..maps.enlarge import enlarge
from ..maps.heads import DEFAULT_FRACTION, HeadSelection, matched_random, resolution_groups, select_heads
from ..maps.recipe import DEFAULT, PAPER, MapRecipe
from ..maps.word_maps import everything_map, finest_grid, word_maps
from ..prompt.lexicon import Lexicon
from ..recording.layout import HeadLayout
from ..relevance.choose_heads import sense_scores
from ..relevance.concepts import assign_concepts
from ..relevance.relevance import AGREEMENT, ARGMAX_WINS, TRUTH, HeadRelevance
from .scoring import WordScore, mean_score, score_map
from .target import Sample, Target

DRAWS = 20
"""Of random heads, for each word."""
Scorer = Callable[[Target], np.ndarray]
"""Target word -> a score of each head (heads,)."""
DAAM = "all"
"""The method that all others are compared with."""
NAMES: Mapping[str, str] = MappingProxyType(
    {
        DAAM: "all heads, as DAAM published it",
        "all_heads": "all heads, the coarsest grid too",
        "paper20": "counted wins, top 20 % (paper)",
        "paper25": "counted wins, top 25 % (paper)",
        "least20": "counted wins, least 20 %",
        "matched": "random 25 %, grids as in paper25 (20 draws)",
        "agreement25": "agreement, top 25 %",
        "by_resolution": "agreement, top 25 % of each grid",
        "truth25": "truth, top 25 % (chosen on other pictures)",
        "default": "default: agreement, self-attention, edge-aware",
    }
)
"""What a table calls them, in its order."""


@dataclass(frozen=True)
class Method:
    """scores: target word -> score of each head (heads,); None takes every head.

    order: "selective" or "least". control: "random" or "matched" replaces the choice by random draws, of as
    many heads, or of as many heads on each grid.
    """

    recipe: MapRecipe = PAPER
    scores: Scorer | None = None
    fraction: float = DEFAULT_FRACTION
    order: str = "selective"
    control: str = ""
    published_layers: bool = False


def compared(
    wins: Scorer | None,
    agreement: Scorer | None,
    default: MapRecipe = DEFAULT,
    truth: Scorer | None = None,
) -> dict[str, Method]:
    """The methods of a proof by name, those that there are scores of heads for.

    wins: the published score (see `relevance.ARGMAX_WINS`); agreement: the one without labels; truth: AUC on
    other pictures. The default takes the truth, else agreement, else wins, else all heads, as the nodes do.
    """
    found = {DAAM: Method(published_layers=True), "all_heads": Method()}
    if wins is not None:
        found |= {
            "paper20": Method(scores=wins, fraction=0.20),
            "paper25": Method(scores=wins),
            "least20": Method(scores=wins, fraction=0.20, order="least"),
            "matched": Method(scores=wins, control="matched"),
        }
    if agreement is not None:
        found |= {
            "agreement25": Method(scores=agreement),
            "by_resolution": Method(MapRecipe(by_resolution=True), agreement),
        }
    if truth is not None:
        found["truth25"] = Method(scores=truth)
    return {**found, "default": Method(default, truth or agreement or wins)}


def methods_of(*relevances: HeadRelevance | None) -> dict[str, Method]:
    """The methods that there are scores for: of each kind those of the first relevance that holds it."""

    def scorer(kind: str) -> Scorer | None:
        holding = (own for own in relevances if own is not None and kind in own.score_kinds)
        found = next(holding, None)
        return None if found is None else by_concept(found.with_score(kind))

    return compared(scorer(ARGMAX_WINS), scorer(AGREEMENT), truth=scorer(TRUTH))


def score_sample(
    sample: Sample, table: Mapping[str, Method], group: int | str | None = None
) -> dict[str, list[WordScore]]:
    """Scores of every method on every target word of a sample; random heads as the mean of their draws.

    group: what is drawn together in intervals, by default the number of the sample. Raises ValueError if a
    word has no concept that a method needs (see `by_concept`), or a map cannot be made.
    """
    group = sample.number if group is None else group
    if not sample.targets:
        return {name: [] for name in table}
    found = {}
    for name, method in table.items():
        draws = [
            [
                score_map(target.kind, group, heat, target.mask)
                for target, heat in zip(sample.targets, stack, strict=True)
            ]
            for stack in heats(sample, method)
        ]
        found[name] = [mean_score(of_word) for of_word in zip(*draws, strict=True)]
    return found


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
    """Maps (selections, h, w), the targets in turn; that of a phrase is the mean of its words' maps."""
    whole = sample.head_maps
    targets = sample.targets * (len(selections) // len(sample.targets))
    places = [
        (word, selection)
        for target, selection in zip(targets, selections, strict=True)
        for word in target.words
    ]
    everything = everything_map(whole, finest_grid(whole)) if recipe.competition else None
    words = whole.of_words([word for word, _ in places])
    maps = word_maps(words, [selection for _, selection in places], recipe=recipe, everything=everything)
    ends = np.cumsum([len(target.words) for target in targets])[:-1]
    return np.stack([part.mean(axis=0) for part in np.split(maps, ends)])


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
    """Scores of a word as the nodes choose them: by its concept, or by all of its senses.

    The scorer raises ValueError for a word without a concept there.
    """
    lexicon = Lexicon.of(relevance.concepts)

    @cache
    def of_text(text: str) -> np.ndarray:
        found = assign_concepts(text, lexicon)
        if not found.concepts:
            raise ValueError(f"The relevance of {relevance.base_model} knows no concept of {text!r}.")
        return sense_scores(relevance, found.concepts)

    return lambda target: of_text(target.text)
