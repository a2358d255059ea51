"""The node that makes a picture again without each of its words: SelAgg What If."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import comfy.samplers
import numpy as np
import torch

from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.comparing.what_if import WordEffect, changes, effect_of, lines, sentence_of, strip, without
from selagg_core.diagnosis.sentences import ENGLISH
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
from .repairing.hooks import install, is_repaired
from .viewer import sockets

logger = logging.getLogger("selagg")

NODE = "SelAgg What If"
KEY = "selagg_what_if"
"""Under which a viewer finds in the node's `ui` what it shows."""
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
            "optional": {
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
                "denoise": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "As in your sampler: below 1 the latent is a picture that it starts from.",
                    },
                ),
            },
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
        denoise=1.0,
    ):
        how = {
            "negative": negative,
            "seed": int(seed),
            "steps": int(steps),
            "cfg": float(cfg),
            "sampler": sampler_name,
            "scheduler": scheduler,
            "denoise": float(denoise),
        }
        try:
            run = _Run(model, latent, from_share, how)
            effects, base = _effects(run, positive, vae, words, prompt)
        except ValueError as error:
            raise ValueError(f"{NODE}: {error}") from error
        told = "\n".join(lines(effects))
        images = sockets.pictures_to_images([strip(base, effects)])
        pictures = sockets.pictures_to_images([own.picture for own in effects])
        ui = {"images": sockets.preview(images, "selagg_what_if"), "text": [told], KEY: _shown(base, effects)}
        return {"ui": ui, "result": (images, told, pictures)}


class _Run:
    """The artist's own sampling, with the first steps done once."""

    def __init__(self, model, latent, from_share, how: dict):
        found = family_of(model) if model is not None else None
        if found is None or not can_be_changed(found[0]):
            name = "no model" if model is None else host.model_name(model)
            raise ValueError(
                f"words of this kind of model ({name}) cannot be left out: it is not known for sure where "
                "its picture attends to text. Bypass this node (Ctrl+B)."
            )
        if is_repaired(model):
            raise ValueError(
                "a SelAgg Repair acts on this model. Connect the model and the prompt from before it: what a "
                "word does shows without it."
            )
        self.model, self.layout, self._how = model, layout_of(found[1]), how
        steps = how["steps"]
        samples = sockets.latent_samples(latent)
        if samples.shape[0] > 1 or (samples.ndim == 5 and samples.shape[2] > 1):
            raise ValueError("it makes one picture at a time: set batch_size to 1.")
        if not isinstance(how["negative"], list):
            raise ValueError("there is no negative conditioning: connect that of a text node.")
        if steps < 1:
            raise ValueError(f"steps is {steps}: write 1 or more.")
        if not 0 <= float(from_share) <= 1:
            raise ValueError(f"from_share is {from_share}: write a share of the steps, from 0 to 1.")
        if not 0 < how["denoise"] <= 1:
            raise ValueError(f"denoise is {how['denoise']:g}: write more than 0, at most 1.")
        # A masked run that goes on would take its noisy latent for the picture around the mask.
        masked = latent.get("noise_mask") is not None
        self.shared = 0 if masked else min(steps - 1, round(float(from_share) * steps))
        self._start: dict = latent
        self._on_step: host.Progress | None = None

    def begin(self, positive, pictures: int) -> None:
        """The steps that all share; pictures: how many will be finished."""
        self._on_step = host.Progress(self.shared + pictures * (self._how["steps"] - self.shared))
        if self.shared:
            self._start = {**self._start, "samples": self._part(self.model, positive, 0, self.shared)}

    def finish(self, model, positive) -> torch.Tensor:
        """The latent of the whole run with this model and prompt."""
        return self._part(model, positive, self.shared, None)

    def _part(self, model, positive, first: int, last: int | None) -> torch.Tensor:
        return host.sample_part(
            model, positive, latent=self._start, first=first, last=last, on_step=self._on_step, **self._how
        )


def _effects(run: _Run, positive, vae, words: str, offered) -> tuple[list[WordEffect], np.ndarray]:
    if vae is None:
        raise ValueError("there is no VAE: connect that of Load Checkpoint or Load VAE.")
    prompts = prompts_of(positive, offered)
    groups = choose_groups(prompts, words)
    if len(groups) > MOST_WORDS:
        raise ValueError(f"{len(groups)} words are too many: name {MOST_WORDS} of them at most in words.")
    run.begin(positive, 1 + len(groups))
    capture = Capture(LABELS)
    recorded = run.model.clone()
    record(recorded, capture)
    samples = run.finish(recorded, positive)
    image = vae.decode(samples)
    base = rgb_picture(sockets.arrays_of(image)[0])
    things = _things(prompts)
    heats = _heats(capture, samples, image, list(dict.fromkeys([*groups, *things])))
    placed = {thing: heats[thing] for thing in things if thing in heats}
    effects = []
    for group in groups:
        plan = without(prompts, group, run.layout)
        silent = run.model.clone()
        install(silent, plan)
        picture = vae.decode(run.finish(silent, marked(positive, plan)))
        shown = rgb_picture(sockets.arrays_of(picture)[0])
        effects.append(effect_of(group, base, shown, heats.get(group), placed))
    return effects, base


def _things(prompts) -> list[WordGroup]:
    """The things that the prompt names."""
    return [claim.subject for claim in read_claims(prompts, general_lexicon()).of("entity")]


def _shown(base: np.ndarray, effects: Sequence[WordEffect]) -> list[dict]:
    """For a viewer, word by word: what is said, the picture without it, and where it differs."""
    sheets = [sockets.preview_pictures([own.picture for own in effects], "selagg_without")]
    sheets += [sockets.preview_pictures(changes(base, effects), "selagg_change")]
    return [
        {
            "word": own.word.label,
            "said": sentence_of(own).to_dict(),
            "told": ENGLISH.say(sentence_of(own)),
            "without": picture,
            "change": change,
        }
        for own, picture, change in zip(effects, *sheets, strict=False)  # what could be written
    ]


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
