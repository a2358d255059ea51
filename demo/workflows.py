"""The example workflows, in the editor's format and in the API's, from one description of each.

`python -m demo.workflows` writes them to examples_workflows/, beside their thumbnails, and then makes
example_workflows/ anew: what ComfyUI's template browser shows, under the one name that every version of it
looks for, with titles as names of files (template_texts.py). A link between the two would be a text file in
a ZIP and on Windows, so the second folder is made from the first; `python dev.py check` fails while they
differ.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .host_path import ROOT
from .template_texts import TEMPLATES as TEXTS
from .template_texts import shown_name

FOLDER = ROOT / "examples_workflows"
TEMPLATES = ROOT / "example_workflows"
#: What the template browser takes from a folder: workflows of the editor and their thumbnails.
SHOWN = (".jpg", ".json")
NOTE = "MarkdownNote"
"""A node of the editor alone, which the server never sees."""
NOTE_PLACE, NOTE_SIZE = (-480, 0), (420, 400)
DEMO_PROMPT = "a red circle left of a striped blue star on a white background"
DEMO_BOXES = "circle: 0%, 0%, 50%, 100%\nstar: 50%, 0%, 100%, 100%"
PHOTO_PROMPT = "a photo of a cat wearing a red scarf next to a dog wearing a blue hat, in a park"
PROVE_PROMPT = "a photograph of a red car and a blue bench"
SEGMENTER = "sam3.1_multiplex_fp16.safetensors"
PHOTO_NEGATIVE = "blurry, lowres, watermark"


@dataclass(frozen=True)
class Output:
    """One output socket of a node in a graph."""

    node: int
    slot: int
    type: str


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
            widgets=("file", "checkpoint", "picture_seed"),
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


@dataclass
class Workflow:
    """A graph under construction; nodes are numbered in the order in which they are added."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)
    """As an App: (number of a node, name of its widget) of what stands beside the result, in this order."""
    given: list[int] = field(default_factory=list)
    """As an App: numbers of the nodes whose pictures and texts are shown. None: it is no App."""

    def note(self, title: str, text: str) -> None:
        """Puts a note before the graph, in the editor's format alone. text: Markdown."""
        self.notes.append((title, text))

    def add(
        self,
        kind: str,
        position: tuple[int, int],
        widgets: Mapping[str, Any] | None = None,
        title: str | None = None,
        **links: Output,
    ) -> list[Output]:
        """Adds a node and gives its outputs.

        Raises:
            KeyError: a widget is missing or unknown.
            TypeError: a link to an unknown socket, or of another type than the socket's.
        """
        shape, values = KINDS[kind], dict(widgets or {})
        if set(values) != set(shape.widgets):
            raise KeyError(f"{kind}: widgets {sorted(values)}, not {sorted(shape.widgets)}")
        sockets = dict(shape.inputs)
        for name, output in links.items():
            if sockets.get(name) != output.type:
                raise TypeError(f"{kind}.{name} takes {sockets.get(name)}, not {output.type}")
        node = {"kind": shape, "position": position, "widgets": values, "title": title, "links": links}
        self.nodes.append(node)
        number = len(self.nodes)
        return [Output(number, slot, type_) for slot, (_, type_) in enumerate(shape.outputs)]

    def api(self) -> dict[str, Any]:
        """The format that the server's /prompt takes."""
        return {
            str(number): {
                "class_type": node["kind"].id,
                "inputs": {
                    **{n: value for n, value in node["widgets"].items() if n != EDITOR_ONLY},
                    **{name: [str(output.node), output.slot] for name, output in node["links"].items()},
                },
                "_meta": {"title": node["title"] or node["kind"].id},
            }
            for number, node in enumerate(self.nodes, start=1)
        }

    def editor(self, name: str) -> dict[str, Any]:
        """The format that the editor opens and saves (version 0.4); its id comes from its name."""
        links = [
            [output.node, output.slot, number, [n for n, _ in node["kind"].inputs].index(name), output.type]
            for number, node in enumerate(self.nodes, start=1)
            for name, output in node["links"].items()
        ]
        wires = [[number, *link] for number, link in enumerate(links, start=1)]
        app = {"inputs": [list(one) for one in self.asked], "outputs": self.given}
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"selagg/{name}")),
            "last_node_id": len(self.nodes) + len(self.notes),
            "last_link_id": len(wires),
            "nodes": [
                *(self._editor_node(number, wires) for number in range(1, len(self.nodes) + 1)),
                *(_editor_note(len(self.nodes) + number, *note) for number, note in enumerate(self.notes, 1)),
            ],
            "links": wires,
            "groups": [],
            "config": {},
            "extra": {"linearMode": True, "linearData": app} if self.given else {},
            "version": 0.4,
        }

    def _editor_node(self, number: int, wires: list[list[Any]]) -> dict[str, Any]:
        node = self.nodes[number - 1]
        kind = node["kind"]
        inputs = [
            {
                "name": name,
                "type": type_,
                "link": next((w[0] for w in wires if (w[3], w[4]) == (number, slot)), None),
            }
            for slot, (name, type_) in enumerate(kind.inputs)
        ]
        outputs = [
            {
                "name": name,
                "type": type_,
                "links": [w[0] for w in wires if (w[1], w[2]) == (number, slot)],
                "slot_index": slot,
            }
            for slot, (name, type_) in enumerate(kind.outputs)
        ]
        titled = {"title": node["title"]} if node["title"] else {}
        return {
            "id": number,
            "type": kind.id,
            "pos": list(node["position"]),
            "size": list(kind.size),
            "flags": {},
            "order": number - 1,
            "mode": 0,
            **titled,
            "inputs": inputs,
            "outputs": outputs,
            "properties": {"Node name for S&R": kind.id},
            "widgets_values": [node["widgets"][name] for name in kind.widgets],
        }


