"""Text in pictures. Words come from prompts and are not trusted: control characters are dropped, and what no
font can draw is shown by its code point.

Letters are Pillow's own font, and for other scripts one of the system's, where one is found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .strokes import blend

MAX_TEXT = 1000
"""Characters of a text that are drawn at most."""
REGULAR, BOLD = 400, 650
SYSTEM_FONTS = (
    "arial.ttf",
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallback.ttf",
    "Arial Unicode.ttf",
)
"""Fonts of Windows, macOS and Linux, asked in this order for letters that Pillow's own font has not."""
_UNASSIGNED = "\U0010fffd"
"""Drawn as what a font shows for a letter that it does not have."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


# -------------------------------------------------------------------------------------------------- text


def safe_text(text: str) -> str:
    """`text` on one line, without control or direction characters, the unprintable as U+XXXX."""
    spaced = " ".join(text[: 4 * MAX_TEXT].split())[:MAX_TEXT]
    # One character for a letter and its accent, where there is one.
    composed = unicodedata.normalize("NFC", spaced)
    kept = (c for c in composed if unicodedata.category(c) not in ("Cc", "Cf", "Mn", "Me"))
    return "".join(_drawable(c) for c in kept)


def text_width(text: str, size: int, weight: int = REGULAR) -> int:
    """Width in pixels of one line of text of `size` px."""
    width = sum(_advance(font, run) for font, run in _runs(safe_text(text), size))
    return round(width + (_boldness(size) if weight >= BOLD and width else 0))


def draw_text(
    picture: np.ndarray,
    text: str,
    origin: tuple[int, int],
    size: int,
    colour: tuple[int, int, int],
    weight: int = REGULAR,
) -> None:
    """Draws one line of text, `size` px high, with its baseline starting at `origin` (x, y)."""
    words = safe_text(text)
    line = Image.new("L", (text_width(words, size, weight) + size, 3 * size))
    pen, x = ImageDraw.Draw(line), size / 2
    for font, run in _runs(words, size):
        for shift in (0, _boldness(size)) if weight >= BOLD else (0,):
            if isinstance(font, ImageFont.FreeTypeFont):
                pen.text((x + shift, 2 * size), run, fill=255, font=font, anchor="ls")
            else:
                pen.text((round(x + shift), 2 * size - font.getbbox(run)[3]), run, fill=255, font=font)
        x += _advance(font, run)
    blend(picture, (origin[0] - size // 2, origin[1] - 2 * size), np.asarray(line), colour)


def fit_text(text: str, width: int, size: int, weight: int = REGULAR) -> str:
    """`text`, cut with an ellipsis to `width` px."""
    words = safe_text(text)
    if text_width(words, size, weight) <= width:
        return words
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(words[:middle] + "...", size, weight) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return words[:low].rstrip() + "..."


def wrap_text(text: str, width: int, size: int, weight: int = REGULAR) -> list[str]:
    """`text` in lines of at most `width` px; a word longer than a line is cut."""
    lines: list[str] = []
    for word in safe_text(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(fit_text(word, width, size, weight))
    return lines


# ------------------------------------------------------------------------------------------------- fonts


def _drawable(character: str) -> str:
    """A character that some font has, else the plain letters that stand for it, else its code point."""
    if font_of(character) is not None:
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    if plain and all(font_of(c) is not None for c in plain):
        return plain
    return f"U+{ord(character):04X}"


@lru_cache(maxsize=4096)
def font_of(character: str) -> str | None:
    """The font that has a character: "" is Pillow's own, else one of SYSTEM_FONTS; None if none has it."""
    if unicodedata.category(character) in ("Cs", "Co", "Cn"):
        return None
    return next((name for name in ("", *SYSTEM_FONTS) if _has(name, character)), None)


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    font = _font(name, 20)
    if not isinstance(font, ImageFont.FreeTypeFont):
        return font is not None and " " <= character <= "~"
    shown = font.getmask(character)
    missing = font.getmask(_UNASSIGNED)
    return character == " " or (bool(shown.getbbox()) and bytes(shown) != bytes(missing))


@lru_cache(maxsize=128)
def _font(name: str, size: int) -> Font | None:
    if not name:
        return _own_font(size)
    try:
        return ImageFont.truetype(name, size)
    except (OSError, ImportError):
        return None


def _own_font(size: int) -> Font:
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):  # Pillow before 10.1, or built without FreeType: one size, ASCII
        return ImageFont.load_default()


def _runs(words: str, size: int) -> Iterator[tuple[Font, str]]:
    """The text in one font that has all of it, else in pieces of one font each."""
    for name in dict.fromkeys(map(font_of, words)):
        font = _font(name or "", size)
        if font is not None and all(_has(name or "", character) for character in set(words)):
            yield font, words
            return
    for name, characters in groupby(words, key=font_of):
        font = _font(name or "", size)
        if font is not None:
            yield font, "".join(characters)


def _advance(font: Font, run: str) -> float:
    return float(font.getlength(run))


def _boldness(size: int) -> float:
    """How far apart in px a bold letter is drawn twice."""
    return max(0.6, size / 28)
