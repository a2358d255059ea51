"""Lines put behind those of a file, whoever else writes to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from .write import cause_of


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Writes lines to the end of a file in one piece, synced to the disk; makes it and its folder if need be.

    A half line that a stopped program has left stays a line of its own. Raises ValueError, with the cause and
    the cure, if the disk does not take them all; what it took of them is cut off again.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            _append(handle, content)
        finally:
            os.close(handle)
    except OSError as error:
        raise ValueError(f"{path.name} could not be written to {path.parent}: {cause_of(error)}.") from error


def _append(handle: int, content: bytes) -> None:
    size = os.fstat(handle).st_size
    if size:
        os.lseek(handle, size - 1, os.SEEK_SET)
        content = content if os.read(handle, 1) == b"\n" else b"\n" + content
    written = 0
    try:
        while written < len(content):
            written += os.write(handle, content[written:])
        os.fsync(handle)
    except OSError:
        if written:
            os.ftruncate(handle, size)
        raise