def _editor_note(number: int, title: str, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": NOTE,
        "pos": list(NOTE_PLACE),
        "size": list(NOTE_SIZE),
        "flags": {},
        "order": number - 1,
        "mode": 0,
        "title": title,
        "inputs": [],
        "outputs": [],
        "properties": {},
        "widgets_values": [text],
        "color": "#432",
        "bgcolor": "#653",
    }


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
    compared: int = 0
    """How many new seeds are sampled with and without what is mended, and with a placebo, to compare."""

    @property
    def needs(self) -> list[tuple[str, str]]:
        """(folder among the host's models, name) of every file that it needs."""
        found = [("checkpoints", self.checkpoint)] if self.checkpoint else []
        found += [("checkpoints", SEGMENTER)] if self.prove else []
        return found + (self.files.places if self.files else [])


_CAPTURING = {
    "every_nth_step": 1,
    "memory_mb": 256,
    "negative_prompt": False,
    "step_bins": 1,
    "self_attention": True,
    "sub_tokens": False,
}


def build(recipe: Recipe) -> Workflow:
    """A picture sampled with capture, then its heatmaps and its diagnosis."""
    flow = Workflow()
    model, clip, vae = _load(flow, recipe)
    positive, negative, prompt, words = _encode(flow, recipe, clip)
    recorded, capture = flow.add("SelAggCapture", (0, 200), _CAPTURING, model=model)
    canvas = {"width": recipe.size, "height": recipe.size, "batch_size": recipe.batch}
    (empty,) = flow.add("EmptyLatentImage", (0, 400), canvas)
    sampling = {
        "seed": recipe.seed,
        EDITOR_ONLY: "fixed",
        "steps": recipe.steps,
        "cfg": recipe.cfg,
        "sampler_name": recipe.sampler,
        "scheduler": recipe.scheduler,
        "denoise": 1.0,
    }
    rest = {"negative": negative, "latent_image": empty}
    (latent,) = flow.add("KSampler", (800, 0), sampling, model=recorded, positive=positive, **rest)
    (image,) = flow.add("VAEDecode", (800, 330), samples=latent, vae=vae)
    flow.add("SaveImage", (800, 440), {"filename_prefix": "selagg/picture"}, "Picture", images=image)
    seen = {"capture": capture, "latent": latent, "image": image, **prompt}
    if recipe.prove:
        _prove(flow, recipe, seen)
        return flow
    if recipe.app:
        flow.add("SelAggDiagnose", (1160, 0), _checks(recipe), "Diagnosis", **seen)
        shown = len(flow.nodes)
        flow.asked = [(positive.node, "text"), (latent.node, "seed"), (shown, VIEWER)]
        flow.given = [shown]
        return flow
    if not recipe.repair and not recipe.compared:
        _view(flow, recipe, seen)
        return flow
    report = flow.add("SelAggDiagnose", (1160, 0), _checks(recipe), "Diagnosis", **seen)[2]
    if recipe.compared:
        _compare(flow, recipe, (model, positive, report, vae), sampling, negative, words, image)
    else:
        _sample_again(flow, recipe, (model, positive, report, vae), sampling, rest)
    return flow


