"""Text in pictures. Words come from prompts and are not trusted: control characters are dropped, and what the
font cannot draw is shown by its code point.
"""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

MAX_TEXT = 1000
"""Characters of a text that are drawn at most."""
REGULAR, BOLD = 400, 650


# -------------------------------------------------------------------------------------------------- text


def safe_text(text: str) -> str:
    """`text` on one line, without control or direction characters, the unprintable as U+XXXX."""
    spaced = " ".join(text[: 4 * MAX_TEXT].split())[:MAX_TEXT]
    kept = (c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Mn", "Me"))
    return "".join(c if _drawable(c) else f"U+{ord(c):04X}" for c in _plain(kept))


def text_width(text: str, size: int, weight: int = REGULAR) -> int:
    """Width in pixels of one line of text of `size` px."""
    if _has_fonts():
        return int(cv2.getTextSize((0, 0), safe_text(text), (0, 0), cv2.FontFace("sans"), size, weight)[2])
    scale, thickness = _hershey(size, weight)
    return int(cv2.getTextSize(safe_text(text), cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0])


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
    if _has_fonts():
        cv2.putText(picture, words, origin, colour, cv2.FontFace("sans"), size, weight)
        return
    scale, thickness = _hershey(size, weight)
    cv2.putText(picture, words, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


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


def _has_fonts() -> bool:
    """OpenCV 5 brings an outline font with most scripts; earlier ones have strokes for ASCII only."""
    return hasattr(cv2, "FontFace")


def _plain(characters: object) -> str:
    text = "".join(characters)  # type: ignore[arg-type]
    if _has_fonts():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _drawable(character: str) -> bool:
    code = ord(character)
    # Surrogates crash OpenCV's font renderer, and with it the host.
    nameless = unicodedata.category(character) in ("Cs", "Co", "Cn")
    return code < 0x7F or (_has_fonts() and code < 0x10000 and not nameless)


def _hershey(size: int, weight: int) -> tuple[float, int]:
    thickness = max(1, round(size / (14 if weight >= BOLD else 22)))
    return size / 30, thickness
