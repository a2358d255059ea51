"""Maps enlarged to the size of their picture along the picture's own edges."""

from __future__ import annotations

import cv2
import numpy as np

from .arrays import normalise, resize_maps

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
    size = picture.shape[:2]
    if not edge_aware or not len(maps):
        return resize_maps(maps, size)
    height, width = _working_size(size)
    guide = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    radius = max(1, round(RADIUS_CELLS * max(height / maps.shape[-2], width / maps.shape[-1])))
    coefficients = _Guide(guide, radius)
    full = picture.astype(np.float32) / 255
    coarse = normalise(resize_maps(maps, (height, width)))
    return np.stack([np.clip(coefficients.apply(heat, full), 0, 1) for heat in coarse])


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, WORKING_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


class _Guide:
    """Guided filter with a colour guide (He, Sun and Tang 2010, section 3.4) on one picture for many maps."""

    def __init__(self, guide: np.ndarray, radius: int) -> None:
        self._guide, self._side = guide, (2 * radius + 1, 2 * radius + 1)
        self._mean = self._box(guide)
        products = guide[..., :, None] * guide[..., None, :]
        covariance = self._box(products.reshape(*guide.shape[:2], 9)).reshape(products.shape)
        covariance -= self._mean[..., :, None] * self._mean[..., None, :]
        self._inverse = np.linalg.inv(covariance + SMOOTHNESS * np.eye(3, dtype=np.float32))

    def apply(self, heat: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """heat (h, w) on the guide's grid -> (H, W) on that of `picture` (H, W, 3) in [0, 1]."""
        mean = self._box(heat)
        covariance = self._box(self._guide * heat[..., None]) - self._mean * mean[..., None]
        slope = np.einsum("yxij,yxj->yxi", self._inverse, covariance)
        offset = mean - (slope * self._mean).sum(axis=-1)
        size = picture.shape[1::-1]
        slope, offset = (cv2.resize(self._box(part), size) for part in (slope, offset))
        return (slope * picture).sum(axis=-1) + offset

    def _box(self, values: np.ndarray) -> np.ndarray:
        return cv2.blur(values.astype(np.float32), self._side, borderType=cv2.BORDER_REFLECT)
