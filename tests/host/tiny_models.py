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


def sd2(seed: int = 0):
    """As `unet`, of the SD2.x layout: linear projections, attention in float32, heads by their width."""
    import comfy.supported_models

    class Tiny(comfy.supported_models.SD20):
        unet_extra_config = {"num_heads": -1, "num_head_channels": 16, "attn_precision": torch.float32}

    config = {**UNET, "use_linear_in_transformer": True}
    model = Tiny(config).get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    return patcher(model)


def sdxl(seed: int = 0, **changes):
    """As `unet`, of the SDXL layout: several transformers in a block, none on the finest grid."""
    import comfy.supported_models

    config = {
        **UNET, "channel_mult": [1, 2, 2], "num_res_blocks": [1, 1, 1], "transformer_depth": [0, 1, 2],
        "transformer_depth_output": [0, 0, 1, 1, 2, 2], "transformer_depth_middle": 2,
        "use_linear_in_transformer": True, "num_classes": "sequential", "adm_in_channels": 2816,
        **changes,
    }  # fmt: skip

    class Tiny(comfy.supported_models.SDXL):
        unet_extra_config = {"num_heads": -1, "num_head_channels": 16}

    model = Tiny(config).get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    return patcher(model)


def pooled(conditioning: list, seed: int = 0) -> list:
    """The CONDITIONING with the pooled text that SDXL needs."""
    values = torch.randn(1, 1280, generator=torch.Generator().manual_seed(seed))
    return [[embedding, {**extra, "pooled_output": values}] for embedding, extra in conditioning]


def control_net(seed: int = 3):
    """The host's ControlNet for `unet`."""
    import comfy.cldm.cldm
    import comfy.controlnet

    left_out = ("out_channels", "transformer_depth_output", "use_temporal_attention", "use_temporal_resblock")
    config = {name: value for name, value in UNET.items() if name not in left_out}
    network = comfy.cldm.cldm.ControlNet(
        **config, hint_channels=3, num_heads=HEADS, num_head_channels=-1,
        operations=comfy.ops.disable_weight_init, device="cpu",
    )  # fmt: skip
    fill(network, seed)
    cpu = torch.device("cpu")
    return comfy.controlnet.ControlNet(network, load_device=cpu)


def unreadable():
    """A ModelPatcher of a network that no family knows."""
    model = unet()
    model.model.diffusion_model = torch.nn.Identity()
    return model


def text(columns: int, seed: int, batch: int = 1) -> list:
    """CONDITIONING of random embeddings."""
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(batch, columns, CONTEXT, generator=generator), {"pooled_output": None}]]


def noise(batch: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 4, height, width, generator=torch.Generator().manual_seed(seed))


def sample(
    model,
    positive,
    negative,
    latent=None,
    sampler="euler",
    cfg=7.0,
    steps=3,
    size=(1, 8, 12),
    scheduler="normal",
    **more,
):
    """The host's own sampling, as its KSampler node calls it; returns the LATENT's samples."""
    import comfy.sample

    batch, height, width = size if latent is None else (latent.shape[0], *latent.shape[-2:])
    if latent is None:
        latent = torch.zeros(batch, 4, height, width)
    with torch.inference_mode():
        return comfy.sample.sample(
            model, noise(batch, height, width), steps, cfg, sampler, scheduler, positive, negative, latent,
            seed=1, disable_pbar=True, **more,
        )  # fmt: skip
