"""The part of a plan that concerns one conditioning entry, as additions to the logits of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ..recording.layout import HeadLayout, LayerId
from .channels import Additions
from .plan import Adjusting, Operator, Placing, RepairPlan


@dataclass(frozen=True)
class EntryRepair:
    """A plan for the rows of one entry.

    entry: its number among the plan's prompts.  latent: (h, w) of the whole picture; area: (h, w, y, x) that
    the entry rules of it, None for all.  start: where column 0 of the prompt lies in what the model is given;
    length: columns there.
    """

    plan: RepairPlan
    entry: int
    layout: HeadLayout
    latent: tuple[int, int]
    area: tuple[int, int, int, int] | None
    start: int
    length: int
    made: dict = field(default_factory=dict, compare=False, repr=False)

    def additions(self, layer: LayerId, grid: tuple[int, int]) -> Additions:
        """What is added in a layer with a grid of (h, w) pixels: one row for all pictures, or one each.

        Terms belong to single pictures: those of the others are 0 there.
        """
        if (layer, grid) not in self.made:
            self.made[layer, grid] = self._additions(layer, grid)
        return self.made[layer, grid]

    def _additions(self, layer: LayerId, grid: tuple[int, int]) -> Additions:
        pictures = self.plan.pictures
        mine = [
            (row, operator)
            for row, picture in enumerate(pictures)
            for operator in picture.operators
            if operator.words.entry == self.entry
        ]
        placed = [(row, own) for row, own in mine if isinstance(own, Placing)]
        adjusted = [(row, own) for row, own in mine if isinstance(own, Adjusting)]
        first = self.layout.offset(layer)
        own = slice(first, first + self.layout.heads_of(layer))
        heads = self.layout.heads_of(layer)
        fields = torch.zeros(len(pictures), len(placed), grid[0] * grid[1])
        gains = torch.zeros(len(placed), heads)
        factors = torch.ones(len(pictures), len(adjusted), heads)
        for number, (row, placing) in enumerate(placed):
            fields[row, number] = torch.from_numpy(self._field(placing, grid).ravel())
            gains[number] = torch.from_numpy(self.plan.strength * placing.gains(self.layout.total)[own])
        for number, (row, adjusting) in enumerate(adjusted):
            factors[row, number] = torch.from_numpy(adjusting.at(self.plan.strength)[own])
        keys, words = (self._members([each for _, each in some]) for some in (placed, adjusted))
        return Additions(fields, gains, keys, factors, words)

    def _members(self, operators: Sequence[Operator]) -> torch.Tensor:
        """Bool (operators, columns): which columns carry the words of each."""
        found = torch.zeros(len(operators), self.length, dtype=torch.bool)
        for number, operator in enumerate(operators):
            found[number, self._columns(operator.words.indices)] = True
        return found

    def _columns(self, indices: Sequence[int]) -> list[int]:
        words = self.plan.prompts[self.entry].words
        return [self.start + column for index in indices for column in words[index].columns]

    def _field(self, operator: Placing, grid: tuple[int, int]) -> np.ndarray:
        """The field of an operator in the part of the picture that the entry rules."""
        if self.area is None:
            return operator.field(grid)
        h, w, y, x = self.area
        whole = round(grid[0] * self.latent[0] / h), round(grid[1] * self.latent[1] / w)
        top, left = round(y * grid[0] / h), round(x * grid[1] / w)
        part = operator.field(whole)[top : top + grid[0], left : left + grid[1]]
        return np.pad(part, [(0, grid[0] - part.shape[0]), (0, grid[1] - part.shape[1])], mode="edge")
