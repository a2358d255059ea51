"""One call of a layer in which text and picture share one softmax, and what can be read of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .probabilities import joint_probabilities, output_products, sampled_queries, text_probabilities

Tokens = slice | torch.Tensor
"""Places of tokens: those that follow each other as a slice, others by number."""


@dataclass(frozen=True)
class JointCall:
    """q, k, v: (batch, heads, tokens, dim) of an entry's rows.

    image, text: which tokens are the picture's cells, row by row over `grid`, and the columns of the text.
    stride: every n-th cell in both directions is read.  mask: (rows or 1, heads or 1, queries or 1, keys).
    reference: tokens of reference pictures.
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

    @property
    def small(self) -> tuple[int, int]:
        """The grid that is read."""
        return -(-self.grid[0] // self.stride), -(-self.grid[1] // self.stride)

    def read(self, reading: str, matrix: torch.Tensor, slots: int) -> torch.Tensor:
        """float32 (batch, heads, h * w, slots) over the small grid; reading: one of `settings.READINGS`.

        Of the sums in `matrix` the first `slots` are read so; those behind, and one more for reference
        pictures where there are some, are always how much a place attends to them, of all keys.
        """
        places = self._of_cells(self.q)
        if self.q.shape[2] != self.k.shape[2]:  # the text asks nothing here
            reading = "places"
        if reading in ("places", "places, words alone"):
            return joint_probabilities(
                places, self.k, self.text, matrix, self._mask_of_cells(), reference=self.reference,
                competing=slots - 1 if reading != "places" else 0,
            )  # fmt: skip
        words, own = self.q[:, :, self.text], matrix[:, :slots]
        mask = self._mask_of_text()
        if reading == "words":
            values = sampled_queries(
                text_probabilities(words, self.k, self.image, own, mask), *self._sampling
            )
        elif self.v is None:
            raise ValueError("the outputs of heads cannot be read where values are not given.")
        else:
            values = output_products(places, words, self.k, self.v, own, (self._mask_of_cells(), mask))
        others = joint_probabilities(
            places, self.k, self.text, matrix[:, slots:], self._mask_of_cells(), reference=self.reference
        )
        return torch.cat([values, others], dim=-1)

    @property
    def _sampling(self) -> tuple[tuple[int, int], int]:
        return self.grid, self.stride

    def _of_cells(self, tokens: torch.Tensor) -> torch.Tensor:
        return sampled_queries(tokens[:, :, self.image], *self._sampling)

    def _mask_of_cells(self) -> torch.Tensor | None:
        if self.mask is None or self.mask.shape[2] == 1:
            return self.mask
        return self._of_cells(self.mask.expand(-1, -1, self.q.shape[2], -1))

    def _mask_of_text(self) -> torch.Tensor | None:
        if self.mask is None or self.mask.shape[2] == 1:
            return self.mask
        return self.mask.expand(-1, -1, self.q.shape[2], -1)[:, :, self.text]
