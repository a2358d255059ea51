"""Where a command leaves its result."""

from __future__ import annotations

import sys
from pathlib import Path


def write_line(text: str, target: str) -> None:
    """One line of text to the file `target`, or for "-" to standard output."""
    if target == "-":
        sys.stdout.write(text + "\n")
    else:
        Path(target).write_text(text + "\n", encoding="utf-8")
