"""Identity and order of the heads in which a picture attends to text.

Heads are in order of execution.  For UNets that is the published order: head relevance vectors come as down,
middle and up blocks, within a block by depth, within a layer by head (arXiv 2412.02237, SNU-DRL/HRV,
`head_index_*.npy`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

#: Blocks of a UNet in order of execution.
BLOCK_ORDER = {"input": 0, "middle": 1, "output": 2}
#: Depth of a layer that is its whole block.
WHOLE_BLOCK = -1
_BLOCK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,39}")


@dataclass(frozen=True, order=True)
class LayerId:
    """One layer: what its family calls its block ("input", "double block"), its number, depth inside."""

    block: str
    number: int
    depth: int = WHOLE_BLOCK

    def __post_init__(self):
        if not _BLOCK_NAME.fullmatch(self.block):
            raise ValueError(f"{self.block!r} is no name of a block: letters, digits and spaces, up to 40.")

    def __str__(self) -> str:
        return f"{self.block} {self.number}" + ("" if self.depth == WHOLE_BLOCK else f".{self.depth}")


@dataclass(frozen=True)
class HeadId:
    """One head of one layer."""

    layer: LayerId
    head: int


@dataclass(frozen=True)
class HeadLayout:
    """All heads of a model that attend to text, in order of execution.

    `layers[i]` has `heads[i]` heads; heads are numbered through, `offset(layer)` is the number of its first.
    """

    layers: tuple[LayerId, ...]
    heads: tuple[int, ...]
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _position: dict[LayerId, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if len(self.layers) != len(self.heads):
            raise ValueError(f"{len(self.layers)} layers but {len(self.heads)} head counts.")
        if len(set(self.layers)) != len(self.layers):
            raise ValueError("A layer occurs twice in the layout.")
        object.__setattr__(self, "_ends", tuple(accumulate(self.heads)))
        object.__setattr__(self, "_position", {layer: i for i, layer in enumerate(self.layers)})

    @classmethod
    def of(cls, rows: Iterable[tuple[str, int, int, int]]) -> HeadLayout:
        """Layout from (block, number, depth, heads) rows in order of execution; of a UNet in any order."""
        ordered = list(rows)
        if all(row[0] in BLOCK_ORDER for row in ordered):
            ordered.sort(key=lambda row: (BLOCK_ORDER[row[0]], *row[1:3]))
        return cls(tuple(LayerId(*row[:3]) for row in ordered), tuple(int(row[3]) for row in ordered))

    @property
    def total(self) -> int:
        return self._ends[-1] if self._ends else 0

    def heads_of(self, layer: LayerId) -> int:
        return self.heads[self._position_of(layer)]

    @property
    def of_unet(self) -> bool:
        """Whether its layers are those of a UNet."""
        return all(layer.block in BLOCK_ORDER for layer in self.layers)

    def offset(self, layer: LayerId) -> int:
        position = self._position_of(layer)
        return self._ends[position] - self.heads[position]

    def index(self, head: HeadId) -> int:
        heads = self.heads_of(head.layer)
        if not 0 <= head.head < heads:
            raise ValueError(f"Layer {head.layer} has {heads} heads, not head {head.head}.")
        return self.offset(head.layer) + head.head

    def head_at(self, index: int) -> HeadId:
        if not 0 <= index < self.total:
            raise ValueError(f"Head {index} is outside this layout of {self.total} heads.")
        position = bisect_right(self._ends, index)
        layer = self.layers[position]
        return HeadId(layer, index - self.offset(layer))

    def _position_of(self, layer: LayerId) -> int:
        if layer not in self._position:
            raise ValueError(f"Layer {layer} is not in this layout.")
        return self._position[layer]


def sd1_layout() -> HeadLayout:
    """SD1.x: 16 layers of 8 heads, 128 heads."""
    rows = [("input", number, 0, 8) for number in (1, 2, 4, 5, 7, 8)]
    rows += [("middle", 0, 0, 8)]
    rows += [("output", number, 0, 8) for number in range(3, 12)]
    return HeadLayout.of(rows)


def sdxl_layout() -> HeadLayout:
    """SDXL base: 70 layers, 1300 heads (10 on the fine grid, 20 on the coarse one)."""
    rows = [("input", number, depth, 10) for number in (4, 5) for depth in range(2)]
    rows += [("input", number, depth, 20) for number in (7, 8) for depth in range(10)]
    rows += [("middle", 0, depth, 20) for depth in range(10)]
    rows += [("output", number, depth, 20) for number in (0, 1, 2) for depth in range(10)]
    rows += [("output", number, depth, 10) for number in (3, 4, 5) for depth in range(2)]
    return HeadLayout.of(rows)
