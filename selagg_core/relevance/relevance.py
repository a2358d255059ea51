"""Head relevance: how much every cross-attention head of a model speaks for every concept.

Head Relevance Vectors (HRV) are those of Park et al., ICLR 2025, arXiv 2412.02237: concept words compete for
the attention of each head, the concept with the strongest response wins, and a head's wins, as shares, say
what it speaks for.  A file can hold scores of another kind; `score_kind` says which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..files.checked import whole
from ..files.tensors import read_tensors, write_tensors
from ..files.versioned import check_version, damage_of
from ..maps.heads import DEFAULT_FRACTION
from ..prompt.lexicon import Concept
from ..prompt.messages import message
from ..prompt.quoted import short, shortened
from ..recording.layout import HeadId, HeadLayout

ARGMAX_WINS = "argmax wins"
"""The published score: HRV_c = heads * win share / sum of the win shares over heads."""
AGREEMENT = "agreement"
"""Mean correlation of a head's map of a word with the mean of all heads' maps; no labels needed."""
CONCENTRATION = "concentration"
"""Mean concentration of a head's maps: 0 is flat, 1 a single point."""
CONSISTENCY = "consistency"
"""Mean correlation of a head's maps at high noise with those at low noise."""
MAP_KINDS = (AGREEMENT, CONCENTRATION, CONSISTENCY)
"""Scores of the maps of the prompt's own words."""
TRUTH = "truth"
"""Mean AUC of a head's map against what judges found in the picture; see `proof.truth_heads`."""
RELIABLE_SHARE = 0.25
"""A concept that wins less than this share of what chance would give it has too few wins to rank heads by."""
RELIABLE_MAPS = 20
"""Scores of maps of fewer words than this rank heads by the accidents of these words."""

FORMAT = "selagg-head-relevance"
VERSION = 1
_HEADER_KEY = "selagg"
_ALTERNATIVE = "scores."
_PLACES = {"input": "down", "middle": "mid", "output": "up"}


@dataclass(frozen=True)
class Reliability:
    """share: of all decisions of all heads those that the concept won; above_chance: heads beyond chance.

    Both are 0 for scores of maps, which are judged by the number of maps.
    """

    reliable: bool
    share: float
    above_chance: int
    message: str


@dataclass(frozen=True)
class RankedHead:
    """A head in the order of its relevance; rank 1 is the most relevant. label: its published name."""

    rank: int
    index: int
    head: HeadId
    label: str
    score: float
    win_share: float | None


