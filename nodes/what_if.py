"""The node that makes a picture again without each of its words: SelAgg What If."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import comfy.samplers
import numpy as np
import torch

from selagg_core.comparing.what_if import WordEffect, effect_of, lines, strip, without
from selagg_core.drawing.pictures import rgb_picture
from selagg_core.prompt.groups import WordGroup, choose_groups
from selagg_core.recording.capture import Capture
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.view import open_run

from . import host
from .families import family_of
from .families.family import can_be_changed, layout_of
from .recording.labels import LABELS
from .recording.recorder import install as record
from .repairing.conditioning import marked, prompts_of
from .repairing.hooks import install
from .viewer import sockets

logger = logging.getLogger("selagg")

NODE = "SelAgg What If"
MOST_WORDS = 24
"""Words that are left out in turn, at most: each costs a run."""


class SelAggWhatIf:
    DESCRIPTION = (
        "What if this word were not there? Samples the same seed without each chosen word, and shows what "
        "changes beside the word's map: what a word does, and whether its map tells the truth."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = [
        "leave one out",
        "ablation",
        "word importance",
        "causal",
        "counterfactual",
        "remove word",
    ]
    FUNCTION = "sample"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "STRING", "IMAGE")
    RETURN_NAMES = ("strip", "told", "without")
    OUTPUT_TOOLTIPS = (
        "A column a word: its map, the picture without it, what changed.",
        "A sentence a word, those that change most first.",
        "The pictures without each word, in the order of the prompt.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        sampling = comfy.samplers.KSampler
        number = {"min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model of your sampler."}),
                "positive": ("CONDITIONING", {"tooltip": "The positive prompt of your sampler."}),
                "negative": ("CONDITIONING", {"tooltip": "The negative prompt of your sampler."}),
                "latent": ("LATENT", {"tooltip": "The latent that your sampler starts from."}),
                "vae": ("VAE", {"tooltip": "To see the pictures."}),
                "words": (
                    "STRING",
                    {
                        "default": "all",
                        "tooltip": f'Words or phrases that are left out in turn, or "all": {MOST_WORDS} at '
                        "most, each costs a run.",
                    },
                ),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1, "tooltip": "As in your sampler."}),
                "steps": ("INT", {"default": 20, "min": 1, "max": 1000, "tooltip": "As in your sampler."}),
                "cfg": ("FLOAT", {"default": 7.0, **number, "tooltip": "As in your sampler."}),
                "sampler_name": (sampling.SAMPLERS, {"tooltip": "As in your sampler."}),
                "scheduler": (sampling.SCHEDULERS, {"tooltip": "As in your sampler."}),
                "from_share": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 0.9,
                        "step": 0.05,
                        "tooltip": "Part of the steps that all have in common, with every word there: 0.5 "
                        "costs half, and shows what a word does to details.",
                    },
                ),
            },
            "optional": {"prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP})},
        }

    def sample(
        self,
        model,
        positive,
        negative,
        latent,
        vae,
        words,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        from_share=0.0,
        prompt=None,
    ):
        try:
            run = _Run(model, negative, latent, seed, steps, cfg, sampler_name, scheduler, from_share)
            effects, base = _effects(run, positive, vae, words, prompt)
        except ValueError as error:
            raise ValueError(f"{NODE}: {error}") from error
        told = "\n".join(lines(effects))
        images = sockets.pictures_to_images([strip(base, effects)])
        pictures = sockets.pictures_to_images([own.picture for own in effects])
        ui = {"images": sockets.preview(images, "selagg_what_if"), "text": [told]}
        return {"ui": ui, "result": (images, told, pictures)}


class _Run:
    """The artist's own sampling, with the first steps done once."""

    def __init__(self, model, negative, latent, seed, steps, cfg, sampler, scheduler, from_share):
        found = family_of(model) if model is not None else None
        if found is None or not can_be_changed(found[0]):
            name = "no model" if model is None else host.model_name(model)
            raise ValueError(
                f"words of this kind of model ({name}) cannot be left out: it is not known for sure where "
                "its picture attends to text. Bypass this node (Ctrl+B)."
            )
        self.model, self.layout = model, layout_of(found[1])
        self._how: dict = {
            "negative": negative,
            "seed": int(seed),
            "steps": int(steps),
            "cfg": float(cfg),
            "sampler": sampler,
            "scheduler": scheduler,
        }
        samples = sockets.latent_samples(latent)
        if samples.shape[0] > 1 or (samples.ndim == 5 and samples.shape[2] > 1):
            raise ValueError("it makes one picture at a time: set batch_size to 1.")
        if not isinstance(negative, list):
            raise ValueError("there is no negative conditioning: connect that of a text node.")
        if int(steps) < 1:
            raise ValueError(f"steps is {steps}: write 1 or more.")
        if not 0 <= float(from_share) <= 1:
            raise ValueError(f"from_share is {from_share}: write a share of the steps, from 0 to 1.")
        self.shared = min(int(steps) - 1, round(float(from_share) * int(steps)))
        self._start = samples

    def begin(self, positive) -> None:
        """The steps that all share."""
        if self.shared:
            self._start = self._part(self.model, positive, 0, self.shared)

    def finish(self, model, positive) -> torch.Tensor:
        """The latent of the whole run with this model and prompt."""
        return self._part(model, positive, self.shared, None)

    def _part(self, model, positive, first: int, last: int | None) -> torch.Tensor:
        return host.sample_part(model, positive, latent=self._start, first=first, last=last, **self._how)


def _effects(run: _Run, positive, vae, words: str, offered) -> tuple[list[WordEffect], np.ndarray]:
    if vae is None:
        raise ValueError("there is no VAE: connect that of Load Checkpoint or Load VAE.")
    prompts = prompts_of(positive, offered)
    groups = choose_groups(prompts, words)
    if len(groups) > MOST_WORDS:
        raise ValueError(f"{len(groups)} words are too many: name {MOST_WORDS} of them at most in words.")
    run.begin(positive)
    capture = Capture(LABELS)
    recorded = run.model.clone()
    record(recorded, capture)
    samples = run.finish(recorded, positive)
    image = vae.decode(samples)
    base = rgb_picture(sockets.arrays_of(image)[0])
    heats = _heats(capture, samples, image, groups)
    effects = []
    for group in groups:
        plan = without(prompts, group, run.layout)
        silent = run.model.clone()
        install(silent, plan)
        picture = vae.decode(run.finish(silent, marked(positive, plan)))
        effects.append(effect_of(group, base, rgb_picture(sockets.arrays_of(picture)[0]), heats.get(group)))
    return effects, base


def _heats(capture: Capture, samples, image, groups: Sequence[WordGroup]) -> dict[WordGroup, np.ndarray]:
    """Maps of the words in the whole picture; none where the run could not be recorded."""
    try:
        view, settings = open_run(capture, samples, image), HeadSettings()
        chosen = view.choose(list(groups), settings)
        return dict(zip(groups, view.maps(0, groups, chosen.selections, settings.recipe), strict=True))
    except ValueError as error:
        logger.warning("%s has no maps to show: %s", NODE, error)
        return {}


NODES: dict[str, type] = {"SelAggWhatIf": SelAggWhatIf}
DISPLAY_NAMES: dict[str, str] = {"SelAggWhatIf": NODE}
