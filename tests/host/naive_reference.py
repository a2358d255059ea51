"""A naive record of a sampling run, independent of SelAgg: it sees what the projections of the model give.

Hooks on the query and key projections of every cross-attention keep their outputs, whatever replaces the
attention around them.  Rows are told apart by the text that the model was given, steps by the sampler's
reports: an evaluation counts when the next thing the sampler does is to report a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from attention_reference import probabilities


@dataclass
class Call:
    """One call of the model: its text (rows, keys, width), latent size, and q, k by layer."""

    evaluation: int
    context: torch.Tensor
    size: tuple[int, int]
    layers: dict[tuple, dict[str, torch.Tensor]] = field(default_factory=dict)


class NaiveRun:
    """Everything that a run computed; `report` is to be the sampler's callback."""

    def __init__(self):
        self.calls: list[Call] = []
        self.evaluation = 0
        self.reported: list[int] = []

    def report(self, *_):
        self.reported.append(self.evaluation)

    def maps(self, embedding: torch.Tensor, batch: int, size: tuple[int, int]) -> dict[tuple, np.ndarray]:
        """Mean over steps of the column probabilities of a text, by layer: (batch, heads, columns, pixels).

        embedding: (1, columns, width) of a conditioning entry.  size: (h, w) of the latent that it rules.
        """
        sums: dict[tuple, list[np.ndarray]] = {}
        for evaluation in self.reported:
            calls = [c for c in self.calls if c.evaluation == evaluation and c.size == size]
            for call in calls:
                rows = _rows_of(call.context, embedding)
                if len(rows) < batch:
                    continue
                for key, own in call.layers.items():
                    p = probabilities(own["q"][rows[:batch]], own["k"][rows[:batch]], own["heads"])
                    columns = embedding.shape[1]
                    p = p.reshape(*p.shape[:3], -1, columns).sum(3)
                    sums.setdefault(key, []).append(np.moveaxis(p, 3, 2))
                break  # guidance may evaluate a prompt again in the same evaluation
        return {key: np.mean(own, axis=0) for key, own in sums.items()}


def _rows_of(context: torch.Tensor, embedding: torch.Tensor) -> list[int]:
    """Rows whose text is the embedding, repeated or not."""
    columns = embedding.shape[1]
    if context.shape[1] % columns:
        return []
    wanted = embedding[0].to(context).repeat(context.shape[1] // columns, 1)
    return [row for row in range(context.shape[0]) if torch.equal(context[row], wanted)]


@contextmanager
def naive_run(model, sites: Sequence):
    """Watches the network of a ModelPatcher. sites: its cross-attention layers, each with key and module."""
    import comfy.samplers

    run = NaiveRun()
    network = getattr(model.model.diffusion_model, "_orig_mod", model.model.diffusion_model)

    def called(module, args, kwargs):
        x, context = args[0], kwargs.get("context", args[2] if len(args) > 2 else None)
        run.calls.append(Call(run.evaluation, context.clone(), tuple(x.shape[-2:])))

    def projected(key, name, heads):
        def keep(module, args, output):
            own = run.calls[-1].layers.setdefault(key, {"heads": heads})
            own[name] = output.clone()

        return keep

    hooks = [network.register_forward_pre_hook(called, with_kwargs=True)]
    for site in sites:
        for name in ("q", "k"):
            projection = getattr(site.module, f"to_{name}")
            hooks.append(projection.register_forward_hook(projected(site.key, name, site.heads)))
    denoiser = comfy.samplers.KSamplerX0Inpaint
    original = denoiser.__call__

    def counted(self, *args, **kwargs):
        run.evaluation += 1
        return original(self, *args, **kwargs)

    denoiser.__call__ = counted
    try:
        yield run
    finally:
        denoiser.__call__ = original
        for hook in hooks:
            hook.remove()
