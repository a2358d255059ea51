"""For each kind of finding: what is changed in attention, or what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..claims.claim import DIRECTIONS, PLACES, Claim, Claims
from ..claims.expectations import place_region
from ..diagnosis.findings import Finding
from ..diagnosis.measure import WordEvidence
from ..diagnosis.suggestions import HIGHEST, LOW, bare
from ..maps.regions import Region, centroid
from ..prompt.groups import WordGroup
from ..prompt.quoted import short
from ..prompt.words import Prompt
from ..relevance.relevance import ARGMAX_WINS, HeadRelevance
from .counts import breaks
from .plan import Adjusting, Operator, Placing

AROUND = 1.3
"""The place of a thing is a disc of this many times the area that its map covers."""
LEAST_PLACE, MOST_PLACE = 0.04, 0.3
"""Shares of the picture that such a disc covers."""
SPOT = 0.4
"""Share of a half or quarter of the picture that a thing is drawn to: in all of it there is room for two."""
BLEND_SIDE_EFFECT = "It may turn the thing that is there into the other one"
FIRM = 2.0
"""Strength that proved itself where a start picture brings a fault of a kind in FIRMLY along; the viewer's
button sets it too (web/extension/apply.js)."""
FIRMLY = ("neglected", "leaked", "misplaced", "misplaced_region")
SENSE_SIDE_EFFECT = "Concept adjusting changes the look of the whole picture a little."


@dataclass(frozen=True)
class Fault:
    """What is wrong in one picture: a finding's kind, its words (the subject first) and its claim.

    taker: of a leak the thing that has the attribute instead.
    """

    kind: str
    words: tuple[WordGroup, ...]
    claim: Claim | None = None
    taker: WordGroup | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a picture when it is to be mended.

    size: (h, w) of its regions.  measured: what the maps of its words show.  expected: where the artist wants
    words.  relevance: of the model's heads, None without one.  from_picture: whether the run started from a
    picture, None where that is not known.  strength: at which it is to be mended.
    """

    prompts: tuple[Prompt, ...]
    claims: Claims
    size: tuple[int, int]
    measured: Mapping[WordGroup, WordEvidence] = field(default_factory=dict)
    expected: Mapping[WordGroup, Region] = field(default_factory=dict)
    relevance: HeadRelevance | None = None
    from_picture: bool | None = None
    strength: float = 1.0

    def weight(self, word: WordGroup) -> float:
        """The weight of a word or phrase in its prompt."""
        words = self.prompts[word.entry].words
        weights = [words[i].weight for i in word.indices if i < len(words)]
        return min(weights, key=lambda weight: -abs(weight - 1), default=1.0)

    def thing(self, entity: WordGroup) -> tuple[WordGroup, ...]:
        """The words of a thing with those that say how it is, a group for each entry that has some."""
        said = [c.words for c in self.claims.attributes_of(entity) if c.words is not None]
        found: dict[int, set[int]] = {}
        for group in (entity, *said):
            found.setdefault(group.entry, set()).update(group.indices)
        return tuple(WordGroup(entity.label, tuple(sorted(found[e])), e) for e in sorted(found))

    def seen(self, entity: WordGroup) -> WordEvidence | None:
        """What the map of a thing shows; of a phrase without a map of its own that of its last word."""
        last = WordGroup(entity.label, entity.indices[-1:], entity.entry)
        alike = (s for g, s in self.measured.items() if (g.entry, g.indices) == (last.entry, last.indices))
        return self.measured.get(entity) or next(alike, None)

    def place(self, entity: WordGroup) -> Region | None:
        """Where a thing was expected, or else where its map is; None if neither is known."""
        if entity in self.expected:
            return self.expected[entity]
        seen = self.seen(entity)
        if seen is None:
            return None
        area = float(np.clip(AROUND * seen.spread, LEAST_PLACE, MOST_PLACE))
        return _disc(seen.centre, area, self.size)


@dataclass(frozen=True)
class Remedy:
    """operators: what is changed; said: that in a sentence; advice: what to do beside, or instead."""

    operators: tuple[Operator, ...] = ()
    said: str = ""
    advice: tuple[str, ...] = ()


