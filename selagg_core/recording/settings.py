"""What a capture records of a run, and how that is made to fit into its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .layout import LayerId

MEBIBYTE = 1024 * 1024
DEFAULT_BUDGET = 256 * MEBIBYTE
SMALLEST_POOLED_SIDE = 4
#: Maps of an entry that take more than this in float32 are kept in float16 (relative error 0.0005).
HALF_PRECISION_ABOVE = 64 * MEBIBYTE
#: What can be recorded of joint layers: how much a place attends to a word, of all keys; the same of the
#: words alone; how much a word attends to a place; the product of a head's output at a place and at a word.
READINGS = ("places", "places, words alone", "words", "outputs")
#: Share of the memory budget that self-attention may take.
SELF_ATTENTION_SHARE = 0.5


@dataclass(frozen=True)
class CaptureSettings:
    """What is recorded of a run.

    budget: bytes kept for a run.  stride: record every n-th step.  negative: the negative prompt too.
    step_bins: how many parts of the run get maps of their own.  self_attention: keep that of a few layers, at
    the recorded step nearest to the share `self_attention_at` of the run.  sub_tokens: keep every token of
    a word of several tokens, not only their mean.  reading: what is recorded of layers in which text and
    picture share one softmax (READINGS); others are read as ever.
    """

    budget: int = DEFAULT_BUDGET
    stride: int = 1
    negative: bool = False
    step_bins: int = 1
    self_attention: bool = True
    self_attention_at: float = 0.6
    sub_tokens: bool = False
    reading: str = "places"

    def __post_init__(self) -> None:
        if self.reading not in READINGS:
            raise ValueError(f"reading must be one of {', '.join(READINGS)}, not {self.reading[:40]!r}.")

    def wants(self, kind: str) -> bool:
        return self.negative or kind not in ("negative", "empty")


def plan_pooling(
    grids: Mapping[LayerId, tuple[int, int, int]], slots: int, batch: int, budget: int, itemsize: int = 4
) -> dict[LayerId, int]:
    """Pooling factors that keep maps within `budget` bytes: the finest grids are halved first.

    grids: layer -> (heads, h, w).  itemsize: bytes of a value.  No grid is pooled below 4 cells a side: the
    result may still be too big.
    """
    factors = dict.fromkeys(grids, 1)

    def cells(layer: LayerId) -> int:
        _, height, width = grids[layer]
        return -(-height // factors[layer]) * -(-width // factors[layer])

    def size() -> int:
        return sum(grids[layer][0] * cells(layer) for layer in grids) * slots * batch * itemsize

    while size() > budget:
        able = [x for x in grids if min(grids[x][1:]) // (2 * factors[x]) >= SMALLEST_POOLED_SIDE]
        if not able:
            break
        finest = max(map(cells, able))
        for layer in able:
            if cells(layer) == finest:
                factors[layer] *= 2
    return factors
