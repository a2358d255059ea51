"""Word maps of the twin, whose text and picture share one softmax: four readings, and ways of choosing heads.

Counted wins are not among them: a word encoded alone is nothing that a joint layer could be asked about.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from selagg_core.maps.enlarge import enlarge
from selagg_core.maps.recipe import DEFAULT
from selagg_core.prompt.lexicon import Concept, Lexicon
from selagg_core.proof.methods import Method, Scorer, by_concept
from selagg_core.proof.scoring import WordScore, score_map
from selagg_core.proof.target import Sample
from selagg_core.recording.settings import READINGS
from selagg_core.relevance.building import MapMeasurement, RelevanceSums, spoken_words
from selagg_core.relevance.relevance import AGREEMENT, HeadRelevance

from .map_methods import by_oracle
from .map_sources import DemoModel, pictures, scenes

READING_NAMES = dict(
    zip(
        READINGS,
        (
            "image to text, all keys",
            "image to text, the prompt's words alone",
            "text to image",
            "output space",
        ),
        strict=True,
    )
)
"""What a table calls them."""
METHOD_NAMES = {
    "all": "all heads",
    "agreement25": "agreement, top 25 %",
    "matched": "random 25 % (20 draws)",
    "oracle": "oracle heads, top 25 % (ceiling of any choice)",
    "default": "default: agreement, edge-aware",
    "default_all_heads": "default, but all heads",
    "default_matched": "default, but random heads",
    "default_oracle": "default, but oracle heads",
}
WITHIN = (
    ("agreement25", "all"),
    ("agreement25", "matched"),
    ("oracle", "all"),
    ("default", "default_all_heads"),
    ("default", "default_matched"),
    ("default_oracle", "default_all_heads"),
)
"""Differences within each reading."""
DEFAULT_READING, OUTPUTS = READINGS[0], READINGS[3]
HEAD_SUM = f"{OUTPUTS}: all"
"""The product of ConceptAttention (Helbling et al. 2025, arXiv 2502.04320): the sum over heads."""
CONCEPT_ATTENTION = f"{OUTPUTS}: concept_attention"
"""The same with its softmax over the words, layer by layer."""
ACROSS = (
    (f"{DEFAULT_READING}: default", CONCEPT_ATTENTION),
    (f"{DEFAULT_READING}: default", HEAD_SUM),
    (f"{DEFAULT_READING}: default", f"{DEFAULT_READING}: all"),
    (f"{DEFAULT_READING}: agreement25", CONCEPT_ATTENTION),
    (f"{DEFAULT_READING}: all", CONCEPT_ATTENTION),
    (f"{DEFAULT_READING}: agreement25", HEAD_SUM),
    (f"{DEFAULT_READING}: default", f"{OUTPUTS}: default_all_heads"),
    *((f"{reading}: default", f"{DEFAULT_READING}: default") for reading in READINGS[1:]),
)
"""Differences between readings. The default enlarges along edges: `agreement25` and `all` do not."""


def agreement_of(samples: Iterable[Sample], concepts: dict[str, tuple[str, ...]]) -> HeadRelevance:
    """Relevance by agreement of recorded samples, by the sums of SelAgg Build Relevance; needs step bins."""
    named = tuple(Concept(name, words) for name, words in concepts.items())
    lexicon = Lexicon.of(named)
    sums, layout = None, None
    for sample in samples:
        maps, layout = sample.head_maps, sample.head_maps.layout
        if sums is None:
            sums = RelevanceSums.empty(len(named), layout.total)
        run = MapMeasurement(layout, spoken_words(maps.prompt, lexicon))
        known = [word.columns for word in run.words]
        chosen = [i for i, word in enumerate(maps.prompt.words) if word.columns in known]
        bins = len(maps.step_maps)
        for place, part in enumerate(maps.step_maps):
            for layer, values in part.items():
                own = torch.from_numpy(values[None, :, chosen].astype(np.float32))
                run.add_maps(layer, 2 * place // bins, own.flatten(3).mT, values.shape[-2:])
        sums = sums.plus(run)
    if sums is None or layout is None:
        raise ValueError("There are no development scenes to measure agreement on.")
    return sums.relevance(named, layout, "SelAgg twin", 0, {"source": "noised development scenes"})


def measured_agreement(model: DemoModel, seeds: Sequence[int]) -> HeadRelevance:
    """Relevance by agreement of a model on scenes of its world, as they are; it must record step bins."""
    from demo.relevance import CONCEPTS, HARD_CONCEPTS

    concepts = HARD_CONCEPTS if model.world == "hard" else CONCEPTS
    return agreement_of(scenes(model, seeds), concepts).with_score(AGREEMENT)


def methods(agreement: Scorer, oracle: Scorer) -> dict[str, Method]:
    """All methods of one reading by name."""
    return {
        "all": Method(),
        "agreement25": Method(scores=agreement),
        "matched": Method(scores=agreement, control="matched"),
        "oracle": Method(scores=oracle),
        "default": Method(DEFAULT, agreement),
        "default_all_heads": Method(DEFAULT),
        "default_matched": Method(DEFAULT, agreement, control="matched"),
        "default_oracle": Method(DEFAULT, oracle),
    }


def concept_attention(sample: Sample) -> np.ndarray:
    """Maps (targets, h, w) at picture size, as ConceptAttention makes them, of a recording of output space.

    Of each layer the sum over heads, softmax over all words of the prompt, then the mean over layers. The
    concepts are the prompt's own words, not words beside it; steps are averaged before the softmax.
    """
    maps = sample.head_maps
    layers = [torch.from_numpy(values.astype(np.float32)).sum(0) for values in maps.maps.values()]
    words = torch.stack([layer.softmax(0) for layer in layers]).mean(0).numpy()
    own = np.stack([words[list(target.words)].mean(0) for target in sample.targets])
    return enlarge(own, sample.picture, False)


class _Heard:
    """Passes samples on, and scores ConceptAttention on them meanwhile."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples
        self.scores: list[WordScore] = []

    def __iter__(self) -> Iterator[Sample]:
        for sample in self._samples:
            maps = concept_attention(sample) if sample.targets else ()
            self.scores += [
                score_map(target.kind, sample.number, heat, target.mask)
                for target, heat in zip(sample.targets, maps, strict=True)
            ]
            yield sample


