"""The example workflows, in the editor's format and in the API's, from one description of each.

`python -m demo.workflows` writes them to examples_workflows/, beside their thumbnails, and then makes
example_workflows/ anew: what ComfyUI's template browser shows, under the one name that every version of it
looks for, with titles as names of files (template_texts.py). A link between the two would be a text file in
a ZIP and on Windows, so the second folder is made from the first; `python dev.py check` fails while they
differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .host_path import ROOT
from .node_kinds import EDITOR_ONLY, VIEWER
from .recipes import RECIPES, SEGMENTER, Recipe
from .template_texts import TEMPLATES as TEXTS
from .template_texts import shown_name
from .workflow_graph import Output, Workflow

FOLDER = ROOT / "examples_workflows"
TEMPLATES = ROOT / "example_workflows"
#: What the template browser takes from a folder: workflows of the editor and their thumbnails.
SHOWN = (".jpg", ".json")


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
    if recipe.without:
        how = {name: value for name, value in sampling.items() if name != "denoise"}
        asked = {"words": recipe.without, **how, "from_share": 0.0, "denoise": sampling["denoise"]}
        own = {"model": model, "positive": positive, "negative": negative, "latent": empty, "vae": vae}
        flow.add("SelAggDiagnose", (1160, 0), _checks(recipe), "Diagnosis", **seen)
        flow.add("SelAggWhatIf", (2100, 0), asked, "What if", **own)
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
        "spot_check": True,
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
