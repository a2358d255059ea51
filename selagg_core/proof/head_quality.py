"""How well the map of every single head finds a word: the area under its ROC curve (AUC)."""

from __future__ import annotations

import numpy as np

from ..maps.heads import columns_of
from ..maps.resample import area_mean
from ..recording.head_maps import HeadMaps
from .target import Target


def head_aucs(head_maps: HeadMaps, target: Target) -> np.ndarray:
    """(heads,) float32: chance that a head's map is higher inside the mask than outside; .5 is blind.

    On the head's own grid, where a cell that the mask covers in part counts in part as inside; equal values
    count half. nan for heads that were not recorded, or where the mask is all of the picture or nothing.
    """
    layout = head_maps.layout
    found = np.full(layout.total, np.nan, np.float32)
    for layer, values in head_maps.maps.items():
        maps = values[:, list(target.words)].astype(np.float32).mean(axis=1)
        inside = area_mean(target.mask.astype(np.float32), (maps.shape[-2], maps.shape[-1])).ravel()
        found[columns_of(layout, layer)] = _aucs(maps.reshape(len(maps), -1), inside)
    return found


def _aucs(maps: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """maps (heads, cells), inside (cells,) shares in [0, 1] -> (heads,)."""
    order = np.argsort(maps, axis=1, kind="stable")
    ranked = np.take_along_axis(maps, order, axis=1)
    within = inside.astype(np.float64)[order]
    without = 1 - within
    below = np.cumsum(without, axis=1)
    # Of cells with one value all but half of the outside counts as below: the mean of both ends of their run.
    ends = np.append(np.diff(ranked, axis=1) != 0, np.ones((len(maps), 1), bool), axis=1)
    cells = np.arange(ranked.shape[1])
    last = np.minimum.accumulate(np.where(ends, cells, ranked.shape[1] - 1)[:, ::-1], axis=1)[:, ::-1]
    first = np.maximum.accumulate(
        np.where(np.append(np.ones((len(maps), 1), bool), ends[:, :-1], axis=1), cells, 0), axis=1
    )
    through = np.take_along_axis(below, last, axis=1)
    before = np.take_along_axis(below, first, axis=1) - np.take_along_axis(without, first, axis=1)
    area = (within * (through + before) / 2).sum(axis=1)
    whole = within.sum(axis=1) * without.sum(axis=1)
    return np.divide(area, whole, out=np.full(len(maps), np.nan), where=whole > 0)
