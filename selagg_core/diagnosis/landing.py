"""How well each word has found a place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..prompt.groups import WordGroup
from .examine import PictureDiagnosis
from .measure import WordEvidence

_STATES = {"warning": "warned", "unsure": "doubtful"}


def landing(picture: PictureDiagnosis) -> dict[WordGroup, dict[str, str | float]]:
    """How well each word landed, a `state` and a `landed` share, 0 to 1.

    landed: how clear a place of its own the map of the word has: the mean of focus and of peak over mean,
    each against the median of the words that should have a region and at most 1, and of the share that its
    largest part holds.
    state: "warned" or "doubtful" if a finding, sure or unsure, is about the word; "landed" if none is;
    "placeless" for a word of which no region is expected.
    """
    objects = [word for word in picture.words if word.has_region]
    usual = {
        name: float(np.median([getattr(word, name) for word in objects])) if objects else 0.0
        for name in ("focus", "peak_ratio")
    }
    states: dict[WordGroup, str] = {}
    for finding in reversed((*picture.findings, *picture.left_out)):
        if finding.level in _STATES:
            states.update(dict.fromkeys(finding.words, _STATES[finding.level]))
    return {word.word: _landed(word, usual, states.get(word.word)) for word in picture.words}


def _landed(word: WordEvidence, usual: Mapping[str, float], state: str | None) -> dict[str, str | float]:
    shares = [min(1.0, getattr(word, name) / of_others) for name, of_others in usual.items() if of_others > 0]
    share = float(np.mean([*shares, min(1.0, word.component_share)]))
    return {"state": state or ("landed" if word.has_region else "placeless"), "landed": share}
