"""The node that loads the small model which ships with the pack, as ordinary host objects."""

from __future__ import annotations

import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.supported_models_base
import torch
from comfy.sd1_clip import SD1ClipModel, SD1Tokenizer, SDClipModel
from selagg_demo.model import TEXT_CONFIG, UNET_CONFIG, DemoWeights, ModelWeights, load_weights


class DemoUNetConfig(comfy.supported_models.SD15):
    """SD1.x in the demo's widths; the model was trained to predict v."""

    def model_type(self, state_dict, prefix=""):
        return comfy.model_base.ModelType.V_PREDICTION


class _DemoClipModel(SDClipModel):
    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "textmodel_json_config": dict(TEXT_CONFIG)})


class _DemoTextModel(SD1ClipModel):
    def __init__(self, **kwargs):
        super().__init__(**kwargs, clip_model=_DemoClipModel)


def build_model(weights: DemoWeights):
    """The demo UNet in the host's `ModelPatcher`."""
    return patcher_of(DemoUNetConfig({**UNET_CONFIG, "dtype": torch.float32}), weights.unet)


def patcher_of(config, weights: dict[str, torch.Tensor]):
    """A `ModelPatcher` of a configuration of the host (`supported_models`) in float32 with these weights."""
    management = comfy.model_management
    load_device, offload_device = management.get_torch_device(), management.unet_offload_device()
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "", device=offload_device)
    model.diffusion_model.load_state_dict(weights)
    model.diffusion_model.eval().requires_grad_(False)
    return comfy.model_patcher.ModelPatcher(model, load_device=load_device, offload_device=offload_device)


def build_clip(weights: ModelWeights):
    """The demo text encoder in the host's `CLIP`, behind the host's CLIP tokenizer."""
    target = comfy.supported_models_base.ClipTarget(SD1Tokenizer, _DemoTextModel)
    with torch.no_grad():
        clip = comfy.sd.CLIP(target)
        state = {f"transformer.{name}": value for name, value in weights.text.items()}
        state["transformer.text_model.embeddings.token_embedding.weight"] = weights.token_embedding()
        state["transformer.text_projection.weight"] = torch.eye(TEXT_CONFIG["hidden_size"])
        clip.cond_stage_model.clip_l.load_state_dict(state, strict=False)
    return clip


def build_vae(weights: ModelWeights):
    """The demo autoencoder in the host's `VAE` (the host knows it as TAESD)."""
    return comfy.sd.VAE(sd=weights.vae, dtype=torch.float32)


class SelAggDemoModel:
    """MODEL, CLIP and VAE of the shipped demo model."""

    CATEGORY = "SelAgg/demo"
    DESCRIPTION = (
        "A small text-to-image model that ships with SelAgg: 128 x 128 pictures of shapes and "
        "things, in the layout of SD1.x with its 128 cross-attention heads. "
        "Use it to try the SelAgg nodes without any download."
    )
    SEARCH_ALIASES = ["selagg", "demo checkpoint", "tiny model", "load model"]
    FUNCTION = "load"
    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    RETURN_NAMES = ("model", "clip", "vae")
    OUTPUT_TOOLTIPS = (
        "The demo UNet: connect it to SelAgg Capture, then to the sampler. Sample at 128 x 128.",
        "The demo text encoder, behind the real CLIP tokenizer.",
        "The demo autoencoder (8x, four latent channels).",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def load(self):
        weights = load_weights()
        return (build_model(weights), build_clip(weights), build_vae(weights))


NODES = {"SelAggDemoModel": SelAggDemoModel}
DISPLAY_NAMES = {"SelAggDemoModel": "SelAgg Demo Model"}
