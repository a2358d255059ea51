"""How strong the maps of a picture are beside each other, so that what is weak looks weak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..prompt.groups import WordGroup

STRONG = 0.75
"""The common scale ends where this share of the words end: a very strong word must not darken all others."""
SCALES = ("one for all words", "each word its own")


@dataclass(frozen=True)
class CommonScale:
    """The range of all maps of a picture, in attention probability."""

    low: float
    high: float

    @classmethod
    def of(cls, maps: np.ndarray, words: Sequence[WordGroup]) -> CommonScale:
        """Of maps (n, h, w): of the words that should have a place of their own, if there are any."""
        placed = [number for number, word in enumerate(words) if word.has_region]
        own = maps[placed] if placed else maps
        highs = np.sort(own.max(axis=(1, 2)))
        at = min(len(highs) - 1, int(STRONG * len(highs)))
        return cls(float(own.min()), float(highs[at]))

    def place(self, normalised: np.ndarray, heat: np.ndarray) -> np.ndarray:
        """A map between 0 and 1 by its own range, moved to this scale, wider where it goes beyond it.

        heat: the map that it was made of, (h, w). A flat map stays zeros.
        """
        low, high = float(heat.min()), float(heat.max())
        spread = max(self.high, high) - self.low
        if spread <= 0 or high <= low:
            return normalised
        moved = normalised * np.float32((high - low) / spread)
        moved += np.float32((low - self.low) / spread)
        return np.clip(moved, 0, 1, out=moved)