@dataclass(frozen=True, eq=False)
class HeadRelevance:
    """Scores of all heads of a model for a list of concepts.

    scores: float32 (concepts, heads), higher = speaks more for the concept; comparable within a row only.
    win_share: float32 (concepts, heads), each head's share of wins, or None for scores without competition.
    base_model: the model it was measured on; context_width: width of its text encoding, 0 if unknown.
    about: source, licence and the like, as text.
    alternatives: scores of other kinds for the same concepts and heads, see `with_score`.

    Heads are in the order of `layout`. Raises ValueError for arrays that do not fit, or are not finite.
    """

    concepts: tuple[Concept, ...]
    scores: np.ndarray
    layout: HeadLayout
    score_kind: str
    base_model: str
    context_width: int = 0
    win_share: np.ndarray | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if not self.concepts:
            raise ValueError("A head relevance needs at least one concept.")
        counted = Counter(concept.name.casefold() for concept in self.concepts)
        twice = sorted(name for name, count in counted.items() if count > 1)
        if twice:
            raise ValueError(f"Concepts occur twice in the head relevance: {shortened(twice)}.")
        shape = (len(self.concepts), self.layout.total)
        object.__setattr__(self, "scores", _checked("scores", self.scores, shape))
        if self.win_share is not None:
            object.__setattr__(self, "win_share", _checked("win_share", self.win_share, shape))
            if self.win_share.min() < 0 or self.win_share.max() > 1:
                raise ValueError("The win shares of a head relevance must lie between 0 and 1.")
        object.__setattr__(self, "about", MappingProxyType(dict(self.about)))
        others = {kind: _checked(kind, values, shape) for kind, values in self.alternatives.items()}
        if self.score_kind in others:
            raise ValueError(f'The head relevance holds its scores of the kind "{self.score_kind}" twice.')
        object.__setattr__(self, "alternatives", MappingProxyType(others))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(concept.name for concept in self.concepts)

    @property
    def score_kinds(self) -> tuple[str, ...]:
        """The kinds of scores that are there, the one in use first."""
        return (self.score_kind, *self.alternatives)

    def with_score(self, kind: str) -> HeadRelevance:
        """The same relevance by another kind of score. Raises ValueError naming the kinds that are there."""
        if kind == self.score_kind:
            return self
        if kind not in self.alternatives:
            kinds = ", ".join(self.score_kinds)
            raise ValueError(f'This head relevance has no score "{short(kind)}"; it holds {kinds}.')
        others = {k: v for k, v in self.alternatives.items() if k != kind}
        return replace(
            self,
            scores=self.alternatives[kind],
            score_kind=kind,
            alternatives={self.score_kind: self.scores, **others},
        )

    def row(self, concept: str) -> int:
        """The row of a concept, case aside. Raises ValueError naming those that are there."""
        row = self._rows.get(concept.strip().casefold())
        if row is None:
            raise ValueError(
                f'There is no concept "{short(concept)}". Concepts that are there: {shortened(self.names)}.'
            )
        return row

    @cached_property
    def _rows(self) -> Mapping[str, int]:
        return {concept.name.casefold(): row for row, concept in enumerate(self.concepts)}

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        return published_labels(self.layout)

    def scores_of(self, concept: str) -> np.ndarray:
        """Scores (heads,) of one concept, as `select_heads` takes them."""
        return self.scores[self.row(concept)]

    def top_heads(
        self,
        concept: str,
        fraction: float = DEFAULT_FRACTION,
        count: int | None = None,
        floor: bool = False,
    ) -> np.ndarray:
        """Indices of the heads most relevant to a concept, the most relevant first.

        `fraction` of all heads (rounded, at least one), or `count` of them. Of heads with the same score the
        one that comes first in published order goes first. `floor` drops heads whose win share is no better
        than chance (one in `rivals`), so that fewer may be left.

        Raises ValueError for a fraction outside (0, 1], a count outside 1..heads, a floor without win
        shares, or if the floor leaves no head.
        """
        row = self.row(concept)
        order = np.argsort(-self.scores[row], kind="stable")[: self._wanted(fraction, count)]
        return self._above_floor(row, order) if floor else order

    def ranking(self, concept: str, count: int | None = None) -> tuple[RankedHead, ...]:
        """The heads in order of relevance, all or the first `count`, with what is known of each."""
        row, labels = self.row(concept), self._labels
        heads = self.top_heads(concept, 1.0, count)
        return tuple(
            RankedHead(
                rank,
                int(index),
                self.layout.head_at(int(index)),
                labels[index],
                float(self.scores[row, index]),
                None if self.win_share is None else float(self.win_share[row, index]),
            )
            for rank, index in enumerate(heads, start=1)
        )

    def reliability(self, concept: str) -> Reliability:
        """Whether a concept won often enough for its ranking of heads to mean something, with the figures.

        Scores of maps need enough maps instead. Scores of which neither is known are taken as reliable:
        nothing is known against them.
        """
        row = self.row(concept)
        own = self.concepts[row]
        if self.score_kind in (*MAP_KINDS, TRUTH):
            return self._reliability_of_maps(own)
        if self.win_share is None or not own.rivals:
            return Reliability(True, 0.0, 0, f"{own.name}: no win shares to judge it by.")
        share = float(self.win_share[row].astype(np.float64).mean())
        above = int(np.count_nonzero(self.win_share[row] > own.chance))
        reliable = share >= RELIABLE_SHARE * own.chance
        told = message(
            "wins",
            concept=own.name,
            share=_percent(share, 3),
            model=self.base_model,
            chance=_percent(own.chance, 2),
            count=above,
            every=self.layout.total,
        )
        return Reliability(reliable, share, above, _judged(reliable, told))

    def _reliability_of_maps(self, concept: Concept) -> Reliability:
        reliable = concept.maps >= RELIABLE_MAPS
        told = message(
            "maps_measured",
            score=self.score_kind,
            concept=concept.name,
            count=concept.maps,
            model=self.base_model,
            least=RELIABLE_MAPS,
        )
        return Reliability(reliable, 0.0, 0, _judged(reliable, told))

    def describe(self) -> str:
        """What the file holds, as lines of text: model, score, concepts with their most relevant head."""
        lines = [
            f"{self.base_model}: {len(self.concepts)} concepts, {self.layout.total} heads in "
            f"{len(self.layout.layers)} layers; score: {self.score_kind}"
            + (f" (also there: {', '.join(self.alternatives)})" if self.alternatives else ""),
            *(f"{key}: {value}" for key, value in self.about.items()),
        ]
        for concept in self.concepts:
            best = self.ranking(concept.name, 1)[0]
            judged = self.reliability(concept.name)
            lines.append(f"{concept.name}: most relevant {best.label} ({best.score:.2f}); {judged.message}")
        return "\n".join(lines)

    def save(self, path: Path | str) -> None:
        """Write a safetensors file; what is not an array is JSON in its header. Raises as `write_file`."""
        arrays = {"scores": self.scores}
        if self.win_share is not None:
            arrays["win_share"] = self.win_share
        arrays |= {_ALTERNATIVE + kind: values for kind, values in self.alternatives.items()}
        write_tensors(Path(path), arrays, _HEADER_KEY, self._header())

    @classmethod
    def load(cls, path: Path | str) -> HeadRelevance:
        """Read a file that `save` wrote.

        Raises ValueError, naming the file, if it is missing, damaged, of another kind or of a newer version.
        """
        path = Path(path)
        try:
            return cls._from_parts(*read_tensors(path, _HEADER_KEY))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(
                f"{path.name[:100]} is not a readable head relevance file: {damage_of(error)}."
            ) from error

    @classmethod
    def _from_parts(cls, header: Any, arrays: Mapping[str, np.ndarray]) -> HeadRelevance:
        if not isinstance(header, dict) or header.get("format") != FORMAT or "scores" not in arrays:
            raise ValueError("it holds something else.")
        check_version(header["version"], (VERSION,), "head relevance")
        try:
            rows = [(str(a), whole(b), whole(c), whole(heads)) for a, b, c, heads in header["layout"]]
        except (TypeError, ValueError):
            raise ValueError("a layer of it has no place and number of heads") from None
        layout = HeadLayout.of(rows)
        if [(x.block, x.number, x.depth) for x in layout.layers] != [row[:3] for row in rows]:
            raise ValueError("its layers are not in published order.")
        concepts = tuple(
            Concept(
                str(c["name"]),
                tuple(map(str, c["words"])),
                whole(c["rivals"]),
                whole(c["decisions"]),
                whole(c.get("maps", 0)),
            )
            for c in header["concepts"]
        )
        return cls(
            concepts,
            arrays["scores"],
            layout,
            str(header["score_kind"]),
            str(header["base_model"]),
            whole(header["context_width"]),
            arrays.get("win_share"),
            {str(key): str(value) for key, value in header["about"].items()},
            {
                name.removeprefix(_ALTERNATIVE): values
                for name, values in arrays.items()
                if name.startswith(_ALTERNATIVE)
            },
        )

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "score_kind": self.score_kind,
            "base_model": self.base_model,
            "context_width": self.context_width,
            "concepts": [
                {
                    "name": c.name,
                    "words": list(c.words),
                    "rivals": c.rivals,
                    "decisions": c.decisions,
                    "maps": c.maps,
                }
                for c in self.concepts
            ],
            "layout": [
                [layer.block, layer.number, layer.depth, heads]
                for layer, heads in zip(self.layout.layers, self.layout.heads, strict=True)
            ],
            "about": dict(self.about),
        }

    def _wanted(self, fraction: float, count: int | None) -> int:
        total = self.layout.total
        if count is None:
            if not 0.0 < fraction <= 1.0:
                raise ValueError(f"The share of heads is {fraction}; it must be above 0 and at most 1.")
            return max(1, round(fraction * total))
        if not 1 <= count <= total:
            raise ValueError(f"{count} heads were asked for; this model has 1 to {total}.")
        return count

    def _above_floor(self, row: int, order: np.ndarray) -> np.ndarray:
        concept = self.concepts[row]
        if self.win_share is None or not concept.rivals:
            raise ValueError(
                f"The scores of {concept.name} hold no win shares: choose heads without a floor."
            )
        kept = order[self.win_share[row, order] > concept.chance]
        if not len(kept):
            best = float(self.win_share[row].max())
            raise ValueError(
                f"No head speaks for {concept.name} more often than by chance "
                f"({_percent(concept.chance, 2)}; the best {_percent(best, 2)}): use all heads, or choose "
                "without a floor."
            )
        return kept


