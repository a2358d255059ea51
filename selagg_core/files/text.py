"""Text files that people write by hand, with whatever editor."""

from __future__ import annotations

import codecs
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LARGEST = 64 * 1024 * 1024
"""Bytes of the largest text that is read; no report or label file comes near."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, as Windows writes them.

    Raises ValueError, naming the file and the cure, if it cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is larger than {LARGEST // 2**20} MiB: this is no file of SelAgg.")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    return decoded(content, path.name)


def decoded(content: bytes, name: str) -> str:
    """The text of bytes, see `read_text`; `name` is what an error calls them."""
    encoding = next((own for mark, own in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not in UTF-8: save it as UTF-8 in your editor.") from error
