"""An artist's words within a message: short enough that the message is still read."""

from __future__ import annotations

from collections.abc import Iterable

from .messages import joined

LONGEST_QUOTE = 40
"""Characters of one quotation; three of them, a list and a sentence stay below 300."""
LONGEST_LIST = 100
LONGEST_MESSAGE = 300
_ROOM = 80
"""Characters of a message for the name of the node and what is said before its reasons."""


def short(text: str, most: int = LONGEST_QUOTE) -> str:
    """The text, cut where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[:most]}..."


def reasons(sentences: Iterable[str]) -> str:
    """Sentences as the reason of a refusal, in their order, as far as there is room; "" for none.

    The later ones are kept: what a run says at its end explains most. One is told in any case.
    """
    told: list[str] = []
    for sentence in reversed(list(dict.fromkeys(sentences))):
        if told and len(" ".join((sentence, *told))) > LONGEST_MESSAGE - _ROOM:
            break
        told.insert(0, sentence)
    return joined(told)


def shortened(names: Iterable[str], most: int = LONGEST_LIST, mark: str = ", ") -> str:
    """Names with a mark between them, cut where they fill more than `most` characters."""
    shown: list[str] = []
    length = 0
    rest = list(names)
    for name in map(short, rest):
        length += len(name) + 2
        if length > most and shown:
            return f"{mark.join(shown)} and {len(rest) - len(shown)} more"
        shown.append(name)
    return mark.join(shown)
