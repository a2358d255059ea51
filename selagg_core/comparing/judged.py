"""What judges that are not attention say of the claims of a prompt, picture by picture.

Where no truth is connected the pixels are asked: whether a thing of the colour that is claimed stands out of
a calm ground, how often, and where the colours of two things lie to each other. All else stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from ..claims.claim import DIRECTIONS, PLACES, Claim, Claims
from ..diagnosis.pixels import colour_word
from ..diagnosis.scene import Observed, Scene

Answers = Mapping[str, bool | None]
"""Claim, as it can be edited -> whether it is wrong; None where that cannot be told."""
RIGHT, WRONG = "right", "wrong"
HAS, LACKS = 0.5, 0.2
"""Share of a thing that has a colour, from which it has it, and up to which it has not."""
AS_CLAIMED, NOT_AS_CLAIMED = 0.3, 0.5
"""Angles, 0 as claimed and 1 opposite, up to which a place is right, and from which it is wrong."""
SPILLED = "only once: "
"""Before the claim of an attribute: that no other thing has it."""


class _Judged(Protocol):
    @property
    def claim(self) -> Claim: ...
    @property
    def verdict(self) -> str: ...


class JudgedPicture(Protocol):
    """claims: each right, wrong or open; leaks: the same of attributes on other things."""

    @property
    def claims(self) -> Sequence[_Judged]: ...
    @property
    def leaks(self) -> Sequence[_Judged]: ...


class Truth(Protocol):
    """What SelAgg Truth, or any other judge, says of the pictures of a run."""

    @property
    def pictures(self) -> Sequence[JudgedPicture]: ...


def answers_of(truth: Truth) -> list[Answers]:
    """What a truth says, picture by picture. Raises ValueError for anything else."""
    try:
        return [
            {
                **{own.claim.text: _wrong(own.verdict) for own in picture.claims},
                **{SPILLED + own.claim.text: _wrong(own.verdict) for own in picture.leaks},
            }
            for picture in truth.pictures
        ]
    except AttributeError as error:
        raise ValueError("what is connected as truth is none: connect the output of SelAgg Truth.") from error


def _wrong(verdict: str) -> bool | None:
    return {RIGHT: False, WRONG: True}.get(verdict)


def answers_by_pixels(claims: Claims, pictures: Iterable[np.ndarray]) -> list[Answers]:
    """What the pixels of pictures (h, w, 3) uint8 say of claims."""
    return [_of_picture(claims, picture) for picture in pictures]


def _of_picture(claims: Claims, picture: np.ndarray) -> Answers:
    scene = Scene(claims, Observed({}, {}, picture))
    answers: dict[str, bool | None] = {}
    for claim in claims.all:
        if claim.kind == "attribute":
            answers[claim.text] = _colour_is_missing(scene, claim)
            answers[SPILLED + claim.text] = _is_too_often(scene, claim)
        elif claim.kind in ("relation", "place"):
            answers[claim.text] = _is_elsewhere(scene, claim)
        elif claim.kind == "entity":
            answers[claim.text] = _has_no_place(scene, claim)
    return answers


def _colour_is_missing(scene: Scene, claim: Claim) -> bool | None:
    name = colour_word(claim.value)
    if name is None:
        return None
    shown = scene.shown(name)
    if not np.isfinite(shown):
        return None
    return False if shown >= HAS else True if shown <= LACKS else None


def _is_too_often(scene: Scene, claim: Claim) -> bool | None:
    more = scene.too_often(claim)
    return None if not np.isfinite(more) else more > 0


def _has_no_place(scene: Scene, claim: Claim) -> bool | None:
    """A thing of which one colour is said is there if the colour is; of others pixels cannot tell."""
    said = [own for own in scene.claims.attributes_of(claim.subject) if colour_word(own.value) is not None]
    return _colour_is_missing(scene, said[0]) if len(said) == 1 else None


def _is_elsewhere(scene: Scene, claim: Claim) -> bool | None:
    ends = [scene.colour_centre(group) for group in (claim.subject, claim.other) if group is not None]
    known = [end for end in ends if end is not None]
    if len(known) < len(ends):
        return None
    if claim.other is not None:
        if claim.value not in DIRECTIONS:
            return None
        turned = scene.turned(known, DIRECTIONS[claim.value])
    else:
        if claim.value not in PLACES:
            return None
        turned = scene.away(known[0], claim.value)
    return False if turned <= AS_CLAIMED else True if turned >= NOT_AS_CLAIMED else None