def _load(flow: Workflow, recipe: Recipe) -> list[Output]:
    """Model, text encoder and VAE."""
    if recipe.files is None and recipe.checkpoint is None:
        return flow.add("SelAggDemoModel", (0, 0))
    if recipe.files is None:
        return flow.add("CheckpointLoaderSimple", (0, 0), {"ckpt_name": recipe.checkpoint})
    files = recipe.files
    (model,) = flow.add("UNETLoader", (0, -320), {"unet_name": files.model, "weight_dtype": "default"})
    rest = {"type": files.type, "device": "default"}
    if len(files.clip) == 1:
        (clip,) = flow.add("CLIPLoader", (0, -190), {"clip_name": files.clip[0], **rest})
    else:
        names = {"clip_name1": files.clip[0], "clip_name2": files.clip[1]}
        (clip,) = flow.add("DualCLIPLoader", (0, -190), {**names, **rest})
    (vae,) = flow.add("VAELoader", (380, -190), {"vae_name": files.vae})
    if files.shift is not None:
        (model,) = flow.add("ModelSamplingAuraFlow", (380, -320), {"shift": files.shift}, model=model)
    return [model, clip, vae]


def _prove(flow: Workflow, recipe: Recipe, seen: dict[str, Output]) -> None:
    """What SAM3 finds in the picture, and what each way of making maps is worth against it."""
    judge, words, _ = flow.add("CheckpointLoaderSimple", (1160, 0), {"ckpt_name": SEGMENTER}, "SAM3")
    asked = {"words": "", "answers": "", "claims": ""}
    truth, _ = flow.add("SelAggTruth", (1160, 180), asked, "Truth", model=judge, clip=words, **seen)
    report = flow.add("SelAggDiagnose", (2320, 0), _checks(recipe), "Diagnosis", **seen)[2]
    kept = {
        "file": "score",
        "checkpoint": recipe.checkpoint or (recipe.files.model if recipe.files else "demo"),
        "picture_seed": recipe.seed,
    }
    rows, _ = flow.add("SelAggScore", (1160, 680), kept, "Score", truth=truth, report=report, **seen)
    flow.add("SelAggScoreTable", (1560, 0), {"file": "score", "save_heads": ""}, "Table", rows=rows)


def _compare(
    flow: Workflow, recipe: Recipe, mended, sampling: dict, negative: Output, words: Output, failed: Output
) -> None:
    """New seeds as they are, with what the report says mended, and with a placebo; then SelAgg Compare."""
    model, positive, report, vae = mended
    size = {"width": recipe.size, "height": recipe.size, "batch_size": recipe.compared}
    (empty,) = flow.add("EmptyLatentImage", (2100, 700), size, "New seeds")
    arms = {"before": (model, positive)}
    for name, placebo, y in (("after", False, 0), ("placebo", True, 350)):
        how = {"finding": "all warnings", "strength": 1.0, "until": 0.6, "placebo": placebo}
        title = "Placebo" if placebo else "Repair"
        own = {"model": model, "conditioning": positive, "report": report}
        arms[name] = tuple(flow.add("SelAggRepair", (2100, y), how, title, **own)[:2])
    images = {}
    for number, (name, (own_model, own_positive)) in enumerate(arms.items()):
        seeds = {**sampling, "seed": recipe.seed + 1000}
        wires = {"model": own_model, "positive": own_positive, "negative": negative, "latent_image": empty}
        place = (2480, 400 * number)
        (latent,) = flow.add("KSampler", place, seeds, name.capitalize(), **wires)
        (images[name],) = flow.add("VAEDecode", (2820, 400 * number), samples=latent, vae=vae)
    asked = {"faults": "all", "claims": ""}
    flow.add("SelAggCompare", (3100, 0), asked, "Comparison", prompt=words, failed=failed, **images)


