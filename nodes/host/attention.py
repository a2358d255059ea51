"""The host's own attention of a layer."""

from __future__ import annotations

import comfy.ldm.modules.attention as host_attention
import torch

from .generation import patcher_extension


def is_stock_attention(module) -> bool:
    """Whether replacing this layer's attention leaves its result alone.

    A layer whose forward was exchanged, or that carries forward hooks, would be bypassed by a replacement.
    """
    stock = type(module).forward is host_attention.CrossAttention.forward
    return (
        stock and "forward" not in vars(module) and not (module._forward_hooks or module._forward_pre_hooks)
    )


def is_host_attention(function) -> bool:
    """Whether an attention function is one that the host brings."""
    return str(getattr(function, "__module__", "")).split(".")[0] == "comfy"


def is_torch_attention(function) -> bool:
    """Whether an attention function is the host's that calls torch's, and nothing beside it."""
    return is_host_attention(function) and getattr(function, "__name__", "") == "attention_pytorch"


def is_attention_exchanged() -> bool:
    """Whether a pack has put a function of its own in the place of the host's."""
    return not is_host_attention(host_attention.optimized_attention)


def attention(q, k, v, options: dict) -> torch.Tensor:
    """The host's own cross-attention, for a layer that nobody else has replaced.

    Looked up at each call: other packs exchange the host's function while it runs.
    """
    extra = {"transformer_options": options} if patcher_extension is not None else {}
    function = host_attention.optimized_attention
    return function(q, k, v, options["n_heads"], attn_precision=options["attn_precision"], **extra)
