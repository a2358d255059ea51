"""What the pixels of a picture say about colour words, and where something stands out from its surroundings.

Distances are CIE Lab, with lightness counting less than hue and chroma: a shaded red is still red.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..prompt.lexicon import base_forms

_ANCHORS = """
    red: e50000 b01020 d02024 8c000f f03c3c
    orange: f97306 f58614 c65102 ffa756
    yellow: ffff14 f6d728 ffe36e e0b800
    green: 15b01a 24923a 0a5f38 5fa052 8fce3a
    mint: 9ffeb0 84e2ba b0f0d0 8fe0c0
    blue: 0343df 2654d6 1e3a8a 4f7fe0 6aa0e8
    purple: 7e1e9c 7a2ca8 5c3c92 9b59d0
    pink: ff81c0 f476a8 ffb7ce e8688f
    rose: cf6275 f476a8 ff81c0 e8688f
    brown: 653700 62422c 8b5a2b 4e2f1a
    black: 000000 16161a 2a2a2e
    white: ffffff f6f6f4 e8e8ea
    gray: 929591 8e9094 b4b6ba 6c6e72
    beige: e6daa6 e2d0b0 d8c49c
    cyan: 00ffff 26c6da 60d8e8
    teal: 029386 008080 2aa198
    turquoise: 06c2ac 40e0d0
    magenta: c20078 e000b0
    violet: 9a0eea 8f5fd0
    gold: dbb40c d4af37
    silver: c5c9c7 a8acb0
    lavender: c79fef b57edc d6c6f0
    maroon: 650021 7a1030
    navy: 01153e 102050
    olive: 6e750e 808000
    peach: ffb07c ffcba4
    crimson: 8c000f dc143c
    scarlet: be0119 ff2400
    blonde: e6c878 d8b060
    salmon: ff796c fa8072
    coral: fc5a50 ff7f50
"""
_SYNONYMS = {"grey": "gray", "golden": "gold", "blond": "blonde", "aqua": "cyan", "indigo": "violet"}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])
"""Linear sRGB to X, Y and Z as shares of the white of D65 (IEC 61966-2-1)."""
_DARK = (6 / 29) ** 3
"""Share of white below which CIE Lab (1976) goes on as a straight line."""
LIGHTNESS_WEIGHT = 0.4
CALM = 5.0
"""Usual distance in Lab of the rim's pixels from their middle, up to which the ground is calm."""
NEAR, FADE = 10.0, 14.0
"""Distance in Lab up to which a pixel fully has a colour, and how fast that fades beyond."""


def _table() -> Mapping[str, np.ndarray]:
    """Colour word -> (anchors, 3) Lab."""
    table = {}
    for line in _ANCHORS.strip().splitlines():
        name, codes = line.strip().split(":")
        rgb = np.array([[int(code[i : i + 2], 16) for i in (0, 2, 4)] for code in codes.split()], np.uint8)
        table[name] = lab(rgb[None])[0]
    return MappingProxyType(table)


def lab(picture: np.ndarray) -> np.ndarray:
    """CIE Lab float32 of a picture (h, w, 3) uint8 sRGB: L from 0 to 100, a and b about -100 to 100."""
    share = np.arange(256) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)[picture]
    xyz = light @ _TO_XYZ.T
    root = np.where(xyz > _DARK, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


COLOURS = _table()
"""Colour words that pixels can be checked for."""


def colour_word(word: str) -> str | None:
    """The name in COLOURS of a colour word as it is written in a prompt, or None."""
    for form in base_forms(word):
        bare = form.removesuffix(" coloured").removesuffix(" colored")
        name = _SYNONYMS.get(bare, bare)
        if name in COLOURS:
            return name
    return None


def colour_share(colours: np.ndarray, name: str) -> np.ndarray:
    """How much each pixel of a Lab picture (h, w, 3) has a colour of COLOURS: (h, w) in [0, 1]."""
    weight = np.array([LIGHTNESS_WEIGHT, 1.0, 1.0], np.float32)
    apart = (colours[None] - COLOURS[name][:, None, None]) * weight
    nearest = np.sqrt((apart**2).sum(axis=3).min(axis=0))
    return np.exp(-((np.maximum(0.0, nearest - NEAR) / FADE) ** 2)).astype(np.float32)


def salience(colours: np.ndarray) -> tuple[np.ndarray, bool]:
    """How much each pixel of a Lab picture stands out from the tone of its rim, (h, w) in [0, 1].

    And whether the rim is calm enough for that to mean that something is there, or not.
    """
    sides = (colours[:3], colours[-3:], colours[:, :3], colours[:, -3:])
    rim = np.concatenate([side.reshape(-1, 3) for side in sides])
    tone = np.median(rim, axis=0)
    spread = float(np.median(np.linalg.norm(rim - tone, axis=1)))
    away = np.linalg.norm(colours - tone, axis=2)
    return np.clip((away - 3 * spread - 6) / 20, 0, 1).astype(np.float32), spread < CALM
