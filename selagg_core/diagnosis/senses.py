"""Which of its meanings a word has in a picture: the heads that answer to it, concept against concept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..recording.head_maps import HeadMaps
from ..relevance.relevance import HeadRelevance

SENSE_FRACTION = 0.4
"""Share of the heads that speak for a sense; chosen on development pictures of the demo model."""


def head_responses(head_maps: HeadMaps) -> np.ndarray:
    """How strongly each head singles out places for each word: float32 (words, heads), in layout order.

    The standard deviation of the word's map over cells; nan for heads that were not recorded.
    """
    layout = head_maps.layout
    found = np.full((head_maps.words, layout.total), np.nan, np.float32)
    for layer, maps in head_maps.maps.items():
        start = layout.offset(layer)
        found[:, start : start + layout.heads_of(layer)] = maps.std(axis=(2, 3)).T
    return found


def sense_contrast(
    responses: np.ndarray,
    word: Sequence[int],
    against: Sequence[int],
    relevance: HeadRelevance,
    intended: Sequence[str],
    unintended: Sequence[str],
    fraction: float = SENSE_FRACTION,
) -> float:
    """How much more the heads of the unintended senses answer to a word than those of the intended ones.

    responses: of `head_responses`. word, against: indices of the word, and of the words by which each head is
    measured: the noun of an attribute, else the other words that have a meaning. Heads that speak for both
    senses are left out. In natural logarithms; nan where the relevance does not know both senses.
    """
    meant, instead = (_heads_of(relevance, names, fraction) for names in (intended, unintended))
    both = meant & instead
    meant, instead = meant & ~both, instead & ~both
    if not (meant.any() and instead.any() and len(against)):
        return float("nan")
    own = responses[list(word)].mean(axis=0) + 1e-9
    usual = responses[list(against)].mean(axis=0) + 1e-9
    ratio = np.log(own / usual)
    return float(np.nanmean(ratio[instead]) - np.nanmean(ratio[meant]))


def _heads_of(relevance: HeadRelevance, names: Sequence[str], fraction: float) -> np.ndarray:
    mask = np.zeros(relevance.layout.total, bool)
    known = {name.casefold() for name in relevance.names}
    for name in names:
        if name.casefold() in known:
            mask[relevance.top_heads(name, fraction)] = True
    return mask
