"""Pictures of prompts, made in two ways -> what the change did, by judges that are not attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .claims.claim import Claims
from .claims.over_entries import over_entries
from .claims.read_claims import general_lexicon, read_claims
from .comparing.comparison import ALL, Arm, Comparison, asked_claims, compared
from .comparing.judged import Answers, Truth, answers_by_pixels, answers_of
from .prompt.words import Prompt

PIXELS = "pixels"
TRUTH = "the truth that is connected"


@dataclass(frozen=True, eq=False)
class Made:
    """Pictures (n, h, w, 3) uint8 of one prompt, made in one way; truth: what a judge says of them."""

    pictures: Sequence[np.ndarray]
    truth: Truth | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """The same seeds of one prompt before and after a change. prompts: of its conditioning entries."""

    before: Made
    after: Made
    prompts: tuple[Prompt, ...] = ()
    placebo: Made | None = None


def compare(
    trials: Sequence[Trial],
    asked: str = ALL,
    edits: str = "",
    failed: Sequence[np.ndarray] = (),
) -> Comparison:
    """Compares pictures before and after a change, over all prompts.

    asked: the claims whose faults are counted, one a line, or "all".  edits: the artist's claims.  failed:
    pictures because of which the change was made: pairs of them are left out, for those would get better by
    chance alone.  Raises ValueError, with what to do, for what does not belong together.
    """
    told = [_claims(trial, edits) for trial in trials]
    before = _arm([(trial.before, claims) for trial, claims in zip(trials, told, strict=True)])
    after = _arm([(trial.after, claims) for trial, claims in zip(trials, told, strict=True)])
    with_placebo = [(trial.placebo, claims) for trial, claims in zip(trials, told, strict=True)]
    placebos = [(made, claims) for made, claims in with_placebo if made is not None]
    if placebos and len(placebos) < len(trials):
        raise ValueError("some prompts have a placebo and others none: connect one for each, or none.")
    placebo = _arm(placebos) if placebos else None
    judges = {TRUTH if trial.before.truth is not None else PIXELS for trial in trials}
    wanted = asked_claims((*before.answers, *after.answers), asked)
    return compared(before, after, wanted, " and ".join(sorted(judges)), placebo, failed)


def _claims(trial: Trial, edits: str) -> Claims:
    read = over_entries(read_claims(trial.prompts, general_lexicon(), edits), trial.prompts)
    if read.problems:
        raise ValueError(" ".join(read.problems))
    return read.checked


def _arm(made: Sequence[tuple[Made, Claims]]) -> Arm:
    pictures: list[np.ndarray] = []
    answers: list[Answers] = []
    for own, claims in made:
        pictures += own.pictures
        answers += answers_by_pixels(claims, own.pictures) if own.truth is None else answers_of(own.truth)
    return Arm(pictures, answers)
