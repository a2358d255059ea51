"""What the editor must know of the nodes in the examples: sockets, names of widgets, sizes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeKind:
    """What the editor must know of a node: sockets in the host's order, and names of its widgets.

    The widget `control_after_generate` belongs to the editor alone and is not in the API's format.
    """

    id: str
    inputs: tuple[tuple[str, str], ...] = ()
    widgets: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    size: tuple[int, int] = (300, 120)


EDITOR_ONLY = "control_after_generate"
#: The widget in which web/selagg.js puts the viewer of a node.
VIEWER = "selagg_viewer"
_VIEWED = (("capture", "SELAGG_CAPTURE"), ("latent", "LATENT"), ("image", "IMAGE"))
_HOW = (("relevance", "SELAGG_RELEVANCE"), ("recipe", "SELAGG_RECIPE"))
KINDS = {
    kind.id: kind
    for kind in (
        NodeKind(
            "SelAggDemoModel",
            outputs=(("model", "MODEL"), ("clip", "CLIP"), ("vae", "VAE")),
            size=(240, 70),
        ),
        NodeKind(
            "CheckpointLoaderSimple",
            widgets=("ckpt_name",),
            outputs=(("MODEL", "MODEL"), ("CLIP", "CLIP"), ("VAE", "VAE")),
            size=(320, 100),
        ),
        NodeKind(
            "UNETLoader",
            widgets=("unet_name", "weight_dtype"),
            outputs=(("MODEL", "MODEL"),),
            size=(340, 90),
        ),
        NodeKind(
            "CLIPLoader",
            widgets=("clip_name", "type", "device"),
            outputs=(("CLIP", "CLIP"),),
            size=(340, 110),
        ),
        NodeKind(
            "DualCLIPLoader",
            widgets=("clip_name1", "clip_name2", "type", "device"),
            outputs=(("CLIP", "CLIP"),),
            size=(340, 140),
        ),
        NodeKind("VAELoader", widgets=("vae_name",), outputs=(("VAE", "VAE"),), size=(340, 70)),
        NodeKind(
            "SelAggTextEncode",
            inputs=(("clip", "CLIP"),),
            widgets=("text",),
            outputs=(("conditioning", "CONDITIONING"), ("prompt", "SELAGG_PROMPT")),
            size=(360, 130),
        ),
        NodeKind(
            "CLIPTextEncode",
            inputs=(("clip", "CLIP"),),
            widgets=("text",),
            outputs=(("CONDITIONING", "CONDITIONING"),),
            size=(360, 110),
        ),
        NodeKind(
            "SelAggPrompt",
            inputs=(("clip", "CLIP"),),
            widgets=("text",),
            outputs=(("prompt", "SELAGG_PROMPT"),),
            size=(360, 110),
        ),
        NodeKind(
            "SelAggCapture",
            inputs=(("model", "MODEL"),),
            widgets=(
                "every_nth_step",
                "memory_mb",
                "negative_prompt",
                "step_bins",
                "self_attention",
                "sub_tokens",
            ),
            outputs=(("model", "MODEL"), ("capture", "SELAGG_CAPTURE")),
            size=(300, 130),
        ),
        NodeKind(
            "EmptyLatentImage",
            widgets=("width", "height", "batch_size"),
            outputs=(("LATENT", "LATENT"),),
            size=(300, 110),
        ),
        NodeKind(
            "KSampler",
            inputs=(
                ("model", "MODEL"),
                ("positive", "CONDITIONING"),
                ("negative", "CONDITIONING"),
                ("latent_image", "LATENT"),
            ),
            widgets=("seed", EDITOR_ONLY, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
            outputs=(("LATENT", "LATENT"),),
            size=(300, 265),
        ),
        NodeKind(
            "VAEDecode",
            inputs=(("samples", "LATENT"), ("vae", "VAE")),
            outputs=(("IMAGE", "IMAGE"),),
            size=(240, 50),
        ),
        NodeKind(
            "SelAggHeatmaps",
            inputs=(*_VIEWED, *_HOW, ("prompt", "SELAGG_PROMPT")),
            widgets=("words", "mode", "top_fraction", "threshold", "concepts", "scale"),
            outputs=(
                ("overlays", "IMAGE"),
                ("masks", "MASK"),
                ("contact_sheet", "IMAGE"),
                ("words", "STRING"),
            ),
            size=(460, 860),
        ),
        NodeKind(
            "SelAggDiagnose",
            inputs=(
                *_VIEWED,
                ("expected", "MASK"),
                ("expect", "SELAGG_EXPECT"),
                ("calibration", "SELAGG_CALIBRATION"),
                *_HOW,
                ("prompt", "SELAGG_PROMPT"),
            ),
            widgets=("words", "expected_words", "boxes", "concepts", "claims", "keep_report"),
            outputs=(("annotated", "IMAGE"), ("warnings", "STRING"), ("report", "STRING")),
            size=(900, 1060),
        ),
        NodeKind(
            "SelAggRepair",
            inputs=(
                ("model", "MODEL"),
                ("conditioning", "CONDITIONING"),
                ("report", "STRING"),
                ("expect", "SELAGG_EXPECT"),
                ("relevance", "SELAGG_RELEVANCE"),
                ("prompt", "SELAGG_PROMPT"),
            ),
            widgets=("finding", "strength", "until", "placebo"),
            outputs=(("model", "MODEL"), ("conditioning", "CONDITIONING"), ("changes", "STRING")),
            size=(340, 190),
        ),
        NodeKind(
            "SelAggTruth",
            inputs=(
                *_VIEWED,
                ("mask", "MASK"),
                ("boxes", "BOUNDING_BOX"),
                ("model", "MODEL"),
                ("clip", "CLIP"),
                ("vlm", "CLIP"),
                ("truth", "SELAGG_TRUTH"),
                ("prompt", "SELAGG_PROMPT"),
            ),
            widgets=("words", "answers", "claims"),
            outputs=(("truth", "SELAGG_TRUTH"), ("claims", "STRING")),
            size=(360, 420),
        ),
        NodeKind(
            "SelAggScore",
            inputs=(
                *_VIEWED,
                ("truth", "SELAGG_TRUTH"),
                ("relevance", "SELAGG_RELEVANCE"),
                ("report", "STRING"),
                ("prompt", "SELAGG_PROMPT"),
            ),
            widgets=("file", "checkpoint", "picture_seed", "spot_check"),
            outputs=(("rows", "STRING"), ("summary", "STRING")),
            size=(360, 320),
        ),
        NodeKind(
            "SelAggScoreTable",
            inputs=(("rows", "STRING"),),
            widgets=("file", "save_heads"),
            outputs=(
                ("table", "IMAGE"),
                ("markdown", "STRING"),
                ("json", "STRING"),
                ("relevance", "SELAGG_RELEVANCE"),
            ),
            size=(700, 420),
        ),
        NodeKind(
            "ModelSamplingAuraFlow",
            inputs=(("model", "MODEL"),),
            widgets=("shift",),
            outputs=(("MODEL", "MODEL"),),
            size=(300, 60),
        ),
        NodeKind(
            "SelAggWhatIf",
            inputs=(
                ("model", "MODEL"),
                ("positive", "CONDITIONING"),
                ("negative", "CONDITIONING"),
                ("latent", "LATENT"),
                ("vae", "VAE"),
                ("prompt", "SELAGG_PROMPT"),
            ),
            widgets=(
                "words",
                "seed",
                EDITOR_ONLY,
                "steps",
                "cfg",
                "sampler_name",
                "scheduler",
                "from_share",
                "denoise",
            ),
            outputs=(("strip", "IMAGE"), ("told", "STRING"), ("without", "IMAGE")),
            size=(900, 760),
        ),
        NodeKind(
            "SelAggCompare",
            inputs=(
                ("before", "IMAGE"),
                ("after", "IMAGE"),
                ("prompt", "SELAGG_PROMPT"),
                ("placebo", "IMAGE"),
                ("failed", "IMAGE"),
                ("truth_before", "SELAGG_TRUTH"),
                ("truth_after", "SELAGG_TRUTH"),
                ("truth_placebo", "SELAGG_TRUTH"),
            ),
            widgets=("faults", "claims"),
            outputs=(("sheet", "IMAGE"), ("verdict", "STRING"), ("counts", "STRING")),
            size=(620, 620),
        ),
        NodeKind("SaveImage", (("images", "IMAGE"),), ("filename_prefix",), size=(300, 320)),
        NodeKind("PreviewImage", (("images", "IMAGE"),), size=(360, 320)),
    )
}
