"""Whether what a diagnosis checks is right or wrong in the light of the judges: labels without an artist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..diagnosis.examine import Check
from .truth import OPEN, RIGHT, WRONG, PictureTruth

MERGED, APART = 0.6, 0.3
"""IoU of the masks of two things from which they are one thing, and up to which they are two."""
_KINDS: Mapping[str, tuple[str, ...]] = {
    "neglected": ("entity",),
    "misplaced": ("place", "relation"),
    "wrong_sense": ("sense",),
}
"""Kind of finding -> the kinds of claims that it is about."""


def check_verdicts(checks: Sequence[Check], truth: PictureTruth) -> Iterator[tuple[Check, str]]:
    """For each check of a report its verdict: wrong where a finding of its kind would be right."""
    for check in checks:
        yield check, _verdict(check, truth)


def _verdict(check: Check, truth: PictureTruth) -> str:
    if check.kind == "blended":
        return _blended(check, truth)
    of_kind = [own for own in truth.claims if own.claim.kind in _KINDS.get(check.kind, ())]
    about = truth.leaks if check.kind == "leaked" else of_kind
    own = [each.verdict for each in about if each.claim.text == check.claim]
    return own[0] if len(own) == 1 else OPEN


def _blended(check: Check, truth: PictureTruth) -> str:
    """Two things with one mask are one. Whether a missing thing went into another no mask can tell."""
    labels = {word.label for word in check.words}
    pair = [noun for noun in truth.nouns if noun.noun.label in labels and noun.verdict == RIGHT]
    masks = [noun.mask for noun in pair if noun.mask is not None]
    if len(labels) != 2 or len(masks) != 2:
        return OPEN
    union = int(np.count_nonzero(masks[0] | masks[1]))
    common = int(np.count_nonzero(masks[0] & masks[1])) / max(1, union)
    return WRONG if common >= MERGED else RIGHT if common <= APART else OPEN
