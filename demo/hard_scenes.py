"""Draws scenes of the hard world: what is in them, where, in which tones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .hard_painting import outline_of, overlap
from .scene import GRID, SIDE, Scene, SceneObject
from .vocabulary import (
    GROUNDS,
    HARD_BACKGROUNDS,
    HARD_COLOURS,
    HARD_SIZES,
    HELD_OUT,
    MATERIALS,
    NATURAL_COLOUR,
    OBJECTS,
    PATTERNS,
    STYLES,
    WITHOUT_PATTERN,
)

LEAST_SEEN = 0.55
"""Share of an object that is seen at least, whatever stands before it."""
OVERLAPPING = 40
"""Pixels that two things share at least where they are said to overlap."""
_LEAST_CONTRAST = 46
"""Distance in RGB between a thing and the ground, or a thing that it overlaps: low, but to be seen."""
_TOGETHER = 0.65
_ONE_COLOUR = 0.3
_TRIES = 60


def random_hard_scene(rng: np.random.Generator, objects: int | None, held_out: bool | None) -> Scene:
    """Draws a scene of the hard world; arguments as `scenes.random_scene`."""
    count = objects or int(rng.choice([1, 2, 3], p=[0.12, 0.53, 0.35]))
    background = str(rng.choice(list(HARD_BACKGROUNDS)))
    ground = str(rng.choice(GROUNDS, p=[0.12, *[0.88 / (len(GROUNDS) - 1)] * (len(GROUNDS) - 1)]))
    ground_rgb = _shifted(rng, HARD_BACKGROUNDS[background], 6)
    kinds = _kinds(rng, count, held_out, background)
    items = _apart(rng, _placed(rng, kinds), ground_rgb)
    return Scene(items, background, ground_rgb, "hard", ground, int(rng.integers(2**31)))


def _kinds(
    rng: np.random.Generator, count: int, held_out: bool | None, background: str
) -> list[tuple[str, str]]:
    """(name, colour) of each thing: different names, often one colour, often the ground's."""
    kinds: list[tuple[str, str]] = []
    while len(kinds) < count:
        colour, name = str(rng.choice(list(HARD_COLOURS))), str(rng.choice(OBJECTS))
        if held_out and not kinds:
            colour, name = sorted(HELD_OUT)[rng.integers(len(HELD_OUT))]
        elif kinds and rng.random() < _ONE_COLOUR:
            colour = kinds[-1][1]
        elif rng.random() < 0.15:
            colour = background
        elif name in NATURAL_COLOUR and rng.random() < 0.4:
            colour = NATURAL_COLOUR[name]
        if (held_out is False and (colour, name) in HELD_OUT) or name in [other for other, _ in kinds]:
            continue
        kinds.append((name, colour))
    return kinds


def _placed(rng: np.random.Generator, kinds: list[tuple[str, str]]) -> list[SceneObject]:
    """Things at places where enough of each is seen; most often two of them overlap."""
    together = len(kinds) > 1 and rng.random() < _TOGETHER
    while True:
        sizes = [_size(rng, name, len(kinds)) for name, _ in kinds]
        for _ in range(_TRIES):
            layers = rng.permutation(len(kinds))
            items = [
                SceneObject(name, colour, "solid", size, _centre(rng, size), HARD_SIZES[size], 0.0, (0, 0, 0))
                for (name, colour), size in zip(kinds, sizes, strict=True)
            ]
            items = [replace(item, layer=int(layer)) for item, layer in zip(items, layers, strict=True)]
            if well_seen(items) and together == _touch(items):
                return [_finished(rng, item) for item in items]


def _size(rng: np.random.Generator, name: str, count: int) -> str:
    sizes = list(HARD_SIZES)[: 5 if count < 3 else 4]
    return str(rng.choice(sizes[1:] if name in WITHOUT_PATTERN else sizes))


def _centre(rng: np.random.Generator, size: str) -> tuple[float, float]:
    margin = HARD_SIZES[size] * 0.56 + 1
    first, last = int(np.ceil(margin / GRID)), int((SIDE - margin) // GRID)
    x, y = GRID * rng.integers(first, last + 1, 2)
    return float(x), float(y)


def well_seen(items: list[SceneObject]) -> bool:
    """Whether enough of each is seen, and no two are so near to one place that none could say which."""
    for item in items:
        own = outline_of(item) > 0.5
        before = [outline_of(o) > 0.5 for o in items if o.layer > item.layer]
        if before and (own & ~np.any(before, axis=0)).sum() < LEAST_SEEN * own.sum():
            return False
    places = [item.centre for item in items]
    return all(
        max(abs(ax - bx), abs(ay - by)) >= 2 * GRID
        for i, (ax, ay) in enumerate(places)
        for bx, by in places[:i]
    )


def _touch(items: list[SceneObject]) -> bool:
    return any(overlap(a, b) >= OVERLAPPING for i, a in enumerate(items) for b in items[:i])


def _finished(rng: np.random.Generator, item: SceneObject) -> SceneObject:
    """Gives a thing its pattern or material, and its style: what would not be seen on it is not drawn."""
    style = str(rng.choice(STYLES, p=[0.28, 0.14, 0.22, 0.22, 0.14]))
    if item.size in ("tiny", "small") or item.name in WITHOUT_PATTERN:
        return replace(item, style=style)
    surface = rng.random()
    over = style if style in ("flat", "cartoon", "glowing") else "flat"
    if surface < 0.25:
        return replace(item, style=over, pattern=str(rng.choice(PATTERNS[1:])))
    if surface < 0.75:
        return replace(item, style=over, material=str(rng.choice(MATERIALS[1:])))
    return replace(item, style=style)


def _apart(
    rng: np.random.Generator, items: list[SceneObject], ground: tuple[int, int, int]
) -> tuple[SceneObject, ...]:
    """Paints each in a shade of its colour that differs, if by little, from the ground and the others."""
    painted: list[SceneObject] = []
    for item in items:
        near = [ground, *[other.rgb for other in painted]]
        shades = [_shade(rng, HARD_COLOURS[item.colour], lift) for lift in (0, 0, -0.3, 0.35, -0.45, 0.5)]
        clear = [rgb for rgb in shades if _contrast(rgb, near) >= _LEAST_CONTRAST]
        best = clear[0] if clear else max(shades, key=lambda rgb: _contrast(rgb, near))
        painted.append(replace(item, rgb=best))
    return tuple(painted)


def _contrast(rgb: tuple[int, int, int], others: list[tuple[int, int, int]]) -> float:
    return min(float(np.linalg.norm(np.subtract(rgb, other))) for other in others)


def _shade(rng: np.random.Generator, rgb: tuple[int, int, int], lift: float) -> tuple[int, int, int]:
    """Darker by a share where `lift` is below 0, nearer to white by a share where it is above."""
    tone = np.array(rgb) * (1 + min(lift, 0))
    return _shifted(rng, tone + (255 - tone) * max(lift, 0), 8)


def _shifted(rng: np.random.Generator, rgb, spread: int) -> tuple[int, int, int]:
    moved = np.round(np.asarray(rgb) + rng.integers(-spread, spread + 1, 3))
    return tuple(int(v) for v in np.clip(moved, 0, 255))
