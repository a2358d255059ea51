"""Where the artist expects words to be: masks, boxes, and places in words, for pictures of a batch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..maps.regions import Box, Region, from_mask, parse_box
from ..prompt.groups import GroupFinder, WordGroup
from ..prompt.marks import plain_marks
from ..prompt.messages import message, why
from ..prompt.words import Prompt
from .claim import PLACES


@dataclass(frozen=True, eq=False)
class MaskFor:
    """Masks (n, h, w), one for all pictures or one a picture, and the words that should be inside."""

    masks: np.ndarray
    words: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Expectations:
    """masks, boxes: regions. lines: claims as the artist writes them, such as "cat: top left"."""

    masks: tuple[MaskFor, ...] = ()
    boxes: tuple[Box, ...] = ()
    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def __add__(self, other: Expectations) -> Expectations:
        return Expectations(
            self.masks + other.masks,
            self.boxes + other.boxes,
            self.lines + other.lines,
            self.problems + other.problems,
        )

    @property
    def edits(self) -> str:
        return "\n".join(self.lines)


def read_expectations(
    masks: np.ndarray | None = None, words: str = "", text: str = "", boxes: str = ""
) -> Expectations:
    """Expectations from what an artist gives a node.

    words: for the masks, separated by commas. text: one a line, a box `cat: 0, 0, 50%, 100%` or a claim
    (`cat: left`, `cat left of dog`). boxes: boxes only, one a line. What cannot be used becomes a problem.
    """
    problems: list[str] = []
    found: list[MaskFor] = []
    named = tuple(word.strip() for word in re.split("[,\n]", plain_marks(words)) if word.strip())
    if masks is not None and named:
        found.append(MaskFor(masks, named))
    elif masks is not None:
        problems.append(message("mask_without_words"))
    elif named:
        problems.append(message("words_without_mask"))
    parsed: list[Box] = []
    lines: list[str] = []
    for line in filter(None, (part.strip() for part in plain_marks(text).splitlines())):
        if any(mark.isdigit() for mark in line.rpartition(":")[2]):
            _try_box(line, parsed, problems)
        else:
            lines.append(line)
    for line in filter(None, (part.strip() for part in plain_marks(boxes).splitlines())):
        _try_box(line, parsed, problems)
    return Expectations(tuple(found), tuple(parsed), tuple(lines), tuple(problems))


def _try_box(line: str, parsed: list[Box], problems: list[str]) -> None:
    try:
        parsed.append(parse_box(line))
    except ValueError as error:
        problems.append(why(error))


def expected_regions(
    expectations: Expectations,
    prompts: Sequence[Prompt],
    pictures: int,
    size: tuple[int, int],
    problems: list[str],
) -> list[dict[WordGroup, Region]]:
    """For each picture the region (of `size` (h, w) px) where a word is expected; several are united.

    What cannot be used is added to `problems`.
    """
    problems.extend(expectations.problems)
    found: list[dict[WordGroup, Region]] = [{} for _ in range(pictures)]
    finder = GroupFinder(prompts)
    for box in expectations.boxes:
        try:
            group, region = finder.find(box.label), box.region(size)
        except ValueError as error:
            problems.append(why(error))
            continue
        for of_picture in found:
            _unite(of_picture, group, region)
    for given in expectations.masks:
        _lay_masks(given, finder, size, found, problems)
    return found


def _lay_masks(
    given: MaskFor,
    finder: GroupFinder,
    size: tuple[int, int],
    found: list[dict[WordGroup, Region]],
    problems: list[str],
) -> None:
    if len(given.masks) not in (1, len(found)):
        problems.append(message("mask_count", masks=len(given.masks), pictures=len(found)))
        return
    for word in given.words:
        try:
            group = finder.find(word)
            regions = [from_mask(mask, size, word) for mask in given.masks]
        except ValueError as error:
            problems.append(why(error))
            continue
        for index, of_picture in enumerate(found):
            _unite(of_picture, group, regions[min(index, len(regions) - 1)])


def _unite(of_picture: dict[WordGroup, Region], group: WordGroup, region: Region) -> None:
    mask = of_picture[group].mask | region.mask if group in of_picture else region.mask
    of_picture[group] = Region(mask, group.label)


def place_region(place: str, size: tuple[int, int]) -> Region:
    """The half or quarter of a picture of `size` (h, w) px that a place of `claims.PLACES` names."""
    height, width = size
    x, y = PLACES[place]
    mask = np.zeros(size, dtype=bool)
    if (x, y) == (0, 0):
        mask[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    else:
        rows = {-1: slice(0, height // 2), 0: slice(None), 1: slice(height // 2, None)}
        columns = {-1: slice(0, width // 2), 0: slice(None), 1: slice(width // 2, None)}
        mask[rows[y], columns[x]] = True
    return Region(mask, place)
