"""One picture with the maps of its words, and what can be measured on both for the kinds of findings.

Every measure is written so that more of it speaks for the finding. What cannot be told is nan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..claims.claim import PLACES, Claim, Claims
from ..maps.arrays import focus_of, normalise, resize_maps
from ..maps.regions import Region, centroid, found_region, largest_component, otsu_threshold
from ..maps.resample import area_mean, numbered_parts
from ..prompt.groups import WordGroup
from .measure import PlaceEvidence
from .pixels import colour_share, colour_word, lab, salience

LONGEST_SIDE = 128
"""Pixels of the longer side of the picture on which evidence is measured."""
LEAST_AREA = 0.005
"""Share of the picture that a thing covers at least; smaller ones are specks."""
CORE = 0.5
"""Share of a region that the thing itself fills at least: regions of maps are blurred."""


@dataclass(frozen=True, eq=False)
class Observed:
    """One picture with the maps of its words.

    heats, common: attention maps (h, w) by group, of the word's own heads and of heads that all words share,
    not normalised. picture: RGB uint8 (h, w, 3). senses: for a word with several meanings how much more the
    heads of the unintended ones answer to it.
    """

    heats: Mapping[WordGroup, np.ndarray]
    common: Mapping[WordGroup, np.ndarray]
    picture: np.ndarray
    senses: Mapping[WordGroup, float] = field(default_factory=dict)


class Scene:
    """Maps and pixels of a picture on one grid, and what can be measured on them.

    places: how the maps of words lie to the regions where they were expected.
    """

    def __init__(
        self,
        claims: Claims,
        observed: Observed,
        places: Mapping[WordGroup, PlaceEvidence] = MappingProxyType({}),
    ) -> None:
        self.claims, self.observed, self.places = claims, observed, places
        height, width = observed.picture.shape[:2]
        factor = LONGEST_SIDE / max(height, width)
        self.size = (max(1, round(height * factor)), max(1, round(width * factor)))
        small = area_mean(observed.picture, self.size)
        self.lab = lab(small)
        self._shares: dict[str, np.ndarray] = {}
        self.salience, self.calm = salience(self.lab)
        self.things = _things(self.salience, self.calm)
        self.entities = tuple(claim.subject for claim in claims.of("entity"))
        self.mass = {group: unit_mass(resize_maps(heat, self.size)) for group, heat in observed.heats.items()}
        self.region = {group: _region(resize_maps(heat, self.size)) for group, heat in observed.heats.items()}
        self.strength = {group: _strengths(heat) for group, heat in observed.common.items()}

    def below_others(self, name: str, entity: WordGroup, others: Sequence[WordGroup]) -> float:
        """How far below the other entities, in natural logarithms; without others how low in itself."""
        own = self.strength[entity][name]
        usual = float(np.median([self.strength[other][name] for other in others])) if others else 0.0
        return float(np.log(max(usual, 1e-9) / max(own, 1e-9))) if others else float("nan")

    def fainter(self, noun: WordGroup, word: WordGroup) -> float:
        """How much lower the peak of a noun is than that of a word that describes it, as a logarithm."""
        if noun == word:
            return float("nan")
        peaks = [float(self.observed.common[group].max()) for group in (word, noun)]
        return float(np.log(max(peaks[0], 1e-9) / max(peaks[1], 1e-9)))

    def not_entitled(self, claim: Claim) -> list[WordGroup]:
        """Entities of which the attribute is not said."""
        named = {
            c.subject for c in self.claims.of("attribute") if c.value.casefold() == claim.value.casefold()
        }
        bare = claim.value.casefold()
        return [e for e in self.entities if e not in named and e.text.casefold() != bare]

    def where(
        self, word: WordGroup, own: WordGroup, others: Sequence[WordGroup]
    ) -> tuple[dict[str, float], WordGroup, bool]:
        """Whether the map, and the colour, of a word are with its own entity or with another.

        Also which other has most of it, and whether that one has more of it than its own entity.
        """
        mass = self.mass[word]
        near = {other: overlap(mass, self.mass[other]) for other in others}
        taker = max(near, key=near.__getitem__)
        features = {"map_elsewhere": near[taker], "map_not_own": -overlap(mass, self.mass[own])}
        features["colour_elsewhere"] = features["colour_not_own"] = float("nan")
        name = colour_word(word.text)
        if name is not None:
            share = self.share(name)
            shown = {other: inside(share, self.region[other]) for other in others}
            features["colour_elsewhere"] = max(shown.values())
            features["colour_not_own"] = -inside(share, self.region[own])
            if max(shown.values()) > 0.3:
                taker = max(shown, key=shown.__getitem__)
                return features, taker, shown[taker] > -features["colour_not_own"]
        return features, taker, near[taker] > -features["map_not_own"]

    def share(self, name: str) -> np.ndarray:
        """How much each pixel has a colour."""
        if name not in self._shares:
            self._shares[name] = colour_share(self.lab, name)
        return self._shares[name]

    def colour_missing(self, entity: WordGroup) -> float:
        """1 - how much of the claimed colour the entity's region has; nan without a colour claim."""
        shares = [inside(self.share(name), self.region[entity]) for name in self.colours(entity)]
        return 1 - max(shares) if shares else float("nan")

    def mixed(self, one: WordGroup, other: WordGroup) -> float:
        """How far the region of one of two entities has the colour of the other, and not its own.

        Which of the two is there cannot be told: a thing of mixed kind draws the words of both.
        """
        mixed = []
        for own, others in ((one, other), (other, one)):
            shown = {name: inside(self.share(name), self.region[own]) for name in self.colours(own)}
            strange = [name for name in self.colours(others) if name not in shown]
            if shown and strange:
                most = max(inside(self.share(name), self.region[own]) for name in strange)
                mixed.append(min(1 - max(shown.values()), most))
        return largest(*mixed)

    def colours(self, entity: WordGroup) -> list[str]:
        """The colours that are said of an entity."""
        names = [colour_word(claim.value) for claim in self.claims.attributes_of(entity)]
        return [name for name in names if name is not None]

    def shown(self, name: str) -> float:
        """How far the thing that has most of a colour has it; nan where things cannot be told."""
        return largest(*self.shares_of_things(name))

    def shares_of_things(self, name: str) -> list[float]:
        """How much each thing that stands out of a calm ground has a colour."""
        count, labels = self.things
        if not np.isfinite(count):
            return []
        masks = (labels == number for number in range(1, int(labels.max()) + 1))
        large = (mask for mask in masks if mask.mean() > LEAST_AREA)
        return [inside(self.share(name), mask) for mask in large]

    def too_often(self, claim: Claim) -> float:
        """How many more things have a colour than the prompt allows; entities without one may have any."""
        name = colour_word(claim.value)
        things = self.shares_of_things(name) if name is not None else []
        if not things:
            return float("nan")
        colours = [self.colours(entity) for entity in self.entities]
        allowed = sum(not own or name in own for own in colours)
        return float(sum(share > 0.5 for share in things) - allowed)

    def colour_centre(self, entity: WordGroup) -> tuple[float, float] | None:
        """Where the entity's colour is, if that is one place; None without a colour claim or such a place."""
        named = self.colours(entity)
        if len(named) != 1:
            return None
        region = self.share(named[0]) > 0.5
        largest = largest_component(Region(region)).mask
        total = int(region.sum())
        enough = 0.002 * region.size < total < 0.4 * region.size
        return centroid(largest) if enough and largest.sum() > 0.6 * total else None

    def turned(self, ends: Sequence[tuple[float, float]], direction: tuple[int, int]) -> float:
        """Angle between where the other entity should be and where it is: 0 as claimed, 1 opposite."""
        height, width = self.size
        (ax, ay), (bx, by) = ends
        return angle((bx - ax) * width, (by - ay) * height, direction)

    def away(self, centre: tuple[float, float], place: str) -> float:
        """As `_turned`, from the middle of the picture; for the middle itself the distance from it."""
        height, width = self.size
        dx, dy = (centre[0] - 0.5) * width, (centre[1] - 0.5) * height
        if PLACES[place] == (0, 0):
            return min(1.0, float(np.hypot(dx, dy)) / (0.45 * min(width, height)))
        if np.hypot(dx, dy) < 0.04 * min(width, height):
            return 0.5
        return angle(dx, dy, PLACES[place])

    def one_thing(self, regions: tuple[np.ndarray, np.ndarray]) -> float:
        """Whether the two regions lie on one connected thing that stands out of the picture."""
        _, labels = self.things
        count = int(labels.max()) + 1
        shares = [np.bincount(labels[region], minlength=count)[1:] for region in regions]
        if not self.calm or count < 2 or any(share.sum() == 0 for share in shares):
            return float("nan")
        one, other = (share / share.sum() for share in shares)
        return float(np.minimum(one, other).sum())


