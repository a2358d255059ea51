"""The part of `python dev.py check` that is about the pack as it is published.

Templates are what the examples are; comfy-cli accepts pyproject.toml; comfy-test's static checks pass on what
is in the archive. The two tools come from the package index, by themselves, and are left out without it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from .archive import write_archive
from .environment import REQUIREMENTS
from .host_path import ROOT
from .workflows import differing

TOOLS = ROOT / ".host" / "packing"
WANTED = REQUIREMENTS / "packing.txt"
NO_INDEX = "left out (the package index is not reached)"
#: Without the command around it, which would ask for consent and tell its maker that it ran.
VALIDATE = (
    "from comfy_cli.command.custom_nodes.command import validate_node_for_publishing as validate; validate()"
)
LINT = "import sys; from comfy_test.cli import main; sys.exit(main())"

Say = Callable[[str], None]


def run_all(say: Say) -> dict[str, str]:
    """Check -> "passed", "failed", or why it was left out."""
    say("-- templates")
    results = {"templates": _templates(say)}
    absent = _install_tools()
    for name, check in (("comfy node validate", _validate), ("comfy-test lint", _lint)):
        say(f"-- {name}")
        results[name] = absent or ("failed" if check() else "passed")
    return results


def _templates(say: Say) -> str:
    for name in (different := differing()):
        say(f"example_workflows/{name} is not what examples_workflows has: run python -m demo.workflows")
    return "failed" if different else "passed"


def _install_tools() -> str:
    """Brings .host/packing up to requirements/packing.txt; why there are no tools, or nothing."""
    stamp = TOOLS / "installed.sha256"
    wanted = hashlib.sha256(WANTED.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return ""
    shutil.rmtree(TOOLS, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(TOOLS), "-r", str(WANTED)]
    if subprocess.run(command, check=False).returncode:
        return NO_INDEX
    stamp.write_text(wanted, encoding="utf-8")
    return ""


def _run(code: str, *arguments: str, folder: Path = ROOT) -> int:
    found = [str(TOOLS), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(found), "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}
    # The root is no place to import from: its folder `nodes` has the name of a module of ComfyUI.
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=variables, check=False).returncode


def _validate() -> int:
    return _run(VALIDATE)


def _lint() -> int:
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder, "node.zip")
        write_archive(packed)
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(Path(folder, "selagg"))
        return _run(LINT, "lint", str(Path(folder, "selagg")), "--strict", folder=Path(folder))
