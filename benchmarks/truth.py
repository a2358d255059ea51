"""What a picture of the demo world really shows, claim by claim, for each kind of finding.

The reader judges; what it leaves open is left out (None) and counted. A right claim is False: no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from demo.caption_check import Verdict, check_caption
from demo.reader import read_picture
from demo.reading import Reading, SeenObject
from demo.scenes import Caption
from demo.scenes import Claim as Told
from demo.vocabulary import HOMONYMS, NATURAL_COLOUR

KINDS = ("neglected", "leaked", "wrong_sense", "misplaced", "blended")


@dataclass(frozen=True)
class Truth:
    """Whether one finding would be right. key: kind and word indices that it is about; see `key_of`."""

    key: tuple
    wrong: bool | None


@dataclass(frozen=True)
class PictureTruth:
    """matches: True where the picture shows all that the prompt says and nothing else, None if unsure."""

    matches: bool | None
    claims: tuple[Truth, ...]
    reading: Reading
    verdict: Verdict


def truth_of(picture: np.ndarray, caption: Caption) -> PictureTruth:
    """Reads a picture (128, 128, 3) uint8 and judges every claim that a finding can be about."""
    reading = read_picture(picture)
    verdict = check_caption(reading, caption)
    judge = _Judge(caption, reading, verdict)
    return PictureTruth(verdict.matches, tuple(judge.all()), reading, verdict)


@dataclass(frozen=True)
class _Judge:
    caption: Caption
    reading: Reading
    verdict: Verdict

    def all(self) -> Iterator[Truth]:
        for told in self.caption.claims:
            if told.kind == "object":
                yield Truth(("neglected", told.words[-1]), self._neglected(told))
            elif told.kind == "colour" or (told.kind == "pattern" and told.value != "solid"):
                yield Truth(("leaked", told.words[-1]), self._leaked(told))
            elif told.kind in ("relation", "place"):
                yield Truth(("misplaced", *told.words), self._answer(told))
            if told.value in HOMONYMS:
                yield Truth(("wrong_sense", told.words[-1]), self._wrong_sense(told))
        for one, other in combinations(self._objects(), 2):
            yield Truth(("blended", one.words[-1], other.words[-1]), self._blended(one, other))

    def _objects(self) -> list[Told]:
        return [claim for claim in self.caption.claims if claim.kind == "object"]

    def _seen(self, subject: int) -> SeenObject | None:
        index = self.verdict.assignment[subject]
        return None if index is None else self.reading.objects[index]

    def _answer(self, told: Told) -> bool | None:
        """Whether a claim is contradicted; None where it is open or its objects are not there."""
        if any(self._seen(i) is None for i in (told.subject, told.other) if i is not None):
            return None
        return None if told in self.verdict.unsure else told in self.verdict.wrong

    def _neglected(self, told: Told) -> bool | None:
        """The picture does not hold the thing. Open where another thing may stand in its place."""
        item = self._seen(told.subject)
        if item is not None:
            return False if item.name == told.value else None
        unclear = any(seen.name is None for seen in self.reading.objects)
        if unclear or told in self.verdict.unsure or told not in self.verdict.wrong:
            return None
        named = set(self.verdict.assignment) - {None}
        extra = len(self.reading.objects) > len(named)
        colour = self._wanted(told.subject, "colour")
        stands_in = any(
            seen is not None and seen.colour == colour != self._wanted(other.subject, "colour")
            for other in self._objects()
            if (seen := self._seen(other.subject)) is not None and other.subject != told.subject
        )
        return None if extra or stands_in else True

    def _all_named_right(self) -> bool:
        """Whether every thing of the prompt is there under its name, so that it is known which is which."""
        seen = [(told, self._seen(told.subject)) for told in self._objects()]
        return all(item is not None and item.name == told.value for told, item in seen)

    def _wanted(self, subject: int, kind: str) -> str | None:
        """What the caption says of an object, or implies for lack of words."""
        for claim in self.caption.claims:
            if claim.subject == subject and claim.kind == kind:
                return claim.value
        if kind == "pattern":
            return "solid"
        name = self._objects()[subject].value
        return NATURAL_COLOUR.get(name)

    def _leaked(self, told: Told) -> bool | None:
        """Another thing of the prompt shows the attribute and has no claim to it.

        More of the same thing do not count. Open where a thing is missing or another stands in its place:
        then it is not known which is which.
        """
        if not self._all_named_right():
            return None
        shown = [getattr(item, told.kind) for item in self.reading.objects]
        others = {
            self.verdict.assignment[other.subject]
            for other in self._objects()
            if self._wanted(other.subject, told.kind) != told.value and other.value != told.value
        }
        if any(shown[i] == told.value for i in others):
            return True
        return None if any(shown[i] is None for i in others) else False

    def _wrong_sense(self, told: Told) -> bool | None:
        """A word for a colour became the thing in place of its noun, or a word for a thing only a colour."""
        if any(item.name is None for item in self.reading.objects):
            return None
        claimed = sum(claim.value == told.value for claim in self._objects())
        seen = sum(item.name == told.value for item in self.reading.objects)
        if told.kind == "colour":
            noun = next(claim for claim in self._objects() if claim.subject == told.subject)
            there = any(item.name == noun.value for item in self.reading.objects)
            if seen <= claimed:
                return False
            return None if there and noun.value != told.value else True
        if told.kind != "object":
            return None
        if seen:
            return False
        entitled = {
            self.verdict.assignment[i]
            for i in range(len(self._objects()))
            if self._wanted(i, "colour") == told.value
        }
        return any(
            item.colour == told.value for i, item in enumerate(self.reading.objects) if i not in entitled
        )

    def _blended(self, one: Told, other: Told) -> bool | None:
        """One object stands for both: it has the name of one and looks like the other, which is missing."""
        seen = [self._seen(claim.subject) for claim in (one, other)]
        if None not in seen:
            return False
        if seen == [None, None]:
            return None
        there, gone = (one, other) if seen[0] is not None else (other, one)
        item = seen[0] or seen[1]
        if item.name is None or item.colour is None:
            return None
        mixed_colour = (
            item.colour == self._wanted(gone.subject, "colour") != self._wanted(there.subject, "colour")
        )
        return item.name == there.value and mixed_colour