def fault_of(finding: Finding, known: Known) -> Fault:
    """The fault of a finding. Raises ValueError if its words are not in the prompts."""
    for word in finding.words:
        if not word.indices:
            raise ValueError(
                "the report does not say where its words are (an older version made it): diagnose again."
            )
        there = known.prompts[word.entry].words if word.entry < len(known.prompts) else ()
        if max(word.indices) >= len(there):
            raise ValueError(f'the word "{short(word.label)}" of the report is no longer in the prompt.')
    claim = next((own for own in known.claims.all if own.text == finding.claim), None)
    taker = finding.evidence.get("taken_by")
    groups = {group.label: group for group in (*known.measured, *known.claims.groups)}
    return Fault(finding.kind, finding.words, claim, groups.get(taker) if isinstance(taker, str) else None)


def remedy_for(fault: Fault, known: Known) -> Remedy:
    """What mends a fault, where something has been shown to."""
    weighted = _weight_advice(fault, known)
    if weighted:
        return Remedy(advice=(weighted,))
    own = BY_KIND.get(fault.kind)
    if own is None:
        return Remedy(advice=(f"Nothing is known that mends a finding of the kind {fault.kind}.",))
    return own(fault, known)


def _weight_advice(fault: Fault, known: Known) -> str:
    """Where a weight in the prompt may be the cause, that comes first: no change of attention is as good."""
    for word in fault.words:
        weight = known.weight(word)
        low, high = weight < LOW, weight > HIGHEST - 0.6 and fault.kind in ("leaked", "wrong_sense")
        if low or high:
            return (
                f'The weight of "{short(word.label)}" in the prompt is {weight:g}: bring it back to 1 first, '
                f"such as ({short(bare(word.label))}:1.0). Nothing was changed for it."
            )
    return ""


def placed(entity: WordGroup, region: Region, known: Known) -> tuple[Placing, ...]:
    return tuple(Placing(words, region) for words in known.thing(entity))


def _misplaced(fault: Fault, known: Known) -> Remedy:
    claim = fault.claim
    if claim is None:
        return Remedy(
            advice=(f'The claim about "{short(fault.words[0].label)}" is no longer made by the prompt.',)
        )
    if claim.kind == "place":
        region = known.expected.get(claim.subject) or spot(claim.value, known.size)
        return _with_firmness(_drawn({claim.subject: (region, f"to the {claim.value}")}, known), known)
    if claim.other is None or claim.value not in DIRECTIONS:
        return Remedy(advice=(f'"{short(claim.text)}" cannot be told as regions.',))
    first, second = halves(DIRECTIONS[claim.value])
    ways = {
        entity: (known.expected.get(entity) or spot(half, known.size), f"to the {half} half")
        for entity, half in ((claim.subject, first), (claim.other, second))
    }
    return _with_firmness(_drawn(ways, known), known)


def _misplaced_region(fault: Fault, known: Known) -> Remedy:
    word = fault.words[0]
    if word not in known.expected:
        return Remedy(
            advice=(
                f'Where "{short(word.label)}" should be is not in the report: connect the same SelAgg Expect '
                "to SelAgg Repair.",
            )
        )
    return _with_firmness(_drawn({word: (known.expected[word], "to its expected region")}, known), known)


def _leaked(fault: Fault, known: Known) -> Remedy:
    if fault.taker is None or len(fault.words) < 2:
        return Remedy(advice=(f'Which thing has "{short(fault.words[0].label)}" instead is not known.',))
    entity = fault.words[1]
    places = {thing: known.place(thing) for thing in (entity, fault.taker)}
    known_places = {thing: place for thing, place in places.items() if place is not None}
    if len(known_places) < 2:
        missing = next(thing.label for thing, place in places.items() if place is None)
        return Remedy(
            advice=(f'Where "{short(missing)}" is, is not known: connect a SelAgg Expect that says it.',)
        )
    apart = _apart(known_places)
    drawn = _drawn({thing: (region, "to its own place") for thing, region in apart.items()}, known)
    return _with_firmness(drawn, known)


