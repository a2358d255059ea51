"""Word -> the heads that its map is made from: its concepts, a head relevance, and what to say about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .concepts import Assignment, Lexicon, assign_concepts, parse_overrides
from .layout import HeadLayout
from .maps import DEFAULT_FRACTION, HeadSelection, select_heads
from .relevance import HeadRelevance, preset_for, transfer_notice

NO_RELEVANCE = "No head relevance is known for this model, so every map is made from all heads."


@dataclass(frozen=True)
class ChosenHeads:
    """selections, assignments: one a word, in the order asked for. notices: what to tell the artist."""

    selections: tuple[HeadSelection, ...]
    assignments: tuple[Assignment, ...]
    notices: tuple[str, ...]


def relevance_for(
    layout: HeadLayout, context_width: int, connected: HeadRelevance | None = None
) -> tuple[HeadRelevance | None, str]:
    """The relevance to use for a model, and a notice: the connected one, else a published one, else none.

    Raises ValueError if the connected one is of a model with other heads or another text encoder.
    """
    if connected is not None:
        fits = connected.context_width in (0, context_width)
        if connected.layout != layout or not fits:
            raise ValueError(
                f"the connected head relevance was measured on {connected.base_model} "
                f"({connected.layout.total} heads in {len(connected.layout.layers)} layers, text width "
                f"{connected.context_width}), which is another architecture than this model ({layout.total} "
                f"in {len(layout.layers)}, text width {context_width}): disconnect it, or build one for "
                "this model."
            )
        return connected, ""
    preset = preset_for(layout, context_width)
    return preset, transfer_notice(preset) if preset is not None else NO_RELEVANCE


def choose_heads(
    words: Sequence[str],
    relevance: HeadRelevance,
    mode: str = "selective",
    fraction: float = DEFAULT_FRACTION,
    overrides: str = "",
) -> ChosenHeads:
    """The heads for each word or phrase. `overrides`: the artist's own choice, see `parse_overrides`.

    A word with several senses takes as many heads as any other, those that rank high for one of its senses.
    A word of unknown concept takes all heads, and a notice says so.

    Raises ValueError for an unknown mode, a bad fraction, or overrides that cannot be read.
    """
    lexicon = Lexicon.of(relevance.concepts)
    own = parse_overrides(overrides, lexicon.concepts)
    assignments = tuple(assign_concepts(word, lexicon, own) for word in words)
    selections = tuple(_selection(a, relevance, mode, fraction) for a in assignments)
    notices = [] if mode == "all" else _notices(assignments, relevance)
    return ChosenHeads(selections, assignments, tuple(dict.fromkeys(notices)))


def sense_scores(relevance: HeadRelevance, concepts: Sequence[str]) -> np.ndarray:
    """Scores (heads,) for a word with these senses: of one sense its own, of several minus the best rank.

    Scores of different concepts have different scales, ranks have not.
    """
    if len(concepts) == 1:
        return relevance.scores_of(concepts[0])
    ranks = np.empty((len(concepts), relevance.layout.total), dtype=np.float32)
    for row, concept in zip(ranks, concepts, strict=True):
        row[relevance.top_heads(concept, 1.0)] = np.arange(relevance.layout.total)
    return -ranks.min(axis=0)


def _selection(assignment: Assignment, relevance: HeadRelevance, mode: str, fraction: float) -> HeadSelection:
    if not assignment.concepts:
        select_heads(relevance.layout, mode, fraction)  # a bad mode or fraction is an error all the same
        return select_heads(relevance.layout)
    return select_heads(relevance.layout, mode, fraction, sense_scores(relevance, assignment.concepts))


def _notices(assignments: Sequence[Assignment], relevance: HeadRelevance) -> list[str]:
    notices = []
    for assignment in assignments:
        if assignment.note:
            notices.append(assignment.note)
        if assignment.ambiguous and assignment.how != "override":
            word, senses = assignment.word, assignment.concepts
            notices.append(
                f'"{word}" may mean {" or ".join(senses)}: heads of all of them are used. Write '
                f"{word}={senses[0]} to choose one."
            )
        judged = [relevance.reliability(concept) for concept in assignment.concepts]
        notices += [each.message for each in judged if not each.reliable]
    return notices
