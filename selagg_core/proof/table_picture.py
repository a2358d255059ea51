"""The score table as a picture: a bar a method, and beside it how much it differs from DAAM."""

from __future__ import annotations

import numpy as np

from ..drawing.colours import ALERT, CALM, EXPECTED, INK, LINE, MUTED
from ..drawing.pictures import blank_sheet
from ..drawing.text import BOLD, draw_text, fit_text
from .methods import DAAM, NAMES
from .table import PUBLISHED, MethodLine, ScoreTable, about, notes

WIDTH, LEFT, BARS, MIDDLE = 1240, 24, 392, 980
ROW, TEXT = 36, 15
REACH = 0.1
"""Difference of IoU that the scale on the right shows to either side, at least."""


def table_picture(table: ScoreTable) -> np.ndarray:
    """RGB uint8 (h, w, 3)."""
    told = [*notes(table), *(f"Published: {name} {value:.4f}" for name, value in PUBLISHED)]
    sheet = blank_sheet(118 + ROW * len(table.lines) + 22 * len(told) + 20, WIDTH)
    title = fit_text(", ".join(table.checkpoints) or "SelAgg Score", WIDTH - 2 * LEFT, 20, BOLD)
    draw_text(sheet, title, (LEFT, 34), 20, INK, BOLD)
    draw_text(sheet, about(table), (LEFT, 60), TEXT, MUTED)
    draw_text(sheet, "IoU at the threshold of the other half of the prompts", (BARS, 92), TEXT, INK)
    draw_text(sheet, "against DAAM, 95 %", (MIDDLE - 70, 92), TEXT, INK)
    reach = max([REACH, *(abs(edge) for line in table.lines for edge in _edges(line))])
    for number, line in enumerate(table.lines):
        _draw_line(sheet, line, 104 + ROW * number, reach)
    for number, text in enumerate(told):
        y = 118 + ROW * len(table.lines) + 22 * (number + 1)
        draw_text(sheet, fit_text(text, WIDTH - 2 * LEFT, TEXT), (LEFT, y), TEXT, MUTED)
    return sheet


def _edges(line: MethodLine) -> tuple[float, ...]:
    change = line.against.get("other") or line.against.get("published")
    return (change.low, change.high) if change is not None else ()


def _draw_line(sheet: np.ndarray, line: MethodLine, top: int, reach: float) -> None:
    value = line.iou_published if line.iou_other is None else line.iou_other
    middle = top + ROW // 2
    chosen = line.name in (DAAM, "default")
    name = fit_text(NAMES[line.name], BARS - LEFT - 12, TEXT)
    draw_text(sheet, name, (LEFT, middle + 5), TEXT, INK, BOLD if chosen else 400)
    end = BARS + round(300 * value)
    sheet[top + 6 : top + ROW - 6, BARS:end] = EXPECTED if chosen else LINE
    draw_text(sheet, f"{value:.3f}", (end + 8, middle + 5), TEXT, INK)
    scale = (WIDTH - LEFT - MIDDLE) / reach
    sheet[top : top + ROW, MIDDLE] = MUTED
    edges = _edges(line)
    if not edges:
        return
    low, high = (round(MIDDLE + edge * scale) for edge in edges)
    colour = CALM if edges[0] > 0 else ALERT if edges[1] < 0 else MUTED
    sheet[middle - 1 : middle + 2, low : high + 1] = colour
    for end in (low, high):
        sheet[middle - 6 : middle + 7, end : end + 2] = colour
