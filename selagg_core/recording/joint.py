"""One call of a layer in which text and picture share one softmax, and what can be read of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .log_sum_exp import log_sum_exp
from .probabilities import (
    MOST_BESIDE,
    ColumnSums,
    joint_probabilities,
    of_every_head,
    of_keys,
    output_products,
    probabilities_alone,
    sampled_grid,
    sampled_queries,
    text_probabilities,
)

Tokens = slice | torch.Tensor
"""Places of tokens: those that follow each other as a slice, others by number."""


@dataclass(frozen=True)
class JointCall:
    """q, k: (batch, heads, tokens, dim) of an entry's rows; v: the same of those heads or a divisor of them.

    image, text: which tokens are the picture's cells, row by row over `grid`, and the columns of the text.
    stride: every n-th cell in both directions is read.  mask: (rows or 1, heads or 1, queries or 1, keys).
    reference: tokens of reference pictures.  totals: float32 (batch, heads, tokens), the log-sum-exp over all
    keys where it is known.
    """

    q: torch.Tensor
    k: torch.Tensor
    image: Tokens
    text: slice
    grid: tuple[int, int]
    stride: int = 1
    mask: torch.Tensor | None = None
    v: torch.Tensor | None = None
    reference: Tokens | None = None
    totals: torch.Tensor | None = None

    @property
    def small(self) -> tuple[int, int]:
        """The grid that is read."""
        return -(-self.grid[0] // self.stride), -(-self.grid[1] // self.stride)

    def read(self, reading: str, words: ColumnSums, beside: ColumnSums) -> torch.Tensor:
        """float32 (batch, heads, h * w, slots) over the small grid; reading: one of `settings.READINGS`.

        words: sums of text columns that are read so.  The slots of `beside` (marks, padding), and one more
        for reference pictures where there are some, are always how much a place attends to them, of all keys.
        They are worked out for at most MOST_BESIDE places, evenly spread, and hold for those around each.
        """
        if self.q.shape[2] != self.k.shape[2]:  # the text asks nothing here
            reading = "places"
        if reading != "places":
            return torch.cat([self._read_words(reading, words), self._read_beside(beside)], dim=-1)
        places, mask = self._of_cells(self.q), self._mask_of_cells()
        totals = self._totals(places, mask)
        keys, own_mask = of_keys(self.k, mask, self.text)
        read = joint_probabilities(places, keys, totals, words, own_mask)
        return torch.cat([read, self._read_beside(beside, totals)], dim=-1)

    def _read_words(self, reading: str, words: ColumnSums) -> torch.Tensor:
        places, mask = self._of_cells(self.q), self._mask_of_cells()
        if reading == "places, words alone":
            keys, own_mask = of_keys(self.k, mask, self.text)
            return probabilities_alone(places, keys, words, own_mask)
        asking = self.q[:, :, self.text][:, :, words.columns]
        own_mask = self._mask_of_words(words)
        if reading == "words":
            found = text_probabilities(asking, self.k, self.image, words.matrix, own_mask)
            return sampled_queries(found, self.grid, self.stride)
        if self.v is None:
            raise ValueError("the outputs of heads cannot be read where values are not given.")
        values = of_every_head(self.v, self.q.shape[1])
        return output_products(places, asking, self.k, values, words.matrix, (mask, own_mask))

    def _read_beside(self, beside: ColumnSums, totals: torch.Tensor | None = None) -> torch.Tensor:
        """totals: those of the small grid, where they are known."""
        (height, width), step = sampled_grid(self.small, MOST_BESIDE)
        few, mask = self._of_cells(self.q, step), self._mask_of_cells(step)
        if totals is None:
            totals = self._totals(few, mask, step)
        else:
            totals = sampled_queries(totals[..., None], self.small, step)[..., 0]
        keys, own_mask = of_keys(self.k, mask, self.text)
        found = joint_probabilities(few, keys, totals, beside, own_mask)
        if self.reference is not None:
            keys, own_mask = of_keys(self.k, mask, self.reference)
            found = torch.cat([found, joint_probabilities(few, keys, totals, _all(keys), own_mask)], dim=-1)
        if step == 1:
            return found
        whole = found.unflatten(2, (height, width))
        whole = whole.repeat_interleave(step, dim=2).repeat_interleave(step, dim=3)
        return whole[:, :, : self.small[0], : self.small[1]].flatten(2, 3)

    def _totals(self, places: torch.Tensor, mask: torch.Tensor | None, step: int = 1) -> torch.Tensor:
        """Log-sum-exp over all keys (batch, heads, places)."""
        if self.totals is None:
            return log_sum_exp(places, self.k, mask)
        return self._of_cells(self.totals[..., None], step)[..., 0]

    def _of_cells(self, tokens: torch.Tensor, step: int = 1) -> torch.Tensor:
        """What is read of (batch, heads, tokens, dim): every `step`-th cell of the small grid."""
        read = sampled_queries(tokens[:, :, self.image], self.grid, self.stride)
        return sampled_queries(read, self.small, step)

    def _mask_of_cells(self, step: int = 1) -> torch.Tensor | None:
        if self.mask is None or self.mask.shape[2] == 1:
            return self.mask
        return self._of_cells(self.mask.expand(-1, -1, self.q.shape[2], -1), step)

    def _mask_of_words(self, words: ColumnSums) -> torch.Tensor | None:
        if self.mask is None or self.mask.shape[2] == 1:
            return self.mask
        return self.mask.expand(-1, -1, self.q.shape[2], -1)[:, :, self.text][:, :, words.columns]


def _all(keys: torch.Tensor) -> ColumnSums:
    """The sum of all of keys (batch, heads, keys, dim)."""
    count = keys.shape[2]
    return ColumnSums(torch.arange(count, device=keys.device), torch.ones(count, 1, device=keys.device))
