"""Measures head relevance in the host: samples prompts, and watches every cross-attention layer meanwhile."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from selagg_core.files.write import cause_of
from selagg_core.prompt.lexicon import Concept, Lexicon
from selagg_core.prompt.messages import message
from selagg_core.prompt.words import Word
from selagg_core.recording.capture import Capture
from selagg_core.recording.layout import HeadLayout
from selagg_core.recording.probabilities import column_matrix, column_probabilities
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.building import (
    NOISE_PARTS,
    ConceptKeys,
    ConceptTexts,
    MapMeasurement,
    RelevanceSums,
    RunMeasurement,
    SpokenWord,
    count_wins,
    spoken_words,
)
from selagg_core.relevance.relevance import ARGMAX_WINS, HeadRelevance

from .. import host
from ..families import AttentionReading, AttentionSite, ModelFamily, family_of
from ..families.family import layout_of
from ..families.text_encoders import text_of
from ..families.unet import Attend, UNet, UNetSite, layer_grid, with_wrapped_layers
from .concept_keys import LayerWatch, concept_keys
from .encode import encode_and_label
from .labels import LABELS
from .recorder import install
from .rows import positive_rows
from .words import encode_word

logger = logging.getLogger("selagg")

NODE = "SelAgg Build Relevance"


@dataclass(frozen=True)
class BuildPlan:
    """What is sampled: one picture a prompt, picture i with the seed `seed` + i.

    size: (h, w) in latent cells.
    """

    prompts: tuple[str, ...]
    concepts: tuple[Concept, ...]
    base_model: str
    seed: int = 0
    steps: int = 20
    cfg: float = 7.5
    sampler: str = "euler"
    scheduler: str = "normal"
    size: tuple[int, int] = (64, 64)

    @property
    def measured(self) -> str:
        """How the pictures were made, for the file's `about`."""
        height, width = (8 * side for side in self.size)
        return (
            f"{len(self.prompts)} pictures of {width} x {height}, seeds from {self.seed}, {self.sampler}, "
            f"{self.scheduler}, {self.steps} steps, guidance {self.cfg}"
        )

    def job(self, layout: HeadLayout) -> str:
        """A digest that tells this plan on a model of this layout from any other."""
        content = json.dumps([asdict(self), [str(layer) for layer in layout.layers], layout.heads])
        return hashlib.sha256(content.encode()).hexdigest()


def build_relevance(
    model,
    clip,
    plan: BuildPlan,
    state: Path | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
    about: dict[str, str] | None = None,
    score_kind: str = ARGMAX_WINS,
    save: Callable[[HeadRelevance], None] = lambda relevance: None,
    on_word: Callable[[int, int], None] = lambda done, total: None,
) -> HeadRelevance:
    """The head relevance of a model (ModelPatcher) with its CLIP, by sampling the prompts of a plan.

    state: a file that holds what is done, written after every picture; the same plan goes on from it. It is
    deleted at the end, after `save` was given the result.  on_step: called with steps done and steps in all.
    on_word: before the first step, with words of the concepts that are encoded, and words in all.

    Wins are counted where a layer attends to text alone, and can be asked about a word encoded alone: in
    UNets, Anima, Cosmos-Predict2, Wan, PixArt, HunyuanDiT. Of others only the scores of maps are measured.

    Raises ValueError for a model that cannot be read, a text encoder whose words are not known, an empty
    plan, or layers that could not be measured; and whatever the host raises when it is interrupted.
    """
    family, sites = _layers_of(model)
    if not plan.prompts:
        raise ValueError("there is no prompt to sample: write at least one.")
    layout = layout_of(sites)
    texts = encode_concepts(clip, plan.concepts, on_word) if isinstance(family, UNet) else None
    keys = _keys_of(model, clip, family, sites, plan, on_word)
    job = plan.job(layout)
    sums = _begin(state, job, len(plan.concepts), layout.total)
    lexicon = Lexicon.of(plan.concepts)
    negative, _ = encode_and_label(NODE, clip, "")
    total = len(plan.prompts) * plan.steps
    while sums.prompts < len(plan.prompts):
        index = sums.prompts
        positive, prompt = encode_and_label(NODE, clip, plan.prompts[index])
        if texts is None:
            kind = MapMeasurement if keys is None else RunMeasurement
            run: RunMeasurement = kind(layout, spoken_words(prompt, lexicon))
            counter = None if keys is None else _Counter(run, keys, np.random.default_rng([plan.seed, index]))
            watched = model.clone()
            if counter is not None:
                host.on_sampling(watched, LayerWatch(family, counter.count).attach)
            _sample_maps(watched, positive, negative, prompt, plan, index, run, on_step, total)
        else:
            run = RunMeasurement(layout, spoken_words(prompt, lexicon))
            _sample(model, positive, negative, prompt.length, plan, index, texts, run, on_step, total)
        if not sums.same_model(run):
            logger.warning("%s starts afresh: what was done is of another checkpoint.", NODE)
            sums = RelevanceSums.empty(len(plan.concepts), layout.total)
            continue
        sums = sums.plus(run)
        if state is not None:
            sums.save(state, job)
    width = int(text_of(*negative[0]).shape[-1]) if texts is None else int(texts.start.shape[-1])
    relevance = sums.relevance(
        plan.concepts,
        layout,
        plan.base_model,
        width,
        {**(about or {}), "measured": plan.measured},
        score_kind,
    )
    save(relevance)
    if state is not None:
        _forget(state)
    return relevance


