"""Whether a layer's output was made with the queries, keys and values that were recorded.

Another pack may stand in the place of a layer's attention.  What it is given says nothing about what it uses:
it may add to the text's attention (adapters), steer by it, or leave it aside for keys of its own (attention
couples, regional prompts), and then maps of the prompt are not of this picture.  So the attention of a few
cells is worked out here and looked for in what the pack computes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

#: Cells on a side of the grid of those that are looked at, and heads.
SIDE = 8
MOST_HEADS = 4
#: Results of an attention's shape that are looked at in one call: each look waits for the device.
MOST_LOOKS = 64
#: Relative error (root mean square) up to which two outputs are the same attention.  In the demo model that
#: of kernels which quantise to 8 bits is 0.04 at most, that of the same text with two colours exchanged 0.06
#: at least.
TOLERANCE = 0.05
#: The same for the worst cell.
CELL_TOLERANCE = 0.3
#: Least share of the text's attention in an output, in every cell, by which it counts as made with it.
LEAST_SHARE = 0.5


class Witness(TorchDispatchMode):
    """Follows the text's attention from where it is computed to a layer's output.

    Around a layer's attention: a context manager; afterwards `used(output)`.  Operations run as they would
    without it.  Where a result holds the attention that was worked out here, a copy of it is changed by a
    known amount in the cells looked at, and what is done to the result from there on is done to the copy
    too; how much of the change arrives in the output is the share that the text's attention has in it.
    Not followed: operations that draw random numbers, and those that torch does not bring.
    """

    def __init__(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        rows: Sequence[int],
        grid: tuple[int, int],
        first: int = 0,
        mask: torch.Tensor | None = None,
        row: int | None = None,
    ):
        """q: (rows, heads, queries, dim); k, v: (rows, heads or a divisor of it, keys, dim).

        rows: which are looked at.  grid: (h, w) of the picture, whose cells are queries from `first` on.
        mask: (rows or 1, heads or 1, queries or 1, keys), added to the logits, or boolean (True: may be
        attended to).  row: queries from one row of cells to the next, where they are more than cells.
        """
        super().__init__()
        heads, queries, dim = q.shape[1:]
        self._shape, self._total = (heads, queries, dim), q.shape[0]
        device = q.device
        self._rows = torch.tensor(rows, device=device)
        self._heads = _spread(heads, MOST_HEADS).to(device)
        down, right = (_spread(size, SIDE) for size in grid)
        self._cells = (first + down[:, None] * (row or grid[1]) + right).flatten().to(device)
        self._wanted = self._attention(q, k, v, mask)
        self._change = self._pattern(dim)
        self._looks = MOST_LOOKS
        self._given = {_storage(x): x for x in (q, k, v)}
        """Held, or a result could come to lie where one of them was."""
        self._copies: dict[int, tuple[torch.Tensor, torch.UntypedStorage]] = {}
        """Storage -> what holds it, and its changed copy."""

    def _attention(self, q, k, v, mask) -> torch.Tensor:
        """float32 (rows, heads, cells, dim) of those looked at."""
        q = q.detach()[self._rows][:, self._heads][:, :, self._cells].float()
        k, v = (
            x.detach()[self._rows][:, self._heads // (self._shape[0] // x.shape[1])].float() for x in (k, v)
        )
        logits = q @ k.mT * q.shape[-1] ** -0.5
        if mask is not None:
            own = mask if mask.shape[0] == 1 else mask[self._rows]
            own = own if own.shape[1] == 1 else own[:, self._heads]
            own = own if own.shape[2] == 1 else own[:, :, self._cells]
            logits = logits.masked_fill(~own, float("-inf")) if own.dtype == torch.bool else logits + own
        return torch.softmax(logits, dim=-1) @ v

    def _pattern(self, dim: int) -> torch.Tensor:
        """float32 (rows, 1, 1, dim): as large as the attention, in a direction of no meaning."""
        size = self._wanted.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        size = torch.where(size > 0, size, torch.ones_like(size))
        signs = torch.sin(1.7 * torch.arange(1, dim + 1, device=size.device)).sign()
        return size * signs

    # -- the verdict -------------------------------------------------------------------------------

    def used(self, output: torch.Tensor) -> torch.Tensor:
        """Whether the text's attention makes this output in every row looked at: a bool on its device.

        True, too, where it cannot be said: an attention that is not finite.
        """
        unknown = ~self._wanted.isfinite().all()
        found = self._by_head(output)
        if found is None or found.shape[0] != self._total:
            return unknown
        own = self._looked_at(found)[self._rows]
        error = (own - self._wanted).square().sum(dim=(1, 3))
        size = self._wanted.square().sum(dim=(1, 3))
        same = (error.sum(dim=1) <= TOLERANCE**2 * size.sum(dim=1)).all()
        same = same & (error <= CELL_TOLERANCE**2 * size.mean(dim=1, keepdim=True)).all()
        copy = self._copy(output)
        changed = None if copy is None else self._by_head(copy)
        if changed is None:
            return same | unknown
        arrived = self._looked_at(changed)[self._rows] - own
        weight = self._change.square().sum(dim=(1, 3)) * len(self._heads)
        share = (arrived * self._change).sum(dim=(1, 3)) / weight
        return same | (share >= LEAST_SHARE).all() | unknown

    # -- following ---------------------------------------------------------------------------------

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        again = None
        try:
            again = self._again(func, args, kwargs)
        except Exception:  # noqa: BLE001 - whatever happens here, the layer goes on
            self._give_up()
        result = func(*args, **kwargs)
        try:
            if again is not None:
                self._keep(result, func(*again[0], **again[1]))
            for tensor in _tensors(result):
                self._look_for(tensor)
        except Exception:  # noqa: BLE001
            self._give_up()
        return result

    def _again(self, func, args, kwargs) -> tuple[tuple, dict] | None:
        """The arguments with changed copies in place of what they are copies of; None: there are none."""
        given = _tensors((args, kwargs))
        if not self._copies or all(_storage(x) not in self._copies for x in given):
            return None
        mutable = func._schema.is_mutable
        if func.namespace not in ("aten", "prims") or torch.Tag.nondeterministic_seeded in func.tags:
            if mutable:
                for tensor in given:
                    self._copies.pop(_storage(tensor), None)
            return None
        if mutable:  # what is written to must be a copy, before it is written to
            for tensor in given:
                self._make_copy(tensor)
        return tree_map_only(torch.Tensor, self._copy_or_self, (args, kwargs))

    def _keep(self, result, changed) -> None:
        for tensor, copy in zip(_tensors(result), _tensors(changed), strict=True):
            if _storage(tensor) in self._copies:
                continue  # a view of what has a copy, or the same written to
            if copy.shape != tensor.shape or copy.stride() != tensor.stride():
                copy = torch.empty_strided(
                    tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device
                ).copy_(copy)
            if tensor.storage_offset() or copy.storage_offset():
                self._make_copy(tensor)
                self._copy_or_self(tensor).copy_(copy)
            else:
                self._copies[_storage(tensor)] = tensor, copy.untyped_storage()

    def _look_for(self, tensor: torch.Tensor) -> None:
        """Changes a copy of this result where it holds the attention of a row looked at."""
        if not tensor.is_floating_point() or _storage(tensor) in self._given.keys() | self._copies.keys():
            return
        found = self._by_head(tensor)
        if found is None or not self._looks:
            return
        self._looks -= 1
        error = (self._looked_at(found)[:, None] - self._wanted).square().sum(dim=(2, 3, 4))
        same = error <= TOLERANCE**2 * self._wanted.square().sum(dim=(1, 2, 3))
        places = dict(same.nonzero().tolist())
        if not places:
            return
        self._make_copy(tensor)
        copy = self._by_head(self._copy_or_self(tensor))
        if copy is None:
            return
        heads, cells = self._heads[:, None], self._cells[None]
        for row, which in places.items():
            copy[row][heads, cells] = copy[row][heads, cells] + self._change[which].to(copy.dtype)

    def _by_head(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """A view (rows, heads, queries, dim) of an attention's output, in the forms that are usual."""
        heads, queries, dim = self._shape
        shape = tuple(tensor.shape)
        if shape[-2:] == (queries, heads * dim):
            tensor = tensor.unflatten(-1, (heads, dim)).transpose(-3, -2)
        elif shape[-3:] == (queries, heads, dim):
            tensor = tensor.transpose(-3, -2)
        elif tensor.ndim == 3 and shape[1:] == (queries, dim) and shape[0] % heads == 0:
            tensor = tensor.unflatten(0, (-1, heads))
        elif shape[-3:] != (heads, queries, dim):
            return None
        return tensor[None] if tensor.ndim == 3 else tensor.view(-1, *tensor.shape[-3:])

    def _looked_at(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach()[:, self._heads][:, :, self._cells].float()

    # -- copies ------------------------------------------------------------------------------------

    def _copy(self, tensor: torch.Tensor) -> torch.Tensor | None:
        kept = self._copies.get(_storage(tensor))
        if kept is None:
            return None
        empty = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        return empty.set_(kept[1], tensor.storage_offset(), tensor.shape, tensor.stride())

    def _copy_or_self(self, tensor: torch.Tensor) -> torch.Tensor:
        copy = self._copy(tensor)
        return tensor if copy is None else copy

    def _make_copy(self, tensor: torch.Tensor) -> None:
        if _storage(tensor) not in self._copies:
            self._copies[_storage(tensor)] = tensor, tensor.untyped_storage().clone()

    def _give_up(self) -> None:
        self._copies.clear()
        self._looks = 0


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values) -> list[torch.Tensor]:
    return [x for x in tree_flatten(values)[0] if isinstance(x, torch.Tensor)]


def _spread(count: int, most: int) -> torch.Tensor:
    """At most so many of the numbers below `count`, evenly spread, in the middle of their stretches."""
    most = min(count, most)
    return torch.div((2 * torch.arange(most) + 1) * count, 2 * most, rounding_mode="floor")
