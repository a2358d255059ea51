"""Pictures of heads, layers by heads: how relevant each is to a concept, and what each makes of a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..drawing.colours import EXPECTED, INK, LINE, MUTED
from ..drawing.contact_sheet import notice_strip
from ..drawing.pictures import blank_sheet, heat_colours, scale_bar
from ..drawing.text import BOLD, draw_text, fit_text, text_width
from ..maps.arrays import normalise
from ..maps.heads import DEFAULT_FRACTION
from ..maps.resample import nearest
from ..recording.head_maps import HeadMaps
from ..recording.layout import HeadLayout
from ..relevance.relevance import HeadRelevance

MANY_LAYERS = 24
"""More layers than this (SDXL has 70) get smaller cells."""
_TEXT = 15
_GAP = 16


def relevance_picture(
    relevance: HeadRelevance, concept: str, fraction: float = DEFAULT_FRACTION
) -> np.ndarray:
    """All heads tinted by their relevance to a concept, the top `fraction` framed: RGB uint8 (h, w, 3).

    The tint runs from the lowest score of the concept to its 98th percentile: single heads stand far above
    all others. Raises ValueError for an unknown concept or a bad fraction.
    """
    scores = relevance.scores_of(concept)
    top = relevance.top_heads(concept, fraction)
    name = relevance.names[relevance.row(concept)]
    spread = float(np.percentile(scores, 98) - scores.min())
    tint = (scores - scores.min()) / spread if spread > 0 else np.zeros_like(scores)
    colours = heat_colours(tint[None])[0]
    side = 18 if len(relevance.layout.layers) > MANY_LAYERS else 36
    return _head_table(
        relevance.layout,
        lambda index: np.broadcast_to(colours[index], (side, side, 3)),
        side,
        top.tolist(),
        f"{name}: {relevance.base_model}",
        f"{relevance.score_kind}, {scores.min():.2f} to {scores.max():.2f}; framed: top {len(top)}",
        [relevance.reliability(concept).message],
    )


def head_maps_picture(
    head_maps: HeadMaps,
    words: Sequence[int],
    label: str,
    top: Sequence[int] = (),
    notices: Sequence[str] = (),
) -> np.ndarray:
    """What every single head makes of a word: a small map a head, each from its own lowest to highest value.

    words: indices of the word, or of the words of a phrase.  top: heads to frame.  Heads that were not
    recorded stay empty.  RGB uint8 (h, w, 3).
    """
    layout = head_maps.layout
    side = 40 if len(layout.layers) > MANY_LAYERS else 64

    def cell(index: int) -> np.ndarray | None:
        head = layout.head_at(index)
        if head.layer not in head_maps.maps:
            return None
        heat = normalise(head_maps.maps[head.layer][head.head, list(words)].mean(axis=0))
        height, width = heat.shape
        scale = side / max(height, width)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return heat_colours(nearest(heat, size))

    footer = f"each head from its own lowest to its highest value; framed: top {len(top)}" if len(top) else ""
    return _head_table(layout, cell, side, top, f'"{label}" head by head', footer, notices)


def _head_table(
    layout: HeadLayout,
    cell: Callable[[int], np.ndarray | None],
    side: int,
    framed: Sequence[int],
    title: str,
    footer: str,
    notices: Sequence[str],
) -> np.ndarray:
    """One row a layer, one cell of `side` px a head; `cell` gives its picture, at most side x side."""
    labels = [str(layer) for layer in layout.layers]
    text = min(_TEXT, side - 2)
    left = 2 * _GAP + max(text_width(label, text) for label in labels)
    pitch = side + max(2, side // 12)
    width = max(left + max(layout.heads) * pitch + _GAP, 460)
    top = _GAP + 3 * _TEXT
    sheet = blank_sheet(top + len(labels) * pitch + 4 * _TEXT, width)
    draw_text(sheet, fit_text(title, width - 2 * _GAP, 18, BOLD), (_GAP, _GAP + _TEXT), 18, INK, BOLD)
    for head in range(max(layout.heads)):
        number = str(head)
        x = left + head * pitch + (side - text_width(number, min(text, 12))) // 2
        draw_text(sheet, number, (x, top - 5), min(text, 12), MUTED)
    frames = set(map(int, framed))
    for row, (layer, label) in enumerate(zip(layout.layers, labels, strict=True)):
        y = top + row * pitch
        draw_text(sheet, label, (_GAP, y + (side + text) // 2 - 2), text, INK)
        for head in range(layout.heads_of(layer)):
            index = layout.offset(layer) + head
            _lay_cell(sheet, (left + head * pitch, y), side, cell(index), index in frames)
    _draw_scale(sheet, footer)
    return np.vstack([sheet, *notice_strip(notices, width, _GAP, _TEXT)])


def _lay_cell(
    sheet: np.ndarray, corner: tuple[int, int], side: int, picture: np.ndarray | None, framed: bool
) -> None:
    x, y = corner
    if picture is None:
        sheet[y : y + side, x : x + side] = LINE
        return
    height, width = picture.shape[:2]
    x, y = x + (side - width) // 2, y + (side - height) // 2
    sheet[y : y + height, x : x + width] = picture
    if framed:
        thickness = 2 * (side // 36) + 1
        frame = sheet[y : y + height, x : x + width]
        for edge in (frame[:thickness], frame[-thickness:], frame[:, :thickness], frame[:, -thickness:]):
            edge[...] = EXPECTED


def _draw_scale(sheet: np.ndarray, footer: str) -> None:
    height, width = sheet.shape[:2]
    baseline, small = height - _GAP, 13
    high = width - _GAP - text_width("high", small)
    draw_text(sheet, "high", (high, baseline), small, MUTED)
    bar = 90
    scale_bar(sheet, (high - bar - 6, baseline - 10), (bar, 10))
    low = high - bar - 12 - text_width("low", small)
    draw_text(sheet, "low", (low, baseline), small, MUTED)
    draw_text(sheet, fit_text(footer, low - 2 * _GAP, small), (_GAP, baseline), small, MUTED)
