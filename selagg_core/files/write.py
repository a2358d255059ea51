"""Files that are there entirely or not at all, whoever else writes them."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

_CAUSES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EACCES: "the folder may not be written to: change its rights, or choose another one",
    errno.EPERM: "the folder may not be written to: change its rights, or choose another one",
    errno.EROFS: "the folder is read-only: choose another one",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOTDIR: "a part of its path is a file: choose another folder",
    errno.EEXIST: "a part of its path is a file: choose another folder",
}


def write_file(path: Path, content: bytes) -> None:
    """Write a file by a temporary one beside it, of a name of its own, synced to the disk.

    Another process sees the old file or the new one; two that write the same one do not disturb each other.
    Missing folders are made. Raises ValueError, with the cause and the cure, if the disk does not take it.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(partial, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise ValueError(f"{path.name} could not be written to {path.parent}: {cause_of(error)}.") from error


def cause_of(error: OSError) -> str:
    """Why the disk refused, and what to do."""
    return _CAUSES.get(error.errno or 0, error.strerror or str(error) or type(error).__name__)


def _sync_folder(folder: Path) -> None:
    """The name of a new file is synced too, where the system can (Windows and some network disks cannot)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
