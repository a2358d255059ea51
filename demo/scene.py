"""A scene, what is in it, and what a caption says of it, as values."""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 128
"""Side of a picture in pixels."""

GRID = 8
"""Objects are centred on multiples of so many pixels, the VAE's cell: a small model can learn that."""


@dataclass(frozen=True)
class SceneObject:
    """One object: `centre` (x, y) and `diameter` in pixels, `turn` in degrees, `rgb` as painted.

    material, style: of the hard world. layer: of two things that overlap, the higher number is in
    front.
    """

    name: str
    colour: str
    pattern: str
    size: str
    centre: tuple[float, float]
    diameter: float
    turn: float
    rgb: tuple[int, int, int]
    material: str = "painted"
    style: str = "flat"
    layer: int = 0

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
        kind: "object", "colour", "pattern", "size", "background", "relation" or "place"; in the hard world
            also "material", "style" and "ground" (what the background is like).
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
    """Objects in caption order on a background; `background_rgb` as painted.

    world: of `vocabulary.WORLDS`. ground: what the background is like; grain: seed of its texture, and of
    those of the objects.
    """

    objects: tuple[SceneObject, ...]
    background: str
    background_rgb: tuple[int, int, int]
    world: str = "plain"
    ground: str = "smooth"
    grain: int = 0


@dataclass(frozen=True)
class Caption:
    """A caption and the claims it makes, words in natural order."""

    text: str
    claims: tuple[Claim, ...]


def caption_words(text: str) -> list[str]:
    """The words of a caption in order, without punctuation."""
    return text.replace(",", " ").split()
