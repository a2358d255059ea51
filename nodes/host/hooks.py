"""What a recorder is told during a sampling run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch


class SamplingHooks(Protocol):
    """What a recorder does during one sampling run."""

    def evaluation(self) -> AbstractContextManager:
        """Around one evaluation of the denoiser by the sampler."""

    def batch(self, conds: Sequence, x: torch.Tensor) -> AbstractContextManager:
        """Around the model calls for these lists of conditioning entries on the latent x."""

    def model_call(self, x: torch.Tensor, context: torch.Tensor | None, options: dict) -> dict:
        """Before one call of the model: transformer options to use in it."""

    def step(self, step: int, denoised: torch.Tensor) -> None:
        """The sampler has reported a step."""


@dataclass(frozen=True)
class SamplingRun:
    """A sampling run that is about to start.  `guider.conds` holds the entries once it runs."""

    guider: Any
    noise: torch.Tensor
    sigmas: torch.Tensor
    proceed: Callable[[SamplingHooks | None], torch.Tensor]


def with_steps(hooks: SamplingHooks, callback: Callable | None) -> Callable:
    def report(step, denoised, *rest):
        hooks.step(step, denoised)
        if callback is not None:
            callback(step, denoised, *rest)

    return report
