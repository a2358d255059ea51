"""Cross-attention layers of one model call, wrapped where they are called and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from .. import host
from .unet import AttentionSite, cross_attention_sites

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, dict], torch.Tensor]
"""(q, k, v, options) -> attention's output, as the host calls a replacement of attn2."""


def with_wrapped_layers(model, options: Mapping, wrap: Callable[[AttentionSite, Attend], Attend]) -> dict:
    """Transformer options in which each layer's attention is what `wrap(site, attention so far)` gives.

    A layer that another pack has changed in a way that a replacement would undo is left alone.
    """
    patches = dict(options.get("patches_replace", {}))
    replacements = dict(patches.get("attn2", {}))
    for site in cross_attention_sites(model):
        previous = replacements.get(site.key, replacements.get(site.key[:2]))
        if previous is not None or host.is_stock_attention(site.module):
            replacements[site.key] = wrap(site, previous or host.attention)
    patches["attn2"] = replacements
    return {**options, "patches_replace": patches}
