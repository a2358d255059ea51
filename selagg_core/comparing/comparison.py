"""Pictures made in two ways from the same seeds: what is wrong before and after, and what else changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..diagnosis.pixels import lab, salience
from ..maps.arrays import resize_maps
from ..maps.resample import area_mean
from ..prompt.quoted import short
from .judged import Answers
from .paired import Paired

ALL = "all"
STANDS_OUT = 0.3
"""How much a pixel stands out of its ground, from which it belongs to a thing."""
SIDE = 256
"""Longest side on which pictures are compared pixel by pixel."""
ALIKE = 1.0
"""Mean difference of 255 below which two pictures are one."""
HARMLESS = 0.03
"""Share of right claims that may break without a word of warning."""


@dataclass(frozen=True, eq=False)
class Arm:
    """Pictures (n, h, w, 3) uint8 of one way to make them, and what is wrong in each."""

    pictures: Sequence[np.ndarray]
    answers: Sequence[Answers]

    def only(self, kept: Sequence[int]) -> Arm:
        return Arm([self.pictures[i] for i in kept], [self.answers[i] for i in kept])


@dataclass(frozen=True)
class Comparison:
    """What a change did to the same seeds.

    faults: of the claims that were asked for, picture by picture; by_claim: each alone.  others: claims that
    were right before, [broken, judged].  elsewhere: mean difference, of 255, where neither picture shows a
    thing; None where that cannot be told.  placebo: faults before, and with the placebo; against_placebo:
    faults with the placebo, and with the change.  left_out: pairs that show the picture that failed.
    """

    asked: str
    judge: str
    faults: Paired
    by_claim: Mapping[str, Paired]
    others: tuple[int, int]
    elsewhere: float | None
    placebo: Paired | None = None
    against_placebo: Paired | None = None
    left_out: int = 0
    kept: tuple[int, ...] = ()
    """The numbers of the pairs that count."""
    wrong: tuple[tuple[bool | None, bool | None], ...] = ()
    """Of each of them whether it is wrong before, and after."""
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "asked": self.asked,
            "judge": self.judge,
            "faults": self.faults.to_dict(),
            "claims": {claim: own.to_dict() for claim, own in self.by_claim.items()},
            "broken": list(self.others),
            "elsewhere": None if self.elsewhere is None else round(self.elsewhere, 3),
            "placebo": None if self.placebo is None else self.placebo.to_dict(),
            "against_placebo": None if self.against_placebo is None else self.against_placebo.to_dict(),
            "left_out": self.left_out,
            "notes": list(self.notes),
        }


def asked_claims(answers: Iterable[Answers], asked: str) -> tuple[str, ...]:
    """The claims whose faults are counted: all that are answered, or those that lines of text name.

    Raises ValueError for a line that is none of them, and where there is none at all.
    """
    there = tuple(dict.fromkeys(claim for of_picture in answers for claim in of_picture))
    if not there:
        raise ValueError(
            "there is no claim to judge: connect the prompt of SelAgg Text Encode, or write claims such as "
            "cat left of dog."
        )
    lines = [line.strip() for line in asked.splitlines() if line.strip()]
    if not lines or [line.casefold() for line in lines] == [ALL]:
        return there
    by_name = {text.casefold(): text for text in there}
    for line in lines:
        if line.casefold() not in by_name:
            names = ", ".join(f'"{short(text)}"' for text in there[:8])
            raise ValueError(f'the prompt does not claim "{short(line)}". It claims: {names}.')
    return tuple(by_name[line.casefold()] for line in lines)


def compared(
    before: Arm,
    after: Arm,
    asked: Sequence[str],
    judge: str,
    placebo: Arm | None = None,
    failed: Sequence[np.ndarray] = (),
) -> Comparison:
    """Compares pictures of the same seeds, those with `failed` pictures among them left out.

    Raises ValueError where the arms have other numbers or sizes of pictures.
    """
    _check(before, after, placebo)
    kept = [n for n, own in enumerate(before.pictures) if not any(_is_same(own, one) for one in failed)]
    left_out = len(before.pictures) - len(kept)
    before, after = before.only(kept), after.only(kept)
    placebo = None if placebo is None else placebo.only(kept)
    wrong = _pairs(before, after, asked)
    notes: tuple[str, ...] = ()
    if kept and all(_is_same(a, b) for a, b in zip(before.pictures, after.pictures, strict=True)):
        notes = ("All pictures are the same before and after: nothing was changed.",)
    return Comparison(
        asked="\n".join(asked),
        judge=judge,
        faults=Paired.of(wrong),
        by_claim={claim: Paired.of(_pairs(before, after, (claim,))) for claim in asked},
        others=_broken(before, after, asked),
        elsewhere=_elsewhere(before.pictures, after.pictures),
        placebo=None if placebo is None else Paired.of(_pairs(before, placebo, asked)),
        against_placebo=None if placebo is None else Paired.of(_pairs(placebo, after, asked)),
        left_out=left_out,
        kept=tuple(kept),
        wrong=tuple(wrong),
        notes=notes,
    )


def _check(before: Arm, after: Arm, placebo: Arm | None) -> None:
    for name, arm in (("after", after), ("placebo", placebo)):
        if arm is None:
            continue
        if len(arm.pictures) != len(before.pictures):
            raise ValueError(
                f"there are {len(before.pictures)} pictures before and {len(arm.pictures)} in {name}: make "
                "as many of both, from the same seeds."
            )
        if any(a.shape != b.shape for a, b in zip(before.pictures, arm.pictures, strict=True)):
            raise ValueError(f"the pictures before and in {name} differ in size: make them from one latent.")
    for arm in (before, after, placebo):
        if arm is not None and len(arm.answers) != len(arm.pictures):
            raise ValueError(
                f"the truth is about {len(arm.answers)} pictures, and there are {len(arm.pictures)}: connect "
                "the truth of these pictures."
            )


def _wrong(answers: Answers, asked: Sequence[str]) -> bool | None:
    """Whether any of the claims is wrong; None where none is known to be, and not all are right."""
    said = [answers.get(claim) for claim in asked]
    if any(said):
        return True
    known = [answer for answer in said if answer is not None]
    return False if known and len(known) == len(said) else None


def _pairs(before: Arm, after: Arm, asked: Sequence[str]) -> list[tuple[bool | None, bool | None]]:
    """Of each pair whether it is wrong before and after, by the claims that could be judged both times."""
    pairs: list[tuple[bool | None, bool | None]] = []
    for old, new in zip(before.answers, after.answers, strict=True):
        both = [claim for claim in asked if old.get(claim) is not None and new.get(claim) is not None]
        pairs.append((_wrong(old, both), _wrong(new, both)) if both else (None, None))
    return pairs


def _broken(before: Arm, after: Arm, asked: Sequence[str]) -> tuple[int, int]:
    """(how many are wrong now, of how many that were right and can be judged again): all claims but `asked`.

    Where all claims are asked for, those that were right in their picture count all the same.
    """
    broken = judged = 0
    for old, new in zip(before.answers, after.answers, strict=True):
        others = [claim for claim in old if claim not in asked] or list(old)
        for claim in others:
            if old[claim] is False and new.get(claim) is not None:
                judged += 1
                broken += int(bool(new[claim]))
    return broken, judged


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    return area_mean(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    return float(np.abs(one.astype(np.float32) - other.astype(np.float32)).mean()) < ALIKE


def _elsewhere(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float | None:
    """Mean difference where neither of two pictures shows a thing, over the pairs where that can be told."""
    found = []
    for old, new in zip(before, after, strict=True):
        small = [_small(picture) for picture in (old, new)]
        salient = [salience(lab(picture.astype(np.uint8))) for picture in small]
        if not all(calm for _, calm in salient):
            continue
        free = np.all([resize_maps(own, small[0].shape[:2]) < STANDS_OUT for own, _ in salient], axis=0)
        if free.any():
            apart = np.abs(small[0].astype(np.float32) - small[1].astype(np.float32))
            found.append(float(apart[free].mean()))
    return float(np.mean(found)) if found else None
