"""Transformers small enough to sample in a blink, of the host's own classes (0.33.0), random weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import torch
from tiny_models import fill, patcher, unet

FLUX = {
    "image_model": "flux", "in_channels": 16, "out_channels": 16, "vec_in_dim": 8, "context_in_dim": 16,
    "hidden_size": 32, "mlp_ratio": 2.0, "num_heads": 2, "depth": 2, "depth_single_blocks": 3,
    "axes_dim": [4, 6, 6], "theta": 10000, "patch_size": 2, "qkv_bias": True, "guidance_embed": True,
    "txt_ids_dims": [],
}  # fmt: skip
FLUX2 = {
    **FLUX, "image_model": "flux2", "in_channels": 128, "out_channels": 128, "vec_in_dim": None,
    "axes_dim": [4, 4, 4, 4], "patch_size": 1, "qkv_bias": False, "guidance_embed": False,
    "txt_ids_dims": [3], "global_modulation": True, "mlp_silu_act": True, "ops_bias": False,
    "default_ref_method": "index", "ref_index_scale": 10.0,
}  # fmt: skip
CHROMA = {
    **{key: FLUX[key] for key in FLUX if key != "guidance_embed"}, "image_model": "chroma", "in_dim": 64,
    "out_dim": 32, "hidden_dim": 32, "n_layers": 1, "in_channels": 64, "out_channels": 64,
    "depth": 2, "depth_single_blocks": 3,
}  # fmt: skip
QWEN = {
    "image_model": "qwen_image", "patch_size": 2, "in_channels": 64, "out_channels": 16, "num_layers": 3,
    "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 16,
    "axes_dims_rope": (4, 6, 6),
}  # fmt: skip
MAGE = {
    "image_model": "mage_flow", "in_channels": 128, "out_channels": 128, "num_layers": 3,
    "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": 16,
    "axes_dims_rope": (4, 6, 6),
}  # fmt: skip
LUMINA = {
    "image_model": "lumina2", "patch_size": 2, "in_channels": 16, "dim": 32, "n_layers": 3,
    "n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2, "multiple_of": 8, "norm_eps": 1e-5,
    "qk_norm": True, "cap_feat_dim": 16, "axes_dims": [4, 6, 6], "axes_lens": [300, 512, 512],
}  # fmt: skip
ZIMAGE = {
    **LUMINA, "dim": 256, "axes_dims": [32, 48, 48], "z_image_modulation": True, "time_scale": 1000.0,
    "pad_tokens_multiple": 32, "ffn_dim_multiplier": 8.0 / 3.0,
}  # fmt: skip
KREA2 = {
    "image_model": "krea2", "features": 64, "tdim": 16, "txtdim": 8, "heads": 4, "kvheads": 2,
    "multiplier": 2, "layers": 3, "patch": 2, "channels": 16, "txtlayers": 2, "txtheads": 2, "txtkvheads": 2,
}  # fmt: skip
COSMOS = {
    "image_model": "cosmos_predict2", "max_img_h": 64, "max_img_w": 64, "max_frames": 8, "in_channels": 16,
    "out_channels": 16, "patch_spatial": 2, "patch_temporal": 1, "concat_padding_mask": True,
    "model_channels": 32, "num_blocks": 3, "num_heads": 2, "crossattn_emb_channels": 16,
    "pos_emb_cls": "rope3d", "pos_emb_learnable": True, "pos_emb_interpolation": "crop",
    "use_adaln_lora": True, "adaln_lora_dim": 8, "min_fps": 1, "max_fps": 30,
}  # fmt: skip
WAN = {
    "image_model": "wan2.1", "model_type": "t2v", "patch_size": (1, 2, 2), "text_len": 512, "in_dim": 16,
    "dim": 32, "ffn_dim": 32, "freq_dim": 16, "text_dim": 16, "out_dim": 16, "num_heads": 2, "num_layers": 3,
}  # fmt: skip
SD3 = {
    "in_channels": 16, "patch_size": 2, "depth": 2, "num_patches": 32 * 32, "pos_embed_max_size": 32,
    "pos_embed_scaling_factor": None, "input_size": None, "adm_in_channels": 8,
    "x_block_self_attn_layers": [0],
    "context_embedder_config": {
        "target": "torch.nn.Linear", "params": {"in_features": 16, "out_features": 128},
    },
}  # fmt: skip


HYDIT = {
    "image_model": "hydit", "input_size": 32, "patch_size": 2, "in_channels": 4, "hidden_size": 32,
    "depth": 4, "num_heads": 2, "text_states_dim": 16, "text_states_dim_t5": 16, "text_len": 20,
    "text_len_t5": 12, "qk_norm": True, "attn_precision": torch.float32,
}  # fmt: skip
ERNIE = {
    "image_model": "ernie", "hidden_size": 32, "num_attention_heads": 2, "num_layers": 3, "in_channels": 128,
    "ffn_hidden_size": 64, "out_channels": 128, "text_in_dim": 16, "rope_axes_dim": (4, 6, 6),
}  # fmt: skip
AURA = {
    "in_channels": 4, "out_channels": 4, "dim": 32, "n_layers": 4, "n_double_layers": 2, "n_heads": 2,
    "global_conddim": 32, "cond_seq_dim": 16, "max_seq": 32 * 32,
}  # fmt: skip
HUNYUAN_IMAGE = {
    "image_model": "hunyuan_video", "in_channels": 64, "out_channels": 64, "vec_in_dim": None,
    "context_in_dim": 16, "hidden_size": 32, "mlp_ratio": 2.0, "num_heads": 2, "depth": 2,
    "depth_single_blocks": 3, "axes_dim": [8, 8], "theta": 256, "patch_size": [1, 1], "qkv_bias": True,
    "guidance_embed": False, "byt5": True, "meanflow": False, "use_cond_type_embedding": False,
    "vision_in_dim": None, "meanflow_sum": False,
}  # fmt: skip
HUNYUAN_VIDEO = {
    **HUNYUAN_IMAGE, "in_channels": 16, "out_channels": 16, "patch_size": [1, 2, 2], "axes_dim": [4, 6, 6],
    "byt5": False, "vec_in_dim": 8,
}  # fmt: skip
LENS = {
    "image_model": "lens", "in_channels": 128, "out_channels": 32, "num_layers": 3, "attention_head_dim": 16,
    "num_attention_heads": 2, "enc_hidden_dim": 4, "axes_dims_rope": (4, 6, 6),
}  # fmt: skip
JOY = {
    "image_model": "joyimage", "hidden_size": 32, "num_attention_heads": 2, "text_dim": 16, "num_layers": 3,
    "rope_dim_list": [4, 6, 6], "theta": 10000,
}  # fmt: skip
OMNIGEN = {
    "image_model": "omnigen2", "hidden_size": 64, "num_layers": 3, "num_refiner_layers": 1,
    "num_attention_heads": 4, "num_kv_heads": 2, "axes_dim_rope": (4, 6, 6), "text_feat_dim": 16,
    "multiple_of": 8,
}  # fmt: skip
BOOGU = {
    **{key: OMNIGEN[key] for key in OMNIGEN if key != "text_feat_dim"}, "image_model": "boogu",
    "num_double_stream_layers": 2, "instruction_feat_dim": 16,
}  # fmt: skip
IDEOGRAM = {
    "image_model": "ideogram4", "in_channels": 128, "num_layers": 3, "num_attention_heads": 2,
    "attention_head_dim": 16, "intermediate_size": 32, "adaln_dim": 16, "llm_features_dim": 16,
    "rope_theta": 10000, "mrope_section": [4, 2, 2], "norm_eps": 1e-5,
}  # fmt: skip
KANDINSKY = {
    "image_model": "kandinsky5", "in_text_dim": 16, "in_text_dim2": 8, "time_dim": 16, "model_dim": 32,
    "ff_dim": 32, "visual_embed_dim": 64, "num_text_blocks": 1, "num_visual_blocks": 3,
    "axes_dims": (4, 6, 6),
}  # fmt: skip
HIDREAM = {
    "image_model": "hidream", "patch_size": 2, "in_channels": 16, "num_layers": 2, "num_single_layers": 2,
    "attention_head_dim": 16, "num_attention_heads": 2, "caption_channels": [16, 16], "text_emb_dim": 8,
    "axes_dims_rope": (4, 6, 6), "max_resolution": (64, 64), "llama_layers": [0, 1, 2, 2],
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A family's tiny model and what is known of its attention, by reading the host's source.

    heads, patch: of the network.  layers: names in order.  text(n): which column of the model's text is the
    first of a text of n columns, and how many it has in all.  more: columns of a second text behind them.
    joint: else cross-attention.  total(n, cells): tokens of a joint call.  picture_first: it stands before
    the text.  ids: the network is given T5's tokens.  module: where its attention function is, if it gives
    that no options.  even: the host takes no odd sizes.  before: cross-attention's calls of the text with
    itself.  extra: (name, shape) of what else its conditioning holds; of one number: a mask of ones.
    """

    config: Mapping
    model: str
    layers: tuple[str, ...]
    channels: int = 16
    heads: int = 2
    patch: int = 2
    width: int = 16
    frames: bool = False
    joint: bool = True
    pooled: int | None = None
    text: Callable[[int], tuple[int, int]] = lambda n: (0, n)
    total: Callable[[int, int], int] = lambda n, cells: n + cells
    ids: bool = False
    more: int = 0
    picture_first: bool = False
    module: str = ""
    even: bool = False
    before: int = 0
    extra: tuple[tuple[str, tuple[int, ...]], ...] = ()
    larger: int = 1


