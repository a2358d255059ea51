"""The annotated picture: numbered regions, arrows, and the sentences below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from ..maps.resample import bilinear
from .colours import ALERT, CALM, EXPECTED, FOUND, INK, MUTED, PAPER
from .pictures import blank_sheet, enlarged, text_size
from .strokes import draw_arrow, draw_disc, draw_line, outer_contours
from .text import BOLD, draw_text, fit_text, text_width, wrap_text

MIN_ANNOTATED = 512


@dataclass(frozen=True)
class Mark:
    """A numbered sentence about a picture with the regions that it is about, masks (h, w) of the picture."""

    text: str
    hint: str = ""
    """What to try, in smaller print."""
    sure: bool = True
    expected: np.ndarray | None = None
    found: np.ndarray | None = None
    label: str = ""
    """The word whose region `found` is, written at its outline."""
    arrow: tuple[tuple[float, float], tuple[float, float]] | None = None
    """From (x, y) to (x, y) in shares of width and height: from where something is to where it belongs."""


def annotated_picture(picture: np.ndarray, marks: Sequence[Mark], calm: str = "") -> np.ndarray:
    """The picture with outlines of expected and found regions, numbered, and the sentences below it.

    Expected regions are dashed blue, found ones solid orange, both on a dark rim: they differ by form as well
    as by colour. `calm` is the sentence for a picture without marks.
    """
    shown = enlarged(picture, MIN_ANNOTATED).copy()
    outlined = [(region, _outline(shown, region)) for region in _regions(marks)]
    for mark in marks:
        if mark.arrow is not None:
            _arrow(shown, *mark.arrow)
    for region, contour in outlined:  # last, so that no line crosses a number
        if contour is not None:
            _badge(shown, contour, region)
    return np.vstack([shown, _sentences(shown.shape[1], marks, calm)])


def message_picture(picture: np.ndarray, message: str) -> np.ndarray:
    """The picture with a message below it, for what could not be shown."""
    return annotated_picture(picture, [Mark(message)])


@dataclass(frozen=True, eq=False)
class _Region:
    """A region with the text of its badge: the numbers of all marks that are about it, and the word."""

    mask: np.ndarray
    expected: bool
    badge: str


def _regions(marks: Sequence[Mark]) -> list[_Region]:
    """The different regions of marks: one that several are about is outlined once, with all numbers."""
    found: dict[tuple, tuple[np.ndarray, bool, str, list[str]]] = {}
    for number, mark in enumerate(marks, start=1):
        for mask, expected, label in ((mark.expected, True, ""), (mark.found, False, mark.label)):
            if mask is not None:
                key = mask.shape, mask.tobytes(), expected, label
                found.setdefault(key, (mask, expected, label, []))[3].append(str(number))
    return [
        _Region(mask, expected, f"{', '.join(numbers)} {label}".strip())
        for mask, expected, label, numbers in found.values()
    ]


def _outline(picture: np.ndarray, region: _Region) -> np.ndarray | None:
    """Draws a region's outline; its longest contour, None if the region is too small to have one."""
    dashed, colour = region.expected, EXPECTED if region.expected else FOUND
    height, width = picture.shape[:2]
    fine = bilinear(region.mask, (height, width))
    if not dashed:
        fine = gaussian_filter(fine, max(height, width) / 160, mode="mirror")
    thick = max(2, min(height, width) // 200)
    edge = [width - 1 - thick, height - 1 - thick]
    contours = [np.clip(contour, thick, edge) for contour in outer_contours(fine > 0.5) if len(contour) > 8]
    if not contours:
        return None
    closed = [np.vstack([contour, contour[:1]]) for contour in contours]
    for contour in closed:
        draw_line(picture, contour.tolist(), INK, thick + 3)
    for contour in closed:
        for stroke in _dashes(contour, 8 * thick) if dashed else [contour]:
            draw_line(picture, stroke.tolist(), colour, thick)
    return max(contours, key=len)


def _dashes(contour: np.ndarray, length: int) -> list[np.ndarray]:
    return [contour[i : i + length] for i in range(0, len(contour), 2 * length)]


def _badge(picture: np.ndarray, contour: np.ndarray, region: _Region) -> None:
    """A tag with numbers and word on the outline: at the upper left of an expected one, else lower right."""
    colour, text = EXPECTED if region.expected else FOUND, region.badge
    sums = contour.sum(axis=1)
    x, y = contour[np.argmin(sums) if region.expected else np.argmax(sums)]
    size = text_size(picture.shape[1]) * 3 // 4
    shown = fit_text(text, picture.shape[1] // 3, size, BOLD)
    radius = round(size * 0.85)
    reach = max(0, (text_width(shown, size, BOLD) - size // 2) // 2)
    x = int(np.clip(x, radius + reach + 2, picture.shape[1] - radius - reach - 3))
    y = int(np.clip(y, radius + 2, picture.shape[0] - radius - 3))
    for thick, tone in ((2 * radius + 4, INK), (2 * radius, colour)):
        draw_line(picture, [(x - reach, y), (x + reach, y)], tone, thick)
    left = x - text_width(shown, size, BOLD) // 2
    draw_text(picture, shown, (left, y + round(size * 0.36)), size, INK, BOLD)


def _arrow(picture: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A light arrow on a dark rim between two places in shares of width and height."""
    height, width = picture.shape[:2]
    first, last = ((round(x * (width - 1)), round(y * (height - 1))) for x, y in (start, end))
    length = float(np.hypot(last[0] - first[0], last[1] - first[1]))
    if length < 8:
        return
    thick = max(2, min(height, width) // 180)
    tip = min(0.4 * length, 5 * thick)
    draw_arrow(picture, first, last, INK, thick + 4, tip)
    draw_arrow(picture, first, last, PAPER, thick, tip)


def _sentences(width: int, marks: Sequence[Mark], calm: str) -> np.ndarray:
    """The panel below an annotated picture: the key of the outlines, then one numbered block a mark."""
    text = max(15, text_size(width) * 3 // 4)
    pad, line, indent = text, round(text * 1.4), round(3.4 * text)
    blocks = [_block(mark.text, mark.hint, width - indent - pad, text) for mark in marks]
    if not marks and calm:
        blocks = [_block(calm, "", width - indent - pad, text)]
    keyed = any(mark.expected is not None or mark.found is not None for mark in marks)
    height = 2 * pad + sum(len(block) for block in blocks) * line + max(0, len(blocks) - 1) * (line // 2)
    panel = blank_sheet(height + keyed * 2 * line, width)
    if keyed:
        _key(panel, (pad, pad + line // 2), text)
    y = pad + keyed * 2 * line
    for number, block in enumerate(blocks, start=1):
        centre = (pad + text // 2 + 4, y + line // 2)
        if marks:
            _bullet(panel, centre, text, str(number), marks[number - 1].sure)
        else:
            draw_disc(panel, centre, text // 2, CALM)
        for words, size, colour in block:
            draw_text(panel, words, (indent, y + round(line * 0.72)), size, colour)
            y += line
        y += line // 2
    return panel


def _block(text: str, hint: str, width: int, size: int) -> list[tuple[str, int, tuple[int, int, int]]]:
    small = round(size * 0.88)
    lines = [(words, size, INK) for words in wrap_text(text, width, size)]
    return lines + [(words, small, MUTED) for words in wrap_text(hint, width, small)]


def _bullet(panel: np.ndarray, centre: tuple[int, int], text: int, number: str, sure: bool) -> None:
    """The number of a sentence: a filled disc for a warning, a ring for "unsure"."""
    radius = round(text * 0.72)
    draw_disc(panel, centre, radius, ALERT if sure else MUTED, 0 if sure else 2)
    size = round(text * 0.9)
    x = centre[0] - text_width(number, size, BOLD) // 2
    draw_text(panel, number, (x, centre[1] + round(size * 0.36)), size, PAPER if sure else MUTED, BOLD)


def _key(panel: np.ndarray, origin: tuple[int, int], text: int) -> None:
    x, y = origin
    small = round(text * 0.9)
    for label, colour, dashed in (("found by the word's map", FOUND, False), ("expected", EXPECTED, True)):
        end = x + 3 * text
        draw_line(panel, [(x, y), (end, y)], INK, 6)
        for start in range(x, end, text if dashed else 3 * text):
            stop = min(end, start + (text // 2 if dashed else 3 * text))
            draw_line(panel, [(start, y), (stop, y)], colour, 3)
        draw_text(panel, label, (end + text // 2, y + round(small * 0.36)), small, MUTED)
        x = end + text_width(label, small) + round(2.5 * text)
