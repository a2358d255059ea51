"""Self-attention of a few layers at one step, kept to propagate word maps along what looks alike.

Cells of one object attend to each other: a word map that is averaged over what each cell attends to spreads
to the borders of the object and leaves the rest (DiffSegmenter, arXiv 2309.02773).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional

from .layout import LayerId

#: Layers that are kept: this many for each of the finest grids that are not too fine.
LAYERS_A_GRID = 3
GRIDS = 2
#: Grids have one cell for 16 x 16 pixels or more (32 x 32 at 512 pixels), or so few cells that it is cheap.
CHEAP_CELLS = 1024


@dataclass(frozen=True, eq=False)
class SelfAttention:
    """Queries and keys of one self-attention layer for a batch of pictures.

    q, k: float16 (batch, heads, cells, dim) as the model projected them.  grid: (h, w), h * w = cells.
    """

    q: np.ndarray
    k: np.ndarray
    grid: tuple[int, int]

    @property
    def nbytes(self) -> int:
        return self.q.nbytes + self.k.nbytes

    def of_pictures(self, places: Sequence[int]) -> SelfAttention:
        """The attention of these pictures of the batch."""
        return SelfAttention(self.q[list(places)], self.k[list(places)], self.grid)

    def picture(self, index: int) -> SelfAttention:
        """The attention of one picture, as a batch of one."""
        return SelfAttention(self.q[index : index + 1], self.k[index : index + 1], self.grid)

    def propagate(self, values: np.ndarray) -> np.ndarray:
        """Each cell's value becomes the mean of the values it attends to, averaged over heads.

        values: (n, h, w) for all pictures alike, or (batch, n, h, w), on this layer's grid.  Returns float32
        (n, h, w) if it was given that and there is one picture, else (batch, n, h, w).
        """
        batch, _, cells, dim = self.q.shape
        given = np.asarray(values, dtype=np.float32)
        if given.ndim not in (3, 4) or given.shape[-2:] != self.grid:
            raise ValueError(f"Maps {given.shape} are not on the grid {self.grid} of this self-attention.")
        if given.ndim == 4 and given.shape[0] != batch:
            raise ValueError(f"Maps of {given.shape[0]} pictures for the self-attention of {batch}.")
        count = given.shape[-3]
        columns = torch.from_numpy(given).reshape(-1, count, cells).mT.expand(batch, cells, count)
        propagated = self._attend(functional.pad(columns, (0, -count % dim)))[..., :count]
        shape = (batch, count, *self.grid)
        out = propagated.mT.reshape(shape).contiguous().numpy()
        return out[0] if given.ndim == 3 and batch == 1 else out

    def _attend(self, columns: torch.Tensor) -> torch.Tensor:
        """(batch, cells, n) -> the same; n is a multiple of the head's width.

        Values as wide as a head keep the fused kernels, which never hold cells x cells probabilities.
        """
        q, k = (torch.from_numpy(x).float() for x in (self.q, self.k))
        heads, dim = q.shape[1], q.shape[3]
        parts = []
        for part in columns.split(dim, dim=-1):
            v = part[:, None].expand(-1, heads, -1, -1)
            parts.append(functional.scaled_dot_product_attention(q, k, v).mean(dim=1))
        return torch.cat(parts, dim=-1)


def layers_to_keep(grids: Mapping[LayerId, tuple[int, int]], latent: tuple[int, int]) -> tuple[LayerId, ...]:
    """Which self-attention layers are worth keeping, of those that could be and their grids (h, w), in order.

    The last layers of each of the finest grids with one cell for 2 x 2 latent pixels or fewer, or with at
    most 1,024 cells.  SD1.x, whose output blocks could be: output 6-8 and 3-5.
    """
    limit = max(CHEAP_CELLS, latent[0] * latent[1] // 4)
    by_grid: dict[tuple[int, int], list[LayerId]] = {}
    for layer in grids:
        if grids[layer][0] * grids[layer][1] <= limit:
            by_grid.setdefault(grids[layer], []).append(layer)
    finest = sorted(by_grid, key=lambda grid: -grid[0] * grid[1])[:GRIDS]
    return tuple(layer for grid in finest for layer in by_grid[grid][-LAYERS_A_GRID:])


def layers_within(
    layers: tuple[LayerId, ...], sizes: Mapping[LayerId, int], budget: int
) -> tuple[LayerId, ...]:
    """As many of these layers as fit `budget` bytes, the last (coarsest) first.  sizes: bytes of each."""
    kept: list[LayerId] = []
    for layer in reversed(layers):
        if sizes[layer] > budget:
            break
        budget -= sizes[layer]
        kept.insert(0, layer)
    return tuple(kept)
