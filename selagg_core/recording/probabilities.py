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
#: Most layers computed at once.
MAX_GROUPED = 16
#: Cells of a joint layer for which attention is worked out: its cost is a share of the model's own.
MOST_QUERIES = 1024


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


def joint_probabilities(
    q: torch.Tensor,
    k: torch.Tensor,
    text: slice,
    matrix: torch.Tensor,
    mask: torch.Tensor | None = None,
    max_probabilities: int | None = None,
    reference: slice | torch.Tensor | None = None,
    competing: int = 0,
) -> torch.Tensor:
    """Attention probabilities of chosen text columns where text and picture share one softmax.

    q: (batch, heads, queries, dim), k: (batch, heads, keys, dim) as the attention is given them.  text: which
    keys are text.  matrix: (text columns, slots) from `column_matrix`.  mask: added to the logits, or boolean
    (True: may be attended to), broadcast to (batch, heads, queries, keys).
    reference: keys of reference pictures; their sum is one more slot, the last.  competing: of so many slots,
    the first (the words), the softmax is over their own text columns alone; of the others over all keys.
    Returns float32 (batch, heads, queries, slots): exp(logit - log-sum-exp over all keys), summed by slot.
    At most `max_probabilities` (default MAX_PROBABILITIES) logits are held at a time.
    """
    batch, heads, queries, dim = q.shape
    keys = k.shape[2]
    limit = MAX_PROBABILITIES if max_probabilities is None else max_probabilities
    step = max(1, limit // (batch * heads * keys))
    own_k = k.detach().float().mT * dim**-0.5
    slots = matrix.shape[1]
    out = torch.empty(batch, heads, queries, slots + (reference is not None), device=q.device)
    spoken = (matrix[:, :competing] != 0).any(dim=1) if competing else None
    for start in range(0, queries, step):
        part = slice(start, min(queries, start + step))
        logits = q[:, :, part].detach().float() @ own_k
        if mask is not None:
            logits = _masked(logits, mask if mask.shape[-2] == 1 else mask[..., part, :])
        total = logits.logsumexp(dim=-1, keepdim=True)
        out[:, :, part, :slots] = (logits[..., text] - total).exp() @ matrix
        if spoken is not None and bool(spoken.any()):
            among = torch.softmax(logits[..., text].masked_fill(~spoken, float("-inf")), dim=-1)
            out[:, :, part, :competing] = among @ matrix[:, :competing]
        if reference is not None:
            out[:, :, part, slots] = (logits[..., reference] - total).exp().sum(-1)
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

    q: (batch, heads, text columns, dim) of the text, k: (batch, heads, keys, dim).  cells: which keys are the
    picture's.  matrix, mask: as of `joint_probabilities`, the mask's queries being the text's.
    Returns float32 (batch, heads, cells, slots).
    """
    batch, heads, columns, dim = q.shape
    limit = MAX_PROBABILITIES if max_probabilities is None else max_probabilities
    step = max(1, limit // (batch * heads * k.shape[2]))
    own_k = k.detach().float().mT * dim**-0.5
    count = len(range(k.shape[2])[cells]) if isinstance(cells, slice) else len(cells)
    out = torch.zeros(batch, heads, count, matrix.shape[1], device=q.device)
    for start in range(0, columns, step):
        part = slice(start, min(columns, start + step))
        logits = q[:, :, part].detach().float() @ own_k
        if mask is not None:
            logits = _masked(logits, mask if mask.shape[-2] == 1 else mask[..., part, :])
        total = logits.logsumexp(dim=-1, keepdim=True)
        out += (logits[..., cells] - total).exp().mT @ matrix[part]
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
    that both attend to; masks: of places and of text, as of `joint_probabilities`.
    Returns float32 (batch, heads, places, slots); products may be negative.
    """
    own_k, own_v = k.detach().float().mT * k.shape[-1] ** -0.5, v.detach().float()
    limit = MAX_PROBABILITIES if max_probabilities is None else max_probabilities

    def outputs(q: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        step = max(1, limit // (q.shape[0] * q.shape[1] * k.shape[2]))
        found = []
        for start in range(0, q.shape[2], step):
            part = slice(start, min(q.shape[2], start + step))
            logits = q[:, :, part].detach().float() @ own_k
            if mask is not None:
                logits = _masked(logits, mask if mask.shape[-2] == 1 else mask[..., part, :])
            found.append(torch.softmax(logits, dim=-1) @ own_v)
        return torch.cat(found, dim=2)

    words = matrix.mT @ outputs(text, masks[1])
    return outputs(image, masks[0]) @ words.mT


def _masked(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    if mask.dtype == torch.bool:
        return logits.masked_fill(~mask, float("-inf"))
    return logits + mask


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
