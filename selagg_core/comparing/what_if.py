"""What a picture would be without a word: how much changes, and whether that is where the word's map is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..drawing.colours import INK, MUTED
from ..drawing.pictures import blank_sheet, heat_overlay, text_size
from ..drawing.text import BOLD, draw_text, fit_text
from ..maps.arrays import normalise, resize_maps
from ..maps.regions import found_region
from ..maps.resample import area_mean
from ..prompt.groups import WordGroup
from ..prompt.quoted import short
from ..prompt.words import Prompt
from ..recording.layout import HeadLayout
from ..repair.plan import Adjusting, PictureRepair, RepairPlan

SIDE = 128
"""Longest side on which pictures are compared."""
UNCHANGED = 0.5
"""Mean change, of 255, below which a word does nothing to speak of."""
LONGEST = 224
GAP = 10


def without(prompts: Sequence[Prompt], word: WordGroup, layout: HeadLayout) -> RepairPlan:
    """A plan by which no pixel attends to a word, in any head and to the end."""
    silent = Adjusting(word, np.zeros(layout.total))
    return RepairPlan(tuple(prompts), (PictureRepair((silent,)),))


@dataclass(frozen=True, eq=False)
class WordEffect:
    """What the lack of a word changes in one picture.

    picture: made without it, uint8 (h, w, 3).  change: float (rows, columns), mean difference of the
    channels, of 255.  heat: the word's map on the same grid, None without one.
    """

    word: WordGroup
    picture: np.ndarray
    change: np.ndarray
    heat: np.ndarray | None = None

    @property
    def mean(self) -> float:
        """Of 255."""
        return float(self.change.mean())

    @property
    def lift(self) -> float | None:
        """How many times more changes where the map of the word is than elsewhere; None without either."""
        if self.heat is None or self.mean < UNCHANGED:
            return None
        region = found_region(self.heat).mask
        if not region.any() or region.all():
            return None
        return float(self.change[region].mean() / max(1e-6, self.change[~region].mean()))


def effect_of(
    word: WordGroup, base: np.ndarray, picture: np.ndarray, heat: np.ndarray | None = None
) -> WordEffect:
    """base, picture: uint8 (h, w, 3) with the word and without it; heat: its map (rows, columns)."""
    height, width = base.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = [area_mean(own.astype(np.float32), size) for own in (base, picture)]
    change = np.abs(small[0] - small[1]).mean(axis=2)
    return WordEffect(word, picture, change, None if heat is None else resize_maps(heat, size))


def lines(effects: Sequence[WordEffect]) -> Iterator[str]:
    """A sentence a word, those that change most first."""
    for own in sorted(effects, key=lambda effect: -effect.mean):
        name = short(own.word.label)
        if own.mean < UNCHANGED:
            yield f'Without "{name}" the picture is as good as the same ({own.mean:.1f} of 255).'
            continue
        where = ""
        if own.lift is not None:
            where = f", where its map is {own.lift:.1f} times as much as elsewhere"
        yield f'Without "{name}" the picture changes by {own.mean:.1f} of 255{where}.'


def strip(base: np.ndarray, effects: Sequence[WordEffect]) -> np.ndarray:
    """For each word its map, the picture without it, and what changed, from top to bottom: RGB uint8."""
    columns = [_column("the picture", "", [base, base, base])]
    most = max((float(own.change.max()) for own in effects), default=1.0) or 1.0
    for own in effects:
        heat = np.zeros_like(own.change) if own.heat is None else normalise(own.heat)
        shown = heat_overlay(base, resize_maps(heat, base.shape[:2]))
        changed = heat_overlay(base, resize_maps(own.change / most, base.shape[:2]))
        note = f"{own.mean:.1f} of 255" + ("" if own.lift is None else f", {own.lift:.1f} x in its map")
        columns.append(_column(own.word.label, note, [shown, own.picture, changed]))
    rows = _names([column.shape[0] for column in columns][0])
    parts = [part for column in columns for part in (column, blank_sheet(column.shape[0], GAP))]
    return np.hstack([rows, *parts])


_ROWS = ("its map", "without it", "the change")


def _column(label: str, note: str, pictures: Sequence[np.ndarray]) -> np.ndarray:
    cells = []
    for picture in pictures:
        height, width = picture.shape[:2]
        scale = LONGEST / max(height, width)
        grid = (max(1, round(height * scale)), max(1, round(width * scale)))
        cells += [area_mean(np.ascontiguousarray(picture[..., :3]), grid)]
        cells += [blank_sheet(GAP, grid[1])]
    width = cells[0].shape[1]
    size = text_size(width)
    head = blank_sheet(3 * size + GAP, width)
    draw_text(head, fit_text(label, width, size, BOLD), (0, GAP + size // 2), size, INK, BOLD)
    draw_text(head, fit_text(note, width, size - 3), (0, GAP + 2 * size), size - 3, MUTED)
    return np.vstack([head, *cells])


def _names(height: int) -> np.ndarray:
    """The names of the rows, at the left."""
    size = text_size(LONGEST)
    paper = blank_sheet(height, 7 * size)
    top = 3 * size + GAP
    step = (height - top) // len(_ROWS)
    for number, name in enumerate(_ROWS):
        draw_text(paper, name, (GAP, top + number * step + 2 * size), size, MUTED)
    return paper
