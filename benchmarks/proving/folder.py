"""The folder of a proof: rows as they come, and in the end what can be published. It can be gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selagg_core.drawing.pictures import png_bytes
from selagg_core.files.append import append_lines
from selagg_core.files.write import cause_of, write_file
from selagg_core.proof.rows import Rows, parse_rows
from selagg_core.proof.table import ScoreTable, markdown
from selagg_core.proof.table_picture import table_picture

from .crew import Done
from .workflow import Job

ROWS, SETTINGS, CLAIM = "rows.jsonl", "settings.json", ".running"


def mark(value: Any) -> str:
    """A digest of anything that is JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


class Folder:
    """One proof, one folder. settings: what its pictures depend on; those of a folder never change."""

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.settings = path, dict(settings)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Nobody else works in the folder meanwhile.

        Raises ValueError if somebody does, or if the folder is that of another proof.
        """
        claim = self.path / CLAIM
        own = {"host": socket.gethostname(), "process": os.getpid()}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if _is_alive(claim):
                raise ValueError(
                    f"another run works in {self.path}: wait for it, or choose another folder with --out "
                    f"(if there is none, delete {claim})."
                )
            claim.write_text(json.dumps(own), "utf-8")
        except OSError as error:
            raise ValueError(f"{self.path} cannot be written to: {cause_of(error)}.") from error
        try:
            self._check_settings()
            yield
        finally:
            claim.unlink(missing_ok=True)

    def _check_settings(self) -> None:
        file = self.path / SETTINGS
        if file.is_file():
            kept = json.loads(file.read_text("utf-8"))["settings"]
            different = [k for k in self.settings if kept.get(k) != json.loads(json.dumps(self.settings[k]))]
            if different:
                raise ValueError(
                    f"{self.path} holds a proof with other {', '.join(different)}: choose another folder "
                    "with --out."
                )
            return
        write_file(file, json.dumps({"settings": self.settings}, indent=1).encode())

    def rows(self) -> Rows:
        """All rows so far."""
        path = self.path / ROWS
        return parse_rows(path.read_text("utf-8").splitlines()) if path.is_file() else Rows()

    def finished(self) -> set[Job]:
        """Pictures whose rows are all there: the row of the picture itself is written last."""
        return {Job(row.taken.prompt, row.taken.seed) for row in self.rows().pictures}

    def keep(self, done: Done) -> None:
        """Writes the rows of a picture, and itself if there is one. Raises ValueError if the disk is full."""
        append_lines(self.path / ROWS, done.lines)
        if done.picture is not None:
            name = f"{mark(done.job.prompt)[:12]}_{done.job.seed}.png"
            write_file(self.path / "pictures" / name, done.picture)

    def publish(self, table: ScoreTable, about: Mapping[str, Any]) -> None:
        """Table, figures, and what they were made with."""
        files = {
            "table.md": markdown(table).encode(),
            "table.json": json.dumps(table.to_json(), indent=1).encode(),
            "table.png": png_bytes(table_picture(table)),
        }
        for name, content in files.items():
            write_file(self.path / name, content)
        rows = hashlib.sha256((self.path / ROWS).read_bytes()).hexdigest()
        kept = {"settings": self.settings, "about": dict(about), "sha256 of the rows": rows}
        write_file(self.path / SETTINGS, json.dumps(kept, indent=1).encode())


def _is_alive(claim: Path) -> bool:
    """Whether the process that a claim names is still there, as far as it can be known from here."""
    try:
        own = json.loads(claim.read_text("utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    here = own.get("host") == socket.gethostname() and os.name != "nt"  # Windows cannot ask without harm
    if not here or own.get("process") == os.getpid():
        return True
    try:
        os.kill(int(own["process"]), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return True
