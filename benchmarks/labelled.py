"""Candidates of findings on sampled pictures, by several ways to make maps, each with the truth about it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from demo.scenes import Claim as Told
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.diagnose import observe
from selagg_core.diagnosis.examine import region_features
from selagg_core.diagnosis.features import Observed, candidates
from selagg_core.diagnosis.measure import measure_place
from selagg_core.maps.arrays import resize_maps
from selagg_core.maps.heads import matched_random, resolution_groups
from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup
from selagg_core.recording.head_maps import HeadMaps
from selagg_core.relevance.choose_heads import ChosenHeads, HeadSettings
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.relevance.run_view import RunView

from .pictures import Sampled
from .truth import PictureTruth, truth_of

METHODS = ("selective", "daam", "random", "text", "pixels", "oracle")
"""Ways to make the maps that the same features are taken from. text: from the prompt alone. pixels: flat
maps. oracle: the reader's masks in place of maps, the ceiling of these features."""
TEXT_FEATURES = ("length", "entities", "similarity", "weight_gap")


@dataclass(frozen=True)
class Row:
    """A candidate with its features by method; `wrong` None where the reader is not sure."""

    kind: str
    key: tuple
    group: str
    prompt: str
    picture: str
    wrong: bool | None
    matches: bool | None
    features: Mapping[str, Mapping[str, float]]

    @property
    def claim(self) -> tuple:
        """What is compared within a prompt: the same claim in pictures of other seeds."""
        return self.prompt, self.key


