"""What a picture would be without a word: how much changes, and whether that is where the word's map is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ..diagnosis.sentence import Sentence, general
from ..diagnosis.sentences import ENGLISH
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
CLEARLY = 1.5
"""Times as much as any other thing changes, if it is the one that a word changes."""
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
    channels, of 255.  heat: the word's map on the same grid, None without one.  things: mean change, of 255,
    where the map of each thing of the prompt is, what changes most first.
    """

    word: WordGroup
    picture: np.ndarray
    change: np.ndarray
    heat: np.ndarray | None = None
    things: tuple[tuple[WordGroup, float], ...] = ()

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
    word: WordGroup,
    base: np.ndarray,
    picture: np.ndarray,
    heat: np.ndarray | None = None,
    things: Mapping[WordGroup, np.ndarray] = MappingProxyType({}),
) -> WordEffect:
    """base, picture: uint8 (h, w, 3) with the word and without it; heat: its map (rows, columns).

    things: the maps of the things of the prompt.
    """
    height, width = base.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = [area_mean(own.astype(np.float32), size) for own in (base, picture)]
    change = np.abs(small[0] - small[1]).mean(axis=2)
    regions = {thing: found_region(resize_maps(own, size)).mask for thing, own in things.items()}
    changed = [(thing, float(change[mask].mean())) for thing, mask in regions.items() if mask.any()]
    changed.sort(key=lambda each: -each[1])
    return WordEffect(
        word, picture, change, None if heat is None else resize_maps(heat, size), tuple(changed)
    )


def sentence_of(effect: WordEffect) -> Sentence:
    """What a word does to its picture: which thing it changes, where there are several."""
    name, mean = short(effect.word.label), f"{effect.mean:.1f}"
    if effect.mean < UNCHANGED:
        return general("without_same", word=name, mean=mean)
    if len(effect.things) > 1:
        (first, most), (second, less), *_ = effect.things
        told = {"word": name, "most": f"{most:.1f}", "other": short(second.label), "less": f"{less:.1f}"}
        if most < CLEARLY * less:
            return general("without_both", thing=short(first.label), **told)
        if set(effect.word.indices) <= set(first.indices) and effect.word.entry == first.entry:
            return general("without_own", **told)
        return general("without_one", thing=short(first.label), **told)
    if effect.lift is None:
        return general("without", word=name, mean=mean)
    return general("without_where", word=name, mean=mean, lift=f"{effect.lift:.1f}")


def lines(effects: Sequence[WordEffect]) -> Iterator[str]:
    """A sentence a word, those that change most first."""
    for own in sorted(effects, key=lambda effect: -effect.mean):
        yield ENGLISH.say(sentence_of(own))


def changes(base: np.ndarray, effects: Sequence[WordEffect]) -> Iterator[np.ndarray]:
    """For each word where the picture changes, on one scale, over the picture with it: uint8 (h, w, 3)."""
    most = max((float(own.change.max()) for own in effects), default=1.0) or 1.0
    for own in effects:
        yield heat_overlay(base, resize_maps(own.change / most, base.shape[:2]))


def strip(base: np.ndarray, effects: Sequence[WordEffect]) -> np.ndarray:
    """For each word its map, the picture without it, and what changed, from top to bottom: RGB uint8."""
    columns = [_column("the picture", "", [base, base, base])]
    for own, changed in zip(effects, changes(base, effects), strict=True):
        heat = np.zeros_like(own.change) if own.heat is None else normalise(own.heat)
        shown = heat_overlay(base, resize_maps(heat, base.shape[:2]))
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
