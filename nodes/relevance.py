"""Nodes of head relevance: build it for a checkpoint, load it, look at it."""

from __future__ import annotations

import logging
from pathlib import Path

import comfy.samplers
import numpy as np
import torch

from selagg_core.drawing.pictures import blank_sheet
from selagg_core.files.names import file_stem
from selagg_core.maps.heads import DEFAULT_FRACTION
from selagg_core.maps.recipe import DEFAULT
from selagg_core.prompt.groups import find_group
from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.building import DEFAULT_PROMPTS, fill_prompts
from selagg_core.relevance.choose_heads import ranked_by, relevance_for
from selagg_core.relevance.concepts import parse_concepts
from selagg_core.relevance.relevance import ARGMAX_WINS, MAP_KINDS, HeadRelevance
from selagg_core.relevance.run_view import RunView
from selagg_core.relevance.shipped import PRESETS, load_preset
from selagg_core.report.head_table import head_maps_picture, relevance_picture
from selagg_core.view import open_run

from . import host
from .recording.build_relevance import NODE as BUILD
from .recording.build_relevance import BuildPlan, build_relevance, why_no_wins
from .viewer import sockets

logger = logging.getLogger("selagg")

LOAD, SHOW = "SelAgg Load Relevance", "SelAgg Head Relevance"
KINDS = (ARGMAX_WINS, *MAP_KINDS)
AS_SAVED = "as saved"
SUFFIX = ".safetensors"
_SCORE_TOOLTIP = (
    "By what heads are ranked. argmax wins: which concept's word gets most of a head's attention, as "
    "published. agreement: how well a head's map of a word agrees with all heads' maps. concentration: how "
    "sharp it is. consistency: how little it changes from high to low noise. The file holds them all; SelAgg "
    "Map Recipe decides between the first two."
)


def own_concepts(text: str) -> tuple[Concept, ...]:
    """The concepts of the node's input; the published ones if it is empty. Raises ValueError."""
    if text.strip():
        return parse_concepts(text)
    return tuple(Concept(concept.name, concept.words) for concept in load_preset("sd14").concepts)


