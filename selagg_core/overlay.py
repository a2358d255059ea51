"""Pictures of maps and findings: overlays, contact sheets, annotated pictures; RGB uint8 (h, w, 3).

Words come from prompts and are not trusted: control characters are dropped, and what the font cannot draw is
shown by its code point.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

PAPER = (250, 250, 248)
INK = (28, 30, 36)
MUTED = (98, 104, 114)
LINE = (222, 223, 220)
EXPECTED = (86, 180, 233)
FOUND = (230, 159, 0)
"""Sky blue and orange of Okabe and Ito's set: apart for every common kind of colour blindness."""
ALERT = (213, 94, 0)
CALM = (0, 158, 115)

MIN_TILE = 256
"""Shortest side in pixels of a picture in a tile: smaller pictures are enlarged."""
MIN_ANNOTATED = 512
MAX_NOTICES = 4
"""Notices that are written under a sheet; the text output has all."""
MAX_TEXT = 1000
"""Characters of a text that are drawn at most."""
REGULAR, BOLD = 400, 650
_ROUNDED = cv2.LINE_AA


@dataclass(frozen=True)
class Tile:
    """One map of a picture. `heat`: (h, w) in [0, 1]; `note`: a short second text, such as a figure."""

    label: str
    heat: np.ndarray
    note: str = ""


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


# ---------------------------------------------------------------------------------------------- pictures


def rgb_picture(image: np.ndarray) -> np.ndarray:
    """A float picture (h, w, 1, 3 or 4 channels) in [0, 1] as RGB uint8."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3]
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def float_batch(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """RGB uint8 pictures as one float32 batch (n, h, w, 3) in [0, 1]; smaller ones get paper around."""
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    batch = np.empty((len(pictures), height, width, 3), dtype=np.uint8)
    batch[:] = PAPER
    for slot, picture in zip(batch, pictures, strict=True):
        slot[: picture.shape[0], : picture.shape[1]] = picture
    return batch.astype(np.float32) / 255


def png_bytes(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def enlarged(picture: np.ndarray, shortest: int) -> np.ndarray:
    """The picture, enlarged if its shorter side is below `shortest` px."""
    height, width = picture.shape[:2]
    factor = shortest / min(height, width)
    if factor <= 1:
        return picture
    size = (round(width * factor), round(height * factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)


def heat_colours(heat: np.ndarray) -> np.ndarray:
    """A map (h, w) in [0, 1] in the colours of inferno, which is perceptually uniform."""
    levels = np.round(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def heat_overlay(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A map over its picture: pale and dark where the map is low, glowing where it is high."""
    size = (picture.shape[1], picture.shape[0])
    heat = np.clip(cv2.resize(np.asarray(heat, np.float32), size, interpolation=cv2.INTER_CUBIC), 0, 1)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    ground = (0.7 * grey + 0.3 * picture) * 0.62
    opacity = (0.10 + 0.72 * heat**0.7)[..., None]
    mixed = (1 - opacity) * ground + opacity * heat_colours(heat)
    return np.round(np.clip(mixed, 0, 255)).astype(np.uint8)


