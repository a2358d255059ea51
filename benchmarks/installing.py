"""Fresh environments with each OpenCV and numpy: what installing changes there, and whether the pack works.

    python -m benchmarks.installing --json - [--environments "numpy==1.26.4 opencv-python==4.8.1.78" ...]

Each environment is made on top of the one that runs this command, whose packages it sees: only numpy and
OpenCV are its own. The pack is unzipped from the registry's archive into a custom_nodes of its own and
installed as ComfyUI-Manager does it: `pip install -r requirements.txt`, and install.py if there is one.
Before and after, `pip freeze` and all names in cv2 are compared. Then the real host starts in that
environment with this pack alone, and the demo workflow is sampled, shown and diagnosed.

The word "none" stands for an environment in which `import cv2` fails. What cannot be fetched for this Python
is skipped and counted. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import site
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo.archive import write_archive
from demo.background_server import background_server
from demo.environment import python_of
from demo.host_path import ROOT
from demo.result_file import write_line

NONE = "none"
ENVIRONMENTS = (
    f"numpy==1.26.4 {NONE}",
    f"numpy==2.4.6 {NONE}",
    "numpy==1.26.4 opencv-python-headless==4.8.1.78",
    "numpy==1.26.4 opencv-python==4.9.0.80",
    "numpy==2.0.2 opencv-contrib-python==4.10.0.84",
    "numpy==2.1.3 opencv-contrib-python-headless==4.11.0.86",
    "numpy==2.2.6 opencv-python-headless==4.12.0.88",
    "numpy==2.4.6 opencv-python==4.13.0.92",
    "numpy==2.4.6 opencv-contrib-python==5.0.0.93",
    "numpy==2.4.6 opencv-python-headless==5.0.0.93",
    "numpy==2.2.6 opencv-contrib-python==4.12.0.88 opencv-python-headless==4.12.0.88",
)
"""The last one has two that overwrite each other, as many artists have."""
FOLDER = "selagg"
LOOK = """
import hashlib, json
try:
    import cv2
    names = sorted(dir(cv2))
    told = [cv2.__version__, len(names), hashlib.sha256("\\n".join(names).encode()).hexdigest()]
except ImportError as error:
    told = [f"{type(error).__name__}: {error}"]
import numpy
print(json.dumps({"numpy": numpy.__version__, "cv2": told}))
"""
STEPS, SECONDS = 4, 240


@dataclass(frozen=True)
class Installed:
    """An environment before and after. said: what Diagnose said of the picture."""

    environment: str
    numpy: str
    cv2: str
    names: int
    frozen_changed: tuple[str, ...]
    cv2_changed: bool
    nodes: int
    said: tuple[str, ...]
    heatmaps: int

    @property
    def good(self) -> bool:
        return not self.frozen_changed and not self.cv2_changed and self.heatmaps > 0 and bool(self.said)


class Unfit(Exception):
    """This environment cannot be made here."""


def made(folder: Path, wanted: str) -> Path:
    """The Python of a new environment. Raises Unfit, with pip's last line."""
    venv.create(folder, with_pip=True)
    python = python_of(folder)
    told = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        check=True,
        text=True,
    )
    own = Path(told.stdout.strip())
    (own / "host.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    packages = [name for name in wanted.split() if name != NONE]
    if NONE in wanted.split():
        (own / "cv2.py").write_text("raise ImportError('there is no OpenCV here')\n", encoding="utf-8")
    command = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--ignore-installed",
    ]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unfit(done.stderr.strip().splitlines()[-1])
    return python


def frozen(python: Path) -> list[str]:
    done = subprocess.run(
        [python, "-m", "pip", "freeze", "--all"], capture_output=True, text=True, check=True
    )
    return sorted(done.stdout.splitlines())


def look(python: Path) -> dict[str, Any]:
    """The versions, and a hash of all names in cv2."""
    done = subprocess.run([python, "-c", LOOK], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def install(python: Path, base: Path) -> None:
    """As ComfyUI-Manager installs a pack of the registry."""
    pack = base / "custom_nodes" / FOLDER
    write_archive(base / "node.zip")
    with zipfile.ZipFile(base / "node.zip") as archive:
        archive.extractall(pack)
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "-r", pack / "requirements.txt"],
        check=True,
        capture_output=True,
    )
    if (pack / "install.py").exists():
        subprocess.run([python, pack / "install.py"], check=True, cwd=pack)


def tried(wanted: str) -> Installed:
    """Raises Unfit."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        base.mkdir()
        python = made(Path(folder) / "environment", wanted)
        before, seen = frozen(python), look(python)
        install(python, base)
        after, seen_after = frozen(python), look(python)
        command = [python, "-m", "benchmarks.installing", "--inside", base]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"{wanted}: {done.stderr.strip()[-2000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        return Installed(
            environment=wanted,
            numpy=seen["numpy"],
            cv2=seen["cv2"][0],
            names=seen["cv2"][1] if len(seen["cv2"]) > 1 else 0,
            frozen_changed=tuple(sorted(set(before) ^ set(after))),
            cv2_changed=seen["cv2"] != seen_after["cv2"],
            **result,
        )


def inside(base: Path) -> dict[str, Any]:
    """Runs in the environment: the host with the installed pack, and the demo."""
    workflow = json.loads((ROOT / "examples_workflows" / "api" / "diagnose_demo.json").read_text("utf-8"))
    by_title = {node["_meta"]["title"]: number for number, node in workflow.items()}
    for node in workflow.values():
        if node["class_type"] == "KSampler":
            node["inputs"]["steps"] = STEPS
    with background_server(base, base / "server.log", options=["--installed"]) as client:
        nodes = sum(name.startswith("SelAgg") for name in client.object_info())
        queued = client.queue(workflow)
        if queued.errors:
            raise RuntimeError(str(queued.errors))
        shown = client.wait(queued.id, SECONDS)
    return {
        "nodes": nodes,
        "said": shown[by_title["Diagnosis"]]["text"],
        "heatmaps": len(shown[by_title["Overlays"]]["images"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--environments", nargs="+", default=list(ENVIRONMENTS), metavar="PACKAGES")
    parser.add_argument("--json", default="-", help="where the result goes; - is standard output")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        write_line(json.dumps(inside(arguments.inside)), "-")
        return
    rows: list[Installed] = []
    left_out: Counter[str] = Counter()
    failed: list[str] = []
    for wanted in arguments.environments:
        try:
            rows.append(tried(wanted))
        except Unfit as error:
            left_out[f"{wanted}: {error}"] += 1
            continue
        except RuntimeError as error:
            failed.append(str(error))
            sys.stderr.write(f"{error}\n")
            continue
        row = rows[-1]
        sys.stderr.write(f"{wanted}: {'as before, and works' if row.good else 'CHANGED OR FAILS'}\n")
    said = {hashlib.sha256("\n".join(row.said).encode()).hexdigest() for row in rows}
    result = {
        "benchmark": "installing",
        "python": sys.version.split()[0],
        "environments": len(rows) + len(failed),
        "good": sum(row.good for row in rows),
        "different_diagnoses": len(said),
        "failed": failed,
        "left_out": dict(left_out),
        "rows": [asdict(row) for row in rows],
    }
    write_line(json.dumps(result), arguments.json)


if __name__ == "__main__":
    main()
