"""The text of a prompt with the place of each of its words."""

from __future__ import annotations

from .word_places import word_spans
from .words import Prompt

Span = tuple[int, int]
_LEAST_FOUND = 0.5
"""Share of the words that the text must show; one that shows fewer is not the text of these words."""


def placed_text(prompt: Prompt) -> tuple[str, tuple[Span | None, ...]]:
    """A text to read, and the place (start, stop) in it of each word, None where it does not show the word.

    It is the prompt's own, or one made of its words where that is unknown: then a column between two words
    that belongs to neither stands for a comma.
    """
    spans = word_spans(prompt)
    shown = sum(span is not None for span in spans)
    joined = " ".join(word.text for word in prompt.words)
    if shown >= _LEAST_FOUND * len(spans) and prompt.text != joined:
        return prompt.text, spans
    return _from_columns(prompt)


def _from_columns(prompt: Prompt) -> tuple[str, tuple[Span | None, ...]]:
    parts: list[str] = []
    spans: list[Span | None] = []
    length, end = 0, None
    for word in prompt.words:
        if end is not None:
            gap = ", " if word.columns and word.columns[0] > end + 1 else " "
            parts.append(gap)
            length += len(gap)
        end = word.columns[-1] if word.columns else end
        parts.append(word.text)
        spans.append((length, length + len(word.text)))
        length += len(word.text)
    return "".join(parts), tuple(spans)
