"""Runs this project from a fresh clone: `python dev.py demo`, `python dev.py test`, `python dev.py serve`.

Needs Python 3.10 to 3.12 and nothing else. Makes an environment for the ComfyUI host that it
finds (.venv), or for the one of the package registry (.venv-registry), installs pinned requirements there
and goes on inside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

from demo.host_path import REGISTRY, ROOT, UPSTREAM, Host, find_host

REQUIREMENTS = ROOT / "requirements"
ENVIRONMENTS = {UPSTREAM: ROOT / ".venv", REGISTRY: ROOT / ".venv-registry"}
STAMP = "selagg-requirements.sha256"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEWEST_FRONTEND = ROOT / ".host" / "frontend"
SECONDS_A_DAY = 24 * 60 * 60


def main() -> int:
    arguments, rest = parse_arguments()
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        running = ".".join(str(part) for part in sys.version_info[:2])
        return complain(f"This is Python {running}; start dev.py with Python 3.10, 3.11 or 3.12.")
    try:
        host = find_host(arguments.host)
    except FileNotFoundError as error:
        return complain(str(error))
    environment = ENVIRONMENTS[host.name]
    try:
        prepare_environment(environment, host)
    except (subprocess.CalledProcessError, OSError) as error:
        return complain(f"Installing into {environment} failed: {error}. Delete that folder and try again.")
    if Path(sys.prefix).resolve() != environment.resolve():
        return call([str(python_of(environment)), str(ROOT / "dev.py"), *sys.argv[1:]])
    say(f"Host: {describe(host)}")
    commands = {"demo": run_demo, "test": run_tests, "serve": run_server}
    return commands[arguments.command](host, rest)


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "command",
        choices=["demo", "test", "serve"],
        help="demo: diagnose a prompt from start to end; test: all checks; serve: ComfyUI with this pack",
    )
    parser.add_argument(
        "--host",
        default="auto",
        choices=["auto", UPSTREAM, REGISTRY],
        help="auto: $COMFYUI_PATH, the ComfyUI around this folder, ~/ComfyUI, ~/comfy/ComfyUI, else registry",
    )
    return parser.parse_known_args()


def say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def complain(message: str) -> int:
    sys.stderr.write(f"dev.py: {message}\n")
    return 2


def describe(host: Host) -> str:
    where = f"upstream ComfyUI in {host.path}" if host.path else "comfyui==0.0.1 of the package registry"
    return f"{where} ({host.reason})"


def call(command: list[str], **options) -> int:
    """The exit code of a command. An interrupt from the keyboard reaches it too; SIGTERM is passed on."""
    with subprocess.Popen(command, **options) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


# ----------------------------------------------------------------------------------------------------
# Environments
# ----------------------------------------------------------------------------------------------------


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare_environment(environment: Path, host: Host) -> None:
    """Makes the environment, or brings it up to the pinned requirements; at once if it is there already."""
    wanted = requirements_hash(host)
    stamp = environment / STAMP
    if python_of(environment).exists() and stamp.is_file() and stamp.read_text().strip() == wanted:
        return
    started = time.monotonic()
    say(f"Preparing {environment.name}: a few minutes the first time, no time from then on.")
    if not python_of(environment).exists():
        say("[1/4] new environment")
        venv.create(environment, with_pip=True, symlinks=os.name != "nt")
    stamp.unlink(missing_ok=True)
    say("[2/4] what the host and the checks need")
    # Without dependencies: these lists are complete, and nothing may replace the PyTorch that is in place.
    lists = [REQUIREMENTS / f"{host.name}.txt", REQUIREMENTS / "dev.txt"]
    pip(environment, "--no-deps", *(part for file in lists for part in ("-r", file)))
    say("[3/4] PyTorch")
    pip(environment, "-r", REQUIREMENTS / "torch.txt", *torch_index())
    if host.path:
        say("[4/4] what this ComfyUI asks for beyond that")
        install_host_requirements(environment, host.path)
    stamp.write_text(f"{wanted}\n")
    say(f"Ready after {time.monotonic() - started:.0f} s.")


def requirements_hash(host: Host) -> str:
    files = [REQUIREMENTS / name for name in ("torch.txt", f"{host.name}.txt", "dev.txt")]
    if host.path:
        files.append(host.path / "requirements.txt")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def pip(environment: Path, *arguments: object) -> None:
    """Installs, showing pip's progress.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "on"]
    command = [str(python_of(environment)), "-m", "pip", "install", *options, *map(str, arguments)]
    subprocess.run(command, check=True)


