"""Tiles and contact sheets: the maps of all words of a picture on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .colours import INK, LINE, MUTED
from .pictures import blank_sheet, enlarged, heat_overlay, scale_bar, text_size
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


def overlay_tile(picture: np.ndarray, tile: Tile) -> np.ndarray:
    """Overlay of one word with a strip below it that names the word and shows the scale."""
    shown = heat_overlay(enlarged(picture, MIN_TILE), tile.heat)
    width = shown.shape[1]
    text = text_size(width)
    strip = blank_sheet(round(text * 2.5), width)
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


def contact_sheet(
    picture: np.ndarray,
    tiles: Sequence[Tile],
    title: str = "",
    footer: str = "",
    notices: Sequence[str] = (),
) -> np.ndarray:
    """The picture, then one overlay a word, in a grid; `title` above, `footer`, scale and `notices` below."""
    plain = enlarged(picture, MIN_TILE)
    cells = [(plain, "picture", "")]
    cells += [(heat_overlay(plain, tile.heat), tile.label, tile.note) for tile in tiles]
    height, width = plain.shape[:2]
    text = text_size(width)
    gap = text
    columns = _columns_for(len(cells), (height + 2 * text) / width)
    rows = math.ceil(len(cells) / columns)
    inner = columns * width + (columns - 1) * gap
    heading = wrap_text(title, inner, round(text * 1.25), BOLD)[:3] if title else []
    line = round(text * 1.25 * 1.4)
    top = gap + len(heading) * line + (gap // 2 if heading else 0)
    sheet = blank_sheet(top + rows * (height + 2 * text + gap) + round(2.2 * text), inner + 2 * gap)
    for i, words in enumerate(heading):
        draw_text(sheet, words, (gap, gap + round((i + 0.75) * line)), round(text * 1.25), INK, BOLD)
    for number, (cell, label, note) in enumerate(cells):
        x = gap + (number % columns) * (width + gap)
        y = top + (number // columns) * (height + 2 * text + gap)
        sheet[y : y + height, x : x + width] = cell
        _caption(sheet, (x, y + height + round(1.35 * text)), width, text, label, note)
    _sheet_footer(sheet, gap, text, footer)
    return np.vstack([sheet, *notice_strip(notices, sheet.shape[1], gap, text)])


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
