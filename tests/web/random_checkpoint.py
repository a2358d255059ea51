"""A checkpoint of the kind of SD1.5, with random weights and a shallow UNet, for stock workflows.

`python random_checkpoint.py FILE` writes it, with the classes of the host that is found.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNET = {"image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_heads": 8}
UNET |= {"num_res_blocks": [1, 1], "channel_mult": [1, 2], "transformer_depth": [1, 1], "context_dim": 768}
UNET |= {"transformer_depth_middle": 1, "transformer_depth_output": [1, 1, 1, 1]}
UNET |= {"use_spatial_transformer": True, "legacy": False}
VAE = {"double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128}
VAE |= {"ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0}


def main(file: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from demo.host_path import prepare_host

    prepare_host()
    import comfy.ops
    import torch
    from comfy.ldm.models.autoencoder import AutoencoderKL
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.sd1_clip import SDClipModel
    from safetensors.torch import save_file

    torch.manual_seed(0)
    clip = SDClipModel(device="cpu", dtype=torch.float32)
    parts = {
        "model.diffusion_model.": UNetModel(**UNET, operations=comfy.ops.disable_weight_init),
        "first_stage_model.": AutoencoderKL(ddconfig=VAE, embed_dim=4),
        "cond_stage_model.transformer.": clip.transformer,
    }
    weights = {}
    for prefix, module in parts.items():
        for name, value in module.state_dict().items():
            small = torch.randn(value.shape, generator=torch.Generator().manual_seed(len(weights))) * 0.02
            flat = value.ndim == 1
            whole = torch.ones(value.shape) if flat and name.endswith("weight") else small
            weights[prefix + name] = (small.zero_() if flat and name.endswith("bias") else whole).half()
    weights.pop("cond_stage_model.transformer.text_projection.weight", None)
    save_file(weights, str(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
