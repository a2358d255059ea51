"""A custom node of test servers alone: what loaders read are small random models of the host's own classes.

A file is known by its name, its content is nothing. Everything else of a workflow is as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import comfy.sd
import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))

import tiny_judges  # noqa: E402
import tiny_text  # noqa: E402
from tiny_models import fill, unet  # noqa: E402
from tiny_transformers import KINDS, transformer  # noqa: E402

QWEN = {
    "hidden_size": 16, "num_hidden_layers": 3, "intermediate_size": 32, "num_attention_heads": 2,
    "num_key_value_heads": 1,
}  # fmt: skip
held = pytest.MonkeyPatch()
"""Never undone: it lasts as long as the server."""


def small_vae():
    """The autoencoder of the demo model: 8x, four channels."""
    from selagg_demo.model import load_weights

    return comfy.sd.VAE(sd=load_weights().vae, dtype=torch.float32)


def small_sam3():
    """It is asked for one thing a noun: each is looked at twice more, which takes time."""
    import selagg_nodes.host.judges as judges

    held.setattr(judges, "MOST_THINGS", 1)
    model, clip = tiny_judges.segmenter(held)
    return model, clip, None


def small_qwen():
    import comfy.text_encoders.llama as llama
    import comfy.text_encoders.z_image as z_image
    from comfy import sd1_clip

    class Encoder(sd1_clip.SDClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None, **_):
            super().__init__(
                device=device, layer="hidden", layer_idx=-2, textmodel_json_config=dict(QWEN), dtype=dtype,
                special_tokens={"pad": 151643}, layer_norm_hidden_state=False, model_class=llama.Qwen3_4B,
                enable_attention_masks=True, return_attention_masks=True, model_options=model_options or {},
            )  # fmt: skip

    class Model(sd1_clip.SD1ClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            super().__init__(device=device, dtype=dtype, name="qwen3_4b", clip_model=Encoder)

    class Target:
        params: dict = {}
        clip = Model
        tokenizer = z_image.ZImageTokenizer

    with torch.no_grad():
        made = comfy.sd.CLIP(Target)
        fill(made.cond_stage_model, 0)
    return made


CHECKPOINTS = {
    "v1-5-pruned-emaonly-fp16": lambda: (unet(), tiny_text.clip(), small_vae()),
    "sd_xl_base_1.0": lambda: (tiny_text.sdxl_unet(), tiny_text.sdxl_clip(), small_vae()),
    "sam3.1_multiplex_fp16": small_sam3,
}
held.setattr(
    comfy.sd, "load_checkpoint_guess_config", lambda path, **_: (*CHECKPOINTS[Path(path).stem](), None)
)
held.setattr(comfy.sd, "load_diffusion_model", lambda path, **_: transformer(KINDS["z_image"]))
held.setattr(comfy.sd, "load_clip", lambda **_: small_qwen())

NODE_CLASS_MAPPINGS: dict[str, type] = {}
