"""What differs between the example workflows: prompts, models, settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEMO_PROMPT = "a red circle left of a striped blue star on a white background"
DEMO_BOXES = "circle: 0%, 0%, 50%, 100%\nstar: 50%, 0%, 100%, 100%"
PHOTO_PROMPT = "a photo of a cat wearing a red scarf next to a dog wearing a blue hat, in a park"
PROVE_PROMPT = "a photograph of a red car and a blue bench"
SEGMENTER = "sam3.1_multiplex_fp16.safetensors"
PHOTO_NEGATIVE = "blurry, lowres, watermark"


@dataclass(frozen=True)
class Files:
    """A model in files of its own, under the names that ComfyUI's templates use.

    clip: one or two text encoders.  type: what the loader of text encoders calls the model.  shift: of the
    noise schedule, where the templates set it.
    """

    model: str
    clip: tuple[str, ...]
    type: str
    vae: str
    shift: float | None = None

    @property
    def places(self) -> list[tuple[str, str]]:
        """(folder among the host's models, name) of each."""
        texts = [("text_encoders", name) for name in self.clip]
        return [("diffusion_models", self.model), *texts, ("vae", self.vae)]


@dataclass(frozen=True)
class Recipe:
    """What differs between the examples.

    `checkpoint` None: the demo model, or the files; `stock`: CLIP Text Encode.
    """

    prompt: str
    negative: str
    size: int
    seed: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    checkpoint: str | None = None
    files: Files | None = None
    batch: int = 1
    boxes: str = ""
    stock: bool = False
    repair: bool = False
    """Whether the picture is sampled again, from the same seed, with what the diagnosis says mended."""
    prove: bool = False
    """Whether the maps are scored against what SAM3 finds in the picture."""
    app: bool = False
    """Whether the editor opens it as an App: what is asked for and what comes out, without the graph."""
    without: str = ""
    """Words without which the picture is made again."""
    compared: int = 0
    """How many new seeds are sampled with and without what is mended, and with a placebo, to compare."""

    @property
    def needs(self) -> list[tuple[str, str]]:
        """(folder among the host's models, name) of every file that it needs."""
        found = [("checkpoints", self.checkpoint)] if self.checkpoint else []
        found += [("checkpoints", SEGMENTER)] if self.prove else []
        return found + (self.files.places if self.files else [])


_DEMO = Recipe(DEMO_PROMPT, "", 128, 7, 20, 4.0, "euler", "normal", batch=2, boxes=DEMO_BOXES)
_WRONG = {
    "neglected": ("a small red ring below an (orange:0.1) (triangle:0.1) on a beige background", 9000, 12),
    "leaked": ("a checkered (blue:1.6) triangle and a (mint:0.0) ring on a black background", 9003, 12),
    "wrong_sense": ("an orange (house:0.1) next to a rose mint", 9000, 12),
    "misplaced": ("a yellow triangle left of a striped red square on a brown background", 9003, 20),
    "blended": ("a mint (house:0.3) and a purple (circle:0.3) and a (red:0.3) orange", 9000, 12),
    "diffuse": ("a (red:0.0) (circle:0.0) and a (blue:0.0) (star:0.0)", 9000, 12),
}
"""Kind of finding -> prompt, seed and steps of a picture that goes wrong in this way."""
Z_IMAGE_TURBO = Files(
    "z_image_turbo_bf16.safetensors", ("qwen_3_4b.safetensors",), "lumina2", "ae.safetensors", shift=3.0
)
_NEWER: dict[str, tuple[str, int, float, str, dict[str, Any]]] = {
    "z_image_turbo": ("", 8, 1.0, "simple", {
        "files": Z_IMAGE_TURBO,
    }),
    "qwen_image": (PHOTO_NEGATIVE, 20, 2.5, "simple", {
        "files": Files(
            "qwen_image_fp8_e4m3fn.safetensors", ("qwen_2.5_vl_7b_fp8_scaled.safetensors",), "qwen_image",
            "qwen_image_vae.safetensors",
        ),
    }),
    "krea2": ("", 8, 1.0, "simple", {
        "files": Files(
            "krea2_turbo_fp8_scaled.safetensors", ("qwen3vl_4b_fp8_scaled.safetensors",), "krea2",
            "qwen_image_vae.safetensors",
        ),
    }),
    "flux1": ("", 20, 1.0, "simple", {
        "files": Files(
            "flux1-dev.safetensors", ("clip_l.safetensors", "t5xxl_fp16.safetensors"), "flux",
            "ae.safetensors",
        ),
    }),
    "flux2_klein": ("", 4, 1.0, "simple", {
        "files": Files(
            "flux-2-klein-4b.safetensors", ("qwen_3_4b.safetensors",), "flux2", "flux2-vae.safetensors",
        ),
    }),
    "anima": (PHOTO_NEGATIVE, 30, 4.0, "simple", {
        "files": Files(
            "anima-base-v1.0.safetensors", ("qwen_3_06b_base.safetensors",), "stable_diffusion",
            "qwen_image_vae.safetensors",
        ),
    }),
    "sd35": (PHOTO_NEGATIVE, 20, 4.0, "sgm_uniform", {"checkpoint": "sd3.5_large_fp8_scaled.safetensors"}),
}  # fmt: skip
"""Name -> negative prompt, steps, cfg, scheduler and files of a transformer, by ComfyUI's own templates."""
RECIPES = {
    "diagnose_demo": _DEMO,
    "diagnose_demo_stock_encode": Recipe(**{**_DEMO.__dict__, "stock": True}),
    **{
        f"diagnose_demo_{kind}": Recipe(prompt, "", 128, seed, steps, 4.0, "euler", "normal")
        for kind, (prompt, seed, steps) in _WRONG.items()
    },
    "diagnose_demo_app": Recipe(
        "a yellow star above a purple square on a white background",
        *("", 128, 11, 20, 4.0, "euler", "normal"),
        app=True,
    ),
    "repair_demo": Recipe(
        "a green fish below a blue triangle", "", 128, 7020, 12, 4.0, "euler", "normal", repair=True
    ),
    "compare_demo": Recipe(
        "a green fish below a blue triangle", "", 128, 7020, 12, 4.0, "euler", "normal", compared=16
    ),
    "what_if_demo": Recipe(
        "a red circle left of a striped blue star",
        *("", 128, 7, 12, 4.0, "euler", "normal"),
        without="red, circle, striped, blue, star",
    ),
    "diagnose_sd15": Recipe(
        PHOTO_PROMPT,
        PHOTO_NEGATIVE,
        512,
        7,
        20,
        7.0,
        "dpmpp_2m",
        "karras",
        checkpoint="v1-5-pruned-emaonly-fp16.safetensors",
    ),
    "diagnose_sdxl": Recipe(
        PHOTO_PROMPT,
        PHOTO_NEGATIVE,
        1024,
        7,
        25,
        7.0,
        "dpmpp_2m",
        "karras",
        checkpoint="sd_xl_base_1.0.safetensors",
    ),
    "prove_sd15": Recipe(
        PROVE_PROMPT,
        "",
        512,
        7,
        30,
        7.5,
        "dpmpp_2m",
        "karras",
        checkpoint="v1-5-pruned-emaonly-fp16.safetensors",
        prove=True,
    ),
    "prove_sdxl": Recipe(
        PROVE_PROMPT,
        "",
        1024,
        7,
        30,
        7.0,
        "dpmpp_2m",
        "karras",
        checkpoint="sd_xl_base_1.0.safetensors",
        prove=True,
    ),
    "prove_zimage": Recipe(
        PROVE_PROMPT,
        "",
        1024,
        7,
        8,
        1.0,
        "res_multistep",
        "simple",
        files=Z_IMAGE_TURBO,
        prove=True,
    ),
    **{
        f"diagnose_{name}": Recipe(PHOTO_PROMPT, negative, 1024, 7, steps, cfg, "euler", scheduler, **loaded)
        for name, (negative, steps, cfg, scheduler, loaded) in _NEWER.items()
    },
}
