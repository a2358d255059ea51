"""Claims about a picture and what judges say of it -> each claim right, wrong, or open.

Open is all that judges do not agree on, or are not sure of: it is left out of every figure, and counted.
Never is a segmenter asked for "red car" to prove red, for segmenters give good masks for misleading prompts
(arXiv 2605.09591): its mask of "car" says where to look, and the pixels, or a model that sees, say the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_erosion

from ..claims.claim import DIRECTIONS, PLACES, Claim, Claims
from ..diagnosis.pixels import COLOURS, colour_share, colour_word, lab
from ..prompt.groups import WordGroup
from ..prompt.lexicon import Lexicon
from .target import Target
from .testimony import Absent, Sighting, Testimony

RIGHT, WRONG, OPEN = "right", "wrong", "open"
SURE, NOT_THERE = 0.6, 0.3
"""Score of a judge from which a thing is there, and up to which it is not; open between."""
HAS_COLOUR, LACKS_COLOUR = 0.4, 0.15
"""Share of a thing's pixels of a colour from which it has it, and up to which it has not."""
OTHER_COLOUR = 0.25
"""By how much another colour may lead before a thing that has the claimed one is open after all."""
SAME_PLACE = 0.5
"""IoU of two judges' masks below which they do not mean the same thing."""
APART, AWAY = 0.05, 0.08
"""Shares of the picture's sides: least distance along a direction, and from the middle."""
CENTRED, OFF_CENTRE = 0.09, 0.13
"""Of the sides: up to here a thing is in the middle, from there on it is not."""
PLAIN_DIRECTIONS = ("left of", "right of", "above", "below")
"""What centres can decide; "on" and "under" say more than that."""
_LEAST_INSIDE = 20
"""Pixels that must be left of a mask without its rim."""


@dataclass(frozen=True)
class ClaimTruth:
    """Whether a claim is right, wrong or open, and why, as a clause."""

    claim: Claim
    verdict: str
    reason: str


@dataclass(frozen=True, eq=False)
class NounTruth:
    """Whether a noun is in the picture; its mask (h, w) bool, None where none is to be trusted.

    box: edges (x0, y0, x1, y1) in px, where a judge of boxes says where it is.
    """

    noun: WordGroup
    verdict: str
    reason: str
    mask: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class PictureTruth:
    """nouns: all that judges were asked for, or that claims are about. mark: see `picture_mark`.

    leaks: for each attribute whether another thing shows it that has no claim to it: then it is wrong.
    """

    mark: str
    nouns: tuple[NounTruth, ...]
    claims: tuple[ClaimTruth, ...]
    leaks: tuple[ClaimTruth, ...]
    judges: tuple[str, ...]
    absent: tuple[Absent, ...]

    def targets(self, lexicon: Lexicon, entry: int = 0) -> tuple[Target, ...]:
        """The words whose place is known: things that are there, and what is rightly said of them."""
        masks = {own.noun: own.mask for own in self.nouns if own.verdict == RIGHT and own.mask is not None}
        things = [Target("object", noun.text, noun.indices, mask) for noun, mask in masks.items()]
        said = [
            Target(kind_of(own.claim.value, lexicon), words.text, words.indices, masks[own.claim.subject])
            for own in self.claims
            if own.claim.kind == "attribute" and own.verdict == RIGHT and own.claim.subject in masks
            if (words := own.claim.words) is not None and words.entry == entry
        ]
        own_things = [t for t, noun in zip(things, masks, strict=True) if noun.entry == entry]
        return tuple(sorted((*own_things, *said), key=lambda target: target.words))


def kind_of(value: str, lexicon: Lexicon) -> str:
    """The kind of word that an attribute is, of `scoring.KINDS`."""
    if colour_word(value) is not None:
        return "colour"
    return "pattern" if "Geometric Patterns" in lexicon.lookup(value) else "other"


def judged(claims: Claims, testimony: Testimony, picture: np.ndarray, mark: str) -> PictureTruth:
    """Every claim of a picture (h, w, 3) uint8 in the light of all that judges say."""
    court = _Court(claims, testimony, picture)
    found = tuple(ClaimTruth(claim, *court.of(claim)) for claim in claims.all)
    leaks = tuple(ClaimTruth(claim, *court.leak(claim)) for claim in claims.of("attribute"))
    return PictureTruth(mark, tuple(court.nouns.values()), found, leaks, testimony.judges, testimony.absent)


Opinion = tuple[str, bool | None, str]
"""Judge, what it says, in what words."""
Ruling = tuple[str, str]
"""Verdict and reason."""


