"""A finished run -> what its prompt claims, observed picture by picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .choosing import ChosenHeads, HeadSettings
from .claims import Claims
from .evidence import Observed
from .groups import WordGroup
from .maps import HeadSelection, select_heads
from .relevance import HeadRelevance
from .senses import head_responses, sense_contrast
from .viewing import RunView


def observe(
    view: RunView,
    index: int,
    claims: Claims,
    selections: Sequence[HeadSelection],
    settings: HeadSettings,
    relevance: HeadRelevance | None,
) -> Observed:
    """Picture `index` with the maps of all groups of `claims`, for each of which there is a selection."""
    groups = claims.groups
    every = (select_heads(view.recording.layout),) * len(groups)
    heats = view.maps(index, groups, selections, settings.recipe)
    common = view.maps(index, groups, every, settings.recipe)
    return Observed(
        dict(zip(groups, heats, strict=True)),
        dict(zip(groups, common, strict=True)),
        view.pictures[index],
        {} if relevance is None else sense_contrasts(view, index, claims, relevance),
    )


def sense_contrasts(
    view: RunView, index: int, claims: Claims, relevance: HeadRelevance
) -> dict[WordGroup, float]:
    """For each word whose meaning is claimed, how much its unintended senses outweigh the intended ones."""
    found: dict[WordGroup, float] = {}
    responses: dict[int, np.ndarray] = {}
    for claim in claims.of("sense"):
        word = claim.words
        if word is None:
            continue
        if word.entry not in responses:
            entry = view.entries[word.entry]
            responses[word.entry] = head_responses(entry.picture(min(index, entry.batch - 1)))
        content = {i for group in claims.groups if group.entry == word.entry for i in group.indices}
        found[word] = sense_contrast(
            responses[word.entry],
            word.indices,
            sorted(content - set(word.indices)),
            relevance,
            claim.intended,
            claim.unintended,
        )
    return found


def relevance_of(chosen: ChosenHeads) -> HeadRelevance | None:
    return chosen.relevance
