"""What judges say of a picture: where a noun is and how surely, and answers to yes/no questions.

A judge is anything but attention: a segmenter, a detector, a vision-language model, an artist's own mask.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..maps.regions import centroid
from ..maps.resample import area_mean
from ..prompt.groups import WordGroup
from ..prompt.lexicon import base_forms
from ..prompt.marks import plain_marks

INSTANCE = 0.5
"""Score from which a box is counted as one of the things."""
_ANSWERS = {"yes": True, "no": False, "right": True, "wrong": False, "true": True, "false": False}
_PICTURE = re.compile(r"^picture\s+([1-9]\d{0,5})\s*:\s*(?=\S)", re.IGNORECASE)


@dataclass(frozen=True)
class SeenBox:
    """A box of a detector: edges in px, score 0 to 1 (1 where it gives none), label ("" for none)."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = 1.0
    label: str = ""


@dataclass(frozen=True, eq=False)
class Sighting:
    """What one judge says of one noun in one picture.

    mask: (h, w) bool at the size of the picture, of all things that it found; None from a judge of boxes.
    score: of the surest thing, 0 if there is none, 1 from a judge that gives no scores. count: None if it is
    not known. of_all: whether it speaks of all things of this name, where the prompt names several.
    """

    judge: str
    noun: WordGroup
    mask: np.ndarray | None
    score: float
    count: int | None = None
    centre: tuple[float, float] | None = None
    of_all: bool = True
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Answer:
    """What a judge says of a claim (its text): None where its answer is no yes and no no."""

    judge: str
    claim: str
    yes: bool | None


@dataclass(frozen=True)
class Absent:
    """How surely a judge saw a thing that is not in the prompt: a score of a false alarm."""

    judge: str
    noun: str
    score: float


@dataclass(frozen=True)
class Testimony:
    """All that judges say of one picture."""

    sightings: tuple[Sighting, ...] = ()
    answers: tuple[Answer, ...] = ()
    absent: tuple[Absent, ...] = ()

    def __add__(self, other: Testimony) -> Testimony:
        return Testimony(
            self.sightings + other.sightings, self.answers + other.answers, self.absent + other.absent
        )

    @property
    def judges(self) -> tuple[str, ...]:
        seen, answered = ([own.judge for own in self.sightings], [own.judge for own in self.answers])
        return tuple(dict.fromkeys(seen + answered))


def picture_mark(picture: np.ndarray) -> str:
    """What tells a picture (h, w, 3) uint8 from all others: a part of the digest of its pixels."""
    about = f"{picture.shape[0]}x{picture.shape[1]}".encode()
    return hashlib.sha256(about + np.ascontiguousarray(picture).tobytes()).hexdigest()[:16]


def seen_in_mask(judge: str, noun: WordGroup, mask: np.ndarray, size: tuple[int, int]) -> Sighting:
    """A sighting from a mask alone, above .5 inside; an empty one says that nothing is there.

    Raises ValueError, stating both sizes, for a mask of other proportions than the picture of `size` (h, w).
    """
    values = np.asarray(mask, np.float32)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"the mask of {judge} holds no numbers in rows and columns.")
    height, width = values.shape
    if (height, width) != tuple(size):
        if abs(width * size[0] / height - size[1]) > 1 and abs(height * size[1] / width - size[0]) > 1:
            raise ValueError(
                f"the mask of {judge} is {width}x{height}, the picture {size[1]}x{size[0]}: connect a judge "
                "of this very picture, not of one that was cropped or padded."
            )
        values = area_mean(values, size)
    inside = values > 0.5
    found = bool(inside.any())
    return Sighting(judge, noun, inside, float(found), centre=centroid(inside) if found else None)


def seen_in_boxes(
    judge: str,
    noun: WordGroup,
    boxes: Sequence[SeenBox],
    size: tuple[int, int],
    mask: np.ndarray | None = None,
) -> Sighting:
    """A sighting from boxes, and from the mask of the same things where there is one."""
    score = max((box.score for box in boxes), default=0.0)
    count = sum(box.score >= INSTANCE for box in boxes)
    if mask is not None:
        own = seen_in_mask(judge, noun, mask, size)
        return replace(own, score=score if boxes else 0.0, count=count)
    best = max(boxes, key=lambda box: box.score, default=None)
    centre = edges = None
    if best is not None:
        edges = best.x0, best.y0, best.x1, best.y1
        centre = ((best.x0 + best.x1) / 2 / size[1], (best.y0 + best.y1) / 2 / size[0])
    return Sighting(judge, noun, None, score, count, centre, box=edges)


def boxes_of(boxes: Sequence[SeenBox], noun: WordGroup, nouns: int) -> list[SeenBox]:
    """The boxes that are of a noun: by their labels, or all where they have none and it is the only noun.

    A label "cat (2)" is of the second cat of the prompt alone. Raises ValueError where it cannot be known
    which of several nouns a box is of.
    """
    if any(not box.label for box in boxes):
        if nouns == 1:
            return list(boxes)
        raise ValueError(
            f"boxes without labels are connected for {nouns} words: use a SelAgg Truth for each word, or a "
            "detector that writes labels."
        )
    forms, label = set(base_forms(noun.text)), noun.label.casefold()
    return [
        box
        for box in boxes
        if box.label.casefold() == label or ("(" not in box.label and forms & set(base_forms(box.label)))
    ]


def read_answers(text: str, judge: str, pictures: int) -> list[list[Answer]]:
    """Answers for each of so many pictures, one a line: `red > circle: yes`, `picture 2: cat: no`.

    An answer that is neither counts as open. Raises ValueError for a line without an answer, or of a picture
    that is not there.
    """
    found: list[list[Answer]] = [[] for _ in range(pictures)]
    for line in plain_marks(text).splitlines():
        if not line.strip():
            continue
        number = _PICTURE.match(line.strip())
        rest = line.strip()[number.end() :] if number else line.strip()
        claim, colon, said = rest.rpartition(":")
        if not colon or not claim.strip() or not said.strip():
            raise ValueError(
                f'cannot read the answer "{line.strip()[:60]}": write one a line, such as red > circle: yes.'
            )
        if number and int(number[1]) > pictures:
            raise ValueError(f"there is an answer on picture {number[1]}, but this run made {pictures}.")
        wanted = found if number is None else [found[int(number[1]) - 1]]
        for own in wanted:
            own.append(Answer(judge, " ".join(claim.split()), yes_or_no(said)))
    return found


def yes_or_no(text: str) -> bool | None:
    """The answer that a text begins with; None if it begins with neither yes nor no."""
    words = re.findall(r"[a-z]+", text.casefold())
    return _ANSWERS.get(words[0]) if words else None
