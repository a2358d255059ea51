"""What a recorder is told during a sampling run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class ModelCall:
    """One call of the model by the host.

    x: latents (rows, channels, [frames,] h, w).  context: text (rows, columns, width) or None.
    options: transformer options.  conds: the host's other inputs by name (reference latents, masks, ...).
    """

    x: torch.Tensor
    context: torch.Tensor | None
    options: dict
    conds: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> int:
        """Columns of text."""
        return 0 if self.context is None else int(self.context.shape[1])


class SamplingHooks:
    """What a recorder does during one sampling run; by itself, nothing."""

    changes_attention = False
    """Whether it changes what is recorded: recorders then come between it and the sampler."""

    def evaluation(self, x: torch.Tensor) -> AbstractContextManager:
        """Around one evaluation of the denoiser by the sampler, on the latent x of all pictures."""
        return nullcontext()

    def batch(self, conds: Sequence, x: torch.Tensor) -> AbstractContextManager:
        """Around the model calls for these lists of conditioning entries on the latent x."""
        return nullcontext()

    def model_call(self, call: ModelCall) -> AbstractContextManager[dict]:
        """Around one call of the model: the transformer options to use in it."""
        return nullcontext(call.options)

    def step(self, step: int, denoised: torch.Tensor) -> None:
        """The sampler has reported a step."""


class BatchHooks(SamplingHooks):
    """Hooks that know, in a model call, which lists of entries it is for, and on which latent."""

    _batch: tuple[Sequence, torch.Tensor] | None = None

    @contextmanager
    def batch(self, conds: Sequence, x: torch.Tensor) -> Iterator[None]:
        outer, self._batch = self._batch, (conds, x)
        try:
            yield
        finally:
            self._batch = outer


LEAST_KEPT = 0.05
"""Share of the schedule that is left out where a start picture counts: denoise below 0.95."""


@dataclass(frozen=True)
class SamplingRun:
    """A sampling run that is about to start.  `guider.conds` holds the entries once it runs.

    latent: where it starts, (batch, channels, h, w) without noise; empty or a picture's.
    """

    guider: Any
    noise: torch.Tensor
    latent: torch.Tensor | None
    sigmas: torch.Tensor
    proceed: Callable[[SamplingHooks | None], torch.Tensor]

    @property
    def from_picture(self) -> bool | None:
        """Whether a picture shows through the noise at the start; None: no noise is added, so it goes on with
        what an earlier sampler has begun, or the model does not say how much noise is all of it.
        """
        sampling = self.guider.model_patcher.get_model_object("model_sampling")
        if not bool(self.noise.any()) or not hasattr(sampling, "percent_to_sigma"):
            return None
        latent = self.latent
        if latent is None or not latent.numel() or bool((latent == latent.flatten()[0]).all()):
            return False
        return float(self.sigmas[0]) < float(sampling.percent_to_sigma(LEAST_KEPT))


def with_steps(hooks: SamplingHooks, callback: Callable | None) -> Callable:
    def report(step, denoised, *rest):
        hooks.step(step, denoised)
        if callback is not None:
            callback(step, denoised, *rest)

    return report
