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

WORLDS = ("plain", "hard")
"""The demo world, and the harder one: its words are those of the plain world and those below."""

HARD_COLOURS = COLOURS | BACKGROUNDS
"""Things of the hard world have the tones of grounds too."""

HARD_BACKGROUNDS: dict[str, tuple[int, int, int]] = BACKGROUNDS | {
    word: tuple(round(0.62 * value + 0.38 * 118) for value in rgb) for word, rgb in COLOURS.items()
}
"""Grounds of the hard world have the colours of things too, duller."""

HARD_SIZES = {"tiny": 30, "small": 38, "medium": 48, "large": 60, "huge": 76}
"""Size word -> diameter in pixels; "medium" is never said."""

MATERIALS = ("painted", "wooden", "glass", "metal", "stone", "brick")
"""What a thing is made of; "painted" is never said. A thing has a pattern or a material, not both."""

STYLES = ("flat", "cartoon", "sketched", "shaded", "glowing")
"""How a thing is drawn."""

GROUNDS = ("smooth", "wooden", "stone", "brick", "striped", "checkered", "wavy", "cloudy")
"""What a background is like; "smooth" is never said. Five of the words can be said of a thing too."""

NEW_WORDS = tuple(
    dict.fromkeys(
        word
        for word in (*HARD_SIZES, *MATERIALS[1:], *STYLES, *GROUNDS[1:], "in", "front", "of", "behind")
        if word not in {*SIZES, *PATTERNS, "in", "of"}
    )
)
"""Words that the plain world has not; each is one token of CLIP."""
