"""`python dev.py check`: ruff, mypy, eslint and tsc, each by its settings at the root of the project, and the
checks of what is published (packing.py).

mypy looks at the packages under the names by which they are imported, whatever this folder is called.
What JavaScript is checked with comes from npm, at development time only; without npm it is left out.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from packages import FOLDERS

from . import packing
from .host_path import ROOT
from .host_server import link

MODULES = ROOT / "node_modules"
#: What npm says when it cannot reach its registry.
UNREACHABLE = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b"
)

Say = Callable[[str], None]


def run_all(options: list[str], say: Say) -> int:
    """Every check, also after one that fails; the closing line counts them up. Options go to ruff check.

    Returns 0 if none failed.
    """
    results = {
        "ruff check": _told(say, "ruff check", lambda: _run(_python("ruff", "check", ".", *options))),
        "ruff format": _told(say, "ruff format", lambda: _run(_python("ruff", "format", "--check", "."))),
        "mypy": _told(say, "mypy", _mypy),
    }
    absent = _install_npm_packages(say)
    for name, script in (("eslint", "lint"), ("tsc", "types")):
        if absent:
            results[name] = absent
        else:
            results[name] = _told(say, name, lambda script=script: _run([_npm(), "run", "--silent", script]))
    results |= packing.run_all(say)
    say("check: " + ", ".join(f"{name} {result}" for name, result in results.items()))
    return int("failed" in results.values())


def _told(say: Say, name: str, check: Callable[[], int]) -> str:
    say(f"-- {name}")
    return "failed" if check() else "passed"


def _python(*command: str) -> list[str]:
    return [sys.executable, "-m", *command]


def _run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _mypy() -> int:
    place = ROOT / ".host" / "mypy"
    place.mkdir(parents=True, exist_ok=True)
    for name, folder in FOLDERS.items():
        link(ROOT / folder, place / name)
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(place / "cache")]
    command = _python("mypy", *settings)
    done = subprocess.run(command, cwd=place, check=False, text=True, capture_output=True)
    sys.stdout.write(re.sub(r"(?m)^selagg_nodes\b", "nodes", done.stdout) + done.stderr)
    sys.stdout.flush()
    return done.returncode


def _npm() -> str:
    """npm's full path: on Windows it is a .cmd file, which is not found by its bare name."""
    return shutil.which("npm") or ""


def _install_npm_packages(say: Say) -> str:
    """Brings node_modules up to package-lock.json; gives why there are none, or nothing."""
    if not _npm():
        say("-- eslint, tsc: left out, as npm is not installed (it comes with Node.js 20 or newer)")
        return "left out (no npm)"
    stamp = MODULES / ".selagg-lock.sha256"
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == lock:
        return ""
    say("-- npm ci")
    done = subprocess.run(
        [_npm(), "ci", "--no-audit", "--no-fund"], cwd=ROOT, check=False, text=True, capture_output=True
    )
    if done.returncode == 0:
        stamp.write_text(lock)
        return ""
    sys.stderr.write(done.stderr)
    if UNREACHABLE.search(done.stderr):
        say("-- eslint, tsc: left out, as npm does not reach its registry")
        return "left out (npm's registry is not reached)"
    return "failed"
