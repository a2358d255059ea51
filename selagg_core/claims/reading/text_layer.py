"""A prompt's text -> tokens: what the artist wrote as one word is one, syntax is taken off, places are kept.

Every pattern is bounded, so that reading takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...prompt.host_text import hidden_spans
from .json_prompts import json_mutes

WORD, NUMBER, BREAK, MUTE = "word", "number", "break", "mute"


@dataclass(frozen=True)
class Token:
    """A word, number or break at start..stop of the text. text: lower case, straight marks.

    MUTE tokens are words that say nothing about things ("35mm", "8k", a file name). unsure: in a part of the
    text that may not be meant (an unresolved wildcard or schedule).
    """

    text: str
    start: int
    stop: int
    kind: str = WORD
    unsure: bool = False
    capital: bool = False


_BLANKED = (
    re.compile(r"\bnegative prompt\s?:.*", re.IGNORECASE | re.DOTALL),
    re.compile(r"/\*.{0,2000}?\*/", re.DOTALL),
    re.compile(r"(?:^|(?<=\s))//[^\n]*"),
    re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE),
    re.compile(r"#\w+"),
    re.compile(r"https?://\S+|www\.\S+"),
    re.compile(r"<[^<>\n]{1,200}>"),
    re.compile(r"\bembedding:[^\s,()]+", re.IGNORECASE),
    re.compile(r"\\\([^()\\\n]{0,80}\\\)"),
    re.compile(r"__[\w*/-]{1,80}__"),
    re.compile(r"\b(?:score_\d+(?:_up)?|rating:[a-z]+|artist:[^,\n]{1,60}|source_[a-z]+)", re.IGNORECASE),
    re.compile(r"(?:(?<=\s)|^)(?:--|\u2014|\u2013)no\b[^\n-]{0,200}"),
    re.compile(r"(?:(?<=\s)|^)(?:--|\u2014|\u2013)[a-z]+(?:[ \t]+[\d.:x]+(?![\w])|[ \t]+(?=--)|)"),
)
"""What is no part of the picture: comments, file names, flags, tags of a model."""
_QUOTED = re.compile(r"\"[^\"\n]{1,120}\"|\u201c[^\u201d\n]{1,120}\u201d|(?<![\w])'[^'\n]{2,120}'(?![\w])")
_OPTIONS = re.compile(r"\{[^{}\n]{1,200}\}|\[[^\[\]\n]{1,200}\]")
_SCHEDULE_END = re.compile(r":\s?[\d.]{1,8}\s?\]")
_JOINED = re.compile(r"\b(?:BREAK|AND|ADDCOMM|ADDBASE|ADDROW|ADDCOL)\b")
_TOKEN = re.compile(
    r"(?<!\w)(?P<unit>\d(?:\s\d(?!\w)){1,6}(?:\s?(?:mm|s|k|px))?\b|\d{1,8}(?:[.,:/]\d{1,8}){0,3}(?:\s?(?:mm|cm|px|fps|mp|dpi|deg|nm|k|d)\b|[%\u00b0])"
    r"|\d{1,5}(?:[x\u00d7]\d{1,5}){1,2}|\d{1,8}(?:[.,:/]\d{1,8}){1,3}|\d{1,4}'?s\b"
    r"|f\s?/\s?\d{1,2}(?:\.\d{1,2})?|f\d(?:\.\d{0,2})?|iso\s?\d{1,6}|f\s/\s\d(?:\s\.\s\d)?)"
    r"|(?P<word>[^\W_]+(?:['\-][^\W_]+)*'?)"
    r"|(?P<joint>[&+/])|(?P<break>[,;.!?|\n\u3001\u3002\uff0c:\u2014\u2013]|\s-\s|--+)",
    re.IGNORECASE,
)
_COUNTED_TAG = re.compile(r"(\d{1,2})\+?([^\W\d_]+)")
_AGE = re.compile(r"(?<!\w)\d{1,3}[\s-]{1,3}years?[\s-]{1,3}old", re.IGNORECASE)


def tokens(text: str) -> list[Token]:
    """The tokens of a prompt in order."""
    shown = _blanked(text)
    unsure = [m.span() for m in _OPTIONS.finditer(shown) if "|" in m.group() or ":" in m.group()]
    unsure = [] if json_mutes(text) else unsure
    shown = _SCHEDULE_END.sub(_blank, shown)
    breaks = {match.start(): match.end() for match in _JOINED.finditer(shown)}
    return list(_marked(_scan(shown, breaks), unsure))


def _blanked(text: str) -> str:
    """The text with blanks of the same length in place of what says nothing about the picture."""
    shown = list(text)
    for start, stop in (*hidden_spans(text), *json_mutes(text)):
        shown[start:stop] = " " * (stop - start)
    out = "".join(shown)
    for pattern in _BLANKED:
        out = pattern.sub(_blank, out)
    out = _AGE.sub(_blank, out)
    quoted = sum(len(match.group()) for match in _QUOTED.finditer(out))
    if quoted * 2 < len(out.strip()):
        out = _QUOTED.sub(_blank, out)
    return out.replace("_", " ").replace("\u2018", "'").replace("\u2019", "'")


def _blank(match: re.Match) -> str:
    return " " * len(match.group())


def _scan(text: str, joined: dict[int, int]) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        start, stop = match.span()
        if start in joined:
            yield Token("\n", start, stop, BREAK)
        elif match["unit"]:
            yield Token(match.group().casefold(), start, stop, MUTE)
        elif match["joint"]:
            yield Token("or" if match.group() == "/" else "and", start, stop)
        elif match["break"]:
            mark = match.group().strip() or "\n"
            yield Token(mark, start, stop, BREAK)
        else:
            yield from _word(match.group(), start)


def _word(text: str, start: int) -> Iterator[Token]:
    stop = start + len(text)
    counted = _COUNTED_TAG.fullmatch(text)
    if counted and len(counted[2]) > 2:
        middle = start + counted.start(2)
        yield Token(counted[1], start, middle, NUMBER)
        yield Token(counted[2].casefold(), middle, stop)
    elif len(text) == 1 and text.isascii() and text.isalpha() and text not in "aAI":
        yield Token(text.casefold(), start, stop, MUTE)
    elif text.isdecimal():
        yield Token(text, start, stop, NUMBER if len(text) < 3 else MUTE)
    elif any(mark.isdigit() for mark in text):
        yield Token(text.casefold(), start, stop, MUTE)
    else:
        lower = text.casefold().rstrip("'")
        owner = lower.endswith("'s") and len(lower) > 2
        yield Token(lower, start, stop, WORD, capital=text[:1].isupper() and not owner)


def _marked(found: Iterator[Token], unsure: list[tuple[int, int]]) -> Iterator[Token]:
    spans = iter([*unsure, (1 << 62, 1 << 62)])
    start, stop = next(spans)
    for token in found:
        while token.start >= stop:
            start, stop = next(spans)
        if start <= token.start and token.text in ("|", ":"):
            yield Token("or", token.start, token.stop, WORD, True)
        else:
            yield replace(token, unsure=start <= token.start)
