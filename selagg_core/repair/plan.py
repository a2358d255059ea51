"""What is changed in the attention of a run, and where: a repair plan, as values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

import numpy as np

from ..maps.regions import Region
from ..maps.resample import area_mean
from ..prompt.groups import WordGroup
from ..prompt.words import Prompt

MOST_STRENGTH = 2.0
UNTIL = 0.6
"""Share of a run in which places are decided: what comes later is left as it is."""
BIAS = 2.0
"""What is added to the logits of a word inside of its region, and taken from them outside."""
MOST_FACTOR = 9.0
"""Bound of what probabilities are multiplied by, either way (arXiv 2412.02237)."""


@dataclass(frozen=True, eq=False)
class Placing:
    """Words are drawn to a region: their logits are higher inside, and lower outside.

    words: of one conditioning entry.  heads: bool (heads,), None for all.
    """

    words: WordGroup
    region: Region
    heads: np.ndarray | None = None

    def gains(self, heads: int) -> np.ndarray:
        """Float (heads,): what is added to the logits where the field is 1."""
        return BIAS * (np.ones(heads) if self.heads is None else self.heads.astype(np.float64))

    def field(self, grid: tuple[int, int]) -> np.ndarray:
        """Float (h, w): 1 inside, -1 outside."""
        return 2 * area_mean(self.region.mask.astype(np.float32), grid) - 1


@dataclass(frozen=True, eq=False)
class Adjusting:
    """The attention of a word is multiplied in each head (concept adjusting, arXiv 2412.02237).

    As published: after the softmax, so that what a word loses goes to no other one.
    factors: float (heads,), in the order of the layout; below 0 a head says the opposite of the word.
    """

    words: WordGroup
    factors: np.ndarray

    def at(self, strength: float) -> np.ndarray:
        """Float (heads,): 1 for strength 0, the published factors for 1."""
        return np.clip(1 + strength * (self.factors - 1), -MOST_FACTOR, MOST_FACTOR)


Operator = Placing | Adjusting


@dataclass(frozen=True)
class PictureRepair:
    """What is changed in one picture of a batch; strength: times what is usual, 0 to 2."""

    operators: tuple[Operator, ...] = ()


@dataclass(frozen=True)
class RepairPlan:
    """What is changed in a run, and what is said about it.

    prompts: of the conditioning entries, in which words are counted.  pictures: one for all pictures, or one
    each.  until: share of the run after which places are left alone.  changes, advice: sentences.
    """

    prompts: tuple[Prompt, ...]
    pictures: tuple[PictureRepair, ...]
    strength: float = 1.0
    until: float = UNTIL
    changes: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    """By which a conditioning is known to be that of this plan."""

    def __post_init__(self):
        if not 0 <= self.strength <= MOST_STRENGTH:
            raise ValueError(f"strength is {self.strength:g}; set it to 0 to {MOST_STRENGTH:g}.")
        if not 0 < self.until <= 1:
            raise ValueError(f"until is {self.until:g}; set it above 0, to at most 1.")

    @property
    def does_nothing(self) -> bool:
        return self.strength == 0 or not any(picture.operators for picture in self.pictures)

    def at(self, share: float) -> RepairPlan:
        """The plan at a share of the run, 0 to 1: what is over by then is left out."""
        if share < self.until:
            return self
        lasting = tuple(
            PictureRepair(tuple(own for own in picture.operators if isinstance(own, Adjusting)))
            for picture in self.pictures
        )
        return replace(self, pictures=lasting)

    def touches(self, entry: int) -> bool:
        """Whether words of this conditioning entry are changed in any picture."""
        return any(own.words.entry == entry for picture in self.pictures for own in picture.operators)

    def report(self) -> str:
        """Everything in words, a sentence a line."""
        return "\n".join((*self.changes, *self.advice))
