"""The words of the demo world: what can be drawn, in which colours and patterns, on which backgrounds."""

from __future__ import annotations

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (208, 32, 36),
    "orange": (245, 134, 20),
    "yellow": (246, 215, 40),
    "green": (36, 146, 58),
    "mint": (132, 226, 186),
    "blue": (38, 84, 214),
    "purple": (122, 44, 168),
    "rose": (244, 118, 168),
}
"""Colour word -> sRGB. Three of them ("orange", "rose", "mint") also name an object."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (246, 246, 244),
    "beige": (226, 208, 176),
    "gray": (142, 144, 148),
    "brown": (98, 66, 44),
    "black": (22, 22, 26),
}

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
THINGS = ("orange", "rose", "mint", "fish", "house", "leaf")
OBJECTS = SHAPES + THINGS

NATURAL_COLOUR = {"orange": "orange", "rose": "red", "mint": "green", "leaf": "green"}
"""The colour of a thing whose caption names none; every other object is always captioned with its colour."""

PATTERNS = ("solid", "striped", "dotted", "checkered")
WITHOUT_PATTERN = frozenset({"rose", "mint"})
"""Things too slender for a pattern."""

SIZES = {"small": 38, "medium": 48, "large": 58}
"""Size word -> diameter in pixels of a 128 x 128 scene; "medium" is never said."""

HOMONYMS = tuple(word for word in COLOURS if word in OBJECTS)

HELD_OUT = frozenset(
    {
        ("red", "fish"),
        ("orange", "star"),
        ("yellow", "house"),
        ("green", "circle"),
        ("mint", "square"),
        ("blue", "leaf"),
        ("purple", "ring"),
        ("rose", "cross"),
        ("orange", "rose"),
        ("rose", "orange"),
        ("mint", "fish"),
        ("blue", "orange"),
    }
)
"""(colour, object) pairs that no training scene shows: what the model makes of them is generalisation."""
