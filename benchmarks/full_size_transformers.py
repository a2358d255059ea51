"""Transformers at their real widths as the host builds them, with random weights and as many blocks as asked.

Widths and numbers of blocks are those that the host reads from the published files (ComfyUI 0.33.0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from benchmarks.full_size import fill

FLUX = {
    "image_model": "flux", "in_channels": 16, "out_channels": 16, "vec_in_dim": 768, "context_in_dim": 4096,
    "hidden_size": 3072, "mlp_ratio": 4.0, "num_heads": 24, "axes_dim": [16, 56, 56], "theta": 10000,
    "patch_size": 2, "qkv_bias": True, "guidance_embed": True, "txt_ids_dims": [],
}  # fmt: skip
ZIMAGE = {
    "image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 3840, "n_refiner_layers": 2,
    "n_heads": 30, "n_kv_heads": 30, "multiple_of": 256, "norm_eps": 1e-5, "qk_norm": True,
    "cap_feat_dim": 2560, "axes_dims": [32, 48, 48], "axes_lens": [1536, 512, 512], "rope_theta": 256.0,
    "z_image_modulation": True, "time_scale": 1000.0, "pad_tokens_multiple": 32,
    "ffn_dim_multiplier": 8.0 / 3.0,
}  # fmt: skip
QWEN = {
    "image_model": "qwen_image", "patch_size": 2, "in_channels": 64, "out_channels": 16,
    "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 3584,
    "axes_dims_rope": (16, 56, 56),
}  # fmt: skip
KREA2 = {
    "image_model": "krea2", "features": 6144, "tdim": 256, "txtdim": 2560, "heads": 48, "kvheads": 12,
    "multiplier": 4, "patch": 2, "channels": 16, "txtlayers": 12,
}  # fmt: skip
ANIMA = {
    "image_model": "anima", "max_img_h": 240, "max_img_w": 240, "max_frames": 128, "in_channels": 16,
    "out_channels": 16, "patch_spatial": 2, "patch_temporal": 1, "concat_padding_mask": True,
    "model_channels": 2048, "num_heads": 16, "crossattn_emb_channels": 1024, "pos_emb_cls": "rope3d",
    "pos_emb_learnable": True, "pos_emb_interpolation": "crop", "use_adaln_lora": True,
    "adaln_lora_dim": 256, "min_fps": 1, "max_fps": 30, "extra_per_block_abs_pos_emb": False,
    "rope_h_extrapolation_ratio": 4.0, "rope_w_extrapolation_ratio": 4.0, "rope_t_extrapolation_ratio": 1.0,
}  # fmt: skip
WAN = {  # 14B, text to video
    "image_model": "wan2.1", "model_type": "t2v", "dim": 5120, "out_dim": 16, "num_heads": 40,
    "ffn_dim": 13824, "patch_size": (1, 2, 2), "freq_dim": 256, "window_size": (-1, -1), "qk_norm": True,
    "cross_attn_norm": True, "eps": 1e-6, "in_dim": 16, "text_dim": 4096, "text_len": 512,
}  # fmt: skip


@dataclass(frozen=True)
class FullTransformer:
    """A host configuration at real width.

    family: its class in comfy.supported_models.  depth: name of a number of blocks -> how many the real model
    has.  columns: of text; width: of its states.  cfg: at which artists run it.  beside: (columns, generator)
    -> what else its conditioning holds.
    """

    family: str
    config: dict[str, Any]
    depth: dict[str, int]
    columns: int
    width: int
    cfg: float
    frames: bool = False
    beside: Callable[[int, torch.Generator], dict] = field(default=lambda columns, generator: {})

    def blocks(self, most: int) -> dict[str, int]:
        """Blocks of each kind to build: at most so many in all, in the proportion of the real model."""
        total = sum(self.depth.values())
        return {name: max(1, count * min(most, total) // total) for name, count in self.depth.items()}


TRANSFORMERS = {
    "flux": FullTransformer(
        "Flux", FLUX, {"depth": 19, "depth_single_blocks": 38}, 256, 4096, 1.0,
        beside=lambda columns, generator: {"pooled_output": torch.randn(1, 768, generator=generator)},
    ),
    "zimage": FullTransformer("ZImage", ZIMAGE, {"n_layers": 30}, 40, 2560, 1.0),
    "qwen": FullTransformer("QwenImage", QWEN, {"num_layers": 60}, 40, 3584, 2.5, True),
    "krea2": FullTransformer("Krea2", KREA2, {"layers": 28}, 40, 12 * 2560, 1.0, True),
    "anima": FullTransformer(
        "Anima", ANIMA, {"num_blocks": 28}, 40, 1024, 4.0, True,
        beside=lambda columns, generator: {
            "t5xxl_ids": torch.randint(1, 32000, (columns,), generator=generator),
            "t5xxl_weights": torch.ones(columns),
        },
    ),
    "wan": FullTransformer("WAN21_T2V", WAN, {"num_layers": 40}, 512, 4096, 5.0, True),
}  # fmt: skip


def random_transformer(
    architecture: FullTransformer, blocks: dict[str, int], device: torch.device, dtype: torch.dtype, seed: int
):
    """A ModelPatcher with every weight set.  On the CPU it computes in float32, whatever the weights are."""
    import comfy.supported_models
    from comfy.model_patcher import ModelPatcher

    kind = getattr(comfy.supported_models, architecture.family)
    config = kind({**architecture.config, **blocks, "dtype": dtype})
    cast = torch.float32 if device.type == "cpu" and dtype != torch.float32 else None
    config.set_inference_dtype(dtype, cast)
    model = config.get_model({}, "", device=device)
    fill(model.diffusion_model, seed)
    return ModelPatcher(model, load_device=device, offload_device=device)


def random_text(architecture: FullTransformer, seed: int) -> list:
    """CONDITIONING of random values."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(1, architecture.columns, architecture.width, generator=generator)
    extra = {"pooled_output": None, **architecture.beside(architecture.columns, generator)}
    return [[values, extra]]