def _with_firmness(drawn: Remedy, known: Known) -> Remedy:
    """With the advice for start pictures."""
    firmly = _firmly(known)
    return Remedy(drawn.operators, drawn.said, (f"{firmly[0].upper()}{firmly[1:]}.",) if firmly else ())


def _firmly(known: Known) -> str:
    """What to do where a start picture brings a fault along; "" where there is none."""
    if known.from_picture is False:
        return ""
    told = "the picture starts from another one: " if known.from_picture else "if it starts from a picture, "
    return told + (
        "raise denoise" if known.strength >= FIRM else f"set strength to {FIRM:g}, or raise denoise"
    )


def _blended(fault: Fault, known: Known) -> Remedy:
    parted = in_halves(fault, known)
    return Remedy(parted.operators, parted.said, (side_effect(fault.kind, known),))


def side_effect(kind: str, known: Known) -> str:
    """What parting two things may do beside, with its count where it was more than a few."""
    count = breaks(kind, known.from_picture)
    if count is None:
        return f"{BLEND_SIDE_EFFECT}: compare both pictures."
    where = "from a start picture" if count.from_picture else "from an empty latent"
    told = "{} of {}".format(*count.broken)
    return (
        f"{BLEND_SIDE_EFFECT}: on the demo model, {where}, {told} claims that were right became wrong. "
        "Compare both pictures."
    )


def _stated(fault: Fault, known: Known) -> Claim | None:
    """What the prompt says of how the two things of a blend lie to each other."""
    pair = set(fault.words[:2])
    told = (c for c in known.claims.of("relation") if c.other is not None and {c.subject, c.other} == pair)
    return next((claim for claim in told if claim.value in DIRECTIONS), None)


def in_halves(fault: Fault, known: Known) -> Remedy:
    """Two things, each in a half of the picture: as the prompt says, else as their maps lie."""
    one, other = fault.words[:2]
    stated = _stated(fault, known)
    if stated is not None and stated.other is not None:
        one, other = stated.subject, stated.other
        direction = DIRECTIONS[stated.value]
    else:
        direction = _way_between(known, one, other)
    first, second = halves(direction)
    ways = {
        entity: (known.expected.get(entity) or spot(half, known.size), f"to the {half} half")
        for entity, half in ((one, first), (other, second))
    }
    return _drawn(ways, known)


def _neglected(fault: Fault, known: Known) -> Remedy:
    word = fault.words[0]
    firmly = _firmly(known)
    advice = (
        f'For "{short(word.label)}", which is missing: {firmly}{"; " if firmly else ""}raise the weight of '
        f"the word, such as ({short(bare(word.label))}:1.4); or try another seed.",
    )
    region = known.expected.get(word) or free_region(word, known)
    drawn = _drawn({word: (region, "to a free place")}, known)
    return Remedy(drawn.operators, drawn.said, advice)


def _wrong_sense(fault: Fault, known: Known) -> Remedy:
    claim, word = fault.claim, fault.words[0]
    text = _reworded(claim, word)
    advice = (text,) if text else ()
    if claim is None or not claim.intended or not claim.unintended:
        return Remedy(advice=advice or (f'Which meaning of "{short(word.label)}" was meant is not known.',))
    factors = sense_factors(known.relevance, claim.intended, claim.unintended)
    if factors is None:
        why = "No head relevance of this model says which heads read which meaning, so nothing was changed."
        return Remedy(advice=(why, *advice))
    said = (
        f'"{short(word.label)}" is read by the heads for {" or ".join(claim.intended)} more, by those for '
        f"{' or '.join(claim.unintended)} less. {SENSE_SIDE_EFFECT}"
    )
    return Remedy((Adjusting(word, factors),), said, advice)


BY_KIND: Mapping[str, Callable[[Fault, Known], Remedy]] = MappingProxyType(
    {
        "misplaced": _misplaced,
        "misplaced_region": _misplaced_region,
        "leaked": _leaked,
        "blended": _blended,
        "neglected": _neglected,
        "wrong_sense": _wrong_sense,
    }
)


