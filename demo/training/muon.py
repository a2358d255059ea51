"""Muon: momentum whose matrix is orthogonalised before it is applied (Jordan et al. 2024).

On the demo's UNet it learns faster per step than AdamW, and costs a tenth of a step on two cores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch


def orthogonalise(matrices: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """(n, rows, columns) -> the nearest semi-orthogonal matrices, by a quintic Newton-Schulz iteration."""
    x = matrices.bfloat16()
    turned = x.shape[1] > x.shape[2]
    x = x.transpose(1, 2) if turned else x
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for _ in range(iterations):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + (2.0315 * gram @ gram - 4.7750 * gram) @ x
    return (x.transpose(1, 2) if turned else x).float()


class Muon(torch.optim.Optimizer):
    """For weights of two or more dimensions (a convolution counts as rows by everything else).

    The update is scaled to the root mean square of one of AdamW (Liu et al. 2025), so that its rates serve.
    """

    def __init__(self, weights: Iterable, lr: float, momentum: float = 0.95, decay: float = 0.01) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "weight_decay": decay})

    @torch.no_grad()
    def step(self) -> None:
        """One update; equal shapes are orthogonalised together."""
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(state["momentum"], group["momentum"])
                by_shape[(weight.shape[0], weight[0].numel())].append((weight, update))
            for (rows, columns), members in by_shape.items():
                updates = orthogonalise(torch.stack([u.reshape(rows, columns) for _, u in members]))
                updates *= 0.2 * max(rows, columns) ** 0.5
                for (weight, _), update in zip(members, updates, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update.reshape(weight.shape), alpha=-group["lr"])
