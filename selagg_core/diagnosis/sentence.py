"""What is said, before it is said in a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sentence:
    """The key of a text, and what stands in for its names.

    values: words as they are, numbers, or sentences of their own, such as the name of a place.
    """

    key: str
    values: Mapping[str, str | float | Sentence] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: {"key": ..., "values": {name: text, number, or another such object}}."""
        told = {
            name: value.to_dict() if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }
        return {"key": self.key, "values": told}


def general(key: str, **values: str | float | Sentence) -> Sentence:
    """A sentence that belongs to no kind."""
    return Sentence(f"general.{key}", values)
