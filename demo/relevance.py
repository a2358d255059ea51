"""The demo model's own head relevance, built as SelAgg Build Relevance builds it and shipped as a preset."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.shipped import SHIPPED_MODEL

from .model import WEIGHTS
from .scenes import scene_from_seed
from .studio import SamplingSettings, Studio
from .vocabulary import BACKGROUNDS, COLOURS, HOMONYMS, PATTERNS, SHAPES, SIZES, THINGS

log = logging.getLogger("selagg.demo.relevance")

FIRST_SEED = 30_000
"""Captions of scenes from here on are the prompts: no benchmark uses them."""
PICTURES = 160
SETTINGS = SamplingSettings(steps=10)
"""Half the usual steps: twice as many prompts in the same time."""
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


def captions(seeds: range) -> tuple[str, ...]:
    """Prompts that the model was not trained on, one a seed."""
    return tuple(scene_from_seed(seed)[1].text for seed in seeds)


def measure(
    studio: Studio, seeds: range, state: Path | None = None, settings: SamplingSettings = SETTINGS
) -> Any:
    """The HeadRelevance of the demo model from the captions of these scenes, one picture each."""
    from selagg_nodes.recording import build_relevance as builder

    plan = builder.BuildPlan(
        captions(seeds),
        tuple(Concept(name, words) for name, words in CONCEPTS.items()),
        SHIPPED_MODEL,
        seeds[0],
        settings.steps,
        settings.cfg,
        settings.sampler,
        settings.scheduler,
        (16, 16),
    )
    about = {
        "sha256 of the weights": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "source": f"SelAgg Build Relevance on captions of demo scenes {seeds[0]}:{seeds[-1] + 1}",
        "licence": "Apache-2.0",
    }

    def report(done: int, total: int) -> None:
        if done % (20 * plan.steps) == 0:
            log.info("%d of %d pictures", done // plan.steps, total // plan.steps)

    return builder.build_relevance(studio.model, studio.clip, plan, state, report, about)


def build_preset(folder: Path) -> None:
    """Measures the shipped weights and writes the preset; goes on from `folder` if it was stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(FIRST_SEED, FIRST_SEED + PICTURES)
    found = measure(Studio(), seeds, folder / "relevance.safetensors")
    found.save(PRESET)
    log.info("wrote %s\n%s", PRESET.name, found.describe())