def unit_mass(heat: np.ndarray) -> np.ndarray:
    """A map above Otsu's threshold, as a distribution that sums to 1; even for a flat map."""
    scaled = normalise(heat)
    above = np.clip(scaled - otsu_threshold(scaled), 0, None)
    total = float(above.sum())
    return above / total if total > 0 else np.full(above.shape, 1 / above.size, np.float32)


def _region(heat: np.ndarray) -> np.ndarray:
    """The largest part of a map above Otsu's threshold; the whole for a flat map."""
    mask = largest_component(found_region(heat)).mask
    return mask if mask.any() else np.ones(mask.shape, bool)


def _strengths(heat: np.ndarray) -> dict[str, float]:
    """Of a map of attention probabilities: focus, peak over mean, and mean."""
    mass = np.clip(np.asarray(heat, dtype=np.float64), 0, None)
    mean = float(mass.mean())
    return {
        "unfocused": focus_of(mass),
        "faint": float(mass.max()) / mean if mean > 0 else 1.0,
        "weak": mean,
    }


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Shared mass of two distributions, 0 to 1."""
    return float(np.minimum(one, other).sum())


def _things(salient: np.ndarray, calm: bool) -> tuple[float, np.ndarray]:
    """How many things stand out of a calm ground (else nan), and their numbers (h, w), 0 the ground."""
    mask = salient > 0.5
    numbers, sizes = numbered_parts(mask)
    large = int((sizes > LEAST_AREA * mask.size).sum())
    return (float(large) if calm and mask.mean() < 0.6 else float("nan")), numbers


def inside(values: np.ndarray, region: np.ndarray) -> float:
    """Mean of the highest values in a region, over CORE of it: the rest may be what is around the thing."""
    own = np.sort(values[region])
    return float(own[-max(1, round(CORE * own.size)) :].mean()) if own.size else 0.0


def largest(*values: float) -> float:
    """The largest of the values that are known; nan without."""
    return max((value for value in values if np.isfinite(value)), default=float("nan"))


def angle(dx: float, dy: float, direction: tuple[int, int]) -> float:
    wanted = np.arctan2(direction[1], direction[0])
    turn = abs(np.arctan2(dy, dx) - wanted)
    return float(min(turn, 2 * np.pi - turn) / np.pi)