def _sample_again(flow: Workflow, recipe: Recipe, mended, sampling: dict, rest: dict[str, Output]) -> None:
    """The same seed with what the report says mended, and its own diagnosis."""
    model, positive, report, vae = mended
    how = {"finding": "all warnings", "strength": 1.0, "until": 0.6, "placebo": False}
    model, positive, _ = flow.add(
        "SelAggRepair", (2100, 0), how, "Repair", model=model, conditioning=positive, report=report
    )
    recorded, capture = flow.add("SelAggCapture", (2100, 420), _CAPTURING, "Capture again", model=model)
    (latent,) = flow.add("KSampler", (2480, 0), sampling, "Again", model=recorded, positive=positive, **rest)
    (image,) = flow.add("VAEDecode", (2480, 330), samples=latent, vae=vae)
    flow.add("SaveImage", (2480, 440), {"filename_prefix": "selagg/repaired"}, "Repaired", images=image)
    seen = {"capture": capture, "latent": latent, "image": image}
    flow.add("SelAggDiagnose", (2840, 0), _checks(recipe), "Diagnosis of the repaired", **seen)


def _checks(recipe: Recipe) -> dict[str, Any]:
    return {
        "words": "all",
        "expected_words": "",
        "boxes": recipe.boxes,
        "concepts": "",
        "claims": "",
        "keep_report": False,
    }


def _encode(flow: Workflow, recipe: Recipe, clip: Output) -> tuple[Output, Output, dict[str, Output], Output]:
    """Positive and negative conditioning, what viewers need besides for the stock encoder, and the words."""
    place, below = (380, 0), (380, 200)
    if not recipe.stock:
        positive, words = flow.add("SelAggTextEncode", place, {"text": recipe.prompt}, "Prompt", clip=clip)
        negative, _ = flow.add("SelAggTextEncode", below, {"text": recipe.negative}, "Negative", clip=clip)
        return positive, negative, {}, words
    (positive,) = flow.add("CLIPTextEncode", place, {"text": recipe.prompt}, "Prompt", clip=clip)
    (negative,) = flow.add("CLIPTextEncode", below, {"text": recipe.negative}, "Negative", clip=clip)
    (words,) = flow.add("SelAggPrompt", (380, 400), {"text": recipe.prompt}, "Same text", clip=clip)
    return positive, negative, {"prompt": words}, words


def _view(flow: Workflow, recipe: Recipe, viewed: dict[str, Output]) -> None:
    settings = {
        "words": "all",
        "mode": "selective",
        "top_fraction": 0.25,
        "threshold": 0.0,
        "concepts": "",
        "scale": "one for all words",
    }
    overlays, _, sheet, _ = flow.add("SelAggHeatmaps", (2100, 0), settings, **viewed)
    flow.add("PreviewImage", (2600, 0), None, "Overlays", images=overlays)
    flow.add("PreviewImage", (2600, 380), None, "Contact sheet", images=sheet)
    flow.add("SelAggDiagnose", (1160, 0), _checks(recipe), "Diagnosis", **viewed)


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


def files() -> dict[str, str]:
    """File name -> text of all example workflows; editors do not list those of the API, in their folder."""
    texts = {}
    for name, recipe in RECIPES.items():
        flow = build(recipe)
        flow.note(TEXTS[name].title, TEXTS[name].note)
        texts[f"{name}.json"] = json.dumps(flow.editor(name), indent=2) + "\n"
        texts[f"api/{name}.json"] = json.dumps(flow.api(), indent=2) + "\n"
    return texts


def templates(folder: Path = FOLDER) -> dict[str, bytes]:
    """File name -> bytes of what ComfyUI shows of the examples; those of the API are in a folder below."""
    return {
        shown_name(name) + suffix: _bytes(file)
        for name in RECIPES
        for suffix in SHOWN
        if (file := folder / (name + suffix)).is_file()
    }


def differing(folder: Path = FOLDER, shown: Path = TEMPLATES) -> list[str]:
    """Names of files in `shown` that are not what `templates` gives, or are missing, or too many."""
    wanted = templates(folder)
    there = {file.name: _bytes(file) for file in shown.iterdir() if file.is_file()} if shown.is_dir() else {}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def _bytes(file: Path) -> bytes:
    """As they are in the repository: git may have given a text the line ends of the system."""
    data = file.read_bytes()
    return data.replace(b"\r\n", b"\n") if file.suffix == ".json" else data


def main(folder: Path = FOLDER, shown: Path = TEMPLATES) -> None:
    (folder / "api").mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    shown.mkdir(exist_ok=True)
    wanted = templates(folder)
    for name in differing(folder, shown):
        if name in wanted:
            (shown / name).write_bytes(wanted[name])
        else:
            (shown / name).unlink()


if __name__ == "__main__":
    main()