def relevance_from_shares(win_share: np.ndarray) -> np.ndarray:
    """Win shares (concepts, heads) -> HRVs float32: rows of mean 1; a row without wins is zeros."""
    shares = np.asarray(win_share, dtype=np.float64)
    total = shares.sum(axis=1, keepdims=True)
    scaled = np.divide(shares * shares.shape[1], total, out=np.zeros_like(shares), where=total > 0)
    return scaled.astype(np.float32)


def published_labels(layout: HeadLayout) -> tuple[str, ...]:
    """The published name of every head of a UNet, such as "down, layer: 0, head: 0".

    The layer counts transformer blocks within down, mid or up, in order of execution. Heads of other models
    have the names of their blocks: "double block 7, head 12".
    """
    labels: list[str] = []
    counts: Counter[str] = Counter()
    for layer, heads in zip(layout.layers, layout.heads, strict=True):
        if layer.block not in _PLACES:
            labels += [f"{layer}, head {head}" for head in range(heads)]
            continue
        place = _PLACES[layer.block]
        labels += [f"{place}, layer: {counts[place]}, head: {head}" for head in range(heads)]
        counts[place] += 1
    return tuple(labels)


def _judged(reliable: bool, what: str) -> str:
    return message("reliable" if reliable else "unreliable", what=what)


def _percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f} %"


def _checked(name: str, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    array = np.array(values, dtype=np.float32)
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {array.shape}; {shape[0]} concepts x {shape[1]} heads fit.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} of a head relevance must be finite.")
    array.flags.writeable = False
    return array
