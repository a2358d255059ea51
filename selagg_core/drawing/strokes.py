"""Lines, discs and outlines with smooth edges, drawn into RGB uint8 pictures (h, w, 3) in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import find_objects, label

Colour = tuple[int, int, int]
Point = tuple[float, float]
"""(x, y) px of a pixel's middle."""
FINER = 4
"""Shapes are drawn this many times finer and then averaged: that makes edges smooth."""


def draw_line(picture: np.ndarray, points: Sequence[Point], colour: Colour, thick: int) -> None:
    """A line through points, with round ends and joints, `thick` px wide."""
    places = [(float(x), float(y)) for x, y in points]

    def shape(draw: ImageDraw.ImageDraw, at: Callable[[Point], Point]) -> None:
        moved, radius = [at(place) for place in places], thick * FINER / 2
        draw.line(moved, fill=255, width=thick * FINER)
        for x, y in moved:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    _paint(picture, places, thick / 2, colour, shape)


def draw_disc(picture: np.ndarray, centre: Point, radius: int, colour: Colour, thick: int = 0) -> None:
    """A disc, or with `thick` a ring of that width around `radius`."""
    outer = (radius + thick / 2) * FINER

    def shape(draw: ImageDraw.ImageDraw, at: Callable[[Point], Point]) -> None:
        x, y = at(centre)
        box = (x - outer, y - outer, x + outer, y + outer)
        draw.ellipse(box, outline=255, width=thick * FINER) if thick else draw.ellipse(box, fill=255)

    _paint(picture, [centre], radius + thick, colour, shape)


def draw_arrow(picture: np.ndarray, start: Point, end: Point, colour: Colour, thick: int, tip: float) -> None:
    """An arrow with an open head, whose two strokes are `tip` px long."""
    back = math.atan2(start[1] - end[1], start[0] - end[0])
    left, right = (
        (end[0] + tip * math.cos(turned), end[1] + tip * math.sin(turned))
        for turned in (back + math.pi / 4, back - math.pi / 4)
    )
    draw_line(picture, [start, end], colour, thick)
    draw_line(picture, [left, end, right], colour, thick)


def _paint(
    picture: np.ndarray,
    points: Sequence[Point],
    margin: float,
    colour: Colour,
    shape: Callable[[ImageDraw.ImageDraw, Callable[[Point], Point]], None],
) -> None:
    """Blends what `shape` draws near `points` into the picture; only that part of it is worked on."""
    height, width = picture.shape[:2]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top = (max(0, math.floor(min(values) - margin) - 1) for values in (xs, ys))
    right, bottom = min(width, math.ceil(max(xs) + margin) + 2), min(height, math.ceil(max(ys) + margin) + 2)
    if left >= right or top >= bottom:
        return
    fine = Image.new("L", ((right - left) * FINER, (bottom - top) * FINER))
    middle = (FINER - 1) / 2
    shape(
        ImageDraw.Draw(fine),
        lambda point: ((point[0] - left) * FINER + middle, (point[1] - top) * FINER + middle),
    )
    blend(picture, (left, top), np.asarray(fine.reduce(FINER)), colour)


def blend(picture: np.ndarray, corner: tuple[int, int], cover: np.ndarray, colour: Colour) -> None:
    """Lays a colour over a picture as much as `cover` (h, w) uint8 says, from `corner` (x, y) on."""
    x, y = corner
    skipped = max(0, -y), max(0, -x)
    target = picture[max(0, y) : max(0, y + cover.shape[0]), max(0, x) : max(0, x + cover.shape[1])]
    seen = cover[skipped[0] :, skipped[1] :][: target.shape[0], : target.shape[1]]
    covered = seen.nonzero()
    opacity = seen[covered][:, None].astype(np.float32) / 255
    mixed = (1 - opacity) * target[covered] + opacity * np.array(colour, np.float32)
    target[covered] = np.rint(mixed).astype(np.uint8)


# The eight neighbours of a pixel as (y, x), clockwise from the left.
_AROUND = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))


def outer_contours(mask: np.ndarray) -> list[np.ndarray]:
    """The outer border of each part (8 neighbours) of a mask (h, w): (n, 2) of x, y px, clockwise."""
    numbers, _ = label(mask, structure=np.ones((3, 3), int))
    contours = []
    for number, (rows, columns) in enumerate(find_objects(numbers), start=1):
        part = np.pad(numbers[rows, columns] == number, 1)
        border = _trace(part) + np.array([columns.start - 1, rows.start - 1])
        contours.append(border)
    return contours


def _trace(part: np.ndarray) -> np.ndarray:
    """Moore's neighbour tracing of one connected part in a frame of False, with Jacob's stop."""
    inside = part.tolist()
    y, x = first = divmod(int(np.argmax(part)), part.shape[1])
    places, back, begun = [], 0, None
    while True:
        places.append((x, y))
        for step in range(1, 9):
            turn = (back + step) % 8
            dy, dx = _AROUND[turn]
            if inside[y + dy][x + dx]:
                break
        else:
            return np.array(places)  # a single pixel
        if (y, x) == first:
            if begun == turn:
                return np.array(places[:-1])
            begun = turn if begun is None else begun
        y, x = y + dy, x + dx
        # Where the search came from, as seen from the new pixel.
        back = (turn + 5) % 8 if turn % 2 else (turn + 6) % 8
