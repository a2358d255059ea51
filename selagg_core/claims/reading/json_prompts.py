"""Prompts written as JSON, as Flux.2 and Ideogram take them: which parts are not about things."""

from __future__ import annotations

import re

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_LOOKS_LIKE_JSON = re.compile(r"\s*[{\[]\s*(?:[{\[]\s*){0,3}\"[^\"\n]{0,200}\"\s*[:,]")
_SILENT_KEY = re.compile(
    r"style|camera|lens|light|mood|negative|palette|color|quality|aspect|render|medium|technique|composition"
    r"|atmosphere|resolution|format|shot|angle|photo|effect|film|exposure|text|font",
    re.IGNORECASE,
)


def json_mutes(text: str) -> list[tuple[int, int]]:
    """Spans of a JSON prompt that say nothing about things: its marks, keys, and values of style keys.

    What stands under such a key counts as its value until the next key. A prompt of another form has none.
    """
    if not _LOOKS_LIKE_JSON.match(text):
        return []
    mutes, silent = [], False
    for match in _STRING.finditer(text):
        start, stop = match.span()
        mutes.append((start, start + 1))
        if _is_key(text, stop):
            silent = bool(_SILENT_KEY.search(match.group()))
            mutes.append((start, stop))
        elif silent:
            mutes.append((start, stop))
        mutes.append((stop - 1, stop))
    return mutes


def _is_key(text: str, stop: int) -> bool:
    return text[stop : stop + 16].lstrip().startswith(":")
