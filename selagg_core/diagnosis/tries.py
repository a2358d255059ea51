"""What to try, as values that a viewer can act on: which remedy, on which words, with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..files.checked import check_fields, mapping

ACTIONS = ("text", "region", "repair", "seed", "denoise", "none")
"""Another text, things prompted in areas, SelAgg Repair wired in, another seed, more denoise, or words."""


@dataclass(frozen=True)
class Area:
    """A text that is prompted once more, in a part of the picture.

    box: (left, top, right, bottom) in shares of its sides.
    """

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class StartCount:
    """What a remedy was worth on the demo model where runs start from a picture, or from an empty latent.

    helped: (how often it helped, was tried).  broken: (claims that it made wrong, that were right before); ()
    where that is too few to be said.
    """

    from_picture: bool
    helped: tuple[int, int]
    broken: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**vars(self), "helped": list(self.helped), "broken": list(self.broken)}


@dataclass(frozen=True)
class Try:
    """One remedy of a finding.

    action: one of ACTIONS.  remedy: its name among those of the kind.  what: what it is, in English; said:
    the same for other languages, as `Sentence.to_dict` has it.  words: labels of what it is about; entry: the
    conditioning entry whose text is changed.  weight: of the words in the new text, None where no weight
    changes.  text: that of the entry, written anew.  helped: (how often it helped, was tried) on the demo
    model; () where it was not counted.  by_start: the same where it was counted apart for where a run starts:
    for the start of this run, or for both where that is not known.
    """

    action: str
    remedy: str
    what: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    entry: int = 0
    weight: float | None = None
    text: str = ""
    areas: tuple[Area, ...] = ()
    helped: tuple[int, ...] = ()
    by_start: tuple[StartCount, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "words": list(self.words),
            "areas": [{"text": area.text, "box": list(area.box)} for area in self.areas],
            "helped": list(self.helped),
            "by_start": [count.to_dict() for count in self.by_start],
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Try:
        """Raises KeyError, TypeError or ValueError for anything that `to_dict` does not make."""
        values = dict(mapping(body))
        check_fields(cls, values)
        if values["action"] not in ACTIONS:
            raise ValueError("a finding has something to try that is not known")
        helped = tuple(values["helped"])
        if len(helped) not in (0, 2):
            raise ValueError("how often something helped is no pair")
        values |= {"areas": tuple(map(_area, values["areas"])), "words": tuple(values["words"])}
        return cls(**{**values, "helped": helped, "by_start": tuple(map(_count, values.get("by_start", ())))})


def _count(body: Mapping[str, Any]) -> StartCount:
    values = dict(mapping(body))
    check_fields(StartCount, values)
    helped, broken = tuple(values["helped"]), tuple(values["broken"])
    if len(broken) not in (0, 2):
        raise ValueError("what a remedy broke is no pair")
    return StartCount(**{**values, "helped": helped, "broken": broken})


def _area(body: Mapping[str, Any]) -> Area:
    check_fields(Area, mapping(body))
    left, top, right, bottom = body["box"]
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("an area lies outside of the picture")
    return Area(body["text"], (left, top, right, bottom))