def overlay_tile(picture: np.ndarray, tile: Tile) -> np.ndarray:
    """Overlay of one word with a strip below it that names the word and shows the scale."""
    shown = heat_overlay(enlarged(picture, MIN_TILE), tile.heat)
    width = shown.shape[1]
    text = _text_size(width)
    strip = blank_sheet(round(text * 2.5), width)
    baseline = round(strip.shape[0] / 2 + text * 0.36)
    bar = max(60, width // 4)
    scale_bar(strip, (width - bar - text // 2, strip.shape[0] // 2 - text // 4), (bar, text // 2))
    room = width - bar - 2 * text
    label = fit_text(tile.label, room, text, BOLD)
    draw_text(strip, label, (text // 2, baseline), text, INK, BOLD)
    used = text + text_width(label, text, BOLD)
    if tile.note and used + text_width(tile.note, round(text * 0.8)) < room:
        draw_text(strip, tile.note, (used, baseline), round(text * 0.8), MUTED)
    return np.vstack([shown, strip])


def contact_sheet(
    picture: np.ndarray,
    tiles: Sequence[Tile],
    title: str = "",
    footer: str = "",
    notices: Sequence[str] = (),
) -> np.ndarray:
    """The picture, then one overlay a word, in a grid; `title` above, `footer`, scale and `notices` below."""
    plain = enlarged(picture, MIN_TILE)
    cells = [(plain, "picture", "")]
    cells += [(heat_overlay(plain, tile.heat), tile.label, tile.note) for tile in tiles]
    height, width = plain.shape[:2]
    text = _text_size(width)
    gap = text
    columns = _columns_for(len(cells), (height + 2 * text) / width)
    rows = math.ceil(len(cells) / columns)
    inner = columns * width + (columns - 1) * gap
    heading = wrap_text(title, inner, round(text * 1.25), BOLD)[:3] if title else []
    line = round(text * 1.25 * 1.4)
    top = gap + len(heading) * line + (gap // 2 if heading else 0)
    sheet = blank_sheet(top + rows * (height + 2 * text + gap) + round(2.2 * text), inner + 2 * gap)
    for i, words in enumerate(heading):
        draw_text(sheet, words, (gap, gap + round((i + 0.75) * line)), round(text * 1.25), INK, BOLD)
    for number, (cell, label, note) in enumerate(cells):
        x = gap + (number % columns) * (width + gap)
        y = top + (number // columns) * (height + 2 * text + gap)
        sheet[y : y + height, x : x + width] = cell
        _caption(sheet, (x, y + height + round(1.35 * text)), width, text, label, note)
    _sheet_footer(sheet, gap, text, footer)
    return np.vstack([sheet, *notice_strip(notices, sheet.shape[1], gap, text)])


def notice_strip(notices: Sequence[str], width: int, gap: int, text: int) -> list[np.ndarray]:
    """A strip of paper with the first few notices in full, for below a sheet; nothing without notices."""
    shown = list(notices[:MAX_NOTICES])
    if len(notices) > MAX_NOTICES:
        shown.append(f"and {len(notices) - MAX_NOTICES} more notes: see the text output.")
    small = round(text * 0.85)
    lines = [line for notice in shown for line in wrap_text(f"note: {notice}", width - 2 * gap, small)]
    if not lines:
        return []
    strip = blank_sheet(round(len(lines) * 1.4 * small) + gap, width)
    for number, line in enumerate(lines):
        draw_text(strip, line, (gap, round((number + 0.75) * 1.4 * small)), small, MUTED)
    return [strip]


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


def _text_size(width: int) -> int:
    return int(np.clip(width / 18, 14, 26))


# ------------------------------------------------------------------------------------------------- parts


def blank_sheet(height: int, width: int) -> np.ndarray:
    """Paper of this size in px."""
    sheet = np.empty((height, width, 3), dtype=np.uint8)
    sheet[:] = PAPER
    return sheet


def scale_bar(
    sheet: np.ndarray,
    corner: tuple[int, int],
    size: tuple[int, int],
    colours: Callable[[np.ndarray], np.ndarray] = heat_colours,
) -> None:
    """Lays the scale from 0 to 1 into a sheet: upper left `corner` (x, y), `size` (width, height) in px."""
    x, y = corner
    width, height = size
    sheet[y : y + height, x : x + width] = colours(np.linspace(0, 1, width)[None].repeat(height, 0))


def _caption(
    sheet: np.ndarray, origin: tuple[int, int], width: int, text: int, label: str, note: str
) -> None:
    x, y = origin
    shown = fit_text(label, width, text, BOLD)
    draw_text(sheet, shown, (x, y), text, INK, BOLD)
    small = round(text * 0.8)
    room = width - text_width(shown, text, BOLD) - text // 2
    if note and text_width(note, small) <= room:
        draw_text(sheet, note, (x + width - text_width(note, small), y), small, MUTED)


def _sheet_footer(sheet: np.ndarray, gap: int, text: int, footer: str) -> None:
    small = round(text * 0.85)
    height, width = sheet.shape[:2]
    baseline = height - gap
    sheet[height - gap - round(1.6 * text), gap : width - gap] = LINE
    bar = min(160, width // 5)
    end = width - gap
    draw_text(sheet, "high", (end - text_width("high", small), baseline), small, MUTED)
    bar_x = end - text_width("high", small) - bar - small // 2
    scale_bar(sheet, (bar_x, baseline - round(0.7 * small)), (bar, round(0.7 * small)))
    low_x = bar_x - text_width("low", small) - small // 2
    draw_text(sheet, "low", (low_x, baseline), small, MUTED)
    if low_x - 2 * gap > 0:
        draw_text(sheet, fit_text(footer, low_x - 2 * gap, small), (gap, baseline), small, MUTED)


def _columns_for(cells: int, cell_aspect: float) -> int:
    """Columns that leave few empty places and come near a sheet twice as wide as high."""

    def cost(columns: int) -> float:
        rows = math.ceil(cells / columns)
        wide = columns / (rows * cell_aspect)
        return abs(math.log(wide / 2)) + 1.5 * (rows * columns - cells) / cells

    return min(range(1, min(cells, 8) + 1), key=cost)


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
    fine = cv2.resize(region.mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    if not dashed:
        fine = cv2.GaussianBlur(fine, (0, 0), max(height, width) / 160)
    inside = np.pad((fine > 0.5).astype(np.uint8), 1)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thick = max(2, min(height, width) // 200)
    edge = [width - 1 - thick, height - 1 - thick]
    contours = [np.clip(contour - 1, thick, edge) for contour in contours if len(contour) > 8]
    if not contours:
        return None
    cv2.polylines(picture, contours, True, INK, thick + 3, _ROUNDED)
    for contour in contours:
        for stroke in _dashes(contour, 8 * thick) if dashed else [contour]:
            cv2.polylines(picture, [stroke], not dashed, colour, thick, _ROUNDED)
    return max(contours, key=len)


def _dashes(contour: np.ndarray, length: int) -> list[np.ndarray]:
    return [contour[i : i + length] for i in range(0, len(contour), 2 * length)]


def _badge(picture: np.ndarray, contour: np.ndarray, region: _Region) -> None:
    """A tag with numbers and word on the outline: at the upper left of an expected one, else lower right."""
    colour, text = EXPECTED if region.expected else FOUND, region.badge
    points = contour[:, 0]
    x, y = points[np.argmin(points.sum(axis=1)) if region.expected else np.argmax(points.sum(axis=1))]
    size = _text_size(picture.shape[1]) * 3 // 4
    shown = fit_text(text, picture.shape[1] // 3, size, BOLD)
    radius = round(size * 0.85)
    reach = max(0, (text_width(shown, size, BOLD) - size // 2) // 2)
    x = int(np.clip(x, radius + reach + 2, picture.shape[1] - radius - reach - 3))
    y = int(np.clip(y, radius + 2, picture.shape[0] - radius - 3))
    for thick, tone in ((2 * radius + 4, INK), (2 * radius, colour)):
        cv2.line(picture, (x - reach, y), (x + reach, y), tone, thick, _ROUNDED)
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
    tip = min(0.4, 5 * thick / length)
    cv2.arrowedLine(picture, first, last, INK, thick + 4, _ROUNDED, tipLength=tip)
    cv2.arrowedLine(picture, first, last, PAPER, thick, _ROUNDED, tipLength=tip)


def _sentences(width: int, marks: Sequence[Mark], calm: str) -> np.ndarray:
    """The panel below an annotated picture: the key of the outlines, then one numbered block a mark."""
    text = max(15, _text_size(width) * 3 // 4)
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
            cv2.circle(panel, centre, text // 2, CALM, -1, _ROUNDED)
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
    cv2.circle(panel, centre, radius, ALERT if sure else MUTED, -1 if sure else 2, _ROUNDED)
    size = round(text * 0.9)
    x = centre[0] - text_width(number, size, BOLD) // 2
    draw_text(panel, number, (x, centre[1] + round(size * 0.36)), size, PAPER if sure else MUTED, BOLD)


def _key(panel: np.ndarray, origin: tuple[int, int], text: int) -> None:
    x, y = origin
    small = round(text * 0.9)
    for label, colour, dashed in (("found by the word's map", FOUND, False), ("expected", EXPECTED, True)):
        end = x + 3 * text
        cv2.line(panel, (x, y), (end, y), INK, 6, _ROUNDED)
        for start in range(x, end, text if dashed else 3 * text):
            stop = min(end, start + (text // 2 if dashed else 3 * text))
            cv2.line(panel, (start, y), (stop, y), colour, 3, _ROUNDED)
        draw_text(panel, label, (end + text // 2, y + round(small * 0.36)), small, MUTED)
        x = end + text_width(label, small) + round(2.5 * text)
