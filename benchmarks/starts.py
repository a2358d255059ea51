"""Start pictures of image-to-image that show something else than the prompt says.

What the start picture shows survives where the prompt does not win: an artist's usual way to a colour on
the wrong thing, a missing thing, or two things in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from demo.scenes import (
    GRID,
    SIDE,
    Caption,
    Scene,
    SceneObject,
    place_of,
    random_scene,
    relation_between,
    render,
)
from demo.vocabulary import BACKGROUNDS, COLOURS, NATURAL_COLOUR, SIZES, WITHOUT_PATTERN

STARTS = ("faithful", "recoloured", "absent", "merged", "moved")
"""faithful: all is as the prompt says. recoloured: a thing has the colour, or the pattern, of another.
absent: a thing is missing. merged: a thing is missing and another has its colour. moved: things
have changed places. None shows a word in its wrong sense: that the start picture has another thing does not
mean that the model has misread the word."""


MOST_THINGS = 3
DRAWS = 5000
REACH = 0.56
"""Half side of the square around a thing, in shares of its diameter."""
MOST_PLACES = 40


def fitting_starts(caption: Caption) -> tuple[str, ...]:
    """The kinds of start pictures that contradict this caption; none for more things than a scene holds."""
    kinds = [claim.kind for claim in caption.claims]
    things = kinds.count("object")
    if things > MOST_THINGS:
        return ()
    two = ("recoloured", "merged", "absent") if things > 1 else ()
    moved = ("moved",) if {"relation", "place"} & set(kinds) else ()
    return (*moved, *two)


def start_picture(caption: Caption, start: str, seed: int) -> np.ndarray:
    """A picture (128, 128, 3) uint8 of what a caption says, changed as `start` tells.

    Raises ValueError where the caption has nothing that can be changed that way.
    """
    rng = np.random.default_rng(seed)
    scene = faithful_scene(caption, rng)
    return render(_CHANGES[start](scene, caption, rng))[0]


def faithful_scene(caption: Caption, rng: np.random.Generator) -> Scene:
    """A scene that matches a caption in all that it says; the rest is drawn."""
    count = sum(claim.kind == "object" for claim in caption.claims)
    if any(claim.kind == "size" for claim in caption.claims):
        return _laid_out(caption, random_scene(rng, count), rng)
    for _ in range(DRAWS):
        drawn = random_scene(rng, count)
        items = tuple(_as_said(item, caption, i) for i, item in enumerate(drawn.objects))
        if _in_place(items, caption):
            return _on_background(items, caption, drawn)
    raise ValueError(f'No scene was found in which all of "{caption.text}" is true.')


def _on_background(items: tuple[SceneObject, ...], caption: Caption, drawn: Scene) -> Scene:
    background = _said(caption, None, "background") or drawn.background
    return Scene(items, background, BACKGROUNDS[background])


def _laid_out(caption: Caption, drawn: Scene, rng: np.random.Generator) -> Scene:
    """The things of a drawn scene in the sizes that the caption says, laid out anew.

    Large things leave little room, so that drawing hardly ever puts them where they are said to be; what has
    no size in the caption is small here. Raises ValueError where there is no place for all.
    """
    named = [_as_said(item, caption, i) for i, item in enumerate(drawn.objects)]
    sizes = [_said(caption, i, "size") or "small" for i in range(len(named))]
    reach = [SIZES[size] * REACH for size in sizes]
    places = [[(x, y) for x in sides for y in sides] for sides in map(_sides_inside, reach)]
    for centres in _layouts([[own[i] for i in rng.permutation(len(own))] for own in places], reach):
        items = tuple(
            replace(item, size=size, diameter=SIZES[size], centre=centre)
            for item, size, centre in zip(named, sizes, centres, strict=True)
        )
        if _in_place(items, caption):
            return _on_background(items, caption, drawn)
    raise ValueError(f'No scene was found in which all of "{caption.text}" is true.')


def _sides_inside(reach: float) -> list[float]:
    """Coordinates on the grid where a thing lies wholly in the picture."""
    return [float(side) for side in range(0, SIDE + 1, GRID) if reach <= side <= SIDE - reach]


def _layouts(
    places: list[list[tuple[float, float]]], reach: list[float], done: tuple = ()
) -> Iterator[tuple[tuple[float, float], ...]]:
    """Centres of all things that keep apart, in the order of `places`; of three things a part of them."""
    number = len(done)
    if number == len(places):
        yield done
        return
    tried = places[number] if len(places) < 3 else places[number][:MOST_PLACES]
    for centre in tried:
        if all(
            max(abs(centre[0] - other[0]), abs(centre[1] - other[1])) > reach[number] + reach[i] + 1
            for i, other in enumerate(done)
        ):
            yield from _layouts(places, reach, (*done, centre))


def _said(caption: Caption, subject: int | None, kind: str) -> str | None:
    return next((c.value for c in caption.claims if c.subject == subject and c.kind == kind), None)


def _as_said(item: SceneObject, caption: Caption, subject: int) -> SceneObject:
    """A drawn object with the name, colour and pattern of the caption."""
    name = _said(caption, subject, "object")
    colour = _said(caption, subject, "colour") or NATURAL_COLOUR.get(name) or item.colour
    pattern = _said(caption, subject, "pattern") or "solid"
    return _painted(replace(item, name=name, pattern=pattern), colour)


def _painted(item: SceneObject, colour: str) -> SceneObject:
    return replace(item, colour=colour, rgb=COLOURS[colour])


def _in_place(items: tuple[SceneObject, ...], caption: Caption) -> bool:
    """Whether sizes, relations and places are as the caption says."""
    for claim in caption.claims:
        if claim.kind == "size" and items[claim.subject].size != claim.value:
            return False
        if claim.kind == "place" and place_of(items[claim.subject]) != claim.value:
            return False
        pair = claim.kind == "relation" and (items[claim.subject], items[claim.other])
        if pair and relation_between(*pair) != claim.value:
            return False
    return True


def _faithful(scene: Scene, caption: Caption, rng: np.random.Generator) -> Scene:
    return scene


def _recoloured(scene: Scene, caption: Caption, rng: np.random.Generator) -> Scene:
    giver, taker = _two(scene, rng)
    from_, to = scene.objects[giver], scene.objects[taker]
    changed = _painted(to, from_.colour)
    patterned = from_.pattern != to.pattern and to.name not in WITHOUT_PATTERN
    if patterned and (from_.colour == to.colour or rng.random() < 0.4):
        changed = replace(to, pattern=from_.pattern)
    return _with_object(scene, taker, changed)


def _absent(scene: Scene, caption: Caption, rng: np.random.Generator) -> Scene:
    lost, _ = _two(scene, rng)
    return replace(scene, objects=tuple(item for i, item in enumerate(scene.objects) if i != lost))


def _merged(scene: Scene, caption: Caption, rng: np.random.Generator) -> Scene:
    lost, kept = _two(scene, rng)
    mixed = _painted(scene.objects[kept], scene.objects[lost].colour)
    objects = _with_object(scene, kept, mixed).objects
    return replace(scene, objects=tuple(item for i, item in enumerate(objects) if i != lost))


def _moved(scene: Scene, caption: Caption, rng: np.random.Generator) -> Scene:
    if len(scene.objects) == 1:
        item = scene.objects[0]
        turned = tuple(float(128 - value) for value in item.centre)
        return _with_object(scene, 0, replace(item, centre=turned))
    one, other = _two(scene, rng)
    first, second = scene.objects[one], scene.objects[other]

    def put(item: SceneObject, place: SceneObject) -> SceneObject:
        return replace(item, centre=place.centre, diameter=place.diameter, size=place.size)

    return _with_object(_with_object(scene, one, put(first, second)), other, put(second, first))


_CHANGES = {
    "faithful": _faithful,
    "recoloured": _recoloured,
    "absent": _absent,
    "merged": _merged,
    "moved": _moved,
}


def _two(scene: Scene, rng: np.random.Generator) -> tuple[int, int]:
    """Two different objects of the scene, drawn. Raises ValueError if it has one."""
    if len(scene.objects) < 2:
        raise ValueError("The caption names one thing; this start picture needs two.")
    one, other = rng.permutation(len(scene.objects))[:2]
    return int(one), int(other)


def _with_object(scene: Scene, index: int, item: SceneObject) -> Scene:
    objects = list(scene.objects)
    objects[index] = item
    return replace(scene, objects=tuple(objects))