def saved_names() -> list[str]:
    """The relevance files in the models folder, sorted."""
    folder = Path(host.relevance_directory())
    try:
        return sorted(path.name for path in folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    except OSError as error:  # the list of nodes must come whatever the disk says
        logger.warning("%s cannot look into %s: %s", LOAD, folder, error)
        return []


class SelAggBuildRelevance:
    DESCRIPTION = (
        "Measures which attention heads of your own checkpoint speak for which concept, by sampling prompts "
        "with it. Takes a while; can be stopped and goes on where it was. The result is saved in "
        "models/selagg: later use SelAgg Load Relevance."
    )
    CATEGORY = "SelAgg/heads"
    SEARCH_ALIASES = ["head relevance vector", "hrv", "attention heads", "calibrate", "concepts"]
    FUNCTION = "build"
    OUTPUT_NODE = True
    RETURN_TYPES = ("SELAGG_RELEVANCE", "STRING")
    RETURN_NAMES = ("relevance", "summary")
    OUTPUT_TOOLTIPS = (
        "For SelAgg Heatmaps, SelAgg Diagnose and SelAgg Head Relevance.",
        "What was measured: every concept with its most relevant head and how reliable it is.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        def whole(default, low, high, tooltip, step=1):
            return ("INT", {"default": default, "min": low, "max": high, "step": step, "tooltip": tooltip})

        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The checkpoint to measure, with its LoRAs if you want."}),
                "clip": ("CLIP", {"tooltip": "The text encoder that it is used with."}),
                "name": (
                    "STRING",
                    {"default": "my_checkpoint", "tooltip": "Name of the model, and of the saved file."},
                ),
                "prompts": (
                    "STRING",
                    {
                        "default": DEFAULT_PROMPTS,
                        "multiline": True,
                        "tooltip": "One prompt a line, used in turn; __Color__ stands for a random word of "
                        "the concept Color.",
                    },
                ),
                "pictures": whole(
                    400, 1, 100_000, "Pictures to sample. A few hundred give a stable ranking of heads."
                ),
                "seed": whole(0, 0, 2**53, "Seed of the first picture; the next ones count up from it."),
                "steps": whole(20, 1, 1000, "Sampling steps a picture."),
                "cfg": (
                    "FLOAT",
                    {"default": 7.5, "min": 0.0, "max": 100.0, "step": 0.1, "tooltip": "Guidance scale."},
                ),
                "sampler": (
                    comfy.samplers.KSampler.SAMPLERS,
                    {"default": "euler", "tooltip": "The sampler that you use with this checkpoint."},
                ),
                "scheduler": (
                    comfy.samplers.KSampler.SCHEDULERS,
                    {"default": "normal", "tooltip": "The scheduler that you use with this checkpoint."},
                ),
                "width": whole(512, 64, 16384, "Width of the pictures in pixels (1024 for SDXL).", 8),
                "height": whole(512, 64, 16384, "Height of the pictures in pixels (1024 for SDXL).", 8),
                "score": (list(KINDS), {"default": KINDS[0], "tooltip": _SCORE_TOOLTIP}),
            },
            "optional": {
                "concepts": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": 'Own concepts as JSON: {"Color": ["red", "blue"], "Animals": ["cat"]}. '
                        "Empty: the 34 published ones with ten words each.",
                    },
                ),
            },
        }

    @classmethod
    def VALIDATE_INPUTS(cls, name="x", prompts=None, concepts=""):
        try:
            file_stem(name)
            known = own_concepts(concepts or "")
            if prompts is not None:
                fill_prompts(prompts, known, 1, 0)
        except ValueError as error:
            return f"{BUILD}: {error}"
        return True

    def build(
        self,
        model,
        clip,
        name,
        prompts,
        pictures,
        seed,
        steps,
        cfg,
        sampler,
        scheduler,
        width,
        height,
        score,
        concepts="",
    ):
        try:
            check_numbers(pictures=pictures, steps=steps, width=width // 8, height=height // 8)
            stem, known = file_stem(name), own_concepts(concepts)
            plan = BuildPlan(
                fill_prompts(prompts, known, pictures, seed),
                known,
                name.strip(),
                seed,
                steps,
                cfg,
                sampler,
                scheduler,
                (height // 8, width // 8),
            )
            relevance = _built(model, clip, plan, stem, score)
        except ValueError as error:
            raise ValueError(f"{BUILD}: {error}") from error
        summary = "\n".join(filter(None, (why_no_wins(model), relevance.describe())))
        return {"ui": {"text": summary.splitlines()}, "result": (relevance, summary)}


def check_numbers(**numbers: int) -> None:
    """Raises ValueError for a number of pictures, steps or cells below 1, before anything is sampled."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} is too small: nothing would be sampled.")


def _built(model, clip, plan: BuildPlan, stem: str, score: str) -> HeadRelevance:
    if model is None:
        raise ValueError("there is no model. Connect the MODEL output of a loader.")
    folder = Path(host.relevance_directory())
    bar = host.progress_bar(len(plan.prompts) * plan.steps)
    state = folder / f"{stem}.building"
    relevance = build_relevance(
        model, clip, plan, state, bar.update_absolute, {"source": BUILD}, score,
        lambda found: found.save(folder / f"{stem}{SUFFIX}"), bar.update_absolute,
    )  # fmt: skip
    logger.info("%s saved %s%s in %s.", BUILD, stem, SUFFIX, folder)
    return relevance


class SelAggLoadRelevance:
    DESCRIPTION = (
        "Loads a head relevance: one that SelAgg Build Relevance saved in models/selagg, or one that ships "
        "with SelAgg (SD1.4, SDXL, the demo model)."
    )
    CATEGORY = "SelAgg/heads"
    SEARCH_ALIASES = ["head relevance vector", "hrv", "attention heads", "concepts"]
    FUNCTION = "load"
    RETURN_TYPES = ("SELAGG_RELEVANCE", "STRING")
    RETURN_NAMES = ("relevance", "summary")
    OUTPUT_TOOLTIPS = (
        "For SelAgg Heatmaps, SelAgg Diagnose and SelAgg Head Relevance.",
        "What the file holds: every concept with its most relevant head and how reliable it is.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "file": (
                    [*PRESETS, *saved_names()],
                    {"tooltip": "sd14, sdxl and demo ship with SelAgg; the others lie in models/selagg."},
                ),
                "score": ([AS_SAVED, *KINDS], {"default": AS_SAVED, "tooltip": _SCORE_TOOLTIP}),
            }
        }

    @classmethod
    def IS_CHANGED(cls, file, score):
        path = Path(host.relevance_directory()) / file
        try:
            return f"{file} {path.stat().st_mtime_ns}" if file in saved_names() else file
        except OSError:  # gone in the meantime, or out of reach: loading it says so
            return file

    def load(self, file, score):
        try:
            if file in PRESETS:
                relevance = load_preset(file)
            elif file in saved_names():
                relevance = HeadRelevance.load(Path(host.relevance_directory()) / file)
            else:
                raise ValueError(
                    f'there is no file "{str(file)[:60]}" in models/selagg: choose one of the list.'
                )
            if score != AS_SAVED:
                relevance = relevance.with_score(score)
        except ValueError as error:
            raise ValueError(f"{LOAD}: {error}") from error
        return relevance, relevance.describe()


class SelAggHeadRelevance:
    DESCRIPTION = (
        "Shows which attention heads speak for a concept: all heads of the model tinted by relevance, the "
        "ranked list, and, with a capture, what every single head made of a word."
    )
    CATEGORY = "SelAgg/heads"
    SEARCH_ALIASES = ["head relevance vector", "hrv", "attention heads", "per head maps"]
    FUNCTION = "show"
    RETURN_TYPES = ("IMAGE", "STRING", "IMAGE")
    RETURN_NAMES = ("heads", "ranking", "head_maps")
    OUTPUT_TOOLTIPS = (
        "Layers by heads, tinted by relevance to the concept, the top heads framed.",
        "The heads in order of relevance, one a line; or what went wrong.",
        "Layers by heads, each with its own map of the word; needs capture, latent and image.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "concept": (
                    "STRING",
                    {"default": "Color", "tooltip": "The concept to show, such as Color or Animals."},
                ),
                "top_fraction": (
                    "FLOAT",
                    {
                        "default": DEFAULT_FRACTION,
                        "min": 0.01,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "Share of the heads that is framed: 0.25 is a quarter.",
                    },
                ),
            },
            "optional": {
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": sockets.RELEVANCE_TOOLTIP}),
                "recipe": ("SELAGG_RECIPE", {"tooltip": sockets.RECIPE_TOOLTIP}),
                "word": (
                    "STRING",
                    {"default": "", "tooltip": "The word of the prompt whose maps to show, head by head."},
                ),
                **sockets.of_run(),
            },
        }

    def show(
        self,
        concept,
        top_fraction,
        relevance=None,
        recipe=DEFAULT,
        word="",
        capture=None,
        latent=None,
        image=None,
    ):
        blank = torch.from_numpy(blank_sheet(96, 512).astype(np.float32) / 255)[None]
        try:
            run = _opened(capture, latent, image)
            relevance = ranked_by(_relevance_of(run, relevance), recipe)
            heads = relevance_picture(relevance, concept, top_fraction)
            ranking = relevance.ranking(concept)
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            message, pictures = sockets.refusal(SHOW, error, _first(image))
            return pictures, message, blank
        lines = [
            f"{head.rank}. {head.label} ({head.head.layer}): {head.score:.3f}"
            + ("" if head.win_share is None else f", won {100 * head.win_share:.1f} %")
            for head in ranking
        ]
        text = "\n".join([relevance.reliability(concept).message, *lines])
        table = blank
        if str(word or "").strip():
            try:
                table = _table(run, str(word), relevance.top_heads(concept, top_fraction))
            except Exception as error:  # noqa: BLE001 - as above
                message, table = sockets.refusal(SHOW, error, _first(image))
                text = f"{message}\n{text}"
        return sockets.pictures_to_images([heads]), text, table


def _first(image):
    """The first picture of an IMAGE to write a message below; None where there is none."""
    return image[:1] if isinstance(image, torch.Tensor) and image.ndim else None


def _opened(capture, latent, image) -> RunView | None:
    """The run of the connected sockets; None if none is connected. Raises ValueError if only some are."""
    given = [part is not None for part in (capture, latent, image)]
    if not any(given):
        return None
    if not all(given):
        raise ValueError("to show maps of a run, connect all three: capture, latent and image.")
    return open_run(capture, sockets.latent_samples(latent), image)


def _relevance_of(run: RunView | None, connected: HeadRelevance | None) -> HeadRelevance:
    if run is None:
        if connected is None:
            raise ValueError("there is nothing to show: connect a relevance, or capture, latent and image.")
        return connected
    relevance, notice = relevance_for(run.recording.layout, run.recording.context_width, connected)
    if relevance is None:
        raise ValueError(notice)
    return relevance


def _table(run: RunView | None, word: str, top: np.ndarray) -> torch.Tensor:
    """The table of the word's maps in the first picture of the run."""
    if run is None:
        raise ValueError(f'to show the maps of "{word.strip()}", connect capture, latent and image.')
    group = find_group(run.prompts, word)
    head_maps = run.entries[group.entry].picture(0)
    return sockets.pictures_to_images(
        [head_maps_picture(head_maps, group.indices, group.label, top.tolist())]
    )


NODES: dict[str, type] = {
    "SelAggBuildRelevance": SelAggBuildRelevance,
    "SelAggLoadRelevance": SelAggLoadRelevance,
    "SelAggHeadRelevance": SelAggHeadRelevance,
}
DISPLAY_NAMES: dict[str, str] = {
    "SelAggBuildRelevance": BUILD,
    "SelAggLoadRelevance": LOAD,
    "SelAggHeadRelevance": SHOW,
}
