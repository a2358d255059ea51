"""Silhouettes and inner lines of the demo objects, drawn with OpenCV in a unit square."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Polygon = np.ndarray


@dataclass(frozen=True)
class Drawing:
    """An object in unit coordinates (x right, y down, both in [-1, 1]).

    Attributes:
        body: Polygons filled with the object's colour and pattern.
        holes: Polygons cut out of the body.
        lines: Open polylines drawn in dark ink over the body.
        green: Polygons filled with stem green whatever the object's colour.
    """

    body: tuple[Polygon, ...]
    holes: tuple[Polygon, ...] = ()
    lines: tuple[Polygon, ...] = ()
    green: tuple[Polygon, ...] = ()


def _ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, points: int = 48) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    circle = np.stack([rx * np.cos(angle), ry * np.sin(angle)], 1)
    return circle @ _rotation(turn).T + np.array([x, y])


def _rotation(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _polygon(*points: tuple[float, float]) -> Polygon:
    return np.array(points, float)


def _almond(x: float, y: float, length: float, width: float, turn: float) -> Polygon:
    along = np.linspace(-1, 1, 20)
    half = width * (1 - along**2)
    upper = np.stack([length * along, half], 1)
    lower = np.stack([length * along, -half], 1)[::-1]
    return np.concatenate([upper, lower]) @ _rotation(turn).T + np.array([x, y])


def _spiral(turns: float, radius: float, y: float) -> Polygon:
    angle = np.linspace(0.6, 2 * np.pi * turns, 60)
    reach = radius * angle / angle[-1]
    return np.stack([reach * np.cos(angle), y + reach * np.sin(angle)], 1)


def _star() -> Polygon:
    angle = -np.pi / 2 + np.arange(10) * np.pi / 5
    reach = np.where(np.arange(10) % 2 == 0, 1.1, 0.46)
    return np.stack([reach * np.cos(angle), 0.08 + reach * np.sin(angle)], 1)


def _rose() -> Drawing:
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    reach = 0.56 + 0.09 * np.cos(5 * angle)
    bloom = np.stack([reach * np.cos(angle), -0.42 + reach * np.sin(angle)], 1)
    stem = _polygon((-0.08, 0.1), (0.08, 0.1), (0.08, 1.05), (-0.08, 1.05))
    leaves = (_almond(0.34, 0.55, 0.36, 0.14, -30), _almond(-0.34, 0.72, 0.36, 0.14, 210))
    return Drawing(body=(bloom,), lines=(_spiral(1.6, 0.4, -0.42),), green=(stem, *leaves))


def _mint() -> Drawing:
    leaves = [_almond(side * 0.5, y, 0.5, 0.25, side * -24) for y in (-0.3, 0.42) for side in (-1, 1)]
    stem = _polygon((-0.07, -0.5), (0.07, -0.5), (0.07, 1.05), (-0.07, 1.05))
    return Drawing(body=(stem, _almond(0, -0.72, 0.38, 0.22, 90), *leaves))


def _fish() -> Drawing:
    tail = _polygon((0.45, 0), (1.1, -0.55), (0.92, 0), (1.1, 0.55))
    eye = _ellipse(-0.6, -0.12, 0.09, 0.09)
    return Drawing(
        body=(_ellipse(-0.2, 0, 0.85, 0.52), tail), lines=(eye, _polygon((-0.3, -0.36), (-0.3, 0.36)))
    )


def _house() -> Drawing:
    walls = _polygon((-0.72, -0.12), (0.72, -0.12), (0.72, 0.95), (-0.72, 0.95))
    roof = _polygon((-1.0, -0.1), (0, -1.0), (1.0, -0.1))
    door = _polygon((-0.2, 0.95), (-0.2, 0.4), (0.2, 0.4), (0.2, 0.95))
    return Drawing(body=(walls, roof), holes=(door,), lines=(_polygon((-1.0, -0.1), (1.0, -0.1)),))


def _leaf() -> Drawing:
    blade = _almond(0, 0, 1.1, 0.58, -45)
    rib = np.array([[-1.1, 0], [0.8, 0]]) @ _rotation(-45).T
    return Drawing(body=(blade,), lines=(rib,))


def _orange() -> Drawing:
    leaf = _almond(0.3, -0.86, 0.34, 0.15, -25)
    stalk = _polygon((-0.06, -1.0), (0.06, -1.0), (0.06, -0.66), (-0.06, -0.66))
    return Drawing(body=(_ellipse(0, 0.14, 0.86, 0.82),), green=(stalk, leaf))


def _cross() -> Polygon:
    a, b = 0.34, 0.98
    return _polygon(
        (-a, -b),
        (a, -b),
        (a, -a),
        (b, -a),
        (b, a),
        (a, a),
        (a, b),
        (-a, b),
        (-a, a),
        (-b, a),
        (-b, -a),
        (-a, -a),
    )


def drawing(name: str) -> Drawing:
    """The drawing of an object of `vocabulary.OBJECTS`; ValueError for another name."""
    plain = {
        "circle": lambda: Drawing(body=(_ellipse(0, 0, 0.94, 0.94),)),
        "square": lambda: Drawing(
            body=(_polygon((-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)),)
        ),
        "triangle": lambda: Drawing(body=(_polygon((0, -0.98), (1.0, 0.82), (-1.0, 0.82)),)),
        "star": lambda: Drawing(body=(_star(),)),
        "ring": lambda: Drawing(body=(_ellipse(0, 0, 0.98, 0.98),), holes=(_ellipse(0, 0, 0.5, 0.5),)),
        "cross": lambda: Drawing(body=(_cross(),)),
        "orange": _orange,
        "rose": _rose,
        "mint": _mint,
        "fish": _fish,
        "house": _house,
        "leaf": _leaf,
    }
    if name not in plain:
        raise ValueError(f"The demo world has no drawing of {name!r}; it has {', '.join(plain)}.")
    return plain[name]()


def rasterise(
    polygons: tuple[Polygon, ...], size: int, centre: np.ndarray, radius: float, turn: float
) -> np.ndarray:
    """Filled polygons as a (size, size) uint8 mask of 0 or 255; pixels of the rendering grid."""
    mask = np.zeros((size, size), np.uint8)
    for polygon in polygons:
        points = np.round((polygon @ _rotation(turn).T) * radius + centre).astype(np.int32)
        cv2.fillPoly(mask, [points], 255)
    return mask


def outline(
    lines: tuple[Polygon, ...], size: int, centre: np.ndarray, radius: float, turn: float, width: int
) -> np.ndarray:
    """Polylines as a (size, size) uint8 mask of 0 or 255."""
    mask = np.zeros((size, size), np.uint8)
    for line in lines:
        points = np.round((line @ _rotation(turn).T) * radius + centre).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, width)
    return mask
