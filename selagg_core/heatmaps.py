"""A run with its pictures -> overlays, masks and contact sheets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .drawing.contact_sheet import Tile, contact_sheet, overlay_tile
from .maps.arrays import normalise
from .maps.enlarge import enlarge
from .maps.regions import found_region
from .prompt.groups import choose_groups
from .relevance.choose_heads import ChosenHeads, HeadSettings
from .relevance.concepts import Assignment
from .relevance.run_view import RunView


@dataclass(frozen=True)
class Heatmaps:
    """`overlays` and `masks` (n, h, w) picture by picture, in each the words in order; a sheet a picture."""

    labels: tuple[str, ...]
    overlays: tuple[np.ndarray, ...]
    masks: np.ndarray
    sheets: tuple[np.ndarray, ...]
    notices: tuple[str, ...]


def draw_heatmaps(
    view: RunView,
    words: str = "all",
    settings: HeadSettings | None = None,
    threshold: float | None = None,
) -> Heatmaps:
    """Overlays, masks and contact sheets of the words asked for (see `choose_groups`).

    A mask holds what lies above `threshold` of the range of its map; None chooses the threshold by Otsu.
    """
    groups, settings = choose_groups(view.prompts, words), settings or HeadSettings()
    chosen = view.choose(groups, settings)
    notices = view.notices(chosen)
    overlays, masks, sheets = [], [], []
    for index, picture in enumerate(view.pictures):
        raw = view.maps(index, groups, chosen.selections, settings.recipe)
        heats = normalise(enlarge(raw, picture, settings.recipe.edge_aware))
        captions = [
            f"{_senses(assignment)}peak {peak:.3f}"
            for assignment, peak in zip(chosen.assignments, raw.max(axis=(1, 2)), strict=True)
        ]
        tiles = [
            Tile(group.label, heat, caption)
            for group, heat, caption in zip(groups, heats, captions, strict=True)
        ]
        overlays += [overlay_tile(picture, tile) for tile in tiles]
        masks += [found_region(heat, threshold).mask for heat in heats]
        sheets.append(contact_sheet(picture, tiles, view.text, _footer(view, chosen), notices))
    return Heatmaps(
        tuple(group.label for group in groups),
        tuple(overlays),
        np.stack(masks).astype(np.float32),
        tuple(sheets),
        notices,
    )


def _footer(view: RunView, chosen: ChosenHeads) -> str:
    return f"{chosen.summary}, {view.entries[0].steps} steps; each word on its own scale"


def _senses(assignment: Assignment) -> str:
    """The concept of a word, for the caption of its map; how many there are if it has several senses."""
    named = assignment.concepts
    return "" if not named else f"{named[0]}, " if len(named) == 1 else f"{len(named)} senses, "
