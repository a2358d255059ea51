"""Paints scenes of the hard world: things of several materials and styles, overlapping, on textures."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .painting import pattern_shade
from .scene import SIDE, Scene, SceneObject
from .shapes import drawing, outline, rasterise
from .textures import ground_shade, material_shade

_SUPERSAMPLING = 4
_STEM_GREEN = np.array((40, 110, 48), np.float32)
_INK = np.array((24, 22, 26), np.float32)
_LINE = 0.32
_DARK = 0.5
_RIM = 3.6
"""Width of a cartoon's outline, of a sketch's and of the rim of glass, in pixels."""


def paint_hard(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Paints a scene from back to front.

    Returns:
        picture: (128, 128, 3) uint8 sRGB.
        masks: (objects, 128, 128) bool, what is seen of an object: no pixel belongs to two.
    """
    picture = _ground(scene)
    masks = np.zeros((len(scene.objects), SIDE, SIDE), bool)
    for index in sorted(range(len(scene.objects)), key=lambda i: scene.objects[i].layer):
        item = scene.objects[index]
        _paint(picture, item, np.random.default_rng((scene.grain, index)))
        covered = outline_of(item) > 0.5
        masks &= ~covered
        masks[index] = covered
    return np.clip(np.round(picture), 0, 255).astype(np.uint8), masks


def overlap(one: SceneObject, other: SceneObject) -> int:
    """How many pixels two objects would share."""
    return int(((outline_of(one) > 0.5) & (outline_of(other) > 0.5)).sum())


def outline_of(item: SceneObject) -> np.ndarray:
    """(128, 128) float32 in [0, 1]: how much of each pixel an object covers, whatever is before it."""
    body, green = _coverage(item.name, item.centre, item.diameter)
    return np.maximum(body, green)


def _coverage(name: str, centre: tuple[float, float], diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Coverage by the body and by stem green: what was drawn in the middle, moved by whole pixels."""
    (x, across), (y, down) = ((int(v // 1), v % 1) for v in centre)
    move = np.array([[1, 0, x - SIDE // 2], [0, 1, y - SIDE // 2]], np.float32)
    middle = _in_the_middle(name, diameter, across, down)
    body, green = (cv2.warpAffine(part, move, (SIDE, SIDE), flags=cv2.INTER_NEAREST) for part in middle)
    return body, green


@lru_cache(maxsize=256)
def _in_the_middle(name: str, diameter: float, across: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    plan, placed = drawing(name), _placed((SIDE // 2 + across, SIDE // 2 + down), diameter)
    body = rasterise(plan.body, *placed)
    body[rasterise(plan.holes, *placed) > 0] = 0
    return _shrunk(body), _shrunk(rasterise(plan.green, *placed))


def _placed(centre: tuple[float, float], diameter: float) -> tuple[int, np.ndarray, float, float]:
    fine = _SUPERSAMPLING
    return SIDE * fine, np.array(centre) * fine, diameter / 2 * fine, 0.0


def _shrunk(mask: np.ndarray) -> np.ndarray:
    return cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _ground(scene: Scene) -> np.ndarray:
    """(128, 128, 3) float32: the background, lit a little unevenly."""
    rng = np.random.default_rng((scene.grain, 99))
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.1)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / (SIDE / 2) - 1
    light = 1 + fall * (x * np.cos(angle) + y * np.sin(angle))
    shade = ground_shade(scene.ground, SIDE, rng)
    return np.array(scene.background_rgb, np.float32) * (light * shade)[..., None]


def _paint(picture: np.ndarray, item: SceneObject, rng: np.random.Generator) -> None:
    """Paints one object over a picture (128, 128, 3) float32, changed in place."""
    body, green = _coverage(item.name, item.centre, item.diameter)
    whole = np.maximum(body, green)
    tone = np.array(item.rgb, np.float32)
    if item.style == "glowing":
        halo = np.clip(1.6 * cv2.GaussianBlur(whole, (0, 0), 5.0), 0, 1) * 0.75
        _lay(picture, halo, tone * 0.35 + 255 * 0.65)
    _lay(picture, green, _STEM_GREEN)
    _lay(picture, body * _thickness(item, body), _surface(item, tone, rng))
    lines = outline(
        drawing(item.name).lines, *_placed(item.centre, item.diameter), width=round(1.7 * _SUPERSAMPLING)
    )
    _lay(picture, _shrunk(lines) * (body > 0.5), tone * _LINE)
    if item.style == "cartoon":
        _lay(picture, _rim(whole, _RIM), _INK)
    elif item.style == "sketched":
        _lay(picture, _rim(body, _RIM), tone * 0.8)


def _lay(picture: np.ndarray, coverage: np.ndarray, tone: np.ndarray) -> None:
    picture += coverage[..., None] * (tone - picture)


def _rim(whole: np.ndarray, width: float) -> np.ndarray:
    """The outermost `width` pixels of a coverage."""
    distance = cv2.distanceTransform((whole > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return whole * np.clip(width + 0.5 - distance, 0, 1)


def _thickness(item: SceneObject, body: np.ndarray) -> np.ndarray | float:
    """How much of what is behind is hidden: glass lets it through but at its rim."""
    if item.material != "glass":
        return 1.0
    return 0.5 + 0.5 * _rim(body, _RIM)


def _surface(item: SceneObject, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(128, 128, 3) float32: what the object's body would look like if it filled the picture."""
    centre = np.array(item.centre)
    dark = pattern_shade(item.pattern, centre, SIDE, supersampling=1)
    colour = np.where(dark[..., None], tone * _DARK, tone)
    shade, tint, share = material_shade(item.material, SIDE, item.centre, rng)
    colour = (colour * (1 - share)[..., None] + tint * share[..., None]) * shade[..., None]
    if item.material == "glass":
        rim = _rim(_coverage(item.name, item.centre, item.diameter)[0], _RIM)[..., None]
        colour = colour * (1 - 0.45 * rim) + 255 * 0.45 * rim
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    x, y = (x - centre[0]) / (item.diameter / 2), (y - centre[1]) / (item.diameter / 2)
    if item.style == "shaded":
        away = np.hypot(x + 0.4, y + 0.45)
        lit = np.clip(1.0 - away / 0.6, 0, 1)[..., None] * 0.6
        colour = colour * np.clip(1.12 - 0.5 * away, 0.3, 1.12)[..., None] * (1 - lit) + 255 * lit
    elif item.style == "sketched":
        way = (x - y) * item.diameter / 2 / np.sqrt(2) + rng.uniform(0, 12)
        paper = np.clip(np.sin(way * 2 * np.pi / 12) * 2 + 0.9, 0, 1)[..., None] * 0.85
        colour = colour * (1 - paper) + 250 * paper
    return np.clip(colour, 0, 255)
