"""Exact cross-attention probabilities of chosen text columns, head by head.

A probability is softmax(q k^T / sqrt(dim_head)) over all keys, computed in float32 whatever the model's
precision; only then are the wanted columns kept.  Where the host repeated a text to pad it (its conditionings
are padded to the least common multiple of their lengths), a column's mass is spread over its copies: they are
summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .log_sum_exp import logits_in_parts

#: Most probabilities held at a time (float32): 64 MiB.
MAX_PROBABILITIES = 16 * 1024 * 1024
#: Most layers computed at once.
MAX_GROUPED = 16
#: Cells of a joint layer for which attention is worked out: its cost is a share of the model's own.
MOST_QUERIES = 1024
#: Of those, the cells for which what goes to marks, padding and reference pictures is worked out: these are
#: mostly many more columns than the words.
MOST_BESIDE = 256


def of_every_head(values: torch.Tensor, heads: int) -> torch.Tensor:
    """Keys or values (rows, heads, tokens, channels) for each of `heads`: fewer serve several each."""
    return values if values.shape[1] == heads else values.repeat_interleave(heads // values.shape[1], dim=1)


def column_matrix(
    weighted_slots: Sequence[tuple[Sequence[int], float]], length: int, keys: int, device=None
) -> torch.Tensor:
    """Matrix (keys, slots) that turns probabilities over keys into the wanted sums.

    A slot is (columns, weight): its value is weight * sum of the probabilities of its columns.  `length` is
    the number of columns of the text itself; `keys`, what the model was given, is a multiple of it.
    """
    if length < 1 or keys % length:
        raise ValueError(f"{keys} attention keys are no repetition of a text of {length} columns.")
    matrix = torch.zeros(length, len(weighted_slots))
    for slot, (columns, weight) in enumerate(weighted_slots):
        for column in columns:
            if not 0 <= column < length:
                raise ValueError(f"Column {column} is outside a text of {length} columns.")
            matrix[column, slot] = weight
    return matrix.repeat(keys // length, 1).to(device)


def column_probabilities(
    q: torch.Tensor,
    k: torch.Tensor,
    heads: int,
    matrix: torch.Tensor,
    max_probabilities: int | None = None,
) -> torch.Tensor:
    """Attention probabilities of chosen columns.

    q: (batch, pixels, heads * dim_head) and k: (batch, keys, heads * dim_head), as the model projected them.
    matrix: (keys, slots) from `column_matrix`.
    Returns float32 (batch, heads, pixels, slots).  At most `max_probabilities` (default MAX_PROBABILITIES)
    are held at a time, but at least one pixel of all heads.
    """
    group = LayerGroup(q, k, heads, max_probabilities)
    group.add(q, k)
    return group.probabilities(matrix)[0]


class LayerGroup:
    """Layers of one shape, gathered so that one set of operations serves them all.

    A layer costs two copies when it is added: queries and keys are spread by head in float32 at once, so
    nothing depends on what the model does with its own afterwards.
    """

    def __init__(self, q: torch.Tensor, k: torch.Tensor, heads: int, max_probabilities: int | None = None):
        """For layers whose queries and keys are shaped as these; see `column_probabilities`."""
        batch, pixels, width = q.shape
        keys = k.shape[1]
        if width % heads or k.shape[0] != batch or k.shape[2] != width:
            raise ValueError(
                f"These shapes do not fit each other: q {tuple(q.shape)}, k {tuple(k.shape)}, {heads} heads."
            )
        self._limit = MAX_PROBABILITIES if max_probabilities is None else max_probabilities
        self._heads, self._count = heads, 0
        layers = min(MAX_GROUPED, max(1, self._limit // (batch * heads * pixels * keys)))
        shape = layers, batch, heads
        self._q = torch.empty(*shape, pixels, width // heads, dtype=torch.float32, device=q.device)
        self._k = torch.empty(*shape, keys, width // heads, dtype=torch.float32, device=k.device)

    @property
    def full(self) -> bool:
        return self._count == self._q.shape[0]

    def add(self, q: torch.Tensor, k: torch.Tensor) -> None:
        """q: (batch, pixels, heads * dim_head), k: (batch, keys, heads * dim_head) of one layer."""
        for own, given in ((self._q, q), (self._k, k)):
            own[self._count].copy_(given.detach().unflatten(-1, (self._heads, -1)).transpose(1, 2))
        self._count += 1

    def probabilities(self, matrix: torch.Tensor) -> torch.Tensor:
        """float32 (layers, batch, heads, pixels, slots) of the layers added; matrix: (keys, slots).

        Softmax over the few keys of a text and one product takes fewer operations than a log-sum-exp and
        the wanted columns, for the same numbers.
        """
        layers, (_, batch, heads, pixels, dim) = self._count, self._q.shape
        keys, slots = self._k.shape[3], matrix.shape[1]
        if matrix.shape[0] != keys:
            raise ValueError(f"A matrix for {matrix.shape[0]} keys does not fit attention over {keys}.")
        q = self._q[:layers].view(-1, pixels, dim)
        k = self._k[:layers].view(-1, keys, dim).transpose(1, 2)
        step = max(1, self._limit // (q.shape[0] * keys))
        if step >= pixels:
            out = _softmax_columns(q, k, matrix)
        else:
            out = torch.empty(q.shape[0], pixels, slots, device=q.device)
            for start in range(0, pixels, step):
                part = slice(start, start + step)
                out[:, part] = _softmax_columns(q[:, part], k, matrix)
        return out.view(layers, batch, heads, pixels, slots)


def _softmax_columns(q: torch.Tensor, k: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """q (n, pixels, dim), k (n, dim, keys) -> (n, pixels, slots)."""
    # Zeros, though beta is 0: some devices multiply what they are given, and memory may hold NaN.
    logits = torch.baddbmm(q.new_zeros(()), q, k, beta=0, alpha=q.shape[-1] ** -0.5)
    return torch.softmax(logits, dim=-1) @ matrix


@dataclass(frozen=True)
class ColumnSums:
    """Wanted sums of columns.  columns: the numbers of those that are in any; matrix: (columns, slots)."""

    columns: torch.Tensor
    matrix: torch.Tensor

    @classmethod
    def of(
        cls, weighted_slots: Sequence[tuple[Sequence[int], float]], length: int, keys: int, device=None
    ) -> ColumnSums:
        """As of `column_matrix`, without the columns that no sum has."""
        matrix = column_matrix(weighted_slots, length, keys)
        used = (matrix != 0).any(dim=1).nonzero().flatten()
        return cls(used.to(device), matrix[used].to(device))

    @property
    def slots(self) -> int:
        return self.matrix.shape[1]


def joint_probabilities(
    q: torch.Tensor,
    k: torch.Tensor,
    totals: torch.Tensor,
    sums: ColumnSums,
    mask: torch.Tensor | None = None,
    max_probabilities: int | None = None,
) -> torch.Tensor:
    """Attention probabilities of chosen keys where the softmax is over more than these.

    q: (batch, heads, queries, dim), k: (batch, heads, keys, dim) as the attention is given them.  totals:
    float32 (batch, heads, queries), the log-sum-exp over all keys.  sums: of keys.  mask: added to the
    logits, or boolean (True: may be attended to), broadcast to (batch, heads, queries, keys).
    Returns float32 (batch, heads, queries, slots): exp(logit - log-sum-exp over all keys), summed by slot.
    At most `max_probabilities` (default log_sum_exp.MAX_LOGITS) are held at a time.
    """
    out = torch.empty(*q.shape[:3], sums.slots, device=q.device)
    for part, logits in logits_in_parts(q, *of_keys(k, mask, sums.columns), max_probabilities):
        out[:, :, part] = (logits - totals[:, :, part, None]).exp_() @ sums.matrix
    return out


def probabilities_alone(
    q: torch.Tensor,
    k: torch.Tensor,
    sums: ColumnSums,
    mask: torch.Tensor | None = None,
    max_probabilities: int | None = None,
) -> torch.Tensor:
    """As `joint_probabilities`, of a softmax over the chosen keys alone."""
    out = torch.empty(*q.shape[:3], sums.slots, device=q.device)
    for part, logits in logits_in_parts(q, *of_keys(k, mask, sums.columns), max_probabilities):
        out[:, :, part] = torch.softmax(logits, dim=-1) @ sums.matrix
    return out


def text_probabilities(
    q: torch.Tensor,
    k: torch.Tensor,
    cells: slice | torch.Tensor,
    matrix: torch.Tensor,
    mask: torch.Tensor | None = None,
    max_probabilities: int | None = None,
) -> torch.Tensor:
    """How much each word attends to each place, where text and picture share one softmax.

    q: (batch, heads, columns, dim) of the text, k: (batch, heads, keys, dim).  cells: which keys are the
    picture's.  matrix: (columns, slots); mask: as of `joint_probabilities`, its queries being the columns.
    Returns float32 (batch, heads, cells, slots).
    """
    batch, heads = q.shape[:2]
    count = len(range(k.shape[2])[cells]) if isinstance(cells, slice) else len(cells)
    out = torch.zeros(batch, heads, count, matrix.shape[1], device=q.device)
    for part, logits in logits_in_parts(q, k, mask, max_probabilities):
        total = logits.logsumexp(dim=-1, keepdim=True)
        out += (logits[..., cells] - total).exp_().mT @ matrix[part]
    return out


def output_products(
    image: torch.Tensor,
    text: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    matrix: torch.Tensor,
    masks: tuple[torch.Tensor | None, torch.Tensor | None] = (None, None),
    max_probabilities: int | None = None,
) -> torch.Tensor:
    """Product of each head's output at a place and at a word's columns (ConceptAttention sums the heads).

    image, text: queries (batch, heads, n, dim) of places and of text columns; k, v: (batch, heads, keys, dim)
    that both attend to; matrix: (text columns, slots); masks: of places and of text, as of
    `joint_probabilities`.
    Returns float32 (batch, heads, places, slots); products may be negative.
    """
    own_v = v.detach().float()

    def outputs(q: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        found = [torch.zeros(*q.shape[:2], 0, own_v.shape[-1], device=q.device)]
        for _, logits in logits_in_parts(q, k, mask, max_probabilities):
            found.append(torch.softmax(logits, dim=-1) @ own_v)
        return torch.cat(found, dim=2)

    words = matrix.mT @ outputs(text, masks[1])
    return outputs(image, masks[0]) @ words.mT


def of_keys(
    k: torch.Tensor, mask: torch.Tensor | None, keys: slice | torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """These keys, and their part of a mask."""
    return k[:, :, keys], mask if mask is None or mask.shape[-1] == 1 else mask[..., keys]


def sampled_grid(grid: tuple[int, int], most: int = MOST_QUERIES) -> tuple[tuple[int, int], int]:
    """The grid (h, w) of every n-th cell in both directions, and the smallest n that gives at most `most`."""
    stride = 1
    while -(-grid[0] // stride) * -(-grid[1] // stride) > most:
        stride += 1
    return (-(-grid[0] // stride), -(-grid[1] // stride)), stride


def sampled_queries(q: torch.Tensor, grid: tuple[int, int], stride: int) -> torch.Tensor:
    """Every `stride`-th cell in both directions of queries (batch, heads, h * w, dim), from the first."""
    if stride == 1:
        return q
    return q.unflatten(2, grid)[:, :, ::stride, ::stride].flatten(2, 3)


def pool_grid(values: torch.Tensor, height: int, width: int, factor: int) -> tuple[torch.Tensor, int, int]:
    """Average (batch, heads, height * width, slots) over factor x factor cells; with the new grid."""
    if factor == 1:
        return values, height, width
    batch, heads, _, slots = values.shape
    grid = values.reshape(batch * heads, height, width, slots).permute(0, 3, 1, 2)
    grid = torch.nn.functional.avg_pool2d(grid, factor, ceil_mode=True, count_include_pad=False)
    height, width = grid.shape[-2:]
    return grid.permute(0, 2, 3, 1).reshape(batch, heads, height * width, slots), height, width


def halved(size: int, times: int) -> int:
    """Size of a grid side after `times` downsamplings by two (stride 2, padding 1: rounded up)."""
    for _ in range(times):
        size = (size + 1) // 2
    return size


def grid_of(pixels: int, height: int, width: int) -> tuple[int, int] | None:
    """Grid (h, w) of a layer with that many pixels in a model called on a height x width latent.

    None if no number of halvings gives it (another pack has changed the sizes inside the model).
    """
    for times in range(8):
        grid = halved(height, times), halved(width, times)
        if grid[0] * grid[1] == pixels:
            return grid
    return None
