"""A prompt written anew: words with another weight, or other words in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .word_places import word_spans
from .words import Prompt

_NUMBER = re.compile(r"\s*(?::\s*([+-]?\d*\.?\d+)\s*)?\)")
_PLAIN_BRACKET = 1.1
"""What the host makes of a bracket without a number."""


def with_weight(prompt: Prompt, indices: Sequence[int], weight: float) -> str | None:
    """The text of a prompt in which these words have a weight; None where they stand in no place of it."""
    text: str | None = prompt.text
    for run in reversed(list(_runs(prompt, indices))):
        text = None if text is None else _weighted(text, run, weight)
    return text


def with_words(prompt: Prompt, indices: Sequence[int], words: str) -> str | None:
    """The text with `words` in the place of some that follow each other; None where they do not."""
    runs = list(_runs(prompt, indices, apart=False))
    if len(runs) != 1 or runs[0] is None:
        return None
    start, stop, _ = runs[0]
    return f"{prompt.text[:start]}{words}{prompt.text[stop:]}"


def _runs(
    prompt: Prompt, indices: Sequence[int], apart: bool = True
) -> Iterator[tuple[int, int, float] | None]:
    """(start, stop, weight) of words that follow each other; None for those without a place.

    apart: words of different weights, or with a bracket between them, are runs of their own.
    """
    spans = word_spans(prompt)
    run: tuple[int, int, float] | None = None
    last = -2
    for index in sorted(indices):
        span = spans[index] if 0 <= index < len(spans) else None
        if span is None:
            yield None
            continue
        weight = prompt.words[index].weight
        joined = run is not None and index == last + 1
        if joined and apart and run is not None:
            joined = run[2] == weight and not set("()") & set(prompt.text[run[1] : span[0]])
        if joined and run is not None:
            run = (run[0], span[1], run[2])
        else:
            if run is not None:
                yield run
            run = (*span, weight)
        last = index
    if run is not None:
        yield run


def _weighted(text: str, run: tuple[int, int, float] | None, weight: float) -> str | None:
    if run is None:
        return None
    start, stop, now = run
    spoken = text[start:stop]
    bracket = _NUMBER.match(text, stop)
    own = bracket is not None and text[:start].endswith("(") and not text[:start].endswith("\\(")
    if bracket is not None and own:
        number = float(bracket[1]) if bracket[1] else _PLAIN_BRACKET
        around = now / number if number else 1.0
        wanted = weight / around if around else weight
        return f"{text[: start - 1]}{_bracketed(spoken, wanted)}{text[bracket.end() :]}"
    if now == 0:
        return None
    return f"{text[:start]}{_bracketed(spoken, weight / now)}{text[stop:]}"


def _bracketed(words: str, weight: float) -> str:
    number = round(weight, 2)
    return words if number == 1 else f"({words}:{number:g})"
