"""A run with its pictures -> overlays, masks and contact sheets.

Word by word, so that one map at a time is held at the size of the picture. What is given out is bounded: of
many words, pictures or pixels overlays, masks and sheets are made smaller, and a notice says so.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from .drawing.contact_sheet import MIN_TILE, ContactSheet, Tile, overlay_tile, strip_height, tile_painter
from .drawing.pictures import OverlayPainter, into_float
from .maps.arrays import normalise
from .maps.enlarge import Enlarger
from .maps.regions import above
from .maps.resample import area_mean
from .maps.strength import CommonScale
from .prompt.groups import WordGroup, choose_groups
from .prompt.messages import message
from .relevance.choose_heads import ChosenHeads, HeadSettings
from .relevance.concepts import Assignment
from .relevance.run_view import MapSet, RunView
from .report.shown import Planned, Shown

MEBIBYTE = 1024 * 1024
OVERLAY_BYTES = 144 * MEBIBYTE
"""What all overlays of a run take at most, as float32: 11 of 1024 x 1024 px."""
MASK_BYTES = 72 * MEBIBYTE
"""What all masks take at most: 18 of 1024 x 1024 px."""
OUTPUTS = ("overlays", "masks")
"""What is made only if it is asked for; sheets always are: they are what can be shown without a viewer."""
_NONE = (8, 8)
SHEET_BYTES = 64 * MEBIBYTE
"""What all contact sheets take at most, as float32: one of 2360 x 2360 px."""


@dataclass(frozen=True)
class Heatmaps:
    """Overlays (n, h, w, 3) in [0, 1] and masks (n, h, w), float32, picture by picture, in each the words in
    order; a sheet a picture, RGB uint8.

    shown: maps of all words of all texts; None if they were not asked for.
    """

    labels: tuple[str, ...]
    overlays: np.ndarray
    masks: np.ndarray
    sheets: tuple[np.ndarray, ...]
    notices: tuple[str, ...]
    shown: Shown | None = None


def draw_heatmaps(
    view: RunView,
    words: str = "all",
    settings: HeadSettings | None = None,
    threshold: float | None = None,
    for_viewer: bool = False,
    one_scale: bool = True,
    outputs: Collection[str] = OUTPUTS,
) -> Heatmaps:
    """Overlays, masks and contact sheets of the words asked for (see `choose_groups`).

    A mask holds what lies above `threshold` of the range of its map; None chooses the threshold by Otsu.
    for_viewer: whether the maps of all other words are made as well, for a viewer. one_scale: whether the
    overlays of a picture have one scale for all words, or each word its own; masks do not depend on it.
    outputs: which of OUTPUTS are made; those that are not have no pixels to speak of.
    """
    groups, settings = choose_groups(view.prompts, words), settings or HeadSettings()
    chooser = view.chooser(settings)
    chosen = chooser.choose([group.text for group in groups])
    planned = Planned.of(view, settings, chooser) if for_viewer else None
    sizes = _Sizes.of(view, len(groups), outputs)
    notices = (*view.faults(), *sizes.notices(view.size), *view.notices(chosen))
    drawing = _Drawing(view, groups, chosen, settings, threshold, sizes, notices, one_scale)
    for index in range(len(view.pictures)):
        wanted = [MapSet(groups, chosen.selections, settings.recipe)]
        view.make(index, [*wanted, *(planned.map_sets() if planned is not None else ())])
        drawing.draw(index)
    shown = planned.with_maps() if planned is not None else None
    labels = tuple(group.label for group in groups)
    return Heatmaps(labels, drawing.overlays, drawing.masks, tuple(drawing.sheets), notices, shown)


@dataclass(frozen=True)
class _Sizes:
    """(h, w) px at which things are drawn: work holds what is made of the other two. made: of OUTPUTS."""

    count: int
    work: tuple[int, int]
    overlay: tuple[int, int]
    mask: tuple[int, int]
    made: frozenset[str]

    @classmethod
    def of(cls, view: RunView, words: int, made: Collection[str]) -> _Sizes:
        height, width = view.size
        count = max(1, words * len(view.pictures))
        overlay = view.size
        while 12 * count * _tile_pixels(overlay, overlay == view.size) > OVERLAY_BYTES and min(overlay) > 8:
            overlay = _scaled(overlay, 0.95)
        mask = _scaled(view.size, MASK_BYTES / (4 * count * height * width))
        work = max(overlay, mask) if "masks" in made else overlay
        return cls(count, work, overlay, mask, frozenset(made) & set(OUTPUTS))

    def notices(self, size: tuple[int, int]) -> tuple[str, ...]:
        """What is smaller than the pictures, and how to have it as large."""
        drawn = {"overlays": self.overlay, "masks": self.mask}
        small = [(n, s) for n, s in drawn.items() if n in self.made and s != size]
        if not small:
            return ()
        names = [message(f"smaller_{name}", width=w, height=h) for name, (h, w) in small]
        told = names[0] if len(names) == 1 else message("and", one=names[0], other=names[1])
        return (message("smaller", told=told, width=size[1], height=size[0], count=self.count),)


def _tile_pixels(size: tuple[int, int], enlarged: bool) -> int:
    """Pixels of an overlay with its strip; only pictures that are small themselves are enlarged."""
    up = max(1.0, MIN_TILE / min(size)) if enlarged else 1.0
    height, width = (round(side * up) for side in size)
    return (height + strip_height(width)) * width


def _scaled(size: tuple[int, int], share: float) -> tuple[int, int]:
    """A size (h, w) with at most a share of the pixels, in proportion."""
    if share >= 1:
        return size
    factor = math.sqrt(share)
    return max(8, int(size[0] * factor)), max(8, int(size[1] * factor))


class _Drawing:
    """Draws picture by picture, word by word, into arrays that are there from the start."""

    def __init__(
        self,
        view: RunView,
        groups: tuple[WordGroup, ...],
        chosen: ChosenHeads,
        settings: HeadSettings,
        threshold: float | None,
        sizes: _Sizes,
        notices: tuple[str, ...],
        one_scale: bool,
    ) -> None:
        self._one_scale = one_scale
        self._view, self._groups, self._chosen, self._settings = view, groups, chosen, settings
        self._threshold, self._sizes, self._notices = threshold, sizes, notices
        self.masks = np.zeros((sizes.count, *(sizes.mask if "masks" in sizes.made else _NONE)), np.float32)
        self.overlays = np.zeros((sizes.count, *_NONE, 3), np.float32)
        self.sheets: list[np.ndarray] = []
        self._done = 0

    def draw(self, index: int) -> None:
        """All words of one picture."""
        view, groups, recipe = self._view, self._groups, self._settings.recipe
        picture = _resized(view.pictures[index], self._sizes.work)
        small = _resized(picture, self._sizes.overlay)
        enlarger = Enlarger(picture, recipe.edge_aware)
        whole = self._sizes.overlay == view.size
        painter = tile_painter(small) if whole else OverlayPainter(small)
        pixels = SHEET_BYTES // (12 * len(view.pictures))
        sheet = ContactSheet(picture, len(groups), view.text, pixels)
        raw = view.maps(index, groups, self._chosen.selections, recipe)
        scale = CommonScale.of(raw, groups) if self._one_scale else None
        for group, heat, assignment in zip(groups, raw, self._chosen.assignments, strict=True):
            note = f"{_senses(assignment)}peak {heat.max():.3f}"
            large = normalise(enlarger.one(heat))
            shown = large if scale is None else scale.place(large, heat)
            tile = Tile(group.label, shown, note)
            self._add(large, small, tile, painter)
            sheet.add(tile)
        self.sheets.append(sheet.finished(self._footer(), self._notices))

    def _footer(self) -> str:
        steps = self._view.entries[0].steps
        scale = "all words on one scale" if self._one_scale else "each word on its own scale"
        return f"{self._chosen.summary}, {steps} steps; {scale}"

    def _add(self, heat: np.ndarray, picture: np.ndarray, tile: Tile, painter: OverlayPainter) -> None:
        """The overlay and the mask of a word, of those that are asked for."""
        sizes = self._sizes
        if "overlays" in sizes.made:
            drawn = overlay_tile(picture, replace(tile, heat=_resized(tile.heat, sizes.overlay)), painter)
            if not self._done:
                self.overlays = np.empty((sizes.count, *drawn.shape), np.float32)
            into_float(drawn, self.overlays[self._done])
        if "masks" in sizes.made:
            self.masks[self._done] = above(_resized(heat, sizes.mask), self._threshold)
        self._done += 1


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    same = values.shape[:2] == size
    return values if same else area_mean(values, size)


def _senses(assignment: Assignment) -> str:
    """The concept of a word, for the caption of its map; how many there are if it has several senses."""
    named = assignment.concepts
    return "" if not named else f"{named[0]}, " if len(named) == 1 else f"{len(named)} senses, "
