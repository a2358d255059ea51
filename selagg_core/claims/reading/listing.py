"""Lists of words and of fixed expressions, as texts that are easy to read."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text that blanks part."""
    return frozenset(text.split())


def phrases(text: str) -> frozenset[str]:
    """The expressions of a text that commas part."""
    return frozenset(" ".join(part.split()) for part in text.split(",") if part.strip())
