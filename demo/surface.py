"""Colour and pattern of a painted surface, by laying every pattern of the demo world over it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from .painting import pattern_shade
from .vocabulary import COLOURS, PATTERNS

_REACH = 40
_STEP = 1.5
_ENOUGH = 700
_DARK_SHARE = 0.97


@dataclass(frozen=True)
class Surface:
    """Colour and pattern as fitted, None where unclear; `scores` as in `reading.SeenObject`."""

    colour: str | None
    pattern: str | None
    tone: np.ndarray
    scores: dict[str, float]


@dataclass(frozen=True)
class _Layouts:
    """Every pattern at every phase: `darkness` (layouts, side, side) in [0, 1] around an object's centre."""

    darkness: np.ndarray
    patterns: np.ndarray


@dataclass(frozen=True)
class Thresholds:
    """When a surface is clear; Lab units for colours, shares of variation for patterns."""

    colour_distance: float = 22.0
    colour_ratio: float = 0.75
    stray: float = 0.2
    explained: float = 0.28
    lead: float = 0.06
    shade: float = 0.86
    plain_explained: float = 0.2
    plain_shade: float = 0.9


def read_surface(
    picture: np.ndarray, weight: np.ndarray, centre: tuple[float, float], limits: Thresholds | None = None
) -> Surface:
    """Reads the paint of one object.

    Args:
        picture: (h, w, 3) float32 sRGB, 0 to 255.
        weight: (h, w) bool, the pixels that show the object's paint and nothing else.
        centre: (x, y) the pattern was laid out from, in pixels; its phase is searched all the same.
    """
    limits = limits or Thresholds()
    ys, xs = np.nonzero(weight)
    pixels = picture[ys, xs]
    if len(pixels) < 12:
        nothing = {"colour": 99.0, "colour_margin": 0.0, "pattern": 0.0, "pattern_margin": 0.0}
        return Surface(None, None, np.zeros(3, np.float32), nothing)
    step = -(-len(pixels) // _ENOUGH)
    ys, xs, pixels = ys[::step], xs[::step], pixels[::step]
    layouts = _layouts()
    columns, rows = (
        np.clip(np.round(at - middle).astype(int) + _REACH, 0, 2 * _REACH - 1)
        for at, middle in ((xs, centre[0]), (ys, centre[1]))
    )
    darkness = layouts.darkness[:, rows, columns]
    explained, bright, dark = _two_tones(darkness, pixels)
    return _judge(layouts.patterns, explained, bright, dark, pixels, limits)


def _two_tones(darkness: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares of pixels = bright + darkness * (dark - bright) for every layout.

    Args:
        darkness: (layouts, n); pixels: (n, 3).

    Returns:
        explained: (layouts,) share of the pixels' variation; bright, dark: (layouts, 3).
    """
    mean = pixels.mean(0)
    centred = pixels - mean
    part = darkness.mean(1, keepdims=True)
    shade = darkness - part
    power = np.maximum((shade**2).sum(1), 1e-3)
    slope = (shade @ centred) / power[:, None]
    total = max(float((centred**2).sum()), 1e-3)
    explained = (slope**2).sum(1) * power / total
    bright = mean - part * slope
    return explained, bright, bright + slope


def _judge(
    patterns: np.ndarray,
    explained: np.ndarray,
    bright: np.ndarray,
    dark: np.ndarray,
    pixels: np.ndarray,
    t: Thresholds,
) -> Surface:
    shade = dark.sum(1) / np.maximum(bright.sum(1), 1)
    strength = np.where(shade < _DARK_SHARE, explained, 0)
    best = {
        kind: int(np.argmax(np.where(patterns == kind, strength, -1))) for kind in range(1, len(PATTERNS))
    }
    order = sorted(best, key=lambda kind: -strength[best[kind]])
    top = best[order[0]]
    lead = float(strength[top] - strength[best[order[1]]])
    tone, pattern = np.median(pixels, 0), None
    if strength[top] > t.explained and shade[top] < t.shade:
        tone = bright[top]
        pattern = PATTERNS[order[0]] if lead > t.lead else None
    elif strength[top] < t.plain_explained or shade[top] > t.plain_shade:
        pattern = "solid"
    colour, near, ratio = nearest_colour(tone)
    scores = {
        "colour": near,
        "colour_margin": 1 - ratio,
        "pattern": float(strength[top]),
        "pattern_margin": lead,
        "shade": float(shade[top]),
        "stray": _stray(pixels, tone),
    }
    clear = near < t.colour_distance and ratio < t.colour_ratio and scores["stray"] < t.stray
    return Surface(colour if clear else None, pattern, tone, scores)


def _stray(pixels: np.ndarray, tone: np.ndarray) -> float:
    """Share of the pixels that are of another hue than the tone: what has two hues has no colour."""
    length = max(float(np.linalg.norm(tone)), 1.0)
    along = np.outer(pixels @ tone / length**2, tone)
    return float((np.linalg.norm(pixels - along, axis=1) > 0.3 * length).mean())


def nearest_colour(rgb: np.ndarray) -> tuple[str, float, float]:
    """The named colour nearest to an sRGB triple in Lab, its distance, and that over the next one's."""
    distances = np.linalg.norm(_named_lab() - lab(rgb.reshape(1, 1, 3))[0, 0], axis=1)
    first, second = np.argsort(distances)[:2]
    return (
        list(COLOURS)[first],
        float(distances[first]),
        float(distances[first] / max(distances[second], 1e-6)),
    )


def lab(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) sRGB, 0 to 255, to CIE L*a*b* (D65), L from 0 to 100."""
    unit = np.clip(np.asarray(rgb, np.float32) / 255, 0, 1)
    return cv2.cvtColor(unit, cv2.COLOR_RGB2Lab)


@cache
def _named_lab() -> np.ndarray:
    return lab(np.array([list(COLOURS.values())], np.float32))[0]


@cache
def _layouts() -> _Layouts:
    pictures, kinds = [], []
    for kind, pattern in enumerate(PATTERNS[1:], 1):
        along_x, along_y = _period(pattern, axis=1), _period(pattern, axis=0)
        # Stripes run aslant, so moving them along x alone gives every phase; checks moved half a period
        # along y are checks moved half a period along x.
        slides = {"striped": [0.0], "checkered": np.arange(0, along_y / 2, _STEP)}
        for dy in slides.get(pattern, np.arange(0, along_y, _STEP)):
            for dx in np.arange(0, along_x, _STEP):
                pictures.append(_layout(pattern, dx, dy))
                kinds.append(kind)
    return _Layouts(np.stack(pictures), np.array(kinds))


def _layout(pattern: str, dx: float, dy: float) -> np.ndarray:
    """(side, side) darkness in [0, 1] at the picture's resolution, blurred as the autoencoder blurs."""
    fine = 4
    centre = (np.array([dx, dy]) + _REACH + 0.5) * fine
    shade = pattern_shade(pattern, centre, 2 * _REACH * fine).astype(np.float32)
    small = cv2.resize(shade, (2 * _REACH, 2 * _REACH), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 0.8)


def _period(pattern: str, axis: int) -> float:
    """After how many pixels along an axis a pattern repeats."""
    side, fine = 256, 4
    shade = pattern_shade(pattern, np.zeros(2), side)
    for shift in range(2 * fine, side // 2):
        kept = np.arange(side - shift)
        if (shade.take(kept, axis) != shade.take(kept + shift, axis)).mean() < 0.03:
            return shift / fine
    raise ValueError(f"The pattern {pattern!r} does not repeat within {side // 2 // fine} pixels.")
