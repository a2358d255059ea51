"""The demo model's own head relevance, built as SelAgg Build Relevance builds it and shipped as a preset."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.shipped import SHIPPED_MODEL

from .model import HARD_WEIGHTS, WEIGHTS, load_hard_weights
from .scenes import scene_from_seed
from .studio import SamplingSettings, Studio
from .vocabulary import (
    BACKGROUNDS,
    COLOURS,
    GROUNDS,
    HARD_SIZES,
    HOMONYMS,
    MATERIALS,
    PATTERNS,
    SHAPES,
    SIZES,
    STYLES,
    THINGS,
)

log = logging.getLogger("selagg.demo.relevance")

FIRST_SEED = 30_000
"""Captions of scenes from here on are the prompts: no benchmark uses them."""
PICTURES = 160
SETTINGS = SamplingSettings(steps=10)
"""Half the usual steps: twice as many prompts in the same time."""
HARD_RELEVANCE = Path(__file__).resolve().parents[1] / "benchmarks" / "hard_relevance.safetensors"
"""Of the model for the hard world; not a preset that ships."""
PRESET = Path(__file__).resolve().parents[1] / "selagg_core" / "presets" / "demo.safetensors"

CONCEPTS: dict[str, tuple[str, ...]] = {
    "Color": tuple(word for word in (*COLOURS, *BACKGROUNDS) if word not in HOMONYMS),
    "Shape": SHAPES,
    "Objects": THINGS,
    "Geometric Patterns": PATTERNS,
    "Size": tuple(word for word in SIZES if word != "medium"),
    "Background": ("background",),
    "Position": ("left", "right", "above", "below", "top", "bottom", "center"),
}
"""The concepts that the demo world has words for. Those with published names take the words of the lexicon
too: so "orange", "rose" and "mint" keep both senses, though only Objects has them as words."""


HARD_CONCEPTS: dict[str, tuple[str, ...]] = CONCEPTS | {
    "Material": MATERIALS[1:],
    "Image Style": STYLES,
    "Size": tuple(word for word in HARD_SIZES if word != "medium"),
    "Texture": tuple(word for word in GROUNDS[1:] if word not in (*MATERIALS, *PATTERNS)),
    "Position": (*CONCEPTS["Position"], "behind", "front"),
}
"""Those of the hard world. A ground of wood, stripes ... has the concept that a thing of it has."""


def captions(seeds: range, world: str = "plain") -> tuple[str, ...]:
    """Prompts that the model was not trained on, one a seed."""
    return tuple(scene_from_seed(seed, world=world)[1].text for seed in seeds)


def measure(
    studio: Studio,
    seeds: range,
    state: Path | None = None,
    settings: SamplingSettings = SETTINGS,
    world: str = "plain",
) -> Any:
    """The HeadRelevance of the demo model from the captions of these scenes, one picture each."""
    from selagg_nodes.recording import build_relevance as builder

    concepts, weights = (HARD_CONCEPTS, HARD_WEIGHTS) if world == "hard" else (CONCEPTS, WEIGHTS)
    plan = builder.BuildPlan(
        captions(seeds, world),
        tuple(Concept(name, words) for name, words in concepts.items()),
        SHIPPED_MODEL,
        seeds[0],
        settings.steps,
        settings.cfg,
        settings.sampler,
        settings.scheduler,
        (16, 16),
    )
    about = {
        "sha256 of the weights": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "source": f"SelAgg Build Relevance on captions of demo scenes {seeds[0]}:{seeds[-1] + 1}",
        "licence": "Apache-2.0",
    }

    def report(done: int, total: int) -> None:
        if done % (20 * plan.steps) == 0:
            log.info("%d of %d pictures", done // plan.steps, total // plan.steps)

    return builder.build_relevance(studio.model, studio.clip, plan, state, report, about)


def build_hard(folder: Path, pictures: int = PICTURES) -> None:
    """Measures the weights for the hard world and writes the file for benchmarks, as `build_preset`."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(FIRST_SEED, FIRST_SEED + pictures)
    found = measure(Studio(load_hard_weights()), seeds, folder / "relevance_hard.safetensors", world="hard")
    found.save(HARD_RELEVANCE)
    log.info("wrote %s\n%s", HARD_RELEVANCE.name, found.describe())


def build_preset(folder: Path) -> None:
    """Measures the shipped weights and writes the preset; goes on from `folder` if it was stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(FIRST_SEED, FIRST_SEED + PICTURES)
    found = measure(Studio(), seeds, folder / "relevance.safetensors")
    found.save(PRESET)
    log.info("wrote %s\n%s", PRESET.name, found.describe())