def agreed(opinions: Sequence[Opinion]) -> Ruling:
    """Right or wrong where all judges say so, else open."""
    if not opinions:
        return OPEN, "no judge was asked"
    told = "; ".join(dict.fromkeys(f"{judge}: {words}" for judge, _, words in opinions))
    said = {answer for _, answer, _ in opinions}
    if said == {True}:
        return RIGHT, told
    return (WRONG, told) if said == {False} else (OPEN, told)


@dataclass(frozen=True)
class _Court:
    claims: Claims
    testimony: Testimony
    picture: np.ndarray

    @cached_property
    def nouns(self) -> Mapping[WordGroup, NounTruth]:
        named = [claim.subject for claim in self.claims.of("entity")]
        asked = [s.noun for s in self.testimony.sightings if not any(_is_about(s, noun) for noun in named)]
        return {noun: self._noun(noun) for noun in dict.fromkeys([*named, *asked])}

    @cached_property
    def _same_name(self) -> Counter[tuple[int, str]]:
        return Counter((c.subject.entry, c.subject.text.casefold()) for c in self.claims.of("entity"))

    @cached_property
    def _lab(self) -> np.ndarray:
        return lab(self.picture)

    def of(self, claim: Claim) -> Ruling:
        if claim.kind == "entity":
            own = self.nouns[claim.subject]
            return own.verdict, own.reason
        answers: list[Opinion] = self._answers(claim)
        missing = [
            noun
            for noun in (claim.subject, claim.other)
            if noun is not None
            and claim.kind != "sense"
            and noun in self.nouns
            and self.nouns[noun].verdict != RIGHT
        ]
        if missing:
            return OPEN, f"{missing[0].label} is not surely there"
        judges = {"attribute": self._colour, "relation": self._relation, "place": self._place}
        if claim.kind == "count":
            return agreed([*self._count(claim), *answers])
        seen = judges[claim.kind](claim) if claim.kind in judges else None
        return agreed([*([seen] if seen else []), *answers])

    def leak(self, claim: Claim) -> Ruling:
        """Right where no other thing shows the attribute; open where a thing is not surely there.

        Then it is not known which is which.
        """
        things = [own.subject for own in self.claims.of("entity")]
        missing = [noun for noun in things if self.nouns[noun].verdict != RIGHT]
        if missing:
            return OPEN, f"{missing[0].label} is not surely there"
        rulings = [(noun, *self._shows(claim, noun)) for noun in things if not self._entitled(claim, noun)]
        for wanted, verdict in ((RIGHT, WRONG), (OPEN, OPEN)):
            for noun, shows, reason in rulings:
                if shows == wanted:
                    return verdict, f"{noun.label}: {reason}"
        return (RIGHT, "no other thing shows it") if rulings else (OPEN, "there is no other thing")

    def _shows(self, claim: Claim, noun: WordGroup) -> Ruling:
        moved = replace(claim, subject=noun)
        pixels = self._colour(moved)
        return agreed([*([pixels] if pixels else []), *self._answers(moved)])

    def _entitled(self, claim: Claim, noun: WordGroup) -> bool:
        """Whether a thing may show an attribute: it is said of it, or a thing of its name, or is its name."""
        if (
            noun.text.casefold() == claim.subject.text.casefold()
            or noun.text.casefold() == claim.value.casefold()
        ):
            return True
        return any(own.value == claim.value for own in self.claims.attributes_of(noun))

    def _answers(self, claim: Claim) -> list[Opinion]:
        return [
            (own.judge, own.yes, {True: "yes", False: "no", None: "no clear answer"}[own.yes])
            for own in self.testimony.answers
            if own.claim.casefold() == claim.text.casefold()
        ]

    def _noun(self, noun: WordGroup) -> NounTruth:
        sightings = [own for own in self.testimony.sightings if _is_about(own, noun)]
        many = self._same_name[noun.entry, noun.text.casefold()]
        claim = Claim("entity", noun)
        opinions = [_there(own, many if self._of_all(own) else 1) for own in sightings]
        verdict, reason = agreed([*opinions, *self._answers(claim)])
        masks = [
            own.mask for own in sightings if own.mask is not None and (many <= 1 or not self._of_all(own))
        ]
        apart = [_overlap(masks[0], other) < SAME_PLACE for other in masks[1:]]
        mask = masks[0] if masks and masks[0].any() and not any(apart) else None
        boxes = [own.box for own in sightings if own.box is not None and (many <= 1 or not self._of_all(own))]
        if verdict != RIGHT:
            return NounTruth(noun, verdict, reason)
        return NounTruth(noun, verdict, reason, mask, boxes[0] if boxes else None)

    def _of_all(self, sighting: Sighting) -> bool:
        """Whether a sighting cannot be of one thing alone among several of its name."""
        named = sum(_is_about(sighting, claim.subject) for claim in self.claims.of("entity"))
        return sighting.of_all or named > 1

    def _centre(self, noun: WordGroup | None) -> tuple[float, float] | None:
        many = self._same_name[noun.entry, noun.text.casefold()] if noun is not None else 0
        centres = (
            own.centre
            for own in self.testimony.sightings
            if noun is not None and _is_about(own, noun) and (many <= 1 or not self._of_all(own))
        )
        return next((centre for centre in centres if centre is not None), None)

    def _colour(self, claim: Claim) -> Opinion | None:
        name, noun = colour_word(claim.value), self.nouns.get(claim.subject)
        if name is None or noun is None or noun.mask is None:
            return None
        inner = binary_erosion(noun.mask, iterations=1)  # what is around shines into the rim
        pixels = self._lab[inner if inner.sum() >= _LEAST_INSIDE else noun.mask][None]
        shares = {colour: float(colour_share(pixels, colour).mean()) for colour in COLOURS}
        other = max(shares, key=lambda colour: shares[colour])
        told = f"{shares[name]:.0%} {name}, most {other}"
        if shares[name] >= HAS_COLOUR:
            return "pixels", None if shares[other] - shares[name] > OTHER_COLOUR else True, told
        return "pixels", False if shares[name] <= LACKS_COLOUR else None, told

    def _relation(self, claim: Claim) -> Opinion | None:
        one, other = self._centre(claim.subject), self._centre(claim.other)
        if claim.value not in PLAIN_DIRECTIONS or one is None or other is None:
            return None
        said = points(other[0] - one[0], other[1] - one[1], DIRECTIONS[claim.value], APART)
        return "centres", said, f"{one[0]:.2f}, {one[1]:.2f} and {other[0]:.2f}, {other[1]:.2f}"

    def _place(self, claim: Claim) -> Opinion | None:
        centre = self._centre(claim.subject)
        if claim.value not in PLACES or centre is None:
            return None
        dx, dy = centre[0] - 0.5, centre[1] - 0.5
        told = f"its centre is at {centre[0]:.2f}, {centre[1]:.2f}"
        if claim.value == "center":
            away = max(abs(dx), abs(dy))
            return "centres", None if CENTRED < away < OFF_CENTRE else away <= CENTRED, told
        direction = PLACES[claim.value]
        if 0 in direction:
            return "centres", points(dx, dy, direction, AWAY), told
        along = [step * side for step, side in zip((dx, dy), direction, strict=True)]
        return "centres", True if min(along) >= AWAY else False if min(along) <= 0 else None, told

    def _count(self, claim: Claim) -> list[Opinion]:
        if (
            not claim.value.isdigit()
            or self._same_name[claim.subject.entry, claim.subject.text.casefold()] > 1
        ):
            return []
        return [
            (own.judge, own.count == int(claim.value), f"{own.count} seen")
            for own in self.testimony.sightings
            if _is_about(own, claim.subject) and own.count is not None
        ]


def points(dx: float, dy: float, direction: tuple[int, int], least: float) -> bool | None:
    """Whether (dx, dy) points in a direction: at least so far, and about as much along it as across."""
    along = dx * direction[0] + dy * direction[1]
    across = abs(dx * direction[1]) + abs(dy * direction[0])
    if along >= least and along >= 0.85 * across:
        return True
    return None if along >= least and along >= 0.5 * across else False


def _is_about(sighting: Sighting, noun: WordGroup) -> bool:
    """Whether a judge was asked for this noun: its words, or a part of them."""
    return sighting.noun.entry == noun.entry and bool(set(sighting.noun.indices) & set(noun.indices))


def _there(sighting: Sighting, many: int) -> Opinion:
    """What a sighting says of a noun that the prompt names `many` times."""
    told = f"score {sighting.score:.2f}"
    if sighting.score <= NOT_THERE:
        return sighting.judge, False, told
    if sighting.score < SURE:
        return sighting.judge, None, told
    if many <= 1:
        return sighting.judge, True, told
    enough = sighting.count is not None and sighting.count >= many
    return sighting.judge, True if enough else None, f"{told}, {sighting.count} of {many}"


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 0.0
