"""One head relevance from several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .relevance import ARGMAX_WINS, MAP_KINDS, TRUTH, HeadRelevance, relevance_from_shares


def merge(relevances: Sequence[HeadRelevance]) -> HeadRelevance:
    """One relevance from several of the same model, layout and kind of score.

    With the same concepts and words, measured on different prompts: their mean, weighted by decisions.
    With different concepts: all of them side by side, each with the rivals that it had. What `about` says is
    kept where all agree; the others are joined.

    Raises ValueError if models, layouts or kinds differ, or if only some of the concepts are the same.
    """
    if not relevances:
        raise ValueError("There is no head relevance to merge.")
    first, *others = relevances
    for other in others:
        _check_alike(first, other)
    if all(_asked(other) == _asked(first) for other in others):
        return _averaged(relevances)
    names = [name.casefold() for relevance in relevances for name in relevance.names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Both files hold {', '.join(twice)}, but not the same concepts and words otherwise: merge files "
            "of the same concepts, or of different ones."
        )
    return replace(
        first,
        concepts=tuple(concept for relevance in relevances for concept in relevance.concepts),
        scores=np.concatenate([relevance.scores for relevance in relevances]),
        win_share=_stacked_shares(relevances),
        about=_joined(relevances),
        alternatives={
            kind: np.concatenate([r.alternatives[kind] for r in relevances]) for kind in first.alternatives
        },
    )


def _asked(relevance: HeadRelevance) -> tuple:
    return tuple((concept.name, concept.words, concept.rivals) for concept in relevance.concepts)


def _check_alike(first: HeadRelevance, other: HeadRelevance) -> None:
    if other.layout != first.layout or other.context_width != first.context_width:
        raise ValueError(f"{first.base_model} and {other.base_model} are models with different heads.")
    if other.base_model != first.base_model:
        raise ValueError(f"One relevance is of {first.base_model}, the other of {other.base_model}.")
    if other.score_kind != first.score_kind:
        raise ValueError(f'One relevance holds "{first.score_kind}", the other "{other.score_kind}".')
    if set(other.alternatives) != set(first.alternatives):
        raise ValueError(
            f"One relevance holds scores by {', '.join(first.score_kinds)}, the other by "
            f"{', '.join(other.score_kinds)}."
        )


def _averaged(relevances: Sequence[HeadRelevance]) -> HeadRelevance:
    first = relevances[0]
    decisions = np.array([[concept.decisions for concept in r.concepts] for r in relevances], np.int64)
    maps = np.array([[concept.maps for concept in r.concepts] for r in relevances], np.int64)
    shares = _shares(relevances)
    share = None if shares is None else _weighted_mean(shares, decisions)
    scores = {}
    for kind in first.score_kinds:
        if kind == ARGMAX_WINS and share is not None:
            scores[kind] = relevance_from_shares(share)
        else:
            weights = maps if kind in (*MAP_KINDS, TRUTH) else decisions
            scores[kind] = _weighted_mean([r.with_score(kind).scores for r in relevances], weights)
    concepts = tuple(
        replace(concept, decisions=int(asked), maps=int(seen))
        for concept, asked, seen in zip(first.concepts, decisions.sum(axis=0), maps.sum(axis=0), strict=True)
    )
    return replace(
        first,
        concepts=concepts,
        scores=scores.pop(first.score_kind),
        win_share=share,
        about=_joined(relevances),
        alternatives=scores,
    )


def _weighted_mean(arrays: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Mean of (concepts, heads) arrays by weights (arrays, concepts); the plain mean where all are 0."""
    total = weights.sum(axis=0)
    even = np.full(weights.shape, 1 / len(arrays))
    share = np.divide(weights, total, out=even, where=total > 0)
    return (share[:, :, None] * np.stack(arrays)).sum(axis=0)


def _stacked_shares(relevances: Sequence[HeadRelevance]) -> np.ndarray | None:
    shares = _shares(relevances)
    return None if shares is None else np.concatenate(shares)


def _shares(relevances: Sequence[HeadRelevance]) -> list[np.ndarray] | None:
    """The win shares of all; None if one has none."""
    shares = [r.win_share for r in relevances if r.win_share is not None]
    return shares if len(shares) == len(relevances) else None


def _joined(relevances: Sequence[HeadRelevance]) -> dict[str, str]:
    joined: dict[str, dict[str, None]] = {}
    for relevance in relevances:
        for key, value in relevance.about.items():
            joined.setdefault(key, {})[value] = None
    return {key: " | ".join(values) for key, values in joined.items()}
