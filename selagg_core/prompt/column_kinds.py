"""What the columns of a text are: words, stop words, punctuation, and columns that carry no word."""

from __future__ import annotations

from collections.abc import Iterable

from .columns import MARKS, PUNCTUATION, STOP_WORDS, WORDS, Wordless, at_new_places, merged, wordless
from .groups import FUNCTION_WORDS
from .words import Prompt


def column_kinds(prompt: Prompt, unknown: Iterable[int] = ()) -> Wordless:
    """All columns of a text by kind (COLUMN_KINDS). unknown: columns of which nobody knows what they are."""
    spoken = {column for word in prompt.words for column in word.columns}
    small = {c for word in prompt.words if word.text.casefold() in FUNCTION_WORDS for c in word.columns}
    named = {column for _, columns in prompt.wordless for column in columns}
    special = set(prompt.special) - spoken
    rest = set(range(prompt.length)) - spoken - special - set(unknown)
    own = wordless(**{
        WORDS: spoken - small, STOP_WORDS: small, PUNCTUATION: rest, MARKS: special - named,
    })  # fmt: skip
    return merged(own, at_new_places(prompt.wordless, lambda column: column if column in special else None))
