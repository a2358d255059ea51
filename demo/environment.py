"""An environment for each host, and each version of it: pinned packages in a folder .venv-*.

requirements/<label>.txt holds the set of a host's version, torch.txt PyTorch, dev.txt the tools of checks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path

from .host_path import ROOT, Host, version_key

REQUIREMENTS = ROOT / "requirements"
TORCH, DEV = REQUIREMENTS / "torch.txt", REQUIREMENTS / "dev.txt"
STAMP = "selagg-requirements.sha256"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"


class InstallError(Exception):
    """An environment could not be made; the message says what to do."""


def environment_of(host: Host) -> Path:
    return ROOT / f".venv-{host.label}"


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def supported_versions() -> list[str]:
    """Versions of upstream ComfyUI with a set of their own, the newest first."""
    versions = (file.stem.removeprefix("comfyui-") for file in REQUIREMENTS.glob("comfyui-*.txt"))
    return sorted(versions, key=version_key, reverse=True)


def is_supported(host: Host) -> bool:
    return host.path is None or host.version in supported_versions()


def pinned_set(host: Host) -> Path:
    """The host's own set, else that of the newest version before it, else the oldest."""
    if host.path is None:
        return REQUIREMENTS / f"{host.name}.txt"
    versions = supported_versions()
    before = [version for version in versions if version_key(version) <= version_key(host.version)]
    return REQUIREMENTS / f"comfyui-{(before or versions[-1:])[0]}.txt"


def remark_on(host: Host) -> str:
    """What there is to say of a host that is not one of the supported ones; else nothing."""
    if is_supported(host):
        return ""
    tested = ", ".join(supported_versions())
    going_on = "Going on with what its requirements.txt asks for; what fails may be due to that."
    if host.version is None:
        return (
            f"{host.path} does not tell its version (comfyui_version.py is missing): it is older than those "
            f"that this project is tested with ({tested}), or not whole. {going_on}"
        )
    return f"{host.title} is not one of those that this project is tested with ({tested}). {going_on}"


def prepare_environment(host: Host, say: Callable[[str], None]) -> None:
    """Makes the host's environment, or brings it up to its requirements; at once if it is there already.

    Raises:
        InstallError: pip failed; it has said why.
        OSError: the environment cannot be written.
    """
    environment, wanted = environment_of(host), requirements_hash(host)
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
    pip(environment, "--no-deps", "-r", pinned_set(host), "-r", DEV)
    say("[3/4] PyTorch")
    pip(environment, "-r", TORCH, *torch_index())
    if host.path:
        say("[4/4] what this ComfyUI asks for beyond that")
        install_host_requirements(environment, host)
    stamp.write_text(f"{wanted}\n")
    say(f"Ready after {time.monotonic() - started:.0f} s.")


def requirements_hash(host: Host) -> str:
    files = [TORCH, DEV, pinned_set(host)]
    if host.path:
        files.append(host.path / "requirements.txt")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


def pip(environment: Path, *arguments: object) -> None:
    """Installs, showing pip's progress.

    Raises:
        InstallError: pip failed; it has said why.
    """
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "on"]
    command = [str(python_of(environment)), "-m", "pip", "install", *options, *map(str, arguments)]
    code = subprocess.run(command, check=False).returncode
    if code:
        raise InstallError(
            f"Installing into {environment} failed (pip's code {code}; it says why above). If that is not "
            f"the network, delete that folder and try again."
        )


def torch_index() -> list[str]:
    """On Linux without an NVIDIA GPU the wheels without CUDA: a tenth of the size."""
    if not sys.platform.startswith("linux") or shutil.which("nvidia-smi"):
        return []
    try:
        with urllib.request.urlopen(f"{CPU_WHEELS}/torch/", timeout=5):  # noqa: S310 - a fixed https address
            return ["--extra-index-url", CPU_WHEELS]
    except (urllib.error.URLError, OSError):
        return []


def install_host_requirements(environment: Path, host: Host) -> None:
    """Adds what another ComfyUI than the pinned one needs, beside the same torch; nothing for the pinned one.

    Raises:
        InstallError: it asks for what does not go with this torch, or cannot be had.
    """
    command = [
        str(python_of(environment)),
        "-m",
        "demo.missing_packages",
        str(host.path / "requirements.txt"),
    ]
    asked = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    wanted = [line for line in asked if line]
    if not wanted:
        return
    try:
        # With its dependencies; what is installed of torch's family satisfies those that name it.
        pip(environment, "-c", TORCH, *wanted)
    except InstallError as error:
        torch = TORCH.read_text(encoding="utf-8").strip()
        raise InstallError(
            f"{host.title} asks for {', '.join(wanted)}, which cannot be installed beside {torch} (pip says "
            f"why above). Set COMFYUI_PATH to a ComfyUI of version {' or '.join(supported_versions())}, or "
            f"use --host registry."
        ) from error
