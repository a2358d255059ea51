"""Networks inside a ModelPatcher."""

from __future__ import annotations

from typing import Any

import torch


def diffusion_model(model) -> Any:
    """The network of a ModelPatcher, without torch.compile's shell."""
    return uncompiled(getattr(getattr(model, "model", None), "diffusion_model", None))


def uncompiled(module):
    return getattr(module, "_orig_mod", module)


def model_name(model) -> str:
    """What the host calls this kind of model, for messages."""
    inner = getattr(model, "model", None)
    config = getattr(inner, "model_config", None)
    return type(config if config is not None else inner).__name__


def denoised_latent(model, denoised: torch.Tensor) -> torch.Tensor:
    """A sampler's denoised prediction as the host's second LATENT output gives it."""
    return model.model.process_latent_out(denoised.cpu())
