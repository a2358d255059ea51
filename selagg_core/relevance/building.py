"""Head relevance of any checkpoint, measured while it samples, in sums that do not grow with the prompts.

Two things are measured in the same runs.

Wins, by Park et al. (ICLR 2025, arXiv 2412.02237, `head_relevance_calculation.py` of SNU-DRL/HRV): in every
evaluation of every layer one random word of each concept, encoded alone, stands beside a single begin token;
the concept whose word gets most of a head's attention, averaged over pixels, wins.

Scores of maps, without labels: what a head's maps of the prompt's own words are like, for words of a known
concept. They know nothing of masks, so that they can be had for any checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..files.tensors import read_tensors, write_tensors
from ..maps.arrays import resize_maps
from ..prompt.lexicon import Concept, Lexicon
from ..prompt.quoted import short, shortened
from ..prompt.words import Prompt
from ..recording.layout import HeadLayout, LayerId
from ..recording.probabilities import column_probabilities
from .relevance import (
    AGREEMENT,
    ARGMAX_WINS,
    CONCENTRATION,
    CONSISTENCY,
    MAP_KINDS,
    HeadRelevance,
    relevance_from_shares,
)

NOT_FINITE = (
    "The attention of this model is not finite (NaN): it overflows in half precision, or this device "
    "computes it wrongly. Start ComfyUI with --force-fp32, or use another device."
)
NOTHING_SPOKEN = (
    "Nothing was measured: no prompt had a word of a known concept. Write prompts with words such as "
    "__Color__, or give concepts of your own."
)
NOISE_PARTS = 2
"""Maps are summed apart for the noisy and the clean half of a run, to see whether a head keeps its mind."""

MARK_TOLERANCE = 2e-2
"""Half precision changes the length of a key by less, another checkpoint or a LoRA by more."""
MAX_WORDS = 16
"""Words of one prompt whose maps are scored; more would only take memory."""
_STATE_KEY = "selagg_building"


@dataclass(frozen=True, eq=False)
class ConceptTexts:
    """The words of all concepts as a text encoder gives them.

    start: (width,), the begin token.  words[c][w]: (tokens, width), the content tokens of one word of a
    concept, encoded alone.
    """

    concepts: tuple[Concept, ...]
    start: torch.Tensor
    words: tuple[tuple[torch.Tensor, ...], ...]

    def draw(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """One random word a concept: text (1 + tokens, width) and matrix (1 + tokens, concepts).

        The matrix takes the mean over a word's tokens. The begin token competes for attention, but has no
        column: it cannot win.
        """
        return _drawn(self.start, self.words, rng)


@dataclass(frozen=True, eq=False)
class ConceptKeys:
    """The keys that each layer of a network makes of the words of all concepts, each encoded alone.

    For networks that do more to a text than one matrix. start[layer]: (width,), the key of the mark that the
    encoder puts at an end of the text. words[layer][c][w]: (tokens, width), of one word of a concept.
    """

    concepts: tuple[Concept, ...]
    start: Mapping[LayerId, torch.Tensor]
    words: Mapping[LayerId, tuple[tuple[torch.Tensor, ...], ...]]

    def draw(self, layer: LayerId, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """One random word a concept: keys (1 + tokens, width) and matrix, as of `ConceptTexts.draw`."""
        return _drawn(self.start[layer], self.words[layer], rng)


def _drawn(
    start: torch.Tensor, words: Sequence[Sequence[torch.Tensor]], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [own[int(rng.integers(len(own)))] for own in words]
    matrix = torch.zeros(1 + sum(len(word) for word in drawn), len(drawn))
    row = 1
    for column, word in enumerate(drawn):
        matrix[row : row + len(word), column] = 1.0 / len(word)
        row += len(word)
    return torch.cat([start[None], *drawn]), matrix


def count_wins(q: torch.Tensor, k: torch.Tensor, heads: int, matrix: torch.Tensor) -> torch.Tensor:
    """Wins (heads, concepts), whole numbers that sum to the batch for each head.

    q: (batch, pixels, heads * dim_head) of the prompt that is sampled; k: (keys, heads * dim_head) of the
    concept words; matrix: (keys, concepts) from `ConceptTexts.draw`.
    """
    keys = k.expand(q.shape[0], -1, -1)
    strength = column_probabilities(q, keys, heads, matrix.to(q.device)).mean(dim=2)
    return torch.nn.functional.one_hot(strength.argmax(dim=-1), matrix.shape[1]).sum(dim=0)


# ----------------------------------------------------------------------------------------------------
# Prompts
# ----------------------------------------------------------------------------------------------------

DEFAULT_PROMPTS = """\
a photo of a __Color__ __Animals__ in a __Nature Scenes__
a __Size__ __Animals__ __Poses and Gestures__ next to a __Plants__
__Counting__ __Fruits and Vegetables__ in a __Material__ bowl
a __Facial Expressions__ __People__ __Poses and Gestures__ in front of a __Buildings__
a __People__ with a __Color__ __Clothing__ and a __Accessories__
close-up of the __Facial Features__ of a __Facial Expressions__ __People__
a __Vehicles__ on a __Weather Conditions__ __Time of Day__ in __Geo-locations__
a __Material__ __Furniture__ with a __Geometric Patterns__ pattern
a __Color__ __Electronics__ with a __Brand Logos__ logo on a __Furniture__
a __Texture__ __Shape__ made of __Material__
a __Image Style__ painting of a __Nature Scenes__ at __Time of Day__
__Food and Beverages__ and a __Tools__ on a __Furniture__, __Lighting Conditions__
a __Books and Documents__ with __Written Characters__ on the cover
a __People__ playing a __Musical Instruments__, __Image Style__ style
a __Toys__ and a __Sports Equipment__ on the __Plants__, __Weather Conditions__ weather
a __Shape__ sign with __Written Characters__ on a __Buildings__
a __Toys__ and a __Shape__ puzzle, __Lighting Conditions__
a __Sports Equipment__ next to a __Musical Instruments__
__Food and Beverages__ with __Fruits and Vegetables__, __Texture__ surface
a __Vehicles__ in __Geo-locations__, __Lighting Conditions__
a __Books and Documents__ and __Counting__ __Tools__
a __Size__ __Clothing__ and a __Electronics__
a __Shape__ __Toys__ and a __Sports Equipment__
portrait, __Facial Features__ and __Facial Expressions__ look
"""
"""Prompts for the published concepts: each occurs two or three times."""

_BLANK = re.compile(r"__(.+?)__")


def fill_prompts(text: str, concepts: Sequence[Concept], count: int, seed: int) -> tuple[str, ...]:
    """`count` prompts: the lines of a text in turn, `__Concept__` replaced by a random word of the concept.

    Raises ValueError if there is no line, or a line names a concept that is not there.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("there is no prompt: write at least one line.")
    words = {concept.name.casefold(): concept.words for concept in concepts}
    for line in lines:
        for name in _BLANK.findall(line):
            if name.strip().casefold() not in words:
                raise ValueError(
                    f'the prompt "{short(line)}" asks for a word of "{short(name)}", which is none here. '
                    f"Concepts that are there: {shortened(concept.name for concept in concepts)}."
                )
    random = np.random.default_rng(seed)

    def word(blank: re.Match) -> str:
        return str(random.choice(words[blank[1].strip().casefold()])).lower()

    return tuple(_BLANK.sub(word, lines[index % len(lines)]) for index in range(count))


