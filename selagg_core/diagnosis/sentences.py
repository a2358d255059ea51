"""Everything that findings say, in one place for translators: key -> English, with names in braces.

A language is a mapping of the same keys; what it lacks is said in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .kinds import KINDS

GENERAL: Mapping[str, str] = MappingProxyType(
    {
        "weak": "The evidence is weak: of such cases {share:.0%} are right.",
        "unproven": "This kind of finding has not proved reliable enough to be a warning.",
        "unsteady": "The maps of its own heads and of all heads disagree.",
        "cannot_tell": "The maps cannot tell.",
        "flat": "the maps of all words are flat.",
        "disagreeing": 'the map of "{word}" cannot be trusted: its own heads and all heads show different '
        "places.",
        "or": ", or ",
        "tried": "{told} (helped on the demo model: {times}).",
        "untried": "{told}.",
        "weight": 'bring the weight of "{word}", which is {weight:g}, back to 1, such as ({bare}:1.0)',
        "times": "{helped} of {tried}",
        "diffuse": "record more steps, or show single heads; a model that is hardly trained gives such maps.",
    }
)


def catalogue() -> Mapping[str, str]:
    """All sentences: "general.KEY", "KIND.KEY" and, of remedies, "KIND.try.KEY"."""
    found = {f"general.{key}": text for key, text in GENERAL.items()}
    for kind in KINDS:
        found |= {f"{kind.name}.{key}": text for key, text in kind.texts.items()}
        found |= {f"{kind.name}.try.{key}": text for key, text in kind.remedies.items()}
    return MappingProxyType(found)


class Sentences:
    """Says what the catalogue has. translated: sentences of another language, by the same keys."""

    def __init__(self, translated: Mapping[str, str] = MappingProxyType({})) -> None:
        self._translated = translated

    def say(self, key: str, english: str, values: Mapping[str, Any]) -> str:
        return self._translated.get(key, english).format(**values)

    def general(self, key: str, **values: Any) -> str:
        return self.say(f"general.{key}", GENERAL[key], values)


ENGLISH = Sentences()
