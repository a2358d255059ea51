"""Scenes of known content: pictures, masks, captions, and what each caption claims."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .shapes import drawing, outline, rasterise
from .vocabulary import (
    BACKGROUNDS,
    COLOURS,
    HELD_OUT,
    NATURAL_COLOUR,
    OBJECTS,
    PATTERNS,
    SIZES,
    WITHOUT_PATTERN,
)

SIDE = 128
"""Side of a picture in pixels."""

GRID = 8
"""Objects are centred on multiples of so many pixels, the VAE's cell: a small model can learn that."""

_SUPERSAMPLING = 4
_STEM_GREEN = (40, 110, 48)
_INK = 0.28
_PATTERN_SHADE = 0.45

_RELATIONS = {"left of": (1, 0), "right of": (-1, 0), "above": (0, 1), "below": (0, -1)}


@dataclass(frozen=True)
class SceneObject:
    """One object: `centre` (x, y) and `diameter` in pixels, `turn` in degrees, `rgb` as painted."""

    name: str
    colour: str
    pattern: str
    size: str
    centre: tuple[float, float]
    diameter: float
    turn: float
    rgb: tuple[int, int, int]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounding box (x0, y0, x1, y1) in pixels, of the circle around the object."""
        reach = self.diameter * 0.56
        x, y = self.centre
        return (x - reach, y - reach, x + reach, y + reach)


@dataclass(frozen=True)
class Claim:
    """Something that a caption says.

    Attributes:
        kind: "object", "colour", "pattern", "size", "background", "relation" or "place".
        value: The word or phrase, for example "star", "red", "left of".
        words: Indices into `caption_words(caption)` of the words that say it.
        subject: Index of the object it is about; None for the background.
        other: Index of the second object of a relation.
    """

    kind: str
    value: str
    words: tuple[int, ...]
    subject: int | None = None
    other: int | None = None


@dataclass(frozen=True)
class Scene:
    """Objects in caption order on a background; `background_rgb` as painted."""

    objects: tuple[SceneObject, ...]
    background: str
    background_rgb: tuple[int, int, int]


@dataclass(frozen=True)
class Caption:
    """A caption and the claims it makes, words in natural order."""

    text: str
    claims: tuple[Claim, ...]


def caption_words(text: str) -> list[str]:
    """The words of a caption in order, without punctuation."""
    return text.replace(",", " ").split()


def render(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Paints a scene.

    Returns:
        picture: (128, 128, 3) uint8 sRGB.
        masks: (objects, 128, 128) bool, everything drawn for an object, holes left out.
    """
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    picture[:] = scene.background_rgb
    masks = np.zeros((len(scene.objects), SIDE, SIDE), bool)
    for item, mask in zip(scene.objects, masks, strict=True):
        _paint(picture, mask, item)
    return picture, masks


def _paint(picture: np.ndarray, mask: np.ndarray, item: SceneObject) -> None:
    """Paints one object into its window of the picture and of its mask, both changed in place."""
    reach = int(np.ceil(item.diameter * 0.62))
    left, top = (max(0, int(v) - reach) for v in item.centre)
    right, bottom = (min(SIDE, int(v) + reach + 1) for v in item.centre)
    side = max(right - left, bottom - top)
    plan = drawing(item.name)
    centre = (np.array(item.centre) - (left, top)) * _SUPERSAMPLING
    placed = (side * _SUPERSAMPLING, centre, item.diameter / 2 * _SUPERSAMPLING, item.turn)
    body = rasterise(plan.body, *placed)
    body[rasterise(plan.holes, *placed) > 0] = 0
    green = rasterise(plan.green, *placed)
    tone = np.array(item.rgb, np.float32)
    canvas = np.empty((*body.shape, 3), np.float32)
    canvas[:] = picture[top, left]
    canvas[green > 0] = _STEM_GREEN
    dark = pattern_shade(item.pattern, centre, body.shape[0])
    canvas[(body > 0) & ~dark] = tone
    canvas[(body > 0) & dark] = tone * _PATTERN_SHADE
    ink = (outline(plan.lines, *placed, width=int(1.7 * _SUPERSAMPLING)) > 0) & (body > 0)
    canvas[ink] = tone * _INK
    window = (slice(top, bottom), slice(left, right))
    cut = (slice(bottom - top), slice(right - left))
    picture[window] = np.round(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA))[cut]
    mask[window] = cv2.resize(np.maximum(body, green), (side, side), interpolation=cv2.INTER_AREA)[cut] > 127


