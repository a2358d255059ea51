"""Pictures and maps on other grids, means over windows, connected parts: by numpy, torch and scipy alone.

OpenCV is not asked for. Its packages overwrite each other, and a host often has one of them for other packs.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as functional
from scipy.ndimage import label
from scipy.sparse import csr_array


def area_mean(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (h, w) or (h, w, c) on a grid of `size` (h, w): means over what each new cell covers.

    uint8 stays uint8, rounded; anything else becomes float32.
    """
    rows = _overlaps(values.shape[0], size[0])
    columns = _overlaps(values.shape[1], size[1])
    source = values.astype(np.float32)
    planes = source[..., None] if values.ndim == 2 else source
    means = np.stack(
        [(columns @ (rows @ planes[..., plane]).T).T for plane in range(planes.shape[2])], axis=-1
    )
    means = means[..., 0] if values.ndim == 2 else means
    if values.dtype == np.uint8:
        return np.clip(np.rint(means), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(means, dtype=np.float32)


@lru_cache(maxsize=32)
def _overlaps(cells: int, wanted: int) -> csr_array:
    """(wanted, cells): the share of each old cell in each new one, few of them more than 0; rows add to 1."""
    edges = np.linspace(0, cells, wanted + 1)
    starts = np.arange(cells)
    common = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return csr_array((np.clip(common, 0, None) / (cells / wanted)).astype(np.float32))


def bilinear(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (h, w) or (h, w, c) by linear interpolation on a grid of `size` (h, w); float32."""
    planes = values[..., None] if values.ndim == 2 else values
    source = torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)).permute(2, 0, 1)[None]
    shown = functional.interpolate(source, size=size, mode="bilinear", align_corners=False)[0]
    result = shown.permute(1, 2, 0).contiguous().numpy()
    return result[..., 0] if values.ndim == 2 else result


def nearest(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values (h, w, ...) on a grid of `size` (h, w), each cell that of the old one around its middle."""
    rows = (np.arange(size[0]) * values.shape[0]) // size[0]
    columns = (np.arange(size[1]) * values.shape[1]) // size[1]
    return values[rows[:, None], columns]


def window_mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Means of (..., h, w) over squares of side 2 radius + 1; the border is mirrored. float32."""
    down = _running_mean(np.asarray(values, np.float32), radius)
    along = _running_mean(np.ascontiguousarray(down.swapaxes(-1, -2)), radius)
    return np.ascontiguousarray(along.swapaxes(-1, -2))


def _running_mean(values: np.ndarray, radius: int) -> np.ndarray:
    """Means over 2 radius + 1 rows: a sum that takes one row in and lets one go, for all columns at once.

    scipy.ndimage.uniform_filter1d, line by line, takes several times as long.
    """
    count, side = values.shape[-2], 2 * radius + 1
    around = np.arange(-radius, count + radius) % (2 * count)
    rows = np.minimum(around, 2 * count - 1 - around)
    means = np.empty_like(values)
    total = values[..., rows[:side], :].sum(axis=-2, dtype=np.float64)
    for row in range(count):
        np.multiply(total, 1 / side, out=means[..., row, :], casting="same_kind")
        if row + side < len(rows):
            total += values[..., rows[row + side], :]
            total -= values[..., rows[row], :]
    return means


def numbered_parts(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The connected parts (8 neighbours) of a mask (h, w): their numbers (h, w), 0 outside, and their sizes.

    Sizes are in cells; that of part n is at n - 1.
    """
    numbers, count = label(mask, structure=np.ones((3, 3), int))
    return numbers, np.bincount(numbers.ravel(), minlength=count + 1)[1:]