def named(**blocks: int) -> tuple[str, ...]:
    return tuple(f"{name.replace('_', ' ')} {i}" for name, count in blocks.items() for i in range(count))


def padded(tokens: int) -> int:
    return -(-tokens // 32) * 32


PIXART = Kind(
    {
        "image_model": "pixart_sigma", "input_size": 32, "patch_size": 2, "in_channels": 4, "hidden_size": 32,
        "depth": 3, "num_heads": 2, "caption_channels": 16, "micro_condition": False, "model_max_length": 20,
    },
    "PixArtSigma", named(block=3), 4, joint=False, module="comfy.ldm.pixart.blocks", larger=5, even=True,
)  # fmt: skip

KINDS = {
    "flux": Kind(FLUX, "Flux", named(double_block=2, single_block=3), pooled=8),
    "flux2": Kind(
        FLUX2, "Flux2", named(double_block=2, single_block=3), 128, patch=1,
        text=lambda n: (512 - n, 512), total=lambda n, cells: 512 + cells,
    ),
    "chroma": Kind(CHROMA, "Chroma", named(double_block=2, single_block=3)),
    "qwen_image": Kind(QWEN, "QwenImage", named(double_block=3), frames=True),
    "mage_flow": Kind(MAGE, "MageFlow", named(double_block=3), 128, patch=1),
    "lumina2": Kind(LUMINA, "Lumina2", named(block=3)),
    "z_image": Kind(
        ZIMAGE, "ZImage", named(block=3), text=lambda n: (0, padded(n)),
        total=lambda n, cells: padded(n) + padded(cells),
    ),
    "krea2": Kind(KREA2, "Krea2", named(single_block=3), heads=4, frames=True),
    "cosmos": Kind(COSMOS, "CosmosT2IPredict2", named(block=3), frames=True, joint=False),
    "anima": Kind(
        {**COSMOS, "image_model": "anima"}, "Anima", named(block=3), frames=True, joint=False,
        text=lambda n: (0, 512), ids=True,
    ),
    "wan": Kind(WAN, "WAN21_T2V", named(block=3), frames=True, joint=False),
    "sd3": Kind(SD3, "SD3", named(double_block=2), pooled=8),
    "longcat": Kind(
        {**FLUX, "vec_in_dim": None, "guidance_embed": False, "txt_ids_dims": [1, 2]}, "LongCatImage",
        named(double_block=2, single_block=3),
    ),
    "hunyuan_dit": Kind(
        HYDIT, "HunyuanDiT", named(block=4), 4, joint=False, more=12, text=lambda n: (0, n + 12),
        module="comfy.ldm.hydit.attn_layers",
        extra=(
            ("attention_mask", (0,)), ("conditioning_mt5xl", (12, 16)), ("attention_mask_mt5xl", (12,)),
        ),
    ),
    "ernie": Kind(
        ERNIE, "ErnieImage", named(block=3), 128, patch=1, picture_first=True, module="comfy.ldm.ernie.model"
    ),
    "aura_flow": Kind(
        AURA, "AuraFlow", named(double_block=2, single_block=2), 4, text=lambda n: (8, n + 8),
        total=lambda n, cells: n + 8 + cells,
    ),
    "hunyuan_image": Kind(
        HUNYUAN_IMAGE, "HunyuanImage21", named(double_block=2, single_block=3), 64, patch=1,
        text=lambda n: (0, n + 5), total=lambda n, cells: n + 5 + cells,
        extra=(("conditioning_byt5small", (5, 1472)),),
    ),
    "hunyuan_video": Kind(
        HUNYUAN_VIDEO, "HunyuanVideo", named(double_block=2, single_block=3), frames=True, pooled=8, even=True
    ),
    "lens": Kind(LENS, "Lens", named(double_block=3), 128, patch=1, picture_first=True),
    "joyimage": Kind(JOY, "JoyImage", named(double_block=3), frames=True, picture_first=True),
    "omnigen2": Kind(OMNIGEN, "Omnigen2", named(block=3), heads=4, extra=(("attention_mask", (0,)),)),
    "boogu": Kind(
        BOOGU, "Boogu", named(double_block=2, single_block=3), heads=4, extra=(("attention_mask", (0,)),)
    ),
    "ideogram4": Kind(IDEOGRAM, "Ideogram4", named(block=3), 128, patch=1),
    "kandinsky5": Kind(
        KANDINSKY, "Kandinsky5Image", named(block=3), joint=False, pooled=8, even=True, before=1
    ),
    "hidream": Kind(
        HIDREAM, "HiDream", named(double_block=2, single_block=2), pooled=8, picture_first=True, more=12,
        text=lambda n: (0, n + 12), total=lambda n, cells: n + 12 + cells,
        extra=(("conditioning_llama3", (3, 6, 16)),),
    ),
    "pixart": PIXART,
}  # fmt: skip


class Stranger(torch.nn.Module):
    """A transformer of no known family: one stream of text and picture through the host's attention."""

    dtype = torch.float32

    def __init__(self):
        super().__init__()
        self.patch_size, self.num_heads = 1, 2
        self.text_in, self.image_in = torch.nn.Linear(16, 16), torch.nn.Linear(4, 16)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 48) for _ in range(3))
        self.out = torch.nn.Linear(16, 4)

    def forward(self, x, timesteps, context=None, transformer_options=None, **_):
        attention = importlib.import_module("comfy.ldm.modules.attention").optimized_attention
        tokens = torch.cat([self.text_in(context), self.image_in(x.flatten(2).mT)], dim=1)
        for layer in self.layers:
            q, k, v = layer(torch.nn.functional.layer_norm(tokens, (16,))).chunk(3, dim=2)
            tokens = tokens + attention(q, k, v, 2, transformer_options=transformer_options)
        return self.out(tokens[:, context.shape[1] :]).mT.unflatten(2, x.shape[-2:])


