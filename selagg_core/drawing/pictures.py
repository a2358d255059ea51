"""Pictures and the maps over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from .colours import PAPER

# ---------------------------------------------------------------------------------------------- pictures


def rgb_picture(image: np.ndarray) -> np.ndarray:
    """A float picture (h, w, 1, 3 or 4 channels) in [0, 1] as RGB uint8."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3]
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def float_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """RGB uint8 pictures as one float32 batch (n, h, w, 3) in [0, 1]; smaller ones get paper around."""
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    batch = np.empty((len(pictures), height, width, 3), dtype=np.uint8)
    batch[:] = PAPER
    for slot, picture in zip(batch, pictures, strict=True):
        slot[: picture.shape[0], : picture.shape[1]] = picture
    return batch.astype(np.float32) / 255


def png_bytes(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def enlarged(picture: np.ndarray, shortest: int) -> np.ndarray:
    """The picture, enlarged if its shorter side is below `shortest` px."""
    height, width = picture.shape[:2]
    factor = shortest / min(height, width)
    if factor <= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """A map (h, w) in [0, 1] in the colours of inferno, which is perceptually uniform."""
    levels = np.round(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def heat_overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A map over its picture: pale and dark where the map is low, glowing where it is high."""
    size = (picture.shape[1], picture.shape[0])
    heat = np.clip(cv2.resize(np.asarray(heat, np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    ground = (0.7 * grey + 0.3 * picture) * 0.62
    opacity = (0.10 + 0.72 * heat**0.7)[..., None]
    mixed = (1 - opacity) * ground + opacity * heat_colours(heat)
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


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
