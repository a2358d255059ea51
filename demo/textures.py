"""Textures of the hard world, as factors on a tone: what things are made of, and what grounds are like."""

from __future__ import annotations

import cv2
import numpy as np

_WOOD, _STEEL, _ROCK, _MORTAR = (
    np.array(rgb, np.float32) for rgb in ((150, 100, 60), (176, 182, 192), (140, 138, 134), (206, 200, 190))
)
_ONE = np.ones(3, np.float32)


def material_shade(
    material: str, side: int, centre: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How a material changes a tone.

    Returns:
        shade: (side, side) factor. tint: (3,) a tone of its own. share: (side, side) how much of that.
    """
    even = np.ones((side, side), np.float32)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x, y = x - centre[0], y - centre[1]
    if material == "wooden":
        return 1.05 - 0.6 * _grain(x, y, rng), _WOOD, 0.2 * even
    if material == "stone":
        return 1 + 0.42 * _blotches(side, rng), _ROCK, 0.3 * even
    if material == "metal":
        band = np.sin(2 * np.pi * (0.35 * x + y) / 30 + rng.uniform(-0.5, 0.5))
        glint = np.clip(band - 0.72, 0, 1) / 0.28
        return 0.82 + 0.38 * band, _STEEL + 60, np.clip(0.25 + 0.6 * glint, 0, 1)
    if material == "brick":
        mortar, bricks = _bricks(x, y, rng)
        return bricks, _MORTAR, 0.85 * mortar
    if material == "glass":
        streak = np.clip(1.4 - np.abs(x + y + 10) / 6, 0, 1)
        return 1.05 * even, np.full(3, 255, np.float32), np.clip(0.15 + 0.85 * streak, 0, 1)
    return even, _ONE, 0 * even


def ground_shade(ground: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side) float32: the factor on a background's tone; weaker than the same on a thing."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x, y = x + rng.uniform(0, 32), y + rng.uniform(0, 32)
    if ground == "wooden":
        plank = np.floor(y / 26).astype(int)
        gaps = (np.mod(y, 26) < 3) * 0.4
        return rng.uniform(0.85, 1.15, 16)[plank] - 0.26 * _grain(x, y, rng) - gaps
    if ground == "stone":
        return 1 + 0.3 * _blotches(side, rng)
    if ground == "brick":
        mortar, bricks = _bricks(x, y, rng)
        return bricks * (1 + 0.4 * mortar)
    if ground == "striped":
        return np.where(np.mod((x + y) / np.sqrt(2), 20) < 10, 1.08, 0.76)
    if ground == "checkered":
        return np.where(np.mod(np.floor(x / 14) + np.floor(y / 14), 2) < 1, 1.08, 0.76)
    if ground == "wavy":
        bend = 6 * np.sin(2 * np.pi * x / 40)
        return 0.92 + 0.2 * np.sin(2 * np.pi * (y + bend) / 20)
    if ground == "cloudy":
        return 1 + 0.3 * _noise(side, 11, rng)
    return np.ones((side, side), np.float32)


def _noise(side: int, grain: float, rng: np.random.Generator) -> np.ndarray:
    """(side, side) smooth noise of unit spread, held within two of it."""
    raw = rng.normal(0, 1, (side, side)).astype(np.float32)
    soft = cv2.GaussianBlur(raw, (0, 0), grain)
    return np.clip((soft - soft.mean()) / max(float(soft.std()), 1e-6), -2, 2)


def _grain(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of wood, in [0, 1]: dark lines that run from left to right and bend."""
    bend = 4 * np.sin(2 * np.pi * x / 90 + rng.uniform(0, 6)) + 3 * np.sin(2 * np.pi * y / 41)
    return np.clip(np.sin(2 * np.pi * (y + bend) / 13) * 1.5 + 0.2, 0, 1)


def _blotches(side: int, rng: np.random.Generator) -> np.ndarray:
    """Of stone, about -1 to 1: patches with clear edges."""
    return np.clip(np.round(_noise(side, 3.6, rng) * 0.9) * 0.62, -1, 1)


def _bricks(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mortar in [0, 1], and the factor on each brick's tone."""
    row = np.floor(y / 13)
    along = x / 26 + 0.5 * np.mod(row, 2)
    mortar = (np.mod(y, 13) < 3.2) | (np.mod(along, 1) * 26 < 3.2)
    kiln = rng.uniform(0.72, 1.1, (64, 64)).astype(np.float32)
    return mortar.astype(np.float32), kiln[row.astype(int) % 64, np.floor(along).astype(int) % 64]
