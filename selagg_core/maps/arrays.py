"""Arithmetic on maps: arrays (..., h, w) of attention."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional


def focus_of(heat: np.ndarray) -> float:
    """1 - entropy / log(cells) of a map as a distribution: 0 for a flat or empty map, 1 for a single cell."""
    mass = np.clip(np.asarray(heat, dtype=np.float64), 0, None)
    total = float(mass.sum())
    if total <= 0 or mass.size < 2:
        return 0.0
    share = mass[mass > 0] / total
    entropy = -float((share * np.log(share)).sum())
    return max(0.0, 1.0 - entropy / float(np.log(mass.size)))


def paste_area(maps: np.ndarray, area: tuple[int, int, int, int], latent_size: tuple[int, int]) -> np.ndarray:
    """Maps (..., h, w) of an area (height, width, y, x in latent units) laid into a latent of zeros."""
    height, width, y, x = area
    pasted = np.zeros((*maps.shape[:-2], *latent_size), dtype=np.float32)
    target = pasted[..., y : y + height, x : x + width]
    target[...] = resize_maps(maps, (height, width))[..., : target.shape[-2], : target.shape[-1]]
    return pasted


def normalise(maps: np.ndarray) -> np.ndarray:
    """Min-max of each map (..., h, w) to [0, 1]; a flat map becomes zeros."""
    low, high = maps.min(axis=(-2, -1), keepdims=True), maps.max(axis=(-2, -1), keepdims=True)
    flat = high - low <= 1e-6 * np.maximum(np.abs(low), np.abs(high))
    scaled = maps - low
    scaled /= np.where(flat, 1.0, high - low).astype(scaled.dtype)
    scaled *= ~flat
    return scaled.astype(np.float32, copy=False)


def cap_borders(maps: np.ndarray, ring: int = 1) -> np.ndarray:
    """Maps (..., h, w) whose outer `ring` of cells is cut to the highest value inside it.

    Border and corner cells of UNets collect attention that belongs to no object and ruin min-max scaling; an
    object that touches the border keeps its place. Meant for maps on the recorded grid, before upsampling.
    """
    if min(maps.shape[-2:]) <= 2 * ring:
        return maps
    inside = maps[..., ring:-ring, ring:-ring]
    capped = np.minimum(maps, inside.max(axis=(-2, -1), keepdims=True))
    return capped.astype(np.float32)


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (..., h, w) by bicubic interpolation to (..., *size)."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return np.ascontiguousarray(maps, dtype=np.float32)
    source = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))
    return bicubic(source, size).contiguous().numpy()


def bicubic(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bicubic interpolation as two matrix products: the same numbers, several times faster on many maps."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    rows = _interpolation_matrix(maps.shape[-2], size[0])
    columns = _interpolation_matrix(maps.shape[-1], size[1])
    return rows @ maps @ columns.T


@lru_cache(maxsize=64)
def _interpolation_matrix(cells: int, wanted: int) -> torch.Tensor:
    """(wanted, cells): row i holds the bicubic weights of the cells that make up cell i of the new grid."""
    unit = torch.eye(cells)[None, None]
    shrinks = wanted < cells
    return functional.interpolate(unit, size=(wanted, cells), mode="bicubic", antialias=shrinks)[0, 0]