def deltas() -> tuple[tuple[str, str], ...]:
    """Pairs of names whose difference is given."""
    within = ((f"{r}: {one}", f"{r}: {other}") for r in READINGS for one, other in WITHIN)
    return (*ACROSS, *within)


class TwinBenchmark:
    """The twin in four readings, each with heads of its own from the development scenes."""

    def __init__(self, development: Sequence[int], world: str = "plain") -> None:
        from demo.relevance import CONCEPTS, HARD_CONCEPTS

        concepts = HARD_CONCEPTS if world == "hard" else CONCEPTS
        self.models = {reading: DemoModel(world=world, twin=True, reading=reading) for reading in READINGS}
        self.development, self.tables = {}, {}
        for reading, model in self.models.items():
            own = list(scenes(model, development))
            sys.stderr.write(f"{reading}: development scenes recorded\n")
            relevance = agreement_of(own, concepts)
            self.development[reading] = own
            self.tables[reading] = methods(by_concept(relevance.with_score(AGREEMENT)), by_oracle(own))

    def on_scenes(self, seeds: Sequence[int]) -> dict[str, Any]:
        """The comparison on noised scenes."""
        tuned = self._measured(self.development, len(self.development[DEFAULT_READING]), "development scenes")
        scored = {reading: scenes(model, seeds) for reading, model in self.models.items()}
        return self._compared(tuned, self._measured(scored, len(seeds), "scenes"))

    def on_pictures(
        self, seeds: Sequence[int], development: Sequence[int], prompts: Sequence[str] | None
    ) -> dict[str, Any]:
        """The comparison on sampled pictures; thresholds from pictures of the development seeds."""
        tuned = {reading: pictures(model, development) for reading, model in self.models.items()}
        tuned_scores = self._measured(tuned, len(development), "development pictures")
        scored = {reading: pictures(model, seeds, prompts) for reading, model in self.models.items()}
        return self._compared(tuned_scores, self._measured(scored, len(seeds), "pictures"))

    def _measured(self, samples: dict[str, Iterable[Sample]], count: int, what: str):
        from .maps import Scores, measure

        found: Scores = {}
        for reading, own in samples.items():
            kept = _Heard(own) if reading == OUTPUTS else own
            scores = measure(kept, self.tables[reading], count, f"{reading}, {what}")
            found |= {f"{reading}: {name}": values for name, values in scores.items()}
            if isinstance(kept, _Heard):
                found[CONCEPT_ATTENTION] = kept.scores
        return found

    def _compared(self, development, scored) -> dict[str, Any]:
        from .maps import compare

        return {**compare(development, scored, deltas()), "left_out_methods": ["counted wins"]}


def table_names() -> dict[str, str]:
    """Name of a method in a reading -> what a table calls it."""
    names = {
        f"{reading}: {name}": f"{title}: {told}"
        for reading, title in READING_NAMES.items()
        for name, told in METHOD_NAMES.items()
    }
    names[HEAD_SUM] += " (ConceptAttention's sum over heads)"
    names[CONCEPT_ATTENTION] = "output space: ConceptAttention (sum over heads, softmax over words)"
    names[f"{DEFAULT_READING}: default"] = f"**{names[f'{DEFAULT_READING}: default']}**"
    return names