class Collector:
    """Makes rows of sampled pictures. The host must be prepared.

    relevance: what heads are chosen by; by default what ships for the model.
    """

    def __init__(
        self,
        word_similarity,
        methods: Sequence[str] = METHODS,
        relevance: HeadRelevance | None = None,
    ) -> None:
        self.methods = methods
        self._similarity = word_similarity
        self._relevance = relevance
        self._lexicon = None

    def rows(self, sampled: Sampled) -> Iterator[Row]:
        """All candidates of all pictures of a case that the truth has a word on."""
        case, recording = sampled.case, sampled.recording
        view = RunView(recording, (recording.positive(),), tuple(sampled.pictures))
        claims = self._read_claims(view)
        chosen = {
            method: view.choose(claims.groups, HeadSettings(mode, relevance=self._relevance))
            for method, mode in (("selective", "selective"), ("daam", "all"))
        }
        for index, picture in enumerate(sampled.pictures):
            truth = truth_of(picture, case.caption)
            name = f"{case.file_name} {case.seeds[index]}"
            found = {
                method: dict(self._candidates(method, view, index, claims, chosen, truth, case, name))
                for method in self.methods
            }
            answers = {told.key: told.wrong for told in truth.claims}
            answers |= _region_answers(claims, truth, case, name)
            if case.start:  # another thing in the start picture does not mean that a word was misread
                answers = {key: wrong for key, wrong in answers.items() if key[0] != "wrong_sense"}
            for key, wrong in answers.items():
                features = {method: rows[key] for method, rows in found.items() if key in rows}
                if "selective" in features:
                    yield Row(key[0], key, case.group, case.text, name, wrong, truth.matches, features)

    def _read_claims(self, view):
        if self._lexicon is None:
            relevance = view.choose((), HeadSettings(relevance=self._relevance)).relevance
            self._lexicon = general_lexicon(relevance.concepts if relevance else ())
        return read_claims(view.prompts, self._lexicon)

    def _candidates(self, method, view, index, claims, chosen, truth, case, name):
        """(key, features) of every candidate by one method."""
        groups = claims.groups
        settings = HeadSettings()
        heads = chosen.get(method, chosen["selective"])
        if method == "random":
            heads = _random_heads(heads, view.entries[0].picture(index), name)
        observed = observe(view, index, groups, claims, heads, settings)
        if method in ("pixels", "text"):
            flat = dict.fromkeys(groups, np.ones((8, 8), np.float32))
            observed = Observed(flat, flat, view.pictures[index])
        elif method == "random":  # heads that speak for a sense are not random either
            observed = Observed(observed.heats, observed.common, view.pictures[index])
        elif method == "oracle":
            heats = {group: _true_map(group, claims, truth, case) for group in groups}
            observed = Observed(heats, heats, view.pictures[index], observed.senses)
        elif method == "daam":
            observed = Observed(observed.common, observed.common, view.pictures[index])
        found = [(key_of(c), c.features) for c in candidates(claims, observed)]
        found += [
            (key, self._region_features(observed.heats[group], mask))
            for key, group, mask in _expected_boxes(claims, truth, case, name)
        ]
        if method == "text":
            return [(key, self._text_features(key, view, claims)) for key, _ in found]
        return found

    def _region_features(self, heat: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        place = measure_place(resize_maps(heat, mask.shape), Region(mask), WordGroup("", ()))
        return region_features(place)

    def _text_features(self, key: tuple, view, claims) -> dict[str, float]:
        """Length, entities, likeness of entity words, and how far the weights in the prompt are apart."""
        words = view.prompts[0].words
        entities = [claim.subject for claim in claims.of("entity")]
        texts = [entity.text for entity in entities]
        pairs = [self._similarity(one, other) for i, one in enumerate(texts) for other in texts[i + 1 :]]
        about = [words[i].weight for i in key[1:] if isinstance(i, int) and i < len(words)]
        usual = float(np.median([word.weight for word in words]))
        return {
            "length": float(len(words)),
            "entities": float(len(entities)),
            "similarity": max(pairs, default=0.0),
            "weight_gap": max((abs(weight - usual) for weight in about), default=0.0),
        }


def _random_heads(heads: ChosenHeads, head_maps: HeadMaps, name: str) -> ChosenHeads:
    """As many heads as were chosen for each word, on the same grids, drawn from the picture's name."""
    rng = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    groups = -resolution_groups(head_maps)  # the finest grid first: kept from the first published figures
    return replace(heads, selections=tuple(matched_random(own, groups, rng) for own in heads.selections))


def key_of(candidate) -> tuple:
    """The key under which `truth` judges the claim of a candidate."""
    claim = candidate.claim
    if candidate.kind == "blended":
        return "blended", claim.subject.indices[-1], claim.other.indices[-1]
    if candidate.kind == "misplaced":
        return ("misplaced", *claim.words.indices)
    return candidate.kind, claim.words.indices[-1]


def _objects(case) -> list[Told]:
    return [told for told in case.caption.claims if told.kind == "object"]


def _seen_mask(truth: PictureTruth, subject: int) -> np.ndarray | None:
    index = truth.verdict.assignment[subject]
    return None if index is None else truth.reading.objects[index].mask


def _true_map(group, claims, truth: PictureTruth, case) -> np.ndarray:
    """A perfect map of a word: the object that it names, or all that shows what it says; else flat."""
    told = next((t for t in case.caption.claims if group.indices[-1] in t.words), None)
    shown = np.zeros((128, 128), np.float32)
    if told is not None and told.kind == "object":
        mask = _seen_mask(truth, told.subject)
        shown = shown if mask is None else mask.astype(np.float32)
    elif told is not None and told.kind in ("colour", "pattern"):
        for item in truth.reading.objects:
            if getattr(item, told.kind) == told.value:
                shown = np.maximum(shown, item.mask)
    return shown if shown.any() else np.ones((128, 128), np.float32)


def _expected_boxes(claims, truth: PictureTruth, case, name: str):
    """For each entity a box in which an artist could have expected it: a half or a quarter, drawn by name."""
    entities = {claim.subject.indices[-1]: claim.subject for claim in claims.of("entity")}
    rng = np.random.default_rng(int(hashlib.sha256(f"box {name}".encode()).hexdigest()[:8], 16))
    for told in _objects(case):
        mask = np.zeros((128, 128), bool)
        halves = [slice(0, 64), slice(64, 128), slice(0, 128)]
        rows, columns = rng.integers(3), rng.integers(3)
        if rows == columns == 2:
            rows = rng.integers(2)
        mask[halves[rows], halves[columns]] = True
        if told.words[-1] in entities:
            yield ("misplaced_region", told.words[-1]), entities[told.words[-1]], mask


def _region_answers(claims, truth: PictureTruth, case, name: str) -> dict[tuple, bool | None]:
    """Whether each object is outside of its box; None where it is half in, or is not in the picture."""
    subjects = {told.words[-1]: told.subject for told in _objects(case)}
    answers: dict[tuple, bool | None] = {}
    for key, _, box in _expected_boxes(claims, truth, case, name):
        mask = _seen_mask(truth, subjects[key[1]])
        inside = float(box[mask].mean()) if mask is not None and mask.any() else 0.4
        answers[key] = True if inside < 0.3 else False if inside > 0.6 else None
    return answers


def collect(
    sampler, cases, methods: Sequence[str] = METHODS, relevance: HeadRelevance | None = None
) -> list[Row]:
    """Rows of all cases. relevance: as of `Collector`."""
    collector = Collector(sampler.word_similarity, methods, relevance)
    rows: list[Any] = []
    for sampled in sampler.all(cases):
        rows.extend(collector.rows(sampled))
    return rows
