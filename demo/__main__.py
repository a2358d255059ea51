"""`python dev.py demo`: diagnoses a prompt on the real server, as a user's client would."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selagg_core.report.page import report_page
from selagg_core.report.report import Report

from .background_server import background_server
from .client import Client, WorkflowError
from .host_path import ROOT, find_host
from .workflows import FOLDER

WORKFLOW = "api/diagnose_demo.json"
RUN_SECONDS = 600


@dataclass
class Progress:
    """Says what is going on, with a dot now and then while it lasts."""

    started: float = field(default_factory=time.monotonic)
    dotted: float = 0.0

    def step(self, text: str) -> None:
        self._write(f"\n[{time.monotonic() - self.started:4.0f} s] {text} ")

    def waiting(self) -> None:
        if time.monotonic() - self.dotted > 2:
            self.dotted = time.monotonic()
            self._write(".")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


@dataclass(frozen=True)
class Results:
    """What the run gave: PNG bytes by file name, and the report."""

    pictures: Mapping[str, bytes]
    report: Report


def titled(workflow: Mapping[str, Any], title: str) -> str:
    """The id of the node with this title."""
    return next(number for number, node in workflow.items() if node["_meta"]["title"] == title)


def fetch(client: Client, workflow: Mapping[str, Any], outputs: Mapping[str, Any]) -> Results:
    """Gets the pictures that the workflow's nodes showed, and the report.

    Raises:
        RuntimeError: the overlays are not one a word and picture.
    """
    shown = {
        title: [client.image(reference) for reference in outputs[titled(workflow, title)]["images"]]
        for title in ("Picture", "Overlays", "Contact sheet", "Diagnosis")
    }
    report = Report.from_json(_report(client, outputs[titled(workflow, "Diagnosis")]))
    names = overlay_names(report)
    if len(names) != len(shown["Overlays"]):
        raise RuntimeError(f"{len(shown['Overlays'])} overlays for {len(names)} words; see the server's log.")
    pictures = dict(zip(names, shown["Overlays"], strict=True))
    for title, stem in (
        ("Picture", "picture"),
        ("Contact sheet", "contact_sheet"),
        ("Diagnosis", "diagnosis"),
    ):
        pictures.update(numbered(stem, shown[title]))
    return Results(pictures, report)


def numbered(stem: str, pictures: list[bytes]) -> dict[str, bytes]:
    if len(pictures) == 1:
        return {f"{stem}.png": pictures[0]}
    return {f"{stem}_{number}.png": data for number, data in enumerate(pictures, start=1)}


def _report(client: Client, output: Mapping[str, Any]) -> str:
    """The report of a Diagnose node: it is with its view, or goes along where the host shows none."""
    return output["report"][0] if "report" in output else client.report(output["selagg"][0]["id"])


def overlay_names(report: Report) -> list[str]:
    """A file name for each word of each picture; a word can be anything, so only letters and digits stay."""
    return [
        f"overlay_{picture.index + 1}_{number:02d}_{re.sub('[^a-z0-9]+', '-', word.label.lower())}.png"
        for picture in report.pictures
        for number, word in enumerate(picture.words, start=1)
    ]


def write(results: Results, folder: Path) -> None:
    for name, data in results.pictures.items():
        (folder / name).write_bytes(data)
    (folder / "report.json").write_text(results.report.to_json(), encoding="utf-8")
    sheets = [
        (n, data) for n, data in results.pictures.items() if n.startswith(("diagnosis", "contact_sheet"))
    ]
    (folder / "report.html").write_text(report_page(results.report, sheets), encoding="utf-8")


def run(folder: Path, progress: Progress) -> Results:
    """Starts the server, queues the example workflow and gives what came out.

    Raises:
        RuntimeError: the server did not start (`WorkflowError`: the workflow failed).
        TimeoutError: the workflow took too long.
    """
    workflow = json.loads((FOLDER / WORKFLOW).read_text(encoding="utf-8"))
    host = find_host(os.environ.get("SELAGG_HOST", "auto"))
    progress.step(f"starting {host.title}")
    with background_server(ROOT / ".host" / host.label, folder / "server.log", progress.waiting) as client:
        progress.step(f"sampling and diagnosing ({WORKFLOW})")
        queued = client.queue(workflow)
        if queued.errors:
            raise WorkflowError(json.dumps(queued.errors))
        outputs = client.wait(queued.id, RUN_SECONDS, progress.waiting)
        progress.step("collecting the results")
        return fetch(client, workflow, outputs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "demo_output", help="folder for the results")
    folder = parser.parse_args().out.resolve()
    if folder == ROOT / "demo_output":
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        results = run(folder, Progress())
    except (WorkflowError, RuntimeError, TimeoutError) as error:
        sys.stderr.write(f"\nThe demo failed: {error}\n")
        return 1
    write(results, folder)
    sys.stdout.write("\n\n" + "\n".join(results.report.warnings()) + "\n")
    sys.stdout.write(f"Results: {folder} (open report.html; contact_sheet and overlay pictures beside it)\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
