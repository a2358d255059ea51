"""Words whose maps are scored, and the picture that they are scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..recording.head_maps import HeadMaps


@dataclass(frozen=True, eq=False)
class Target:
    """A word or phrase whose map is scored: its kind, itself, its indices in the prompt, where it is.

    kind: of `scoring.KINDS`. mask: (h, w) bool, at the size of the picture.
    """

    kind: str
    text: str
    words: tuple[int, ...]
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture (h, w, 3) uint8 with what was recorded of it and the words to be scored.

    number: the seed of the picture; random heads are drawn by it.
    """

    number: int
    picture: np.ndarray
    head_maps: HeadMaps
    targets: tuple[Target, ...]
