"""Sums over a video that the model sees in parts: each part adds to the frames that it holds.

Rows are pictures times frames, frame by frame within a picture.  How often a row was seen is a number where
all were seen alike, and otherwise an array (frames,) that holds for each picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

Count = int | np.ndarray


def with_part(total: torch.Tensor | None, part: torch.Tensor, places: Sequence[int], frames: int):
    """part (pictures * places, ...) added to the rows of its places in total (pictures * frames, ...)."""
    own = part.unflatten(0, (-1, len(places)))
    if total is None:
        total = part.new_zeros(own.shape[0] * frames, *part.shape[1:])
    index = torch.tensor(places, device=part.device)
    total.unflatten(0, (-1, frames)).index_add_(1, index, own)
    return total


def by_row(count: Count, values: torch.Tensor | np.ndarray) -> np.ndarray | np.float32:
    """Counts as factors of values (rows, ...)."""
    if isinstance(count, int):
        return np.float32(count)
    rows = np.tile(count, values.shape[0] // len(count)).astype(np.float32)
    return rows.reshape(-1, *(1,) * (values.ndim - 1))


def mean_of_rows(total: torch.Tensor, count: Count) -> torch.Tensor:
    """total (rows, ...) divided by how often each row was seen; 0 for a row that nobody saw."""
    if isinstance(count, int):
        return total / count
    return total / torch.from_numpy(np.maximum(by_row(count, total), 1)).to(total)