STRANGER = Kind({}, "", named(block=3), 4, patch=1)


def small_adapter(adapter):
    """Anima's, of the width of these models: its own is fixed in the host."""
    small = {"source_dim": 16, "target_dim": 16, "model_dim": 16, "num_layers": 1, "num_heads": 2}
    return partial(getattr(adapter, "func", adapter), **small)


def transformer(kind: Kind, seed: int = 0):
    """A ModelPatcher of the host's class with known weights."""
    if kind is STRANGER:
        stranger = unet()
        stranger.model.diffusion_model = fill(Stranger(), seed)
        return stranger
    models = importlib.import_module("comfy.supported_models")
    if kind.ids:
        anima = importlib.import_module("comfy.ldm.anima.model")
        anima.LLMAdapter = small_adapter(anima.LLMAdapter)
    small = type(kind.model, (getattr(models, kind.model),), {"unet_extra_config": {}})
    model = small({**kind.config, "dtype": torch.float32}).get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    with torch.no_grad():
        for name, values in model.diffusion_model.named_parameters():
            loud = {"SD3": ".qkv.weight", "PixArtSigma": "cross_attn.q_linear.weight"}.get(kind.model)
            if loud is not None and loud in name:  # no norms tame its logits
                values.mul_(0.2)
    return patcher(model)


