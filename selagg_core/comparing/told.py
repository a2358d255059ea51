"""A comparison in words, and as one sheet of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..drawing.colours import ALERT, CALM, INK, MUTED
from ..drawing.pictures import blank_sheet, text_size
from ..drawing.strokes import draw_disc
from ..drawing.text import BOLD, draw_text, wrap_text
from ..maps.resample import area_mean
from ..prompt.quoted import short
from .comparison import HARMLESS, Comparison
from .paired import ENOUGH, Paired, wilson

MOST_SHOWN = 24
"""Pairs on a sheet at most."""
LONGEST = 192
"""Pixels of the longer side of a picture on it."""
GAP = 12


def verdict(own: Comparison) -> str:
    """What the counts say, in one or two sentences."""
    faults = own.faults
    if not faults.enough:
        unjudged = f"; {faults.open} could not be judged" if faults.open else ""
        return (
            f"Not enough: {faults.pairs} pairs of pictures could be judged{unjudged}. At least {ENOUGH} are "
            "needed: make more, of new seeds."
        )
    told = f"wrong in {faults.before} of {faults.pairs} before, in {faults.after} after (p = {faults.p:.2g})"
    if not faults.helps and not faults.harms:
        return f"No difference is shown: {told}.{_harm(own)}"
    first = f"The change helps: {told}." if faults.helps else f"The change harms: {told}."
    return f"{first}{_by_placebo(own) if faults.helps else ''}{_harm(own)}"


def _by_placebo(own: Comparison) -> str:
    if own.placebo is None or own.against_placebo is None:
        return ""
    if own.against_placebo.helps:
        return " A placebo does not do it."
    if own.placebo.helps:
        return " So does the placebo: it may be that any change helps."
    return " That it does more than the placebo is not shown."


def _harm(own: Comparison) -> str:
    broken, judged = own.others
    if not judged or broken / judged <= HARMLESS:
        return ""
    return f" But of {judged} claims that were right {broken} are wrong now."


def lines(own: Comparison) -> Iterator[str]:
    """Everything in words, a fact a line, the verdict first."""
    yield verdict(own)
    yield f"Judged by {own.judge}."
    yield f"Faults: {_counts(own.faults)}."
    if len(own.by_claim) > 1:
        for claim, paired in own.by_claim.items():
            if paired.pairs:
                yield f"  {short(claim)}: {_counts(paired)}."
    broken, judged = own.others
    yield f"Claims that were right and are wrong now: {broken} of {judged}."
    if own.elsewhere is not None:
        yield f"Change where neither picture shows a thing: {own.elsewhere:.1f} of 255."
    if own.placebo is not None and own.against_placebo is not None:
        yield f"Placebo: {_counts(own.placebo)}."
        yield f"The change against the placebo: p = {own.against_placebo.p:.2g}."
    if own.left_out:
        yield f"Left out: {own.left_out} pairs of the picture that failed."
    yield from own.notes


def _counts(paired: Paired) -> str:
    if not paired.pairs:
        return "no pair could be judged"
    old, new = (_interval(count, paired.pairs) for count in (paired.before, paired.after))
    open_pairs = f", {paired.open} open" if paired.open else ""
    return (
        f"{paired.before} {old} -> {paired.after} {new} of {paired.pairs} pairs{open_pairs}; {paired.mended} "
        f"mended, {paired.broken} broken, p = {paired.p:.2g}"
    )


def _interval(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"[{low:.0%} to {high:.0%}]"


def sheet(own: Comparison, before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> np.ndarray:
    """The verdict, and below it the pairs side by side, each picture marked as right or wrong: RGB uint8.

    before, after: pictures (h, w, 3) uint8, as many as `own.wrong` has.
    """
    pairs = list(zip(before, after, own.wrong, strict=True))[:MOST_SHOWN]
    cells = [_pair(*pair) for pair in pairs] or [blank_sheet(8, 2 * LONGEST)]
    high, wide = max(cell.shape[0] for cell in cells), max(cell.shape[1] for cell in cells)
    columns = min(len(cells), max(1, round((2 * len(cells) * high / wide) ** 0.5)))
    rows = -(-len(cells) // columns)
    width = columns * (wide + GAP) + GAP
    head = _head(own, width, len(own.wrong) - len(pairs))
    paper = blank_sheet(rows * (high + GAP), width)
    for number, cell in enumerate(cells):
        top, left = (number // columns) * (high + GAP), GAP + (number % columns) * (wide + GAP)
        paper[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    return np.vstack([head, paper])


def _head(own: Comparison, width: int, more: int) -> np.ndarray:
    size = text_size(max(width, 384))
    told = [*wrap_text(verdict(own), width - 2 * GAP, size, BOLD)]
    small = f"Before on the left, after on the right; judged by {own.judge}."
    small += f" {more} more pairs are not shown." if more > 0 else ""
    smaller = round(0.8 * size)
    notes = wrap_text(small, width - 2 * GAP, smaller)
    paper = blank_sheet(round(1.5 * size * len(told) + 1.5 * smaller * len(notes)) + 2 * GAP, width)
    y = GAP + size
    for line in told:
        draw_text(paper, line, (GAP, y), size, INK, BOLD)
        y += round(1.5 * size)
    for line in notes:
        draw_text(paper, line, (GAP, y), smaller, MUTED)
        y += round(1.5 * smaller)
    return paper


def _pair(before: np.ndarray, after: np.ndarray, wrong: tuple[bool | None, bool | None]) -> np.ndarray:
    shown = [_marked(picture, own) for picture, own in zip((before, after), wrong, strict=True)]
    return np.hstack([shown[0], blank_sheet(shown[0].shape[0], 2), shown[1]])


def _marked(picture: np.ndarray, wrong: bool | None) -> np.ndarray:
    """A picture with a disc for wrong, right or open at its lower left corner."""
    height, width = picture.shape[:2]
    scale = LONGEST / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = area_mean(np.ascontiguousarray(picture[..., :3]), size).copy()
    colour = MUTED if wrong is None else ALERT if wrong else CALM
    draw_disc(small, (12, size[0] - 12), 9, (255, 255, 255))
    draw_disc(small, (12, size[0] - 12), 7, colour)
    return small
