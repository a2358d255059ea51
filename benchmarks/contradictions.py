"""Scenes of either world that contradict their caption in a known way: their truth needs no reader.

A finding is right where it would be in a picture that a reader judges (`truth`), but for things in whose
place another one stands: a reader leaves these open, here they are known to be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from demo.hard_painting import overlap
from demo.hard_scenes import OVERLAPPING, well_seen
from demo.scenes import Caption, Claim, Scene, SceneObject, place_of, relation_between
from demo.vocabulary import HARD_COLOURS, HOMONYMS, NATURAL_COLOUR, WITHOUT_PATTERN

SURFACES = ("colour", "pattern", "material")
"""Of a thing, what may leak to another."""
BARE = {"pattern": "solid", "material": "painted"}
"""Surfaces of a thing of which nothing is said."""
COVERING = ("sketched", "shaded")
"""Styles under which a pattern or a material is hard to see."""


@dataclass(frozen=True)
class Shown:
    """A scene as it is shown with a caption. change: of CHANGES.

    sources: for each thing of the caption the one that stands for it in the scene, None where it is missing.
    mixed: of a merged scene the missing thing and the one that has its colour. misread: indices of words that
    the scene takes in their other sense.
    """

    scene: Scene
    caption: Caption
    change: str
    sources: tuple[int | None, ...]
    mixed: tuple[int, ...] = ()
    misread: tuple[int, ...] = ()

    def truths(self) -> dict[tuple, bool | None]:
        """Whether each finding would be right, by key as in `truth.Truth`; None where it cannot be said."""
        return dict(self._truths())

    def _truths(self) -> Iterator[tuple[tuple, bool | None]]:
        for claim in self.caption.claims:
            if claim.kind == "object":
                yield ("neglected", claim.words[-1]), self._seen(claim.subject) is None
            elif claim.kind in SURFACES and claim.value != "solid":
                yield ("leaked", claim.words[-1]), self._leaked(claim)
            elif claim.kind in ("relation", "place"):
                yield ("misplaced", *claim.words), self._misplaced(claim)
            if claim.value in HOMONYMS and claim.kind in ("object", "colour"):
                yield ("wrong_sense", claim.words[-1]), claim.words[-1] in self.misread
        objects = [claim for claim in self.caption.claims if claim.kind == "object"]
        for one, other in combinations(objects, 2):
            yield ("blended", one.words[-1], other.words[-1]), self._blended(one, other)

    def _seen(self, subject: int) -> SceneObject | None:
        place = self.sources[subject]
        return None if place is None else self.scene.objects[place]

    def _leaked(self, claim: Claim) -> bool | None:
        """Another thing shows the surface and has no claim to it. Open where a thing is missing."""
        if None in self.sources:
            return None
        shown = {subject: self._seen(subject) for subject in range(len(self.sources))}
        others = [i for i in shown if self._wanted(i, claim.kind) != claim.value]
        return any(
            getattr(shown[i], claim.kind) == claim.value and shown[i].name != claim.value for i in others
        )

    def _wanted(self, subject: int, kind: str) -> str | None:
        """The surface that the caption says of a thing, or that one has of which nothing is said."""
        claims = {c.kind: c.value for c in self.caption.claims if c.subject == subject}
        return claims.get(kind) or (NATURAL_COLOUR.get(claims["object"]) if kind == "colour" else BARE[kind])

    def _misplaced(self, claim: Claim) -> bool | None:
        items = [self._seen(i) for i in (claim.subject, claim.other) if i is not None]
        if any(item is None for item in items):
            return None
        if claim.kind == "place":
            return place_of(items[0]) != claim.value
        one, other = items
        if claim.value in ("in front of", "behind"):
            together = overlap(one, other) >= OVERLAPPING
            return not together or (one.layer > other.layer) != (claim.value == "in front of")
        return relation_between(one, other) != claim.value

    def _blended(self, one: Claim, other: Claim) -> bool | None:
        """One of the two is missing and the other has its colour; open where one is missing otherwise."""
        pair = {one.subject, other.subject}
        if pair == set(self.mixed):
            return True
        return None if any(self._seen(subject) is None for subject in pair) else False


def changed(scene: Scene, caption: Caption, change: str, rng: np.random.Generator) -> Shown:
    """A scene changed in one of CHANGES. Raises ValueError where it has nothing to be changed that way."""
    shown = _CHANGES[change](scene, caption, rng)
    if not well_seen(list(shown.scene.objects)):
        raise ValueError("Too little would be seen of a thing.")
    return shown


def _faithful(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    return Shown(scene, caption, "faithful", tuple(range(len(scene.objects))))


def _leaking(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    """A thing takes the colour that is said of another, or its pattern or material."""
    choices = [
        (kind, giver, taker)
        for kind in SURFACES
        for giver, one in enumerate(scene.objects)
        for taker, other in enumerate(scene.objects)
        if getattr(one, kind) not in (getattr(other, kind), other.name)
        and _says(caption, giver, kind)
        and (kind == "colour" or _shows_surfaces(other))
    ]
    if not choices:
        raise ValueError("No thing can take from another what is said of that.")
    kind, giver, taker = choices[rng.integers(len(choices))]
    one, other = scene.objects[giver], scene.objects[taker]
    if kind == "colour":
        new = _coloured(other, one)
    else:  # a thing has a pattern or a material: it takes both as they are
        new = replace(other, pattern=one.pattern, material=one.material)
    return Shown(_with(scene, taker, new), caption, "leaking", tuple(range(len(scene.objects))))


def _absent(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    lost, _ = _two(scene, rng)
    return Shown(_without(scene, lost), caption, "absent", _sources(scene, lost))


def _merged(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    lost, kept = _two(scene, rng)
    one, other = scene.objects[lost], scene.objects[kept]
    if one.colour == other.colour:
        raise ValueError("Both things have one colour.")
    mixed = _with(scene, kept, _coloured(other, one))
    return Shown(_without(mixed, lost), caption, "merged", _sources(scene, lost), (lost, kept))


def _moved(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    """Two things change places, in depth too."""
    if not any(claim.kind == "relation" for claim in caption.claims):
        raise ValueError("The caption says of no thing where it is.")
    one, other = scene.objects
    first = replace(one, centre=other.centre, layer=other.layer, size=other.size, diameter=other.diameter)
    second = replace(other, centre=one.centre, layer=one.layer, size=one.size, diameter=one.diameter)
    return Shown(replace(scene, objects=(first, second)), caption, "moved", (0, 1))


def _misread(scene: Scene, caption: Caption, rng: np.random.Generator) -> Shown:
    """A colour is read as a thing, in the place of what it is said of; or a thing as a colour."""
    claims = [c for c in caption.claims if c.value in HOMONYMS and c.kind in ("object", "colour")]
    names = [item.name for item in scene.objects]
    as_things = [c for c in claims if c.kind == "colour" and c.value not in names]
    as_colours = [c for c in claims if c.kind == "object" and len(names) > 1]
    if not as_things + as_colours:
        raise ValueError("No word has two senses.")
    claim = (as_things + as_colours)[rng.integers(len(as_things + as_colours))]
    everything = tuple(range(len(scene.objects)))
    if claim.kind == "colour":
        item = replace(scene.objects[claim.subject], name=claim.value, pattern="solid", material="painted")
        sources = tuple(None if i == claim.subject else i for i in everything)
        return Shown(_with(scene, claim.subject, item), caption, "misread", sources, misread=claim.words[-1:])
    kept = next(i for i in rng.permutation(len(names)) if i != claim.subject)
    item = replace(scene.objects[kept], colour=claim.value, rgb=HARD_COLOURS[claim.value])
    rest = _without(_with(scene, int(kept), item), claim.subject)
    return Shown(rest, caption, "misread", _sources(scene, claim.subject), misread=claim.words[-1:])


_CHANGES = {
    "faithful": _faithful,
    "leaking": _leaking,
    "absent": _absent,
    "merged": _merged,
    "moved": _moved,
    "misread": _misread,
}
CHANGES = tuple(_CHANGES)


def _says(caption: Caption, subject: int, kind: str) -> bool:
    return any(c.subject == subject and c.kind == kind and c.value != "solid" for c in caption.claims)


def _shows_surfaces(item: SceneObject) -> bool:
    """Whether a pattern or a material would be seen on a thing."""
    slight = item.name in WITHOUT_PATTERN or item.size in ("tiny", "small")
    return not slight and item.style not in COVERING


def _coloured(item: SceneObject, like: SceneObject) -> SceneObject:
    return replace(item, colour=like.colour, rgb=like.rgb)


def _two(scene: Scene, rng: np.random.Generator) -> tuple[int, int]:
    if len(scene.objects) < 2:
        raise ValueError("The scene holds one thing; this change needs two.")
    one, other = rng.permutation(len(scene.objects))[:2]
    return int(one), int(other)


def _with(scene: Scene, index: int, item: SceneObject) -> Scene:
    return replace(scene, objects=(*scene.objects[:index], item, *scene.objects[index + 1 :]))


def _without(scene: Scene, index: int) -> Scene:
    return replace(scene, objects=(*scene.objects[:index], *scene.objects[index + 1 :]))


def _sources(scene: Scene, lost: int) -> tuple[int | None, ...]:
    """Of each thing its place among those that are left."""
    return tuple(None if i == lost else i - (i > lost) for i in range(len(scene.objects)))
