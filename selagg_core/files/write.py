"""Files that are there entirely or not at all, whoever else writes them."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

#: Seconds after which a claim belongs to nobody any more: its server was stopped.
STALE_AFTER = 3600

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
            _replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise ValueError(f"{path.name} could not be written to {path.parent}: {cause_of(error)}.") from error


@contextmanager
def claimed(folder: Path, stem: str) -> Iterator[str]:
    """`stem` with a number behind it (-0001) that no file of the folder has, and that nobody else is given.

    Two servers that save under one name get two numbers.  Raises ValueError as `write_file`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while not _claim(folder, f"{stem}-{number:04d}"):
            number += 1
    except OSError as error:
        raise ValueError(f"{stem} could not be written to {folder}: {cause_of(error)}.") from error
    own = f"{stem}-{number:04d}"
    try:
        yield own
    finally:
        _claim_of(folder, own).unlink(missing_ok=True)


def _claim(folder: Path, own: str) -> bool:
    """Whether this process is the one that may write files of this stem."""
    claim, taken = _claim_of(folder, own), f"{escape(own)}[._]*"
    if any(folder.glob(taken)):
        return False
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        try:
            if time.time() - claim.stat().st_mtime < STALE_AFTER:
                return False
        except FileNotFoundError:
            return False
    if any(folder.glob(taken)):  # another one has written them and gone, just now
        claim.unlink(missing_ok=True)
        return False
    return True


def _claim_of(folder: Path, own: str) -> Path:
    return folder / f".{own}.claim"


def _replace(partial: Path, path: Path) -> None:
    """Windows refuses while another process has the old file open, which is seldom for long."""
    for wait in (0.05, 0.1, 0.2, 0.4):
        try:
            return os.replace(partial, path)
        except PermissionError:
            time.sleep(wait)
    return os.replace(partial, path)


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