# ----------------------------------------------------------------------------------------------------
# Scores of maps
# ----------------------------------------------------------------------------------------------------


def map_scores(parts: Sequence[Mapping[LayerId, np.ndarray]], layout: HeadLayout) -> dict[str, np.ndarray]:
    """Scores (words, heads) of the head maps of one picture, by kind; all without labels.

    parts: for each of the noise parts layer -> (heads, words, h, w), sums of attention probabilities.

    agreement: correlation of a head's map with the mean of all heads' maps, each of sum 1.
    concentration: one minus the entropy of its map, as a share of that of a flat map.
    consistency: correlation of its map at high noise with its map at low noise (of one part alone: 1).
    A flat map agrees with nothing: 0.
    """
    words = next(iter(parts[0].values())).shape[1]
    found = [_scores_of_word([_of_word(part, word) for part in parts], layout) for word in range(words)]
    return {kind: np.stack([one[kind] for one in found]) for kind in MAP_KINDS}


def _of_word(part: Mapping[LayerId, np.ndarray], word: int) -> dict[LayerId, np.ndarray]:
    return {layer: maps[:, word] for layer, maps in part.items()}


def _scores_of_word(
    parts: Sequence[Mapping[LayerId, np.ndarray]], layout: HeadLayout
) -> dict[str, np.ndarray]:
    """Scores (heads,) by kind; parts: layer -> (heads, h, w)."""
    grid = max((maps.shape[-2:] for maps in parts[0].values()), key=lambda size: size[0] * size[1])
    by_part = [_fine_maps(part, layout, grid) for part in parts]
    whole = np.sum(by_part, axis=0)
    unit = whole / np.maximum(whole.sum(axis=-1, keepdims=True), 1e-12)
    entropy = -(unit * np.log(np.maximum(unit, 1e-12))).sum(axis=-1)
    return {
        AGREEMENT: _correlation(unit, unit.mean(axis=0, keepdims=True)),
        CONCENTRATION: 1.0 - entropy / np.log(unit.shape[-1]),
        CONSISTENCY: _correlation(by_part[0], by_part[-1]),
    }


