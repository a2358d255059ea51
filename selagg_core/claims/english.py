"""Whether a prompt is in English, as far as the words that are known tell."""

from __future__ import annotations

from collections.abc import Sequence

from ..prompt.messages import message
from ..prompt.word_table import use_of
from .reading import closed_classes
from .reading.tagging import Tag, Tagged

NOTICE = message("foreign")
_LEAST_KNOWN = 0.34
"""Share of the words that English knows at least."""
_LEAST_WORDS = 4


def seems_foreign(tagged: Sequence[Tagged]) -> bool:
    """Whether few of the words are English; short words, which all languages have, tell nothing."""
    words = [word for word in tagged if word.token.kind == "word"]
    longer = [word for word in words if len(word.text) > 3 or not word.text.isascii()]
    telling = [word for word in longer if not use_of(word.text).given]
    small = sum(word.text in closed_classes.TELLING_SMALL_WORDS for word in words)
    known = sum(word.tag is not Tag.UNKNOWN for word in telling)
    if len(telling) < _LEAST_WORDS:
        return bool(telling) and not known and not small and not any(w.text.isascii() for w in telling)
    return known + 2 * small < _LEAST_KNOWN * (len(telling) + small)
