"""One rule for the names of files that an artist chooses."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 100
"""Bytes of a name without its ending: file systems take 255 with it, encrypted ones about 140."""
_RESERVED = re.compile("(con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3])([. ].*)?", re.IGNORECASE)


def file_stem(name: str) -> str:
    """A file name without ending that every system takes: letters, digits, dots, dashes and underscores.

    A name that is too long is cut, and ends with a mark of the whole, so that two long names stay two files.
    Raises ValueError if nothing is left, or if Windows keeps the name for a device.
    """
    stem = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name).strip()).strip("._-")
    if not stem or _RESERVED.fullmatch(stem):
        shown = name.strip()[:40]
        raise ValueError(f'"{shown}" is no name for a file: use letters and digits, such as my_checkpoint.')
    if len(stem.encode()) <= LONGEST:
        return stem
    mark = hashlib.sha256(stem.encode()).hexdigest()[:8]
    cut = stem.encode()[: LONGEST - len(mark) - 1].decode(errors="ignore")
    return f"{cut}-{mark}"
