"""Tiles and contact sheets: the maps of all words of a picture on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..maps.resample import area_mean
from .colours import INK, LINE, MUTED
from .pictures import OverlayPainter, blank_sheet, enlarged, scale_bar, text_size
from .text import BOLD, draw_text, fit_text, text_width, wrap_text

MIN_TILE = 256
"""Shortest side in pixels of a picture in a tile: smaller pictures are enlarged."""
MAX_NOTICES = 4
"""Notices that are written under a sheet; the text output has all."""


@dataclass(frozen=True)
class Tile:
    """One map of a picture. `heat`: (h, w) in [0, 1]; `note`: a short second text, such as a figure."""

    label: str
    heat: np.ndarray
    note: str = ""


def overlay_tile(picture: np.ndarray, tile: Tile, painter: OverlayPainter | None = None) -> np.ndarray:
    """Overlay of one word with a strip below it that names the word and shows the scale.

    painter: of the picture, enlarged to MIN_TILE, where many tiles of one picture are made.
    """
    painter = painter or tile_painter(picture)
    shown = painter.paint(tile.heat)
    width = shown.shape[1]
    text = text_size(width)
    strip = blank_sheet(strip_height(width), width)
    baseline = round(strip.shape[0] / 2 + text * 0.36)
    bar = max(60, width // 4)
    scale_bar(strip, (width - bar - text // 2, strip.shape[0] // 2 - text // 4), (bar, text // 2))
    room = width - bar - 2 * text
    label = fit_text(tile.label, room, text, BOLD)
    draw_text(strip, label, (text // 2, baseline), text, INK, BOLD)
    used = text + text_width(label, text, BOLD)
    if tile.note and used + text_width(tile.note, round(text * 0.8)) < room:
        draw_text(strip, tile.note, (used, baseline), round(text * 0.8), MUTED)
    return np.vstack([shown, strip])


def tile_painter(picture: np.ndarray) -> OverlayPainter:
    """What paints the tiles of a picture."""
    return OverlayPainter(enlarged(picture, MIN_TILE))


def strip_height(width: int) -> int:
    """Height in pixels of the strip below a tile of `width`."""
    return round(text_size(width) * 2.5)


def contact_sheet(
    picture: np.ndarray,
    tiles: Sequence[Tile],
    title: str = "",
    footer: str = "",
    notices: Sequence[str] = (),
    most_pixels: int | None = None,
) -> np.ndarray:
    """The picture, then one overlay a word, in a grid; `title` above, `footer`, scale and `notices` below."""
    sheet = ContactSheet(picture, len(tiles), title, most_pixels)
    for tile in tiles:
        sheet.add(tile)
    return sheet.finished(footer, notices)


class ContactSheet:
    """A contact sheet that takes its tiles one by one.

    most_pixels: the sheet (without notices) has at most so many: its tiles are drawn smaller if need be.
    """

    def __init__(
        self, picture: np.ndarray, tiles: int, title: str = "", most_pixels: int | None = None
    ) -> None:
        plain = enlarged(picture, MIN_TILE)
        self._size = plain.shape[:2]
        self._title, self._cells, self._placed = title, tiles + 1, 0
        self._lay_out()
        while most_pixels is not None and np.prod(self._extent) > most_pixels and min(self._size) > 32:
            factor = min(0.98, (most_pixels / np.prod(self._extent)) ** 0.5)
            self._size = tuple(max(32, int(side * factor)) for side in self._size)
            self._lay_out()
        if self._size != plain.shape[:2]:
            plain = area_mean(plain, self._size)
        self._sheet = blank_sheet(*self._extent)
        for i, words in enumerate(self._heading):
            row = self._gap + round((i + 0.75) * self._line)
            draw_text(self._sheet, words, (self._gap, row), round(self._text * 1.25), INK, BOLD)
        self._painter = OverlayPainter(plain)
        self._place(plain, "picture", "")

    def add(self, tile: Tile) -> None:
        """The next tile; its map may be of any size."""
        heat = tile.heat
        if heat.shape[0] > self._size[0]:
            heat = area_mean(heat, self._size)
        self._place(self._painter.paint(heat), tile.label, tile.note)

    def finished(self, footer: str = "", notices: Sequence[str] = ()) -> np.ndarray:
        """The sheet, RGB uint8."""
        _sheet_footer(self._sheet, self._gap, self._text, footer)
        width = self._sheet.shape[1]
        return np.vstack([self._sheet, *notice_strip(notices, width, self._gap, self._text)])

    def _lay_out(self) -> None:
        height, width = self._size
        text = self._text = self._gap = text_size(width)
        self._columns = _columns_for(self._cells, (height + 2 * text) / width)
        rows = math.ceil(self._cells / self._columns)
        inner = self._columns * width + (self._columns - 1) * text
        self._heading = wrap_text(self._title, inner, round(text * 1.25), BOLD)[:3] if self._title else []
        self._line = round(text * 1.25 * 1.4)
        self._top = text + len(self._heading) * self._line + (text // 2 if self._heading else 0)
        self._extent = (self._top + rows * (height + 3 * text) + round(2.2 * text), inner + 2 * text)

    def _place(self, cell: np.ndarray, label: str, note: str) -> None:
        (height, width), text, number = self._size, self._text, self._placed
        x = self._gap + (number % self._columns) * (width + self._gap)
        y = self._top + (number // self._columns) * (height + 2 * text + self._gap)
        self._sheet[y : y + height, x : x + width] = cell
        _caption(self._sheet, (x, y + height + round(1.35 * text)), width, text, label, note)
        self._placed += 1


def notice_strip(notices: Sequence[str], width: int, gap: int, text: int) -> list[np.ndarray]:
    """A strip of paper with the first few notices in full, for below a sheet; nothing without notices."""
    shown = list(notices[:MAX_NOTICES])
    if len(notices) > MAX_NOTICES:
        shown.append(f"and {len(notices) - MAX_NOTICES} more notes: see the text output.")
    small = round(text * 0.85)
    lines = [line for notice in shown for line in wrap_text(f"note: {notice}", width - 2 * gap, small)]
    if not lines:
        return []
    strip = blank_sheet(round(len(lines) * 1.4 * small) + gap, width)
    for number, line in enumerate(lines):
        draw_text(strip, line, (gap, round((number + 0.75) * 1.4 * small)), small, MUTED)
    return [strip]


def _caption(
    sheet: np.ndarray, origin: tuple[int, int], width: int, text: int, label: str, note: str
) -> None:
    x, y = origin
    shown = fit_text(label, width, text, BOLD)
    draw_text(sheet, shown, (x, y), text, INK, BOLD)
    small = round(text * 0.8)
    room = width - text_width(shown, text, BOLD) - text // 2
    if note and text_width(note, small) <= room:
        draw_text(sheet, note, (x + width - text_width(note, small), y), small, MUTED)


def _sheet_footer(sheet: np.ndarray, gap: int, text: int, footer: str) -> None:
    small = round(text * 0.85)
    height, width = sheet.shape[:2]
    baseline = height - gap
    sheet[height - gap - round(1.6 * text), gap : width - gap] = LINE
    bar = min(160, width // 5)
    end = width - gap
    draw_text(sheet, "high", (end - text_width("high", small), baseline), small, MUTED)
    bar_x = end - text_width("high", small) - bar - small // 2
    scale_bar(sheet, (bar_x, baseline - round(0.7 * small)), (bar, round(0.7 * small)))
    low_x = bar_x - text_width("low", small) - small // 2
    draw_text(sheet, "low", (low_x, baseline), small, MUTED)
    if low_x - 2 * gap > 0:
        draw_text(sheet, fit_text(footer, low_x - 2 * gap, small), (gap, baseline), small, MUTED)


def _columns_for(cells: int, cell_aspect: float) -> int:
    """Columns that leave few empty places and come near a sheet twice as wide as high."""

    def cost(columns: int) -> float:
        rows = math.ceil(cells / columns)
        wide = columns / (rows * cell_aspect)
        return abs(math.log(wide / 2)) + 1.5 * (rows * columns - cells) / cells

    return min(range(1, min(cells, 8) + 1), key=cost)