def _layers_of(model) -> tuple[ModelFamily[Any], Sequence[AttentionSite]]:
    """The family of a model, and its layers. Raises ValueError for a model that cannot be read."""
    found = family_of(model)
    if found is None:
        raise ValueError(
            f"SelAgg cannot read {host.model_name(model)} yet: its heads cannot be measured. docs/models.md "
            "names the models that it reads."
        )
    return found


def why_no_wins(model) -> str:
    """Why words cannot be asked about by themselves in a model, for the artist; "" where wins are counted."""
    family, sites = _layers_of(model)
    if isinstance(family, UNet) or getattr(family, "asks_words_alone", False):
        return ""
    return message("agreement_only" if any(site.joint for site in sites) else "agreement_timed")


def _keys_of(model, clip, family, sites, plan: BuildPlan, on_word) -> ConceptKeys | None:
    if isinstance(family, UNet) or not getattr(family, "asks_words_alone", False):
        return None
    if clip is None:
        raise ValueError("there is no CLIP. Connect the CLIP output of a loader.")
    return concept_keys(model, clip, family, sites, plan.concepts, plan.size, on_word)


class _Counter:
    """Counts the wins of one sampling run in layers that attend to text alone."""

    def __init__(self, run: RunMeasurement, keys: ConceptKeys, random: np.random.Generator):
        self._run, self._keys, self._random = run, keys, random
        self._measure = self._count
        if "torch._dynamo" in sys.modules:  # keep measuring out of compiled graphs
            self._measure = torch.compiler.disable(self._count)

    def count(self, reading: AttentionReading, rows: slice) -> None:
        self._measure(reading, rows)

    @torch.no_grad()
    def _count(self, reading: AttentionReading, rows: slice) -> None:
        queries = reading.q[rows][:, :, reading.image]
        keys, matrix = self._keys.draw(reading.layer, self._random)
        asked = queries.transpose(1, 2).flatten(2)
        wins = count_wins(asked, keys.to(asked), queries.shape[1], matrix)
        self._run.add_wins(reading.layer, wins, asked.shape[0], self._keys.start[reading.layer])


def _forget(state: Path) -> None:
    try:
        state.unlink(missing_ok=True)
    except OSError as error:  # another server reads it: the result is saved all the same
        logger.warning("%s: %s could not be deleted: %s.", NODE, state.name, cause_of(error))


def _sample(model, positive, negative, columns, plan, index, texts, run, on_step, total) -> None:
    """Sample picture `index` of the plan, measuring into `run`."""
    watched = model.clone()
    done = index * plan.steps
    watch = _Watch(run, texts, columns, plan, index, lambda step: on_step(done + step, total))
    host.on_sampling(watched, watch.attach)
    host.sample_new(
        watched,
        positive,
        negative,
        plan.size,
        plan.seed + index,
        plan.steps,
        plan.cfg,
        plan.sampler,
        plan.scheduler,
    )


def _sample_maps(model, positive, negative, prompt, plan, index, run, on_step, total) -> None:
    """Sample picture `index` of the plan with capture, and measure the maps of its known words."""
    settings = CaptureSettings(step_bins=NOISE_PARTS, self_attention=False)
    capture = Capture(LABELS, settings)
    watched = model.clone()
    install(watched, capture)
    done = index * plan.steps
    host.on_sampling(watched, lambda sampling: sampling.proceed(_Steps(lambda n: on_step(done + n, total))))
    host.sample_new(
        watched, positive, negative, plan.size, plan.seed + index, plan.steps, plan.cfg, plan.sampler,
        plan.scheduler,
    )  # fmt: skip
    entry = capture.last().positive()
    known = entry.prompt.words if entry.prompt is not None else ()
    if len(known) != len(prompt.words):
        raise ValueError(
            f"{NODE}: the words of this text encoder cannot be told apart in what the model is given."
        )
    chosen = [prompt.words.index(word) for word in prompt.words if _is_spoken(word, run.words)]
    if not chosen:
        return
    for part, maps in enumerate(entry.step_maps or (entry.maps,)):
        for layer, values in maps.items():
            own = torch.from_numpy(values[:, :, chosen].astype(np.float32))
            run.add_maps(layer, part, own.flatten(3).mT, values.shape[-2:])


