"""The pictures that the package registry shows: `python -m demo.brand` writes assets/icon.png and banner.png.

A map of cells, as the viewer shows what a head makes of a word, in the same colours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from selagg_core.drawing.colours import INK, MUTED
from selagg_core.drawing.pictures import blank_sheet, heat_colours, png_bytes
from selagg_core.drawing.text import BOLD, draw_text

from .host_path import ROOT

FOLDER = ROOT / "assets"
ICON = 400
BANNER = (1260, 540)
CELLS = 7


def heat(cells: int) -> np.ndarray:
    """Two places that a word has, (cells, cells) in [0, 1]."""
    y, x = np.mgrid[:cells, :cells] / (cells - 1)
    first = np.exp(-((x - 0.32) ** 2 + (y - 0.36) ** 2) / 0.045)
    second = np.exp(-((x - 0.78) ** 2 + (y - 0.76) ** 2) / 0.02)
    return np.maximum(0.06, np.maximum(first, 0.7 * second))


def tiles(side: int) -> np.ndarray:
    """The map as a square of `side` px: one tile a cell, on ink."""
    picture = np.full((side, side, 3), INK, np.uint8)
    edges = np.linspace(side * 0.06, side * 0.94, CELLS + 1)
    gap = side // 90
    colours = heat_colours(heat(CELLS))
    for row in range(CELLS):
        for column in range(CELLS):
            top, bottom = round(edges[row]) + gap, round(edges[row + 1]) - gap
            left, right = round(edges[column]) + gap, round(edges[column + 1]) - gap
            picture[top:bottom, left:right] = colours[row, column]
    return picture


def banner() -> np.ndarray:
    width, height = BANNER
    sheet = blank_sheet(height, width)
    sheet[:, :height] = tiles(height)
    left = height + 60
    draw_text(sheet, "SelAgg", (left, 235), 150, INK, BOLD)
    for line, text in enumerate(
        ("See which words of a prompt", "reached the picture, where they", "landed, and what went wrong.")
    ):
        draw_text(sheet, text, (left + 6, 320 + 54 * line), 38, MUTED)
    return sheet


def main(folder: Path = FOLDER) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "icon.png").write_bytes(png_bytes(tiles(ICON)))
    (folder / "banner.png").write_bytes(png_bytes(banner()))


if __name__ == "__main__":
    main()
