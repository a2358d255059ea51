"""Maps packed small enough for a browser: 8 bits a cell, each map on its own scale, compressed.

A map's range is kept in full precision beside it, so what is unpacked is attention probability again, within
1/510 of that map's range.  Plain deflate and not PNG: a browser reads it back exactly, where reading pixels
back from a canvas is rounded, and in some browsers disturbed on purpose.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..maps.arrays import NOT_FINITE

LEVELS = 255
COMPRESSION = 6


@dataclass(frozen=True)
class PackedMaps:
    """`count` maps of `grid` (h, w) cells. data: deflated bytes, see `pack_maps`.

    low, high: the value of level 0 and of level 255, one a map.
    """

    count: int
    grid: tuple[int, int]
    low: tuple[float, ...]
    high: tuple[float, ...]
    data: bytes

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the bytes as base64."""
        return {
            "count": self.count,
            "grid": list(self.grid),
            "low": [_short(value) for value in self.low],
            "high": [_short(value) for value in self.high],
            "data": base64.b64encode(self.data).decode("ascii"),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> PackedMaps:
        """What `to_dict` gave. Raises KeyError, TypeError or ValueError for anything else."""
        height, width = (int(side) for side in body["grid"])
        low, high = (tuple(float(value) for value in body[name]) for name in ("low", "high"))
        data = base64.b64decode(body["data"], validate=True)
        return cls(int(body["count"]), (height, width), low, high, data)


def pack_maps(maps: np.ndarray) -> PackedMaps:
    """Maps (n, h, w), finite, as levels 0 to 255 of each map's own range.

    Each cell is stored as the difference, modulo 256, to the cell left of it in its row, which compresses
    better than the levels themselves. Raises ValueError if a value is not finite.
    """
    values = np.asarray(maps, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError(NOT_FINITE)
    count, height, width = values.shape
    flat = values.reshape(count, -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    spread = np.where(high > low, high - low, 1.0)
    levels = np.round((flat - low[:, None]) / spread[:, None] * LEVELS).astype(np.uint8)
    levels = levels.reshape(count, height, width)
    steps = np.diff(levels, axis=2, prepend=np.zeros((count, height, 1), np.uint8))
    data = zlib.compress(steps.astype(np.uint8).tobytes(), COMPRESSION)
    return PackedMaps(count, (height, width), tuple(low.tolist()), tuple(high.tolist()), data)


def unpack_maps(packed: PackedMaps) -> np.ndarray:
    """Maps (n, h, w) float32. Raises ValueError if the data are not of the stated size."""
    size = packed.count * math.prod(packed.grid)
    reader = zlib.decompressobj()
    steps = np.frombuffer(reader.decompress(packed.data, size + 1), np.uint8)
    if steps.size != size:
        raise ValueError(f"packed maps hold {steps.size} cells or more, not {size}.")
    levels = np.cumsum(steps.reshape(packed.count, *packed.grid), axis=2, dtype=np.uint8)
    low = np.asarray(packed.low, np.float32)[:, None, None]
    high = np.asarray(packed.high, np.float32)[:, None, None]
    return low + levels.astype(np.float32) / LEVELS * (high - low)


def _short(value: float) -> float:
    """Seven significant digits: as exact as float32."""
    return float(f"{value:.7g}")