def pattern_shade(pattern: str, centre: np.ndarray, side: int) -> np.ndarray:
    """(side, side) bool: where the darker tone of a pattern goes, laid out from the object's centre."""
    if pattern == "solid":
        return np.zeros((side, side), bool)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    x, y = (x - centre[0]) / _SUPERSAMPLING, (y - centre[1]) / _SUPERSAMPLING
    if pattern == "striped":
        return np.mod((x + y) / np.sqrt(2) + 4, 16) < 8
    if pattern == "dotted":
        return np.hypot(np.mod(x + 7.5, 15) - 7.5, np.mod(y + 7.5, 15) - 7.5) < 4.4
    return np.mod(np.floor(x / 12) + np.floor(y / 12), 2) < 1


def random_scene(
    rng: np.random.Generator, objects: int | None = None, held_out: bool | None = False
) -> Scene:
    """Draws a scene.

    Args:
        rng: Source of randomness; equal states give equal scenes.
        objects: How many objects, 1 to 3; drawn if None.
        held_out: False leaves out the colour-object pairs of `vocabulary.HELD_OUT`, None allows every pair,
            True makes the first object one of those pairs.
    """
    count = objects or int(rng.choice([1, 2, 3], p=[0.2, 0.6, 0.2]))
    if not 1 <= count <= 3:
        raise ValueError(f"A scene has one to three objects, not {count}.")
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
        _describe(writer, item, index, tags, rng)
    if len(scene.objects) == 1 and not tags and (place := place_of(scene.objects[0])) and rng.random() < 0.5:
        writer.claim("place", place, writer.say(place), 0)
    if rng.random() < 0.75:
        words = (
            writer.say(f"{scene.background} background", ", ")
            if tags
            else writer.say(f"on a {scene.background} background")
        )
        writer.claim("background", scene.background, words[-2:-1], None)
    return Caption(writer.text, tuple(writer.claims))


def _join(writer: _Writer, scene: Scene, index: int, relate: bool, rng: np.random.Generator) -> None:
    if relate:
        relation = relation_between(scene.objects[0], scene.objects[1])
        writer.claim("relation", relation, writer.say(relation), 0, 1)
    elif index < len(scene.objects) - 1:
        writer.text += ","
    else:
        writer.say(str(rng.choice(["and", "next to", "and"])) if len(scene.objects) == 2 else "and")


def _describe(writer: _Writer, item: SceneObject, index: int, tags: bool, rng: np.random.Generator) -> None:
    parts: list[tuple[str, str]] = []
    if item.size != "medium" and rng.random() < 0.5:
        parts.append(("size", item.size))
    if item.pattern != "solid" or (item.name not in WITHOUT_PATTERN and rng.random() < 0.15):
        parts.append(("pattern", item.pattern))
    natural = NATURAL_COLOUR.get(item.name) == item.colour
    if not natural or rng.random() < 0.4:
        parts.append(("colour", item.colour))
    parts.append(("object", item.name))
    if not tags:
        writer.say("an" if parts[0][1][0] in "aeiou" else "a")
    for place, (kind, value) in enumerate(parts):
        writer.claim(kind, value, writer.say(value, ", " if tags and place == 0 else " "), index)


def scene_from_seed(
    seed: int, objects: int | None = None, held_out: bool | None = False
) -> tuple[Scene, Caption]:
    """The scene and caption of a seed. Training uses seeds from 1,000,000; benchmarks use small ones."""
    rng = np.random.default_rng(seed)
    scene = random_scene(rng, objects, held_out)
    return scene, caption(scene, rng)
