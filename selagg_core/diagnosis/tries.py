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
class Try:
    """One remedy of a finding.

    action: one of ACTIONS.  remedy: its name among those of the kind.  what: what it is, in English; said:
    the same for other languages, as `Sentence.to_dict` has it.  words: labels of what it is about; entry: the
    conditioning entry whose text is changed.  weight: of the words in the new text, None where no weight
    changes.  text: that of the entry, written anew.  helped: (how often it helped, was tried) on the demo
    model; () where it was not counted.
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

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **vars(self),
            "words": list(self.words),
            "areas": [{"text": area.text, "box": list(area.box)} for area in self.areas],
            "helped": list(self.helped),
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
        return cls(**{**values, "helped": helped})


def _area(body: Mapping[str, Any]) -> Area:
    check_fields(Area, mapping(body))
    left, top, right, bottom = body["box"]
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("an area lies outside of the picture")
    return Area(body["text"], (left, top, right, bottom))
