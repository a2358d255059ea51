"""Kinds of columns of a text, and special columns by kind: which of them are padding, which a template."""

from __future__ import annotations

from collections.abc import Callable, Iterable

#: Columns of no word. A special column of none of the others is a begin or end mark.
MARKS, TEMPLATE, PADDING, OTHER = "marks", "template", "padding", "other"
WORDS, STOP_WORDS, PUNCTUATION = "words", "stop words", "punctuation"
#: All kinds of columns, in the order in which they are told.
COLUMN_KINDS = (WORDS, STOP_WORDS, PUNCTUATION, MARKS, TEMPLATE, PADDING, OTHER)

Wordless = tuple[tuple[str, tuple[int, ...]], ...]
"""Special columns by kind; each column is of one kind at most."""


def wordless(**columns: Iterable[int]) -> Wordless:
    """Special columns by kind, those without columns left out."""
    found = ((kind, tuple(sorted(own))) for kind, own in columns.items())
    return tuple((kind, own) for kind, own in found if own)


def merged(*several: Wordless) -> Wordless:
    """Kinds of columns that come from several texts."""
    every: dict[str, set[int]] = {}
    for kinds in several:
        for kind, columns in kinds:
            every.setdefault(kind, set()).update(columns)
    return wordless(**every)


def at_new_places(kinds: Wordless, place: Callable[[int], int | None]) -> Wordless:
    """The same columns where `place` says that they lie now; None: they are gone."""
    return wordless(
        **{kind: [new for c in columns if (new := place(c)) is not None] for kind, columns in kinds}
    )
