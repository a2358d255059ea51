"""Evidence of one word from its map: how strong and clear it is, and whether it is where it should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..maps.arrays import focus_of, normalise
from ..maps.regions import (
    Region,
    centroid,
    found_region,
    iou,
    largest_component,
    mass_inside,
    otsu_threshold,
    peak,
)
from ..prompt.groups import WordGroup


@dataclass(frozen=True)
class WordEvidence:
    """What the map of one word shows. Numbers are of the map before normalisation.

    strength, peak, peak_ratio and focus are of the heads that all words have in common, the others of the
    word's own heads.
    """

    word: WordGroup
    strength: float
    """Mean attention probability over the picture."""
    peak: float
    """Highest attention probability."""
    peak_ratio: float
    """Peak over mean; 1 for a flat map."""
    focus: float
    """1 - entropy / log(cells) of the map as a distribution over the picture: 0 flat, 1 a single cell."""
    component_share: float
    """Share of the mass above Otsu's threshold that its largest connected part holds."""
    spread: float
    """Share of the picture above Otsu's threshold."""
    centre: tuple[float, float]
    """Centre (x, y) of the mass above Otsu's threshold, in shares of width and height."""
    has_region: bool
    """Whether a region of its own may be expected of this word."""

    @property
    def label(self) -> str:
        """The word as people read it."""
        return self.word.label


@dataclass(frozen=True)
class PlaceEvidence:
    """How the map of one word lies to the region where it was expected."""

    word: WordGroup
    mass_inside: float
    peak_inside: bool
    overlap: float
    expected_area: float
    expected_centre: tuple[float, float]
    found_centre: tuple[float, float]
    found_area: float
    elsewhere: float = 0.0
    """Share of the map's mass in its largest part outside the expected region."""


def measure_word(group: WordGroup, heat: np.ndarray, common: np.ndarray | None = None) -> WordEvidence:
    """Evidence from one map (h, w) of attention probabilities, not normalised.

    Strength, peak and focus, by which words are compared, come from `common`, the word's map from heads that
    are the same for all words (by default `heat`); where the word is comes from `heat`.
    """
    mass = np.clip(np.asarray(heat if common is None else common, dtype=np.float64), 0, None)
    mean, top = float(mass.mean()), float(mass.max())
    above = _above_otsu(heat)
    found = found_region(heat)
    return WordEvidence(
        word=group,
        strength=mean,
        peak=top,
        peak_ratio=top / mean if mean > 0 else 1.0,
        focus=focus_of(mass),
        component_share=mass_inside(above, largest_component(found)),
        spread=found.area,
        centre=centroid(above),
        has_region=group.has_region,
    )


def measure_place(heat: np.ndarray, expected: Region, word: WordGroup) -> PlaceEvidence:
    """Evidence from a map (h, w) and an expected region of the same size."""
    above = _above_otsu(heat)
    x, y = peak(heat)
    found = found_region(heat)
    outside = largest_component(Region(found.mask & ~expected.mask))
    return PlaceEvidence(
        word=word,
        mass_inside=mass_inside(above, expected),
        peak_inside=bool(expected.mask[y, x]),
        overlap=iou(found, expected),
        expected_area=expected.area,
        expected_centre=centroid(expected.mask),
        found_centre=centroid(above),
        found_area=found.area,
        elsewhere=mass_inside(above, outside),
    )


def _above_otsu(heat: np.ndarray) -> np.ndarray:
    """What of a normalised map rises above Otsu's threshold: the background, however large, has no say."""
    scaled = normalise(heat)
    return np.clip(scaled - otsu_threshold(scaled), 0, None)
