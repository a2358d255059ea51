"""Models small enough to sample in a blink, of the host's own classes, with known random weights."""

from __future__ import annotations

import torch

CONTEXT = 16
UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "num_res_blocks": [1, 1],
    "channel_mult": [1, 2], "transformer_depth": [1, 1], "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1, "use_spatial_transformer": True, "context_dim": CONTEXT,
    "use_linear_in_transformer": False, "legacy": False, "adm_in_channels": None, "num_classes": None,
    "use_checkpoint": False, "use_temporal_attention": False, "use_temporal_resblock": False,
    "dtype": torch.float32,
}  # fmt: skip
#: Patch keys of the cross-attention layers of UNET, and how often their grid is halved.
UNET_SITES = {
    ("input", 1, 0): 0, ("input", 3, 0): 1, ("middle", 0, 0): 1, ("output", 0, 0): 1, ("output", 1, 0): 1,
    ("output", 2, 0): 0, ("output", 3, 0): 0,
}  # fmt: skip
HEADS = 2


def fill(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    """The host leaves weights uninitialised: set all of them, so that attention is far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, values in [*module.named_parameters(), *module.named_buffers()]:
            if not values.is_floating_point() or "sampling" in name or "sigma" in name:
                continue
            noise = torch.randn(values.shape, generator=generator)
            norm = "norm" in name and name.endswith("weight")
            values.copy_(1 + 0.1 * noise if norm else noise * (0.2 if values.ndim > 1 else 0.05))
    return module


def patcher(model):
    from comfy.model_patcher import ModelPatcher

    cpu = torch.device("cpu")
    return ModelPatcher(model, load_device=cpu, offload_device=cpu)


def unet(seed: int = 0, **changes):
    """A ModelPatcher of a UNet with seven cross-attention layers of two heads."""
    import comfy.supported_models

    class Tiny(comfy.supported_models.SD15):
        unet_extra_config = {"num_heads": HEADS, "num_head_channels": -1}

    model = Tiny({**UNET, **changes}).get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    return patcher(model)


def sd3(seed: int = 0):
    """A ModelPatcher of a joint-attention transformer, which has no cross-attention UNet."""
    import comfy.supported_models

    config = {
        "in_channels": 16, "patch_size": 2, "depth": 2, "num_patches": 32 * 32, "pos_embed_max_size": 32,
        "pos_embed_scaling_factor": None, "input_size": None, "adm_in_channels": 8, "dtype": torch.float32,
        "context_embedder_config": {
            "target": "torch.nn.Linear", "params": {"in_features": 16, "out_features": 128}
        },
    }  # fmt: skip
    model = comfy.supported_models.SD3(config).get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    return patcher(model)


def text(columns: int, seed: int, batch: int = 1) -> list:
    """CONDITIONING of random embeddings."""
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(batch, columns, CONTEXT, generator=generator), {"pooled_output": None}]]


def noise(batch: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 4, height, width, generator=torch.Generator().manual_seed(seed))


def sample(
    model, positive, negative, latent=None, sampler="euler", cfg=7.0, steps=3, size=(1, 8, 12), **more
):
    """The host's own sampling, as its KSampler node calls it; returns the LATENT's samples."""
    import comfy.sample

    batch, height, width = size if latent is None else (latent.shape[0], *latent.shape[-2:])
    if latent is None:
        latent = torch.zeros(batch, 4, height, width)
    with torch.inference_mode():
        return comfy.sample.sample(
            model, noise(batch, height, width), steps, cfg, sampler, "normal", positive, negative, latent,
            seed=1, disable_pbar=True, **more,
        )  # fmt: skip