def _fine_maps(part: Mapping[LayerId, np.ndarray], layout: HeadLayout, grid: tuple[int, int]) -> np.ndarray:
    """All heads on the finest grid: (heads, pixels), no negative overshoot."""
    fine = [resize_maps(part[layer], grid).clip(min=0.0) for layer in layout.layers]
    return np.concatenate(fine).reshape(layout.total, -1).astype(np.float64)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation over the last axis."""
    a = a - a.mean(axis=-1, keepdims=True)
    b = b - b.mean(axis=-1, keepdims=True)
    scale = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    product = (a * b).sum(axis=-1)
    return np.divide(product, scale, out=np.zeros_like(product), where=scale > 1e-12)


@dataclass(frozen=True)
class SpokenWord:
    """A word of a prompt whose concept is known beyond doubt. columns: of the text; concept: its row."""

    text: str
    columns: tuple[int, ...]
    concept: int


def spoken_words(prompt: Prompt, lexicon: Lexicon) -> tuple[SpokenWord, ...]:
    """The first MAX_WORDS words of a prompt that have exactly one concept, repeated ones each time."""
    found = []
    for word in prompt.words:
        senses = lexicon.lookup(word.text)
        if len(senses) == 1:
            found.append(SpokenWord(word.text, word.columns, lexicon.concepts.index(senses[0])))
    return tuple(found[:MAX_WORDS])


# ----------------------------------------------------------------------------------------------------
# Sums
# ----------------------------------------------------------------------------------------------------


class RunMeasurement:
    """What one sampling run gives: wins on the device, sums of the maps of its known words."""

    def __init__(self, layout: HeadLayout, words: Sequence[SpokenWord]):
        self.layout, self.words = layout, tuple(words)
        self._wins: dict[LayerId, torch.Tensor] = {}
        self._decisions: dict[LayerId, int] = {}
        self._maps: list[dict[LayerId, torch.Tensor]] = [{} for _ in range(NOISE_PARTS)]
        self._grids: dict[LayerId, tuple[int, int]] = {}
        self._begins: dict[LayerId, torch.Tensor] = {}

    def add_wins(self, layer: LayerId, wins: torch.Tensor, decisions: int, begin: torch.Tensor) -> None:
        """Wins (heads, concepts) of one evaluation of a layer; begin: the layer's key of the begin token."""
        if layer not in self._begins:
            self._begins[layer] = begin.float().norm()
        previous = self._wins.get(layer)
        self._wins[layer] = wins if previous is None else previous + wins
        self._decisions[layer] = self._decisions.get(layer, 0) + decisions

    def add_maps(self, layer: LayerId, part: int, maps: torch.Tensor, grid: tuple[int, int]) -> None:
        """Probabilities (batch, heads, pixels, words) of one evaluation; part: which part of the run."""
        self._grids[layer] = grid
        sums = self._maps[min(part, NOISE_PARTS - 1)]
        sums[layer] = maps if layer not in sums else sums[layer] + maps

    def wins(self) -> tuple[np.ndarray, int]:
        """Wins int64 (concepts, heads) of the run, and how often each head was asked.

        Raises ValueError if a layer was not seen, or not as often as the others.
        """
        missing = [str(layer) for layer in self.layout.layers if layer not in self._wins]
        if missing or len(set(self._decisions.values())) != 1:
            raise ValueError(
                "Some layers of the model were not measured in every evaluation"
                + (f" ({', '.join(missing[:4])})" if missing else "")
                + ": another pack replaces them. Build the relevance on the model without that pack."
            )
        if not np.isfinite(self.model_mark()).all() or not self._maps_are_finite():
            raise ValueError(NOT_FINITE)
        rows = torch.cat([self._wins[layer] for layer in self.layout.layers])
        return rows.cpu().numpy().astype(np.int64).T, next(iter(self._decisions.values()))

    def _maps_are_finite(self) -> bool:
        return all(bool(torch.isfinite(sums).all()) for part in self._maps for sums in part.values())

    def model_mark(self) -> np.ndarray:
        """Length of every layer's key of the begin token (layers,): tells one checkpoint from another."""
        lengths = [self._begins[layer] for layer in self.layout.layers if layer in self._begins]
        return torch.stack(lengths).cpu().numpy() if lengths else np.zeros(0, np.float32)

    def scores(self) -> dict[str, np.ndarray]:
        """Map scores (words, heads) by kind, means over the pictures of the run.

        {} without known words, or if the maps of a layer are missing.
        """
        parts = [part for part in self._maps if part]  # a run of one step has one part
        if not parts or any(len(part) < len(self.layout.layers) for part in parts):
            return {}
        pictures = next(iter(parts[0].values())).shape[0]
        found = [
            map_scores([self._picture(part, index) for part in parts], self.layout)
            for index in range(pictures)
        ]
        return {kind: np.mean([one[kind] for one in found], axis=0) for kind in MAP_KINDS}

    def _picture(self, part: Mapping[LayerId, torch.Tensor], index: int) -> dict[LayerId, np.ndarray]:
        return {
            layer: sums[index].permute(0, 2, 1).reshape(sums.shape[1], -1, *self._grids[layer]).cpu().numpy()
            for layer, sums in part.items()
        }


