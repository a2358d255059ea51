"""Pictures and the maps over them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from ..maps.arrays import resize_maps
from .colours import PAPER
from .inferno import INFERNO

_BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in how bright a pixel looks (ITU-R BT.601)."""

# ---------------------------------------------------------------------------------------------- pictures


def rgb_picture(image: np.ndarray) -> np.ndarray:
    """A float picture (h, w, 1, 3 or 4 channels) in [0, 1] as RGB uint8."""
    values = np.array(image[:, :, :3], dtype=np.float32)
    np.nan_to_num(values, copy=False)
    np.clip(values, 0, 1, out=values)
    values *= 255
    levels = np.rint(values, out=values).astype(np.uint8)
    return np.repeat(levels[:, :, :1], 3, axis=2) if levels.shape[2] < 3 else levels


def float_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """RGB uint8 pictures as one float32 batch (n, h, w, 3) in [0, 1]; smaller ones get paper around."""
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    batch = np.empty((len(pictures), height, width, 3), dtype=np.float32)
    if any(picture.shape[:2] != (height, width) for picture in pictures):
        batch[:] = np.array(PAPER, np.float32) / 255
    for slot, picture in zip(batch, pictures, strict=True):
        into_float(picture, slot[: picture.shape[0], : picture.shape[1]])
    return batch


def into_float(picture: np.ndarray, slot: np.ndarray) -> None:
    """Writes an RGB uint8 picture into float32 of the same shape, in [0, 1], without a copy between."""
    slot[...] = picture  # first, for a division that converts as it goes takes several times as long
    slot /= np.float32(255)


def png_bytes(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def reduced(picture: np.ndarray, longest: int) -> np.ndarray:
    """RGB uint8, a whole number of times smaller if its longer side is above `longest` px."""
    factor = -(-max(picture.shape[:2]) // longest)
    return picture if factor <= 1 else np.asarray(Image.fromarray(picture).reduce(factor))


def enlarged(picture: np.ndarray, shortest: int) -> np.ndarray:
    """The picture, enlarged if its shorter side is below `shortest` px."""
    height, width = picture.shape[:2]
    factor = shortest / min(height, width)
    if factor <= 1:
        return picture
    planes = resize_maps(np.moveaxis(picture, -1, 0), (round(height * factor), round(width * factor)))
    return np.ascontiguousarray(np.moveaxis(np.rint(np.clip(planes, 0, 255)).astype(np.uint8), 0, -1))


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """A map (h, w) in [0, 1] in the colours of inferno, which is perceptually uniform."""
    return np.take(INFERNO, np.round(np.clip(heat, 0, 1) * 255).astype(np.uint8), axis=0)


def heat_overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A map over its picture: pale and dark where the map is low, glowing where it is high."""
    return OverlayPainter(picture).paint(heat)


_LEVELS = 256
_OPACITY = 0.10 + 0.72 * np.linspace(0, 1, _LEVELS, dtype=np.float32) ** 0.7
_GLOW = np.ascontiguousarray((INFERNO.astype(np.float32) * _OPACITY[:, None]).T)
"""(3, levels): what the colour of each level of a map adds to a pixel of its overlay."""
_GROUND = 1 - _OPACITY
"""(levels,): the share of the dark picture that is left of it there."""


class OverlayPainter:
    """Lays maps over one picture; what they have in common, the dark picture, is made once."""

    STRIP = 16
    """Rows that are mixed at once: so many of them, plane by plane, stay in the processor's own memory."""

    def __init__(self, picture: np.ndarray) -> None:
        grey = picture @ _BRIGHTNESS
        grey *= 0.7
        self._planes = np.empty((3, *picture.shape[:2]), np.float32)
        for channel, plane in enumerate(self._planes):
            np.multiply(picture[..., channel], np.float32(0.3), out=plane)
            plane += grey
            plane *= 0.62

    def paint(self, heat: np.ndarray) -> np.ndarray:
        """The picture with a map (h, w) in [0, 1] over it, enlarged to it if need be: RGB uint8."""
        height, width = self._planes.shape[1:]
        heat = np.asarray(heat, np.float32)
        if heat.shape != (height, width):
            heat = resize_maps(heat, (height, width))
        out = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, self.STRIP):
            rows = slice(top, top + self.STRIP)
            level = (np.clip(heat[rows], 0, 1) * np.float32(_LEVELS - 1) + np.float32(0.5)).astype(np.intp)
            share = _GROUND.take(level)
            for channel in range(3):
                mixed = self._planes[channel, rows] * share
                mixed += _GLOW[channel].take(level)
                out[rows, :, channel] = np.rint(mixed, out=mixed)
        return out


def text_size(width: int) -> int:
    return int(np.clip(width / 18, 14, 26))


# ------------------------------------------------------------------------------------------------- parts


def blank_sheet(height: int, width: int) -> np.ndarray:
    """Paper of this size in px."""
    sheet = np.empty((height, width, 3), dtype=np.uint8)
    sheet[:] = PAPER
    return sheet


def scale_bar(
    sheet: np.ndarray,
    corner: tuple[int, int],
    size: tuple[int, int],
    colours: Callable[[np.ndarray], np.ndarray] = heat_colours,
) -> None:
    """Lays the scale from 0 to 1 into a sheet: upper left `corner` (x, y), `size` (width, height) in px."""
    x, y = corner
    width, height = size
    sheet[y : y + height, x : x + width] = colours(np.linspace(0, 1, width)[None].repeat(height, 0))
