"""Heads chosen by truth: for each concept those whose own maps find its words best, as judges saw them.

It is the ceiling that scores without labels are measured against, on the artist's own model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..maps.heads import DEFAULT_FRACTION, select_heads
from ..prompt.lexicon import Concept
from ..recording.layout import HeadLayout
from ..relevance.relevance import RELIABLE_MAPS, TRUTH, HeadRelevance
from .rows import Rows, WordRow
from .statistics import interval, resamples

FOLDS = 5
FEWEST_PROMPTS = 6
"""Of a concept: below, what is chosen on some prompts says nothing of the others."""
DRAWS = 2000


@dataclass(frozen=True)
class Worth:
    """What heads chosen on some prompts are worth on prompts that were left out: mean AUC of their own maps.

    chosen, every: of the chosen heads, and of all heads; gain: their difference with its 95 % interval.
    """

    concept: str
    words: int
    prompts: int
    chosen: float
    every: float
    gain: tuple[float, float, float]

    @property
    def told(self) -> str:
        mean, low, high = self.gain
        return (
            f"{self.concept}: heads chosen by truth find its words on prompts left out with an AUC of "
            f"{self.chosen:.3f}, all heads with {self.every:.3f} ({mean:+.3f}, {low:+.3f} to {high:+.3f}; "
            f"{self.words} words of {self.prompts} prompts)."
        )


@dataclass(frozen=True)
class TruthHeads:
    """relevance: scores of all heads a concept, from all rows; worth: of each concept that can be tested."""

    relevance: HeadRelevance
    worth: tuple[Worth, ...]


def heads_by_truth(rows: Rows, fraction: float = DEFAULT_FRACTION) -> TruthHeads:
    """Head relevance of the kind "truth" from the AUCs of scored words, cross-validated over prompts.

    Raises ValueError if the rows are of models with different heads, or no concept has words enough.
    """
    layout, width, base = _model_of(rows)
    by_concept: dict[str, list[WordRow]] = {}
    for row in rows.words:
        if len(row.aucs) == layout.total:
            for concept in row.concepts:
                by_concept.setdefault(concept, []).append(row)
    enough = {name: own for name, own in sorted(by_concept.items()) if len(own) >= RELIABLE_MAPS}
    if not enough:
        most = max(map(len, by_concept.values()), default=0)
        raise ValueError(
            f"no concept has {RELIABLE_MAPS} scored words yet (the most have {most}): make pictures of more "
            "prompts with SelAgg Score, 50 to 100."
        )
    scores = np.stack([_mean_aucs(own) for own in enough.values()])
    concepts = tuple(
        Concept(name, tuple(dict.fromkeys(row.word for row in own)), maps=len(own))
        for name, own in enough.items()
    )
    about = {
        "source": "AUC of every head against what judges found (SelAgg Score)",
        "judges": ", ".join(dict.fromkeys(judge for row in rows.pictures for judge in row.judges)),
        "words": str(sum(map(len, enough.values()))),
    }
    relevance = HeadRelevance(concepts, scores.astype(np.float32), layout, TRUTH, base, width, about=about)
    tested = (_worth(name, own, layout, fraction) for name, own in enough.items())
    return TruthHeads(relevance, tuple(worth for worth in tested if worth is not None))


def _model_of(rows: Rows) -> tuple[HeadLayout, int, str]:
    kinds = Counter((row.layout, row.context_width) for row in rows.pictures if row.layout)
    if not kinds:
        raise ValueError(
            "the rows do not say which heads the model has: score pictures anew with SelAgg Score."
        )
    if len(kinds) > 1:
        raise ValueError(
            "the rows are of models with different heads: keep each model in a file of SelAgg Score of its "
            "own."
        )
    ((layout, width),) = kinds
    names = dict.fromkeys(row.taken.checkpoint for row in rows.pictures)
    return HeadLayout.of(layout), width, ", ".join(names)


def _mean_aucs(words: Sequence[WordRow]) -> np.ndarray:
    """(heads,) mean AUC over words, prompts weighing the same; .5, which is blind, where none is known."""
    by_prompt: Mapping[str, list[np.ndarray]] = _by_prompt(words)
    values = np.array([_known_mean(np.stack(own)) for own in by_prompt.values()])
    return np.nan_to_num(_known_mean(values), nan=0.5)


def _by_prompt(words: Sequence[WordRow]) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {}
    for row in words:
        aucs = np.array([np.nan if auc is None else auc for auc in row.aucs])
        found.setdefault(row.taken.prompt, []).append(aucs)
    return found


def _known_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is known; nan where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def _worth(name: str, words: Sequence[WordRow], layout: HeadLayout, fraction: float) -> Worth | None:
    prompts = sorted({row.taken.prompt for row in words})
    if len(prompts) < FEWEST_PROMPTS:
        return None
    chosen, every = np.empty(len(prompts)), np.empty(len(prompts))
    aucs = {prompt: _known_mean(np.stack(own)) for prompt, own in _by_prompt(words).items()}
    for fold in range(FOLDS):
        rest = [row for row in words if prompts.index(row.taken.prompt) % FOLDS != fold]
        mask = select_heads(layout, "selective", fraction, _mean_aucs(rest)).mask
        for i in range(fold, len(prompts), FOLDS):
            own = aucs[prompts[i]]
            chosen[i], every[i] = np.nanmean(own[mask]), np.nanmean(own)
    gain = chosen - every
    low, high = interval(gain[resamples(len(gain), DRAWS)].mean(axis=1))
    return Worth(
        name,
        len(words),
        len(prompts),
        float(chosen.mean()),
        float(every.mean()),
        (float(gain.mean()), low, high),
    )
