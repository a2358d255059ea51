"""Exact cross-attention probabilities of chosen text columns, head by head.

A probability is softmax(q k^T / sqrt(dim_head)) over all keys, computed in float32 whatever the model's
precision; only then are the wanted columns kept.  Where the host repeated a text to pad it (its conditionings
are padded to the least common multiple of their lengths), a column's mass is spread over its copies: they are
summed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

#: Most probabilities held at a time (float32): 64 MiB.
MAX_PROBABILITIES = 16 * 1024 * 1024


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
    max_probabilities: int = MAX_PROBABILITIES,
) -> torch.Tensor:
    """Attention probabilities of chosen columns.

    q: (batch, pixels, heads * dim_head) and k: (batch, keys, heads * dim_head), as the model projected them.
    matrix: (keys, slots) from `column_matrix`.
    Returns float32 (batch, heads, pixels, slots).  At most `max_probabilities` probabilities are held at a
    time (but at least one pixel of all heads).
    """
    batch, pixels, width = q.shape
    keys = k.shape[1]
    if width % heads or k.shape[0] != batch or k.shape[2] != width or matrix.shape[0] != keys:
        shapes = f"q {tuple(q.shape)}, k {tuple(k.shape)}, {heads} heads, matrix {tuple(matrix.shape)}"
        raise ValueError(f"These shapes do not fit each other: {shapes}.")
    dim_head = width // heads
    q = q.detach().reshape(batch, pixels, heads, dim_head).permute(0, 2, 1, 3)
    k = k.detach().reshape(batch, keys, heads, dim_head).permute(0, 2, 3, 1)
    k = k.float() * dim_head**-0.5
    step = max(1, max_probabilities // (batch * heads * keys))
    if step >= pixels:
        return torch.softmax(q.float() @ k, dim=-1) @ matrix
    out = torch.empty(batch, heads, pixels, matrix.shape[1], device=q.device)
    for start in range(0, pixels, step):
        part = q[:, :, start : start + step].float()
        out[:, :, start : start + step] = torch.softmax(part @ k, dim=-1) @ matrix
    return out


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
