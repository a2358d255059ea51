"""The twin of the demo model: the demo world painted by a diffusion transformer of the host's `Flux` class.

It serves tests and benchmarks and is no part of what is installed. Text and picture are keys of one softmax,
as in Flux.1; its text encoder is the demo's, CLIP's text model, in which a word knows only what stands before
it. The autoencoder is the demo model's own and is read from its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .model import CONTEXT_WIDTH, ModelWeights, load_weights, read_parts

TWIN_WEIGHTS = Path(__file__).resolve().parent / "weights" / "selagg_twin.safetensors"
SHIFT = 0.7
"""Of the host's schedule of Flux: the higher, the longer the sampler stays where there is much noise."""

FLUX_CONFIG: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "vec_in_dim": CONTEXT_WIDTH,
    "context_in_dim": CONTEXT_WIDTH,
    "hidden_size": 192,
    "mlp_ratio": 4.0,
    "num_heads": 8,
    "depth": 3,
    "depth_single_blocks": 5,
    "axes_dim": [4, 10, 10],
    "theta": 100,
    "patch_size": 1,
    "qkv_bias": True,
    "guidance_embed": False,
    "txt_ids_dims": [],
}
"""Flux.1 with fewer and narrower blocks; its cells are latent pixels, 16 x 16 of them."""


@dataclass(frozen=True)
class TwinWeights(ModelWeights):
    """The twin: a Flux."""

    flux: dict[str, torch.Tensor]


def load_twin(path: Path = TWIN_WEIGHTS) -> TwinWeights:
    """Reads the twin's file, and the autoencoder from that of the demo model.

    Raises:
        ValueError: a file is missing or of another kind.
    """
    if not path.is_file():
        raise ValueError(
            f"The twin's weights are missing: {path.name} should lie in {path.parent}. They are part of the "
            "repository, not of what ComfyUI installs."
        )
    parts, tokens, metadata = read_parts(path, ("flux", "text"))
    return TwinWeights(**parts, vae=load_weights().vae, tokens=tokens, metadata=metadata)


def flux_config() -> dict[str, Any]:
    """`FLUX_CONFIG`, as far as this version of the host asks for it.

    Raises:
        ValueError: this host has no Flux.
    """
    try:
        from comfy.ldm.flux.model import FluxParams
    except ImportError:
        raise ValueError("This ComfyUI is older than Flux: it cannot run the twin.") from None
    return {name: value for name, value in FLUX_CONFIG.items() if name in FluxParams.__dataclass_fields__}


def build_twin(weights: TwinWeights):
    """The twin in the host's `ModelPatcher`, sampled as Flux.1 is.

    Raises:
        ValueError: this host has no Flux.
    """
    config = {"image_model": "flux", **flux_config(), "dtype": torch.float32}
    from comfy import latent_formats, supported_models

    from selagg_nodes.demo_model import patcher_of

    class TwinConfig(supported_models.Flux):
        latent_format = latent_formats.SD15
        sampling_settings = {"shift": SHIFT}

    return patcher_of(TwinConfig(config), {_host_name(name): values for name, values in weights.flux.items()})


def _host_name(name: str) -> str:
    """Hosts before 0.4 have a norm of their own in Flux, and another name for its weight."""
    from comfy.ldm.flux import layers

    own = isinstance(getattr(layers, "RMSNorm", None), type)
    return name.replace("_norm.weight", "_norm.scale") if own else name
