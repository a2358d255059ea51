"""Judges on the sockets of SelAgg Truth -> what they say of each picture of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from selagg_core.claims.claim import Claims
from selagg_core.maps.regions import centroid
from selagg_core.prompt.groups import WordGroup, find_group
from selagg_core.proof.questions import absent_noun, questions
from selagg_core.proof.testimony import (
    INSTANCE,
    Absent,
    Answer,
    SeenBox,
    Sighting,
    Testimony,
    boxes_of,
    read_answers,
    seen_in_boxes,
    seen_in_mask,
    yes_or_no,
)
from selagg_core.relevance.run_view import RunView

from . import host
from .viewer import sockets

MASK, BOXES, ANSWERS, SEGMENTER, SPEAKER = "mask", "boxes", "answers", "SAM3", "vision-language model"
"""What judges are called in reasons and tables."""


def words_of(view: RunView, words: str) -> tuple[WordGroup, ...]:
    """The words that a mask or boxes are for. Raises ValueError for one that is not in the prompt."""
    named = dict.fromkeys(item.strip() for item in words.replace("\n", ",").split(",") if item.strip())
    return tuple(find_group(view.prompts, item) for item in named)


def from_sockets(view: RunView, words: str, mask: Any, boxes: Any) -> list[Testimony]:
    """What a MASK and BOUNDING_BOX say of the words, for each picture. Raises ValueError, with the cure."""
    pictures = len(view.pictures)
    masks, seen = sockets.mask_arrays(mask), None if boxes is None else box_lists(boxes, pictures)
    if masks is None and seen is None:
        return [Testimony() for _ in range(pictures)]
    nouns = words_of(view, words)
    if not nouns:
        raise ValueError(
            "a mask or boxes are connected: write in words which words of the prompt they are for."
        )
    if masks is not None and len(masks) != len(nouns) * pictures:
        raise ValueError(
            f"there are {len(masks)} masks for {len(nouns)} words in {pictures} pictures: connect one a "
            "word and picture, all words of the first picture first."
        )
    return [
        Testimony(
            tuple(
                _sighting(
                    noun,
                    len(nouns),
                    None if masks is None else masks[index * len(nouns) + number],
                    None if seen is None else seen[index],
                    view.size,
                )
                for number, noun in enumerate(nouns)
            )
        )
        for index in range(pictures)
    ]


def _sighting(
    noun: WordGroup, nouns: int, mask: np.ndarray | None, boxes: list[SeenBox] | None, size: tuple[int, int]
) -> Sighting:
    """One noun, of so many, in one picture; it is of the very words that the artist named."""
    if boxes is not None:
        judge = BOXES if mask is None else MASK
        return replace(seen_in_boxes(judge, noun, boxes_of(boxes, noun, nouns), size, mask), of_all=False)
    return replace(seen_in_mask(MASK, noun, np.asarray(mask), size), of_all=False)


def box_lists(boxes: Any, pictures: int) -> list[list[SeenBox]]:
    """Boxes of each picture, from any form that hosts give BOUNDING_BOX. Raises ValueError for another."""
    lists = [[boxes]] if isinstance(boxes, dict) else boxes
    if isinstance(lists, (list, tuple)) and all(isinstance(own, dict) for own in lists):
        lists = [lists]
    if not isinstance(lists, (list, tuple)) or not all(isinstance(own, (list, tuple)) for own in lists):
        raise ValueError("these are no boxes: connect a BOUNDING_BOX, such as that of SAM3 Detect.")
    if len(lists) != pictures:
        raise ValueError(
            f"there are boxes of {len(lists)} pictures, this run made {pictures}: connect a judge of this "
            "image batch."
        )
    return [[_box(box) for box in own] for own in lists]


def _box(box: Any) -> SeenBox:
    try:
        x, y, width, height = (float(box[key]) for key in ("x", "y", "width", "height"))
        score = float(box.get("score", 1.0))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError("a box has no x, y, width and height: connect another judge.") from error
    if not all(np.isfinite((x, y, width, height, score))):
        raise ValueError("a box holds numbers that are not finite: connect another judge.")
    return SeenBox(x, y, x + width, y + height, min(1.0, max(0.0, score)), str(box.get("label") or ""))


def from_text(view: RunView, answers: str) -> list[Testimony]:
    """What lines of answers say. Raises ValueError for a line that cannot be read."""
    read = read_answers(answers, ANSWERS, len(view.pictures))
    return [Testimony(answers=tuple(own)) for own in read]


def from_segmenter(view: RunView, claims: Claims, images: torch.Tensor, model, clip) -> list[Testimony]:
    """What the host's segmenter finds of every noun, one call a noun, and of one that is not there."""
    if model is None or clip is None:
        raise ValueError("connect both the model and the clip of the SAM3 checkpoint, or neither.")
    named: dict[str, list[WordGroup]] = {}
    for claim in claims.of("entity"):
        named.setdefault(claim.subject.text.casefold(), []).append(claim.subject)
    absent = absent_noun(view.text)
    bar = host.progress_bar(len(named) + 1)
    sightings: list[list[Sighting]] = [[] for _ in view.pictures]
    for text, nouns in named.items():
        for own, detection in zip(sightings, _asked(model, clip, images, text, bar), strict=True):
            own += [_seen(noun, detection, view.size) for noun in nouns]
    alarms = _asked(model, clip, images, absent, bar)
    return [
        Testimony(tuple(own), absent=(Absent(SEGMENTER, absent, max(alarm.scores, default=0.0)),))
        for own, alarm in zip(sightings, alarms, strict=True)
    ]


def _asked(model, clip, images: torch.Tensor, noun: str, bar) -> list[host.Detection]:
    host.stop_if_interrupted()
    found = host.detect(model, clip, images, noun)
    bar.update(1)
    return found


def _seen(noun: WordGroup, detection: host.Detection, size: tuple[int, int]) -> Sighting:
    """All things that are sure enough to be counted; the surest alone where none is."""
    sure = [i for i, score in enumerate(detection.scores) if score >= INSTANCE] or list(
        range(min(1, len(detection.scores)))
    )
    mask: np.ndarray = np.any(detection.masks[sure], axis=0) if sure else np.zeros(size, bool)
    count = sum(score >= INSTANCE for score in detection.scores)
    centre = centroid(mask) if mask.any() else None
    return Sighting(SEGMENTER, noun, mask, max(detection.scores, default=0.0), count, centre)


def from_speaker(claims: Claims, images: torch.Tensor, clip) -> list[Testimony]:
    """The answers of a vision-language model to a question a claim."""
    asked = list(questions(claims))
    bar = host.progress_bar(len(asked) * len(images))
    found = []
    for image in images:
        own = []
        for claim, question in asked:
            host.stop_if_interrupted()
            own.append(Answer(SPEAKER, claim, yes_or_no(host.ask(clip, image[None], question))))
            bar.update(1)
        found.append(Testimony(answers=tuple(own)))
    return found


def together(*testimonies: Sequence[Testimony]) -> list[Testimony]:
    """Testimonies of the same pictures by several judges, as one a picture."""
    return [sum(own[1:], own[0]) for own in zip(*testimonies, strict=True)]
