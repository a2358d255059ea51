"""Regions of a picture: from boxes, masks and maps; what they share and where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..prompt.marks import plain_marks
from ..prompt.messages import message
from .arrays import normalise
from .resample import area_mean, numbered_parts

_NUMBER = re.compile(r"^\s*(-?(?:\d+(?:\.\d*)?|\.\d+))\s*(?:px)?(%?)\s*$")
FARTHEST = 1e6
"""Pixels, or per cent; a number beyond lies outside of every picture."""


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a picture. `mask`: bool (h, w); `label`: the word or phrase it is about."""

    mask: np.ndarray
    label: str = ""

    @property
    def area(self) -> float:
        """Share of the picture, 0 to 1."""
        return float(np.mean(self.mask))


@dataclass(frozen=True)
class Box:
    """Edges x0, y0, x1, y1 as (number, is it per cent of the picture?)."""

    label: str
    edges: tuple[tuple[float, bool], ...]

    def region(self, size: tuple[int, int]) -> Region:
        """The box in a picture of `size` (h, w) px. Raises ValueError if it lies outside or is empty."""
        height, width = size
        spans = (width, height, width, height)
        x0, y0, x1, y1 = (
            round(value * span / 100 if per_cent else value)
            for (value, per_cent), span in zip(self.edges, spans, strict=True)
        )
        x0, x1 = max(0, x0), min(width, x1)
        y0, y1 = max(0, y0), min(height, y1)
        if x0 >= x1 or y0 >= y1:
            raise ValueError(message("box_outside", word=self.label[:60], width=width, height=height))
        mask = np.zeros(size, dtype=bool)
        mask[y0:y1, x0:x1] = True
        return Region(mask, self.label)


def parse_box(text: str) -> Box:
    """A line `cat: 0, 0, 50%, 100%` (left, top, right, bottom; pixels, or per cent with a % sign).

    Four numbers from 0 to 1 without a % sign are shares of the picture. Raises ValueError with the line and
    the form that is wanted.
    """
    label, colon, numbers = plain_marks(text).rpartition(":")
    edges = [_NUMBER.match(part) for part in numbers.split(",")]
    if not colon or not label.strip() or len(edges) != 4 or not all(edges):
        raise ValueError(message("box_form", text=text.strip()[:80]))
    parsed = tuple((_bounded(edge.group(1)), edge.group(2) == "%") for edge in edges if edge)
    if all(0 <= value <= 1 and not per_cent for value, per_cent in parsed):
        # Detectors write shares of the picture; a box within its first pixel is meant by nobody.
        parsed = tuple((100 * value, True) for value, _ in parsed)
    return Box(label.strip(), parsed)


def _bounded(number: str) -> float:
    """A number of a box, cut to what lies far outside of every picture."""
    return max(-FARTHEST, min(FARTHEST, float(number)))


def parse_boxes(text: str) -> tuple[Box, ...]:
    """One box a line; empty lines are skipped. Raises ValueError for the first line that cannot be read."""
    return tuple(parse_box(line) for line in plain_marks(text).splitlines() if line.strip())


def from_mask(mask: np.ndarray, size: tuple[int, int], label: str = "") -> Region:
    """A mask (h, w), above 0.5 inside, as a region of a picture of `size` (h, w).

    A mask of another size is resized only if its aspect is that of the picture (within a pixel). Raises
    ValueError otherwise, stating both sizes, and for an empty mask.
    """
    values = np.asarray(mask, dtype=np.float32)
    if values.ndim != 2:
        raise ValueError(f"a mask has height and width; this one has the shape {values.shape}.")
    height, width = values.shape
    if (height, width) != tuple(size):
        if abs(width * size[0] / height - size[1]) > 1 and abs(height * size[1] / width - size[0]) > 1:
            across, down = size[1], size[0]
            raise ValueError(message("mask_shape", width=width, height=height, across=across, down=down))
        values = area_mean(values, size)
    region = Region(values > 0.5, label)
    if not region.mask.any():
        raise ValueError(message("mask_nowhere"))
    return region


def otsu_threshold(heat: np.ndarray) -> float:
    """Otsu's threshold (1979) of a normalised map, in [0, 1]. A flat map gives 1: nothing is above it."""
    scaled = np.clip(heat, 0, 1)
    levels = np.rint(np.multiply(scaled, 255, out=scaled), out=scaled).astype(np.uint8)
    if levels.min() == levels.max():
        return 1.0
    share = np.bincount(levels.ravel(), minlength=256) / levels.size
    below, moment = np.cumsum(share), np.cumsum(share * np.arange(256))
    parted = (below > 0) & (below < 1 - 1e-12)
    spread = np.zeros(256)
    spread[parted] = (moment[-1] * below - moment)[parted] ** 2 / (below * (1 - below))[parted]
    return float(np.argmax(spread)) / 255


def found_region(heat: np.ndarray, threshold: float | None = None, label: str = "") -> Region:
    """Where a map (h, w) is above `threshold` of its own range; None chooses it by Otsu."""
    scaled = normalise(heat)
    return Region(above(scaled, threshold), label)


def above(scaled: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Where a normalised map is above `threshold`, or above that of Otsu; bool (h, w)."""
    return scaled > (otsu_threshold(scaled) if threshold is None else threshold)


def largest_component(region: Region) -> Region:
    """The largest connected part (8 neighbours) of a region; an empty region stays empty."""
    numbers, sizes = numbered_parts(region.mask)
    return Region(numbers == 1 + int(np.argmax(sizes)), region.label) if len(sizes) else region


def mass_inside(heat: np.ndarray, region: Region) -> float:
    """Share of a map's mass inside a region, 0 to 1; 0 for a map without mass. Negative values count as 0."""
    mass = np.clip(heat, 0, None)
    total = float(mass.sum(dtype=np.float64))
    return float(mass[region.mask].sum(dtype=np.float64)) / total if total > 0 else 0.0


def iou(one: Region, other: Region) -> float:
    """Intersection over union; 0 if both are empty."""
    union = int(np.count_nonzero(one.mask | other.mask))
    return int(np.count_nonzero(one.mask & other.mask)) / union if union else 0.0


def peak(heat: np.ndarray) -> tuple[int, int]:
    """(x, y) px of the highest value of a map."""
    y, x = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return int(x), int(y)


def centroid(heat: np.ndarray) -> tuple[float, float]:
    """Centre of mass (x, y) as shares of width and height, 0 to 1; the middle for a map without mass."""
    mass = np.clip(np.asarray(heat, dtype=np.float64), 0, None)
    total = mass.sum()
    if total <= 0:
        return 0.5, 0.5
    height, width = mass.shape
    x = float(mass.sum(axis=0) @ (np.arange(width) + 0.5)) / total / width
    y = float(mass.sum(axis=1) @ (np.arange(height) + 0.5)) / total / height
    return x, y


def place_name(x: float, y: float) -> str:
    """A place in words for a point in shares of width and height: "upper left", "centre", "right"."""
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    if not across:
        return {"upper": "top", "lower": "bottom"}.get(down, "centre")
    return f"{down} {across}".strip()