def once_each():
    """Name of a kind -> its transformer, which is made once."""
    return cache(lambda name: transformer(KINDS[name]))


def encoded(kind: Kind, columns: int, seed: int) -> list:
    """CONDITIONING of random embeddings."""
    generator = torch.Generator().manual_seed(seed)
    pooled = None if kind.pooled is None else torch.randn(1, kind.pooled, generator=generator)
    values = torch.randn(1, columns, kind.width, generator=generator)
    extra: dict = {"pooled_output": pooled}
    if kind.ids:  # the encoder's own tokens are fewer
        values = values[:, : columns - 3]
        extra["t5xxl_ids"] = torch.randint(1, 32000, (columns,), generator=generator)
        extra["t5xxl_weights"] = torch.ones(columns)
    for name, shape in kind.extra:
        mask = len(shape) == 1
        extra[name] = (
            torch.ones(1, *(size or columns for size in shape), dtype=torch.long)
            if mask
            else torch.randn(1, *shape, generator=generator)
        )
    return [[values, extra]]


def sample_transformer(kind: Kind, model, positive, negative, size=(1, 8, 12), cfg=4.0, steps=2, **more):
    """The host's own sampling, as its KSampler node calls it."""
    import comfy.sample

    batch, height, width = size[0], size[1] * kind.larger, size[2] * kind.larger
    shape = (batch, kind.channels, *((1,) if kind.frames else ()), height, width)
    latent = more.pop("latent", torch.zeros(shape))
    start = torch.randn(latent.shape, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        return comfy.sample.sample(
            model, start, steps, cfg, "euler", "simple", positive, negative, latent,
            seed=1, disable_pbar=True, **more,
        )  # fmt: skip
