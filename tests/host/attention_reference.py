"""An independent, naive record of attention: every q and k of a run kept, softmax in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from tiny_models import UNET_SITES


@dataclass
class Event:
    """One layer in one model call."""

    key: tuple[str, int, int]
    q: torch.Tensor
    k: torch.Tensor
    heads: int
    order: list[int]
    sigma: float
    shape: tuple[int, int]


def watched(model):
    """A copy of a ModelPatcher that keeps every cross-attention call, and the list it keeps them in."""
    import comfy.ldm.modules.attention as attention

    events: list[Event] = []

    def keep(key):
        def attend(q, k, v, options):
            events.append(
                Event(
                    key,
                    q.clone(),
                    k.clone(),
                    options["n_heads"],
                    list(options["cond_or_uncond"]),
                    float(options["sigmas"][0]),
                    tuple(options["original_shape"][-2:]),
                )
            )
            return attention.optimized_attention(q, k, v, options["n_heads"], attn_precision=None)

        return attend

    model = model.clone()
    for key in UNET_SITES:
        model.set_model_attn2_replace(keep(key), key[0], key[1], key[2])
    return model, events


def probabilities(q, k, heads: int) -> np.ndarray:
    """float64 softmax over all keys: (rows, heads, pixels, keys)."""
    q, k = q.double(), k.double()
    rows, pixels, width = q.shape
    q = q.view(rows, pixels, heads, width // heads).transpose(1, 2)
    k = k.view(rows, k.shape[1], heads, width // heads).transpose(1, 2)
    return torch.softmax(q @ k.transpose(2, 3) * (width // heads) ** -0.5, dim=-1).numpy()


def evaluations(events: list[Event]) -> list[list[Event]]:
    """Events by evaluation, for runs in which a layer is called once an evaluation."""
    first = events[0].key
    starts = [i for i, event in enumerate(events) if event.key == first]
    return [events[a:b] for a, b in zip(starts, [*starts[1:], len(events)], strict=True)]


def column_means(chosen: list[list[Event]], columns: int, batch: int, which: int = 0) -> dict:
    """Mean over evaluations of each column's probability, copies of a repeated text folded.

    which: the host's number of the wanted rows (0: positive).  Returns key -> (batch, heads, columns, h, w).
    """
    sums: dict = {}
    for events in chosen:
        for event in events:
            start = event.order.index(which) * batch
            p = probabilities(event.q, event.k, event.heads)[start : start + batch]
            rows, heads, pixels, keys = p.shape
            p = p.reshape(rows, heads, pixels, keys // columns, columns).sum(3)
            halvings = UNET_SITES[event.key]
            h, w = event.shape
            for _ in range(halvings):
                h, w = (h + 1) // 2, (w + 1) // 2
            p = np.moveaxis(p, 3, 2).reshape(rows, heads, columns, h, w)
            sums[event.key] = sums.get(event.key, 0) + p / len(chosen)
    return sums