def _is_spoken(word: Word, spoken: Sequence[SpokenWord]) -> bool:
    return any(word.columns == own.columns for own in spoken)


class _Steps(host.SamplingHooks):
    """Tells the steps of a run, and stops it when the artist does."""

    def __init__(self, on_step: Callable[[int], None]):
        self._on_step = on_step

    def step(self, step: int, denoised: torch.Tensor) -> None:
        self._on_step(int(step) + 1)
        host.stop_if_interrupted()


def encode_concepts(
    clip, concepts: Sequence[Concept], on_word: Callable[[int, int], None] = lambda done, total: None
) -> ConceptTexts:
    """Every word of the concepts encoded alone. Raises ValueError for a word that has no text columns.

    on_word: called with words done and words in all.
    """
    if clip is None:
        raise ValueError("there is no CLIP. Connect the CLIP output of a checkpoint loader.")
    encoded: list[list[tuple[torch.Tensor, torch.Tensor]]] = []
    done, total = 0, sum(len(concept.words) for concept in concepts)
    for concept in concepts:
        encoded.append([])
        for word in concept.words:
            encoded[-1].append(encode_word(clip, word))
            done += 1
            on_word(done, total)
            host.stop_if_interrupted()
    start = encoded[0][0][0]
    words = tuple(tuple(tokens for _, tokens in own) for own in encoded)
    return ConceptTexts(tuple(concepts), start, words)


def _begin(state: Path | None, job: str, concepts: int, heads: int) -> RelevanceSums:
    if state is not None and state.is_file():
        found = RelevanceSums.resume(state, job, concepts, heads)
        if found is not None:
            logger.info("%s goes on after %d pictures.", NODE, found.prompts)
            return found
        logger.warning("%s starts afresh: %s is of another model or plan, or damaged.", NODE, state.name)
    return RelevanceSums.empty(concepts, heads)


class _Watch(host.SamplingHooks):
    """Follows one sampling run and measures every cross-attention layer in it."""

    def __init__(
        self,
        run: RunMeasurement,
        texts: ConceptTexts,
        columns: int,
        plan: BuildPlan,
        index: int,
        on_step: Callable[[int], None],
    ):
        self._run, self._texts, self._columns, self._on_step = run, texts, columns, on_step
        self._slots = [(word.columns, 1.0 / len(word.columns)) for word in run.words]
        self._random = np.random.default_rng([plan.seed, index])
        self._step = 0
        self._steps = plan.steps
        self._measure = self._measure_layer
        if "torch._dynamo" in sys.modules:  # keep measuring out of compiled graphs
            self._measure = torch.compiler.disable(self._measure_layer)

    def attach(self, sampling: host.SamplingRun) -> torch.Tensor:
        # Read here, once the host has loaded the model: packs exchange modules while they load.
        self._model = sampling.guider.model_patcher
        self._steps = max(1, len(sampling.sigmas) - 1)
        return sampling.proceed(self)

    def step(self, step: int, denoised: torch.Tensor) -> None:
        self._step = int(step) + 1
        self._on_step(self._step)
        host.stop_if_interrupted()

    def model_call(self, call: host.ModelCall):
        rows = positive_rows(call.x, call.options)
        if call.context is None or rows is None:
            return super().model_call(call)

        def wrap(site: UNetSite, previous: Attend) -> Attend:
            def attend(q, k, v, own):
                self._measure(site, q[rows], k[rows], own)
                return previous(q, k, v, own)

            return attend

        # Layers that are left alone are missing later: `RunMeasurement.wins` says so.
        return nullcontext(with_wrapped_layers(self._model, call.options, wrap))

    @torch.no_grad()
    def _measure_layer(self, site: UNetSite, q: torch.Tensor, k: torch.Tensor, options: dict) -> None:
        text, matrix = self._texts.draw(self._random)
        keys = site.module.to_k(text[None].to(k))
        self._run.add_wins(site.layer, count_wins(q, keys, site.heads, matrix), q.shape[0], keys[0, 0])
        grid = layer_grid(q.shape[1], options)
        if not self._slots or grid is None:
            return
        columns = column_matrix(self._slots, self._columns, k.shape[1], k.device)
        maps = column_probabilities(q, k, site.heads, columns)
        self._run.add_maps(site.layer, NOISE_PARTS * self._step // self._steps, maps, grid)
