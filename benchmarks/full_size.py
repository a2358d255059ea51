"""UNets of full size as the host builds them, with random weights: cost does not depend on what they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

COMMON = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320,
    "use_spatial_transformer": True, "legacy": False, "use_temporal_attention": False,
    "use_temporal_resblock": False, "use_checkpoint": False,
}  # fmt: skip
SD15 = {
    **COMMON, "num_res_blocks": [2, 2, 2, 2], "channel_mult": [1, 2, 4, 4], "context_dim": 768,
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "use_linear_in_transformer": False, "adm_in_channels": None, "num_classes": None,
}  # fmt: skip
SDXL = {
    **COMMON, "num_res_blocks": [2, 2, 2], "channel_mult": [1, 2, 4], "context_dim": 2048,
    "transformer_depth": [0, 0, 2, 2, 10, 10], "transformer_depth_middle": 10,
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "use_linear_in_transformer": True, "adm_in_channels": 2816, "num_classes": "sequential",
}  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """A host configuration: its class in comfy.supported_models, UNet settings, tokenizer, pooled width."""

    family: str
    unet: dict[str, Any]
    tokenizer: tuple[str, str]
    pooled: int | None


ARCHITECTURES = {
    "sd15": Architecture("SD15", SD15, ("comfy.sd1_clip", "SD1Tokenizer"), None),
    "sdxl": Architecture("SDXL", SDXL, ("comfy.sdxl_clip", "SDXLTokenizer"), 1280),
}


def random_model(architecture: Architecture, device: torch.device, dtype: torch.dtype, seed: int):
    """A ModelPatcher with every weight set.  On the CPU it computes in float32, whatever the weights are."""
    import comfy.supported_models
    from comfy.model_patcher import ModelPatcher

    config = getattr(comfy.supported_models, architecture.family)({**architecture.unet, "dtype": dtype})
    cast = torch.float32 if device.type == "cpu" and dtype != torch.float32 else None
    config.set_inference_dtype(dtype, cast)
    model = config.get_model({}, "", device=device)
    fill(model.diffusion_model, seed)
    return ModelPatcher(model, load_device=device, offload_device=device)


def fill(module: torch.nn.Module, seed: int) -> None:
    """The host leaves weights uninitialised.  Variance is kept from layer to layer, so nothing overflows."""
    device = next(module.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        for name, values in module.named_parameters():
            if values.ndim == 1:
                values.fill_(1.0 if name.endswith("weight") else 0.0)
            else:
                values.normal_(0.0, values[0].numel() ** -0.5, generator=generator)


def random_conditioning(architecture: Architecture, columns: int, size: int, seed: int) -> list:
    """CONDITIONING of random values."""
    generator = torch.Generator().manual_seed(seed)
    embedding = torch.randn(1, columns, architecture.unet["context_dim"], generator=generator)
    extra: dict[str, Any] = {"pooled_output": None}
    if architecture.pooled:
        extra = {"pooled_output": torch.randn(1, architecture.pooled, generator=generator)}
        extra |= {"width": size, "height": size, "target_width": size, "target_height": size}
    return [[embedding, extra]]
