"""Paints scenes of the plain world: flat things apart from each other on an even ground."""

from __future__ import annotations

import cv2
import numpy as np

from .scene import SIDE, Scene, SceneObject
from .shapes import drawing, outline, rasterise

_SUPERSAMPLING = 4
_STEM_GREEN = (40, 110, 48)
_INK = 0.28
_PATTERN_SHADE = 0.45


def paint_plain(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Paints a scene of the plain world.

    Returns:
        picture: (128, 128, 3) uint8 sRGB.
        masks: (objects, 128, 128) bool, everything drawn for an object, holes left out.
    """
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[:] = scene.background_rgb
    masks = np.zeros((len(scene.objects), SIDE, SIDE), bool)
    for item, mask in zip(scene.objects, masks, strict=True):
        _paint(picture, mask, item)
    return picture, masks


def _paint(picture: np.ndarray, mask: np.ndarray, item: SceneObject) -> None:
    """Paints one object into its window of the picture and of its mask, both changed in place."""
    reach = int(np.ceil(item.diameter * 0.62))
    left, top = (max(0, int(v) - reach) for v in item.centre)
    right, bottom = (min(SIDE, int(v) + reach + 1) for v in item.centre)
    side = max(right - left, bottom - top)
    plan = drawing(item.name)
    centre = (np.array(item.centre) - (left, top)) * _SUPERSAMPLING
    placed = (side * _SUPERSAMPLING, centre, item.diameter / 2 * _SUPERSAMPLING, item.turn)
    body = rasterise(plan.body, *placed)
    body[rasterise(plan.holes, *placed) > 0] = 0
    green = rasterise(plan.green, *placed)
    tone = np.array(item.rgb, np.float32)
    canvas = np.empty((*body.shape, 3), np.float32)
    canvas[:] = picture[top, left]
    canvas[green > 0] = _STEM_GREEN
    dark = pattern_shade(item.pattern, centre, body.shape[0])
    canvas[(body > 0) & ~dark] = tone
    canvas[(body > 0) & dark] = tone * _PATTERN_SHADE
    ink = (outline(plan.lines, *placed, width=int(1.7 * _SUPERSAMPLING)) > 0) & (body > 0)
    canvas[ink] = tone * _INK
    window = (slice(top, bottom), slice(left, right))
    cut = (slice(bottom - top), slice(right - left))
    picture[window] = np.round(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA))[cut]
    mask[window] = cv2.resize(np.maximum(body, green), (side, side), interpolation=cv2.INTER_AREA)[cut] > 127


def pattern_shade(
    pattern: str, centre: np.ndarray, side: int, supersampling: int = _SUPERSAMPLING
) -> np.ndarray:
    """(side, side) bool: where the darker tone of a pattern goes, laid out from the object's centre."""
    if pattern == "solid":
        return np.zeros((side, side), bool)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x, y = (x - centre[0]) / supersampling, (y - centre[1]) / supersampling
    if pattern == "striped":
        return np.mod((x + y) / np.sqrt(2) + 4, 16) < 8
    if pattern == "dotted":
        return np.hypot(np.mod(x + 7.5, 15) - 7.5, np.mod(y + 7.5, 15) - 7.5) < 4.4
    return np.mod(np.floor(x / 12) + np.floor(y / 12), 2) < 1