def torch_index() -> list[str]:
    """On Linux without an NVIDIA GPU the wheels without CUDA: a tenth of the size."""
    if not sys.platform.startswith("linux") or shutil.which("nvidia-smi"):
        return []
    try:
        with urllib.request.urlopen(f"{CPU_WHEELS}/torch/", timeout=5):  # noqa: S310 - a fixed https address
            return ["--extra-index-url", CPU_WHEELS]
    except (urllib.error.URLError, OSError):
        return []


def install_host_requirements(environment: Path, host_path: Path) -> None:
    """Adds what a newer ComfyUI than the pinned one needs; changes nothing for the pinned one."""
    file = host_path / "requirements.txt"
    if not file.is_file():
        return
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    own = re.compile(r"(#|-|torch(vision|audio)?\b)")
    wanted = [line for line in lines if line and not own.match(line)]
    pip(environment, "--quiet", "-c", REQUIREMENTS / "torch.txt", *wanted)


# ----------------------------------------------------------------------------------------------------
# Commands, inside the environment
# ----------------------------------------------------------------------------------------------------


def host_variables(host: Host) -> dict[str, str]:
    """The environment variables by which tests and the demo learn of the host."""
    variables = {**os.environ, "SELAGG_HOST": host.name}
    variables.pop("SELAGG_HOST_PATH", None)
    if host.path:
        variables["SELAGG_HOST_PATH"] = str(host.path)
    return variables


def run_demo(host: Host, rest: list[str]) -> int:
    return call([sys.executable, "-m", "demo", *rest], cwd=ROOT, env=host_variables(host))


def run_server(host: Host, rest: list[str]) -> int:
    return call([sys.executable, "-m", "demo.host_server", *rest], cwd=ROOT, env=host_variables(host))


def run_tests(host: Host, rest: list[str]) -> int:
    """Ruff, then pytest with the arguments given: pytest's closing line is the last one."""
    python = [sys.executable, "-m"]
    lint = call([*python, "ruff", "check", "."], cwd=ROOT)
    layout = call([*python, "ruff", "format", "--check", "."], cwd=ROOT)
    say(f"Tests on {describe(host)}; results follow.")
    named = [argument for argument in rest if (ROOT / argument.split("::")[0]).exists()]
    if host.path and (not named or any("web" in argument for argument in named)):
        prepare_browser()
    tests = call(
        [*python, "pytest", *rest, *([] if named else ["tests"])], cwd=ROOT, env=host_variables(host)
    )
    return lint or layout or tests


def prepare_browser() -> None:
    """What browser tests need besides the pinned packages; what cannot be had is skipped there."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if may_install and not any(map(shutil.which, BROWSERS)):
        say("Installing chromium for the browser tests.")
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False
        )
    package = NEWEST_FRONTEND / "comfyui_frontend_package"
    if package.is_dir() and time.time() - package.stat().st_mtime < SECONDS_A_DAY:
        return
    say("Fetching the newest frontend of ComfyUI for the browser tests.")
    options = ["--quiet", "--no-deps", "--upgrade", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(NEWEST_FRONTEND)]
    if subprocess.run([*command, "comfyui-frontend-package"], check=False).returncode == 0:
        package.touch()


if __name__ == "__main__":
    raise SystemExit(main())
