"""A small text encoder of the host's own classes behind the real CLIP tokenizer."""

from __future__ import annotations

import inspect

import torch
from tiny_models import CONTEXT, fill, sdxl

CONFIG = {
    "num_hidden_layers": 2, "hidden_size": CONTEXT, "num_attention_heads": 2, "intermediate_size": 32,
    "hidden_act": "quick_gelu", "vocab_size": 49408, "max_position_embeddings": 77, "eos_token_id": 49407,
}  # fmt: skip


def clip(seed: int = 0, embedding_directory: str | None = None):
    """The host's CLIP object: SD1.x tokenizer, two layers of width 16, random weights."""
    import comfy.sd
    import comfy.sd1_clip

    class Encoder(comfy.sd1_clip.SDClipModel):
        def __init__(self, **options):
            options["textmodel_json_config"] = dict(CONFIG)
            known = inspect.signature(comfy.sd1_clip.SDClipModel.__init__).parameters
            super().__init__(**{name: value for name, value in options.items() if name in known})

    class Model(comfy.sd1_clip.SD1ClipModel):
        def __init__(self, **options):
            super().__init__(clip_model=Encoder, **options)

    class Target:
        params: dict = {}
        clip = Model
        tokenizer = comfy.sd1_clip.SD1Tokenizer

    with torch.no_grad():
        made = comfy.sd.CLIP(Target, embedding_directory=embedding_directory)
        fill(made.cond_stage_model, seed)
    return made


WIDTHS = {"l": CONTEXT, "g": CONTEXT + 8}


def sdxl_clip(seed: int = 0):
    """The host's pair of encoders of SDXL behind its tokenizers, of widths 16 (l) and 24 (g), random weights.

    `sdxl_unet` takes what it gives.
    """
    import comfy.sd
    import comfy.sd1_clip
    import comfy.sdxl_clip

    def encoder(name: str, marks: dict, **more):
        config = {**CONFIG, "hidden_size": WIDTHS[name], "num_hidden_layers": 3}
        return comfy.sd1_clip.SDClipModel(
            device="cpu", layer="hidden", layer_idx=-2, textmodel_json_config=config, special_tokens=marks,
            layer_norm_hidden_state=False, **more,
        )  # fmt: skip

    class Model(comfy.sdxl_clip.SDXLClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            torch.nn.Module.__init__(self)
            marks = {"start": 49406, "end": 49407, "pad": 49407}
            self.clip_l = encoder("l", marks)
            self.clip_g = encoder("g", {**marks, "pad": 0}, return_projected_pooled=True)
            self.dtypes = {dtype}

    class Tokenizer(comfy.sdxl_clip.SDXLTokenizer):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.clip_l.embedding_size, self.clip_g.embedding_size = WIDTHS["l"], WIDTHS["g"]

    class Target:
        params: dict = {}
        clip = Model
        tokenizer = Tokenizer

    with torch.no_grad():
        made = comfy.sd.CLIP(Target)
        fill(made.cond_stage_model, seed)
    return made


def sdxl_unet(seed: int = 0):
    """A ModelPatcher of the SDXL layout for the columns of `sdxl_clip`."""
    return sdxl(seed, context_dim=sum(WIDTHS.values()), adm_in_channels=1536 + WIDTHS["g"])


def sdxl_tokens_clip():
    """An object that tokenizes as SDXL's pair of encoders does, without their weights."""
    import comfy.sdxl_clip

    class Tokens:
        tokenizer = comfy.sdxl_clip.SDXLTokenizer()
        cond_stage_model = None

        def tokenize(self, text, return_word_ids=False):
            return self.tokenizer.tokenize_with_weights(text, return_word_ids)

    return Tokens()


def clip_with_embeddings(folder):
    """`clip` with two files in its embeddings folder: `style` of three vectors, `wide` of another width."""
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(3)
    save_file({"emb_params": torch.randn(3, CONTEXT, generator=generator)}, folder / "style.safetensors")
    save_file({"emb_params": torch.randn(2, CONTEXT + 8, generator=generator)}, folder / "wide.safetensors")
    return clip(embedding_directory=str(folder))