class MapMeasurement(RunMeasurement):
    """What a run gives where no word can be encoded alone: maps of its known words, and no wins."""

    def wins(self) -> tuple[np.ndarray, int]:
        if not self._maps_are_finite():
            raise ValueError(NOT_FINITE)
        return np.zeros((1, self.layout.total), np.int64), 0


@dataclass(frozen=True, eq=False)
class RelevanceSums:
    """What has been measured so far. All of one size, however many prompts.

    prompts: how many are done.  decisions: how often each head was asked.  wins: int64 (concepts, heads).
    maps: int64 (concepts,), word maps scored.  scores: by kind, float64 (concepts, heads), summed over these.
    mark: of the model, see `RunMeasurement.model_mark`; empty before the first prompt.
    """

    prompts: int
    decisions: int
    wins: np.ndarray
    maps: np.ndarray
    scores: Mapping[str, np.ndarray]
    mark: np.ndarray

    @classmethod
    def empty(cls, concepts: int, heads: int) -> RelevanceSums:
        zeros = {kind: np.zeros((concepts, heads)) for kind in MAP_KINDS}
        return cls(
            0,
            0,
            np.zeros((concepts, heads), np.int64),
            np.zeros(concepts, np.int64),
            zeros,
            np.zeros(0, np.float32),
        )

    def same_model(self, run: RunMeasurement) -> bool:
        """Whether a run is of the model that was measured so far, up to the precision of its numbers."""
        mark = run.model_mark()
        return not self.prompts or (
            mark.shape == self.mark.shape and np.allclose(mark, self.mark, rtol=MARK_TOLERANCE)
        )

    def plus(self, run: RunMeasurement) -> RelevanceSums:
        """The sums with one more run. Raises ValueError as `RunMeasurement.wins` does."""
        wins, decisions = run.wins()
        maps = self.maps.copy()
        scores = {kind: values.copy() for kind, values in self.scores.items()}
        measured = run.scores()
        for row, word in enumerate(run.words if measured else ()):
            maps[word.concept] += 1
            for kind, values in measured.items():
                scores[kind][word.concept] += values[row]
        return replace(
            self,
            prompts=self.prompts + 1,
            decisions=self.decisions + decisions,
            wins=self.wins + wins,
            maps=maps,
            scores=scores,
            mark=run.model_mark(),
        )

    def save(self, path: Path, job: str) -> None:
        """Write a safetensors file from which the job can go on."""
        arrays = {
            "wins": self.wins,
            "maps": self.maps,
            "mark": self.mark,
            **{f"scores.{k}": v for k, v in self.scores.items()},
        }
        header = {"job": job, "prompts": self.prompts, "decisions": self.decisions}
        write_tensors(path, arrays, _STATE_KEY, header)

    @classmethod
    def resume(cls, path: Path, job: str, concepts: int, heads: int) -> RelevanceSums | None:
        """What `save` wrote for the same job; None if there is none, or it is of another job or damaged."""
        try:
            header, arrays = read_tensors(path, _STATE_KEY)
            if header.get("job") != job or arrays["wins"].shape != (concepts, heads):
                return None
            scores = {kind: arrays[f"scores.{kind}"] for kind in MAP_KINDS}
            prompts, decisions = int(header["prompts"]), int(header["decisions"])
            return cls(prompts, decisions, arrays["wins"], arrays["maps"], scores, arrays["mark"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None

    def relevance(
        self,
        concepts: Sequence[Concept],
        layout: HeadLayout,
        base_model: str,
        context_width: int,
        about: Mapping[str, str],
        score_kind: str = ARGMAX_WINS,
    ) -> HeadRelevance:
        """The head relevance with all kinds of scores, `score_kind` in front.

        A concept that no prompt spoke of gets the mean map score of all words: a head with good maps. Where
        no wins were counted, agreement stands in front in the place of them.
        Raises ValueError if nothing was measured.
        """
        if not self.prompts:
            raise ValueError("Nothing was measured: no prompt was sampled to its end.")
        share = self.wins / self.decisions if self.decisions else None
        rivals = len(concepts) if self.decisions else 0
        named = tuple(
            replace(concept, rivals=rivals, decisions=self.decisions, maps=int(count))
            for concept, count in zip(concepts, self.maps, strict=True)
        )
        kinds = {} if share is None else {ARGMAX_WINS: relevance_from_shares(share)}
        if self.maps.sum():
            kinds |= {kind: self._mean_scores(kind) for kind in MAP_KINDS}
        if not kinds:
            raise ValueError(NOTHING_SPOKEN)
        main = score_kind if score_kind in kinds else next(iter(kinds))
        others = {kind: values for kind, values in kinds.items() if kind != main}
        return HeadRelevance(
            named, kinds[main], layout, main, base_model, context_width, share, about, others
        )

    def _mean_scores(self, kind: str) -> np.ndarray:
        total = self.scores[kind].sum(axis=0) / self.maps.sum()
        own = self.scores[kind] / np.maximum(self.maps, 1)[:, None]
        return np.where(self.maps[:, None] > 0, own, total)
