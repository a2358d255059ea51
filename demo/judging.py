"""The reader of the demo world in the place of a judge: what it says of a picture, in a judge's terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .caption_check import Verdict, check_caption, parse_caption
from .reader import read_picture
from .reading import Reading
from .scenes import Caption, Claim

SURE, UNSURE = 1.0, 0.45
"""Scores of what the reader sees surely, and of what it leaves open."""
_SAID = {True: "yes", False: "no", None: "unclear"}


@dataclass(frozen=True, eq=False)
class Judgement:
    """words: the things of the prompt; masks: float32 (words, h, w); boxes: dicts with label and score;
    answers: lines such as "red > star: yes".
    """

    words: tuple[str, ...]
    masks: np.ndarray
    boxes: list[dict[str, Any]]
    answers: tuple[str, ...]

    @staticmethod
    def stacked(masks: list[np.ndarray]) -> np.ndarray:
        """Masks of all pictures, all words of the first picture first."""
        return np.concatenate(masks)


def judge_picture(picture: np.ndarray, text: str) -> Judgement:
    """Judges a picture (128, 128, 3) uint8 of the demo world. Raises ValueError for a text outside of it."""
    caption, reading = parse_caption(text), read_picture(picture)
    verdict = check_caption(reading, caption)
    things = [claim for claim in caption.claims if claim.kind == "object"]
    words = _names(things, first="{name} (1)")
    masks = np.zeros((len(things), *picture.shape[:2]), np.float32)
    boxes = []
    for mask, word, told in zip(masks, words, things, strict=True):
        score = _score(told, verdict)
        place = verdict.assignment[told.subject]
        if score and place is not None:
            mask[:] = reading.objects[place].mask
        if score:
            boxes.append(_box(mask, word, score))
    return Judgement(words, masks, boxes, tuple(_answers(caption, things, reading, verdict)))


def _names(things: list[Claim], first: str) -> tuple[str, ...]:
    """What things are called where several have one name; the first of them by `first`."""
    total, seen = Counter(claim.value for claim in things), Counter()
    names = []
    for claim in things:
        seen[claim.value] += 1
        number = seen[claim.value]
        many = total[claim.value] > 1
        name = claim.value if not many else first.format(name=claim.value)
        names.append(f"{claim.value} ({number})" if number > 1 else name)
    return tuple(names)


def _score(told: Claim, verdict: Verdict) -> float:
    if told in verdict.unsure:
        return UNSURE
    return 0.0 if told in verdict.wrong or verdict.assignment[told.subject] is None else SURE


def _box(mask: np.ndarray, label: str, score: float) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:  # it may be anywhere
        height, width = mask.shape
        return {"x": 0, "y": 0, "width": width, "height": height, "label": label, "score": score}
    x, y = int(columns[0]), int(rows[0])
    width, height = int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y
    return {"x": x, "y": y, "width": width, "height": height, "label": label, "score": score}


def _answers(caption: Caption, things: list[Claim], reading: Reading, verdict: Verdict) -> Iterator[str]:
    """Whether each thing that is there shows each colour and pattern that the prompt names."""
    names = dict(zip((claim.subject for claim in things), _names(things, first="{name}"), strict=True))
    said = dict.fromkeys(
        (claim.kind, claim.value) for claim in caption.claims if claim.kind in ("colour", "pattern")
    )
    for told in things:
        place = verdict.assignment[told.subject]
        if place is None:
            continue
        for kind, value in said:
            seen = getattr(reading.objects[place], kind)
            yield f"{value} > {names[told.subject]}: {_SAID[None if seen is None else seen == value]}"
