"""Marks as artists type them: commas, colons, per cent signs of any keyboard become the plain ones."""

from __future__ import annotations

_LIKE = {
    ",": "\uff0c\u3001\uff64\u060c\u201a\ufe50\ufe51",
    ":": "\uff1a\ufe55\ua789\u2236",
    ";": "\uff1b\u061b\ufe54",
    ">": "\uff1e\ufe65\u203a\u2192",
    "=": "\uff1d\ufe66",
    "%": "\uff05\ufe6a\u066a",
    "+": "\uff0b\ufe62",
    "-": "\uff0d\u2212\ufe63\u2010\u2011\u2012\u2013",
    ".": "\uff0e\ufe52",
    "(": "\uff08\ufe59",
    ")": "\uff09\ufe5a",
    "'": "\u2018\u2019\u02bc\uff07",
    " ": "\u00a0\u3000\u2007\u202f\t",
    "\n": "\r\u2028\u2029\x85\x0b\x0c",
}
_PLAIN = str.maketrans({mark: plain for plain, marks in _LIKE.items() for mark in marks})


def plain_marks(text: str) -> str:
    """A field of a node with plain marks, blanks and line ends; letters and digits stay as they are."""
    return text.translate(_PLAIN)