def sense_factors(
    relevance: HeadRelevance | None, intended: tuple[str, ...], unintended: tuple[str, ...]
) -> np.ndarray | None:
    """2 HRV_d - HRV_u (heads,), means over the concepts of each sense; None where the relevance lacks one."""
    if relevance is None or ARGMAX_WINS not in relevance.score_kinds:
        return None
    scores = relevance.with_score(ARGMAX_WINS)
    known = {name.casefold() for name in scores.names}
    rows = [
        [scores.scores_of(name) for name in names if name.casefold() in known]
        for names in (intended, unintended)
    ]
    if not all(rows):
        return None
    meant, instead = (np.mean(own, axis=0) for own in rows)
    return 2 * meant - instead


def halves(direction: tuple[int, int]) -> tuple[str, str]:
    """The places of a thing and of another that lies in a direction (x, y) from it."""
    dx, dy = direction
    if dx:
        return ("left", "right") if dx > 0 else ("right", "left")
    return ("top", "bottom") if dy > 0 else ("bottom", "top")


def spot(place: str, size: tuple[int, int]) -> Region:
    """A disc in the middle of the half or quarter of a picture that a place of `claims.PLACES` names."""
    whole = place_region(place, size)
    return _disc(centroid(whole.mask), SPOT * whole.area, size)


def free_region(word: WordGroup, known: Known) -> Region:
    """A spot in the half or quarter of the picture that the other things leave most free."""
    taken = np.zeros(known.size, bool)
    for claim in known.claims.of("entity"):
        place = None if claim.subject == word else known.place(claim.subject)
        if place is not None:
            taken |= place.mask
    regions = [spot(place, known.size) for place, at in PLACES.items() if at != (0, 0)]
    return max(regions, key=lambda region: float((~taken & region.mask).mean() - taken[region.mask].mean()))


def _drawn(ways: Mapping[WordGroup, tuple[Region, str]], known: Known) -> Remedy:
    operators = [own for entity, (region, _) in ways.items() for own in placed(entity, region, known)]
    said = ", ".join(f'"{short(entity.label)}" {way}' for entity, (_, way) in ways.items())
    return Remedy(tuple(operators), f"Drawn {said}.")


def _apart(places: Mapping[WordGroup, Region]) -> dict[WordGroup, Region]:
    """Regions without what they share."""
    found = {}
    for thing, region in places.items():
        others = np.any([other.mask for name, other in places.items() if name != thing], axis=0)
        own = region.mask & ~others
        found[thing] = Region(own if own.any() else region.mask, region.label)
    return found


def _way_between(known: Known, one: WordGroup, other: WordGroup) -> tuple[int, int]:
    """The direction from one thing to another by their maps; to the right if they are in one place."""
    seen = [known.seen(thing) for thing in (one, other)]
    if seen[0] is None or seen[1] is None:
        return 1, 0
    dx, dy = (seen[1].centre[i] - seen[0].centre[i] for i in (0, 1))
    if abs(dy) > abs(dx):
        return 0, 1 if dy > 0 else -1
    return (1 if dx >= 0 else -1), 0


def _reworded(claim: Claim | None, word: WordGroup) -> str:
    """Another way to write a word that has several meanings."""
    new = colour_word(claim, word)
    if not new:
        return ""
    return f'Other words have one meaning only: write "{short(new)}" for "{short(bare(word.label))}".'


def colour_word(claim: Claim | None, word: WordGroup) -> str:
    """A word for a colour that is the name of a thing as well, without that meaning; "" for other words."""
    if claim is None or not any(name.casefold() == "color" for name in claim.intended):
        return ""
    return f"{bare(word.label)}-coloured"


def _disc(centre: tuple[float, float], area: float, size: tuple[int, int]) -> Region:
    """A disc of a share of the picture's area around a point in shares of its sides; never empty."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x + 0.5 - centre[0] * width, y + 0.5 - centre[1] * height)
    radius = max(1.0, float(np.sqrt(area * height * width / np.pi)))
    return Region(distance <= max(radius, float(distance.min())))
