"""Names a silhouette: compares it, brought to a standard place and size, with the demo world's drawings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .shapes import drawing, outline, rasterise
from .vocabulary import OBJECTS

_GRID = 48
_SPREAD = 10.0
_TURNS = (-7, -3.5, 0, 3.5, 7)
_SOFTNESS = 0.8
_LOOKS = tuple((radius, blur) for radius in (19.0, 24.0, 29.0) for blur in (1.0, 2.0, 3.0))[:-1]
"""Radius and blur in pixels at which drawings are kept: blur closes gaps and rounds points."""


@dataclass(frozen=True)
class Match:
    """A drawing laid over a silhouette: `score` is their soft intersection over union.

    `centre` and `diameter` are in pixels, `turn` in degrees.
    """

    name: str
    score: float
    centre: tuple[float, float]
    diameter: float
    turn: float


@dataclass(frozen=True)
class _Library:
    """Every drawing at every turn: `pictures` (drawings, grid * grid), and how each was brought there."""

    pictures: np.ndarray
    names: tuple[str, ...]
    turns: np.ndarray
    offsets: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True)
class Layers:
    """What a drawing covers in a picture, each (side, side) float32 in [0, 1]."""

    body: np.ndarray
    green: np.ndarray
    ink: np.ndarray


def layers(name: str, centre: tuple[float, float], diameter: float, turn: float, side: int) -> Layers:
    """Draws an object's parts at a place and size in pixels."""
    plan, fine = drawing(name), 2
    placed = (side * fine, np.array(centre) * fine, diameter / 2 * fine, turn)
    body = rasterise(plan.body, *placed)
    if plan.holes:
        body[rasterise(plan.holes, *placed) > 0] = 0
    empty = np.zeros_like(body)
    green = rasterise(plan.green, *placed) if plan.green else empty
    ink = outline(plan.lines, *placed, width=round(1.7 * fine)) if plan.lines else empty
    shrunk = (cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA) for part in (body, green, ink))
    return Layers(*(part.astype(np.float32) / 255 for part in shrunk))


def match_silhouette(mask: np.ndarray) -> list[Match]:
    """The best match of every name, best first.

    Args:
        mask: (h, w) bool or float in [0, 1], something of it set.
    """
    library = _library()
    mask = mask.astype(np.float32)
    centre, spread = _place(mask)
    seen = _standardised(mask, centre, spread).ravel()
    # The soft union is the two sums less the intersection, so that one pass over the grid is enough.
    common = np.minimum(library.pictures, seen).sum(1)
    scores = common / (library.pictures.sum(1) + seen.sum() - common)
    found = {}
    for index in np.argsort(-scores):
        name = library.names[index]
        if name not in found:
            found[name] = _match(library, int(index), float(scores[index]), centre, spread)
    return list(found.values())


def _match(library: _Library, index: int, score: float, centre: np.ndarray, spread: float) -> Match:
    radius = spread / library.spreads[index]
    x, y = centre - library.offsets[index] * radius
    return Match(
        library.names[index], score, (float(x), float(y)), float(2 * radius), float(library.turns[index])
    )


def _place(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre of mass (x, y) and root mean square distance from it."""
    moments = cv2.moments(mask)
    area = max(moments["m00"], 1e-6)
    spread = np.sqrt(max((moments["mu20"] + moments["mu02"]) / area, 1e-6))
    return np.array([moments["m10"], moments["m01"]]) / area, float(spread)


def _standardised(mask: np.ndarray, centre: np.ndarray, spread: float) -> np.ndarray:
    """(grid, grid) float32: the mask moved and scaled to the centre and spread of all silhouettes."""
    zoom = _SPREAD / spread
    shift = _GRID / 2 - 0.5 - zoom * centre
    move = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    if zoom < 1:
        mask = cv2.GaussianBlur(mask, (0, 0), 0.5 / zoom)
    return cv2.GaussianBlur(cv2.warpAffine(mask, move, (_GRID, _GRID)), (0, 0), _SOFTNESS)


@cache
def _library() -> _Library:
    side = 96
    middle = (side / 2, side / 2)
    rows = []
    for name in OBJECTS:
        for turn in _TURNS:
            for radius, blur in _LOOKS:
                parts = layers(name, middle, radius * 2, turn, side)
                soft = cv2.GaussianBlur(np.maximum(parts.body, parts.green), (0, 0), blur)
                mask = (soft > 0.5).astype(np.float32)
                centre, spread = _place(mask)
                picture = _standardised(mask, centre, spread).ravel()
                rows.append((picture, name, turn, (centre - middle) / radius, spread / radius))
    pictures, names, turns, offsets, spreads = zip(*rows, strict=True)
    return _Library(np.stack(pictures), tuple(names), np.array(turns), np.array(offsets), np.array(spreads))
