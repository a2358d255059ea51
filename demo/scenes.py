"""Scenes of known content: pictures, masks, captions, and what each caption claims.

Two worlds: in the plain one flat things stand apart from each other on an even ground; in the hard one they
overlap, share colours with each other and with a textured ground, and have materials and styles besides.
"""

from __future__ import annotations

import numpy as np

from .hard_painting import overlap, paint_hard
from .hard_scenes import OVERLAPPING, random_hard_scene
from .painting import paint_plain
from .scene import GRID, SIDE, Caption, Claim, Scene, SceneObject, caption_words
from .vocabulary import (
    BACKGROUNDS,
    COLOURS,
    HELD_OUT,
    NATURAL_COLOUR,
    OBJECTS,
    PATTERNS,
    SIZES,
    WITHOUT_PATTERN,
    WORLDS,
)

__all__ = [
    *("GRID", "SIDE", "Caption", "Claim", "Scene", "SceneObject", "caption_words"),
    *("caption", "place_of", "random_scene", "relation_between", "render", "scene_from_seed"),
]


def render(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Paints a scene.

    Returns:
        picture: (128, 128, 3) uint8 sRGB.
        masks: (objects, 128, 128) bool, everything that is seen of an object, holes left out.
    """
    return paint_hard(scene) if scene.world == "hard" else paint_plain(scene)


def random_scene(
    rng: np.random.Generator,
    objects: int | None = None,
    held_out: bool | None = False,
    world: str = "plain",
) -> Scene:
    """Draws a scene.

    Args:
        rng: Source of randomness; equal states give equal scenes.
        objects: How many objects, 1 to 3; drawn if None.
        held_out: False leaves out the colour-object pairs of `vocabulary.HELD_OUT`, None allows every pair,
            True makes the first object one of those pairs.
        world: of `vocabulary.WORLDS`.
    """
    if objects is not None and not 1 <= objects <= 3:
        raise ValueError(f"A scene has one to three objects, not {objects}.")
    if world not in WORLDS:
        raise ValueError(f"There is no world {world!r}; there are {', '.join(WORLDS)}.")
    if world == "hard":
        return random_hard_scene(rng, objects, held_out)
    count = objects or int(rng.choice([1, 2, 3], p=[0.2, 0.6, 0.2]))
    background = str(rng.choice(list(BACKGROUNDS)))
    kinds: list[tuple[str, str]] = []
    while len(kinds) < count:
        name, colour = _draw_kind(rng, force_held_out=bool(held_out) and not kinds)
        if held_out is False and (colour, name) in HELD_OUT:
            continue
        if any(name == other or colour == tone for other, tone in kinds):
            continue
        kinds.append((name, colour))
    placed = _place(rng, count)
    items = tuple(
        _finish(rng, name, colour, size, centre)
        for (name, colour), (size, centre) in zip(kinds, placed, strict=True)
    )
    return Scene(items, background, _jitter(rng, BACKGROUNDS[background], 3))


def _draw_kind(rng: np.random.Generator, force_held_out: bool) -> tuple[str, str]:
    if force_held_out:
        colour, name = sorted(HELD_OUT)[rng.integers(len(HELD_OUT))]
        return name, colour
    name = str(rng.choice(OBJECTS))
    natural = NATURAL_COLOUR.get(name)
    if natural and rng.random() < 0.4:
        return name, natural
    return name, str(rng.choice(list(COLOURS)))


def _finish(
    rng: np.random.Generator, name: str, colour: str, size: str, centre: tuple[float, float]
) -> SceneObject:
    pattern = "solid"
    if name not in WITHOUT_PATTERN and size != "small" and rng.random() < 0.45:
        pattern = str(rng.choice(PATTERNS[1:]))
    rgb = _jitter(rng, COLOURS[colour], 4)
    return SceneObject(name, colour, pattern, size, centre, SIZES[size], 0.0, rgb)


def _jitter(rng: np.random.Generator, rgb: tuple[int, int, int], spread: int) -> tuple[int, int, int]:
    return tuple(int(v) for v in np.clip(np.array(rgb) + rng.integers(-spread, spread + 1, 3), 0, 255))


def _place(rng: np.random.Generator, count: int) -> list[tuple[str, tuple[float, float]]]:
    """Sizes and centres of objects that neither overlap nor leave the picture."""
    sizes_by_count = {
        1: ["small", "medium", "large"],
        2: ["small", "medium", "large"],
        3: ["small", "medium"],
    }
    while True:
        sizes = [str(rng.choice(sizes_by_count[count])) for _ in range(count)]
        reach = [SIZES[size] * 0.58 for size in sizes]
        centres = [(_on_grid(rng, r + 2), _on_grid(rng, r + 2)) for r in reach]
        pairs = [(i, j) for i in range(count) for j in range(i)]
        if all(
            max(abs(centres[i][0] - centres[j][0]), abs(centres[i][1] - centres[j][1]))
            > reach[i] + reach[j] + 3
            for i, j in pairs
        ):
            return list(zip(sizes, centres, strict=True))


def _on_grid(rng: np.random.Generator, margin: float) -> float:
    """A coordinate on the grid, at least `margin` pixels inside the picture."""
    first, last = int(np.ceil(margin / GRID)), int((SIDE - margin) // GRID)
    return float(GRID * rng.integers(first, last + 1))


def relation_between(a: SceneObject, b: SceneObject) -> str:
    """The relation of `a` to `b` that is seen best: "left of", "right of", "above" or "below"."""
    dx, dy = b.centre[0] - a.centre[0], b.centre[1] - a.centre[1]
    if abs(dx) >= abs(dy):
        return "left of" if dx > 0 else "right of"
    return "above" if dy > 0 else "below"


def _said_relation(a: SceneObject, b: SceneObject, rng: np.random.Generator) -> str:
    """Where they overlap, as often what is in front as what lies where; in the plain world none overlap."""
    if a.layer != b.layer and overlap(a, b) >= OVERLAPPING and rng.random() < 0.5:
        return "in front of" if a.layer > b.layer else "behind"
    return relation_between(a, b)


def place_of(item: SceneObject) -> str | None:
    """ "on the left", "on the right", "at the top", "at the bottom", "in the center", or None if unclear."""
    dx, dy = item.centre[0] - SIDE / 2, item.centre[1] - SIDE / 2
    if max(abs(dx), abs(dy)) < 10:
        return "in the center"
    if max(abs(dx), abs(dy)) < 18 or abs(abs(dx) - abs(dy)) < 6:
        return None
    if abs(dx) > abs(dy):
        return "on the left" if dx < 0 else "on the right"
    return "at the top" if dy < 0 else "at the bottom"


class _Writer:
    """Collects the words of a caption and the claims they make."""

    def __init__(self) -> None:
        self.text = ""
        self.claims: list[Claim] = []

    def say(self, phrase: str, glue: str = " ") -> tuple[int, ...]:
        start = len(caption_words(self.text))
        self.text += (glue if self.text else "") + phrase
        return tuple(range(start, len(caption_words(self.text))))

    def claim(
        self, kind: str, value: str, words: tuple[int, ...], subject: int | None, other: int | None = None
    ):
        self.claims.append(Claim(kind, value, words, subject, other))


def caption(scene: Scene, rng: np.random.Generator) -> Caption:
    """Describes a scene in natural word order; what it leaves out is left to chance by the draw of `rng`."""
    writer = _Writer()
    tags = rng.random() < 0.2
    relate = len(scene.objects) == 2 and not tags and rng.random() < 0.6
    for index, item in enumerate(scene.objects):
        if index and not tags:
            _join(writer, scene, index, relate, rng)
        _describe(writer, item, index, tags, scene.world == "hard", rng)
    if len(scene.objects) == 1 and not tags and (place := place_of(scene.objects[0])) and rng.random() < 0.5:
        writer.claim("place", place, writer.say(place), 0)
    if rng.random() < 0.75:
        _say_background(writer, scene, tags, rng)
    return Caption(writer.text, tuple(writer.claims))


def _say_background(writer: _Writer, scene: Scene, tags: bool, rng: np.random.Generator) -> None:
    parts = [("background", scene.background)]
    if scene.ground != "smooth" and rng.random() < 0.8:
        parts.append(("ground", scene.ground))
        if rng.random() < 0.3:
            parts = parts[1:]
    said = " ".join(value for _, value in parts) + " background"
    article = "an" if said[0] in "aeiou" else "a"
    words = writer.say(said, ", ") if tags else writer.say(f"on {article} {said}")
    for word, (kind, value) in zip(words[-1 - len(parts) : -1], parts, strict=True):
        writer.claim(kind, value, (word,), None)


def _join(writer: _Writer, scene: Scene, index: int, relate: bool, rng: np.random.Generator) -> None:
    if relate:
        relation = _said_relation(scene.objects[0], scene.objects[1], rng)
        writer.claim("relation", relation, writer.say(relation), 0, 1)
    elif index < len(scene.objects) - 1:
        writer.text += ","
    else:
        writer.say(str(rng.choice(["and", "next to", "and"])) if len(scene.objects) == 2 else "and")


def _describe(
    writer: _Writer, item: SceneObject, index: int, tags: bool, hard: bool, rng: np.random.Generator
) -> None:
    parts: list[tuple[str, str]] = []
    if item.size != "medium" and rng.random() < 0.5:
        parts.append(("size", item.size))
    if hard and (item.style != "flat" or rng.random() < 0.15):
        parts.append(("style", item.style))
    patterned = item.pattern != "solid" or (item.name not in WITHOUT_PATTERN and rng.random() < 0.15)
    if patterned and item.material == "painted":
        parts.append(("pattern", item.pattern))
    natural = NATURAL_COLOUR.get(item.name) == item.colour
    if not natural or rng.random() < 0.4:
        parts.append(("colour", item.colour))
    if item.material != "painted":
        parts.append(("material", item.material))
    parts.append(("object", item.name))
    if not tags:
        writer.say("an" if parts[0][1][0] in "aeiou" else "a")
    for place, (kind, value) in enumerate(parts):
        writer.claim(kind, value, writer.say(value, ", " if tags and place == 0 else " "), index)


def scene_from_seed(
    seed: int, objects: int | None = None, held_out: bool | None = False, world: str = "plain"
) -> tuple[Scene, Caption]:
    """The scene and caption of a seed. Training uses seeds from 1,000,000; benchmarks use small ones."""
    rng = np.random.default_rng(seed)
    scene = random_scene(rng, objects, held_out, world)
    return scene, caption(scene, rng)
