"""Maps enlarged to the size of their picture along the picture's own edges."""

from __future__ import annotations

import numpy as np

from .arrays import normalise, resize_maps
from .resample import area_mean, bilinear, window_mean

RADIUS_CELLS = 2.0
"""Half side of the filter's window in cells of the map's grid: a map is unsure of an edge by about a cell."""
SMOOTHNESS = 1e-4
"""Variance of colour, in shares of the full range, below which a window counts as smooth."""
WORKING_SIDE = 512
"""Longest side in px at which the filter's coefficients are found (He and Sun 2015, arXiv 1505.00996)."""


def enlarge(maps: np.ndarray, picture: np.ndarray, edge_aware: bool = True) -> np.ndarray:
    """Maps (n, h, w) at the size of `picture` (H, W, 3) RGB uint8; float32 (n, H, W).

    Edge-aware maps are scaled to [0, 1] each; the others are bicubic and keep their scale.
    """
    enlarger = Enlarger(picture, edge_aware)
    if not edge_aware or not len(maps):
        return resize_maps(maps, picture.shape[:2])
    return np.stack([enlarger.one(heat) for heat in maps])


class Enlarger:
    """Enlarges maps of one picture one at a time, so that only one is held at the size of the picture."""

    def __init__(self, picture: np.ndarray, edge_aware: bool = True) -> None:
        self._picture, self._edge_aware = picture, edge_aware
        self._guides: dict[int, _Guide] = {}

    def one(self, heat: np.ndarray) -> np.ndarray:
        """A map (h, w) at the size of the picture, see `enlarge`."""
        size = self._picture.shape[:2]
        if not self._edge_aware:
            return resize_maps(heat, size)
        height, width = _working_size(size)
        radius = max(1, round(RADIUS_CELLS * max(height / heat.shape[-2], width / heat.shape[-1])))
        coarse = normalise(resize_maps(heat[None], (height, width)))[0]
        large = self._guide(height, width, radius).apply(coarse, self._picture)
        return np.clip(large, 0, 1, out=large)

    def _guide(self, height: int, width: int, radius: int) -> _Guide:
        if radius not in self._guides:
            small = area_mean(self._picture, (height, width)).astype(np.float32) / 255
            self._guides[radius] = _Guide(np.ascontiguousarray(np.moveaxis(small, -1, 0)), radius)
        return self._guides[radius]


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, WORKING_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class _Guide:
    """Guided filter with a colour guide (He, Sun and Tang 2010, section 3.4) on one picture for many maps.

    guide: the colours (3, h, w) in [0, 1]. Everything is kept plane by plane: numpy is quick on long rows.
    """

    def __init__(self, guide: np.ndarray, radius: int) -> None:
        self._guide, self._radius = guide, radius
        self._mean = window_mean(guide, radius)
        first, second = np.triu_indices(3)
        covariance = window_mean(guide[first] * guide[second], radius)
        covariance -= self._mean[first] * self._mean[second]
        covariance[first == second] += SMOOTHNESS
        self._inverse = _inverse(covariance)

    def apply(self, heat: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """heat (h, w) on the guide's grid -> float32 (H, W) on that of `picture` (H, W, 3) RGB uint8."""
        mean = window_mean(heat, self._radius)
        covariance = window_mean(self._guide * heat, self._radius) - self._mean * mean
        slope = np.einsum("ijyx,jyx->iyx", self._inverse, covariance)
        offset = mean - np.einsum("iyx,iyx->yx", slope, self._mean)
        *slopes, offset = window_mean(np.concatenate([slope, offset[None]]), self._radius)
        large = bilinear(offset, picture.shape[:2])
        for channel in range(3):  # one at a time: three of a large picture take much memory
            part = bilinear(slopes[channel] / 255, picture.shape[:2])
            part *= picture[..., channel]
            large += part
        return large


def _inverse(upper: np.ndarray) -> np.ndarray:
    """The inverses (3, 3, h, w), float32, of symmetric matrices by their upper triangles (6, h, w).

    By cofactors, in double precision: on matrices this small a general solver takes many times as long.
    """
    a, b, c, d, e, f = upper.astype(np.float64)
    cofactors = (d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b)
    determinant = a * cofactors[0] + b * cofactors[1] + c * cofactors[2]
    found = np.stack([(each / determinant).astype(np.float32) for each in cofactors])
    return found[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]]
