"""Networks inside a ModelPatcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def diffusion_model(model) -> Any:
    """The network of a ModelPatcher, without torch.compile's shell."""
    return uncompiled(getattr(getattr(model, "model", None), "diffusion_model", None))


def uncompiled(module):
    return getattr(module, "_orig_mod", module)


def is_compiled_without_guards(model) -> bool:
    """Whether parts of a ModelPatcher's network are compiled, and a graph of one layer may serve another.

    ComfyUI's own Torch Compile Model (0.33.0) leaves out the guards on transformer options, by which graphs
    are told apart: whatever was replaced in the first layer or run stays in the graph.
    """
    network = getattr(model.model, "diffusion_model", None)
    modules = network.modules() if isinstance(network, torch.nn.Module) else ()
    return any(_leaves_out_guards(value) for module in modules for value in list(vars(module).values()))


def _leaves_out_guards(function) -> bool:
    """Of a function that torch.compile made: as a module's forward, or in a compiled module's shell."""
    if not hasattr(function, "_torchdynamo_orig_callable"):
        return False
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells = dict(zip(names, getattr(function, "__closure__", None) or (), strict=False))
    callback = cells["callback"].cell_contents if "callback" in cells else None
    return getattr(getattr(callback, "hooks", None), "guard_filter_fn", None) is not None


def model_name(model) -> str:
    """What the host calls this kind of model, for messages."""
    inner = getattr(model, "model", None)
    config = getattr(inner, "model_config", None)
    return type(config if config is not None else inner).__name__


def denoised_latent(model, denoised: torch.Tensor) -> torch.Tensor:
    """A sampler's denoised prediction as the host's second LATENT output gives it."""
    return model.model.process_latent_out(denoised.cpu())


def sigmas_between(model, first: float, last: float, count: int) -> list[float]:
    """Noise levels of a model at so many shares of its schedule, from `first` to `last`, falling."""
    sampling = model.get_model_object("model_sampling")
    step = (last - first) / max(1, count - 1)
    shares = [first + step * number for number in range(count)] if count > 1 else [(first + last) / 2]
    return [float(sampling.percent_to_sigma(share)) for share in shares]


def noised(model, latent: torch.Tensor, sigmas: Sequence[float], seed: int) -> list[torch.Tensor]:
    """A latent (batch, channels, h, w) in the model's own space with the same noise at every level."""
    sampling = model.get_model_object("model_sampling")
    own = model.model.process_latent_in(latent.clone())
    noise = torch.randn(own.shape, generator=torch.Generator().manual_seed(seed))
    return [sampling.noise_scaling(torch.tensor([sigma]), noise.clone(), own.clone()) for sigma in sigmas]
