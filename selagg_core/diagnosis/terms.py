"""Names of places, relations and concepts in sentences: texts of their own, which a language may bend.

A place is said whole ("at the top left"); a relation before a word ("left of"), and alone ("left of it").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from types import MappingProxyType

from ..prompt.lexicon import common_words
from .sentence import Sentence, general

PLACES: Mapping[str, str] = MappingProxyType(
    {
        "left": "on the left",
        "right": "on the right",
        "top": "at the top",
        "bottom": "at the bottom",
        "top left": "at the top left",
        "top right": "at the top right",
        "bottom left": "at the bottom left",
        "bottom right": "at the bottom right",
        "center": "in the centre",
    }
)
RELATIONS = ("left of", "right of", "above", "below", "on", "under")
TO_IT = ("left of", "right of", "above", "below")
_SPOKEN = MappingProxyType({"upper": "top", "lower": "bottom", "centre": "center"})


def terms() -> dict[str, str]:
    """All of them: "at.PLACE", "relation.RELATION", "to_it.RELATION" and "concept.CONCEPT"."""
    found = {f"at.{name}": text for name, text in PLACES.items()}
    found |= {f"relation.{name}": name for name in RELATIONS}
    found |= {f"to_it.{name}": f"{name} it" for name in TO_IT}
    return found | {f"concept.{name}": name for name in common_words()}


def at_place(name: str) -> Sentence:
    """A place, as a claim says it ("top left") or as it is measured ("upper left")."""
    return Sentence("at." + " ".join(_SPOKEN.get(word, word) for word in name.split()))


def relation(name: str) -> Sentence:
    """How a thing lies to another that is named behind it."""
    return Sentence(f"relation.{name}")


def relation_to_it(name: str) -> Sentence:
    """The same where the other thing was named before."""
    return Sentence(f"to_it.{name}")


def either(concepts: Sequence[str]) -> str | Sentence:
    """Concepts of which any is meant; those of one's own relevance are said as they are."""
    known = common_words()
    told = [Sentence(f"concept.{name}") if name in known else name for name in concepts]
    return reduce(lambda one, other: general("either", one=one, other=other), told) if told else ""
