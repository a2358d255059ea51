"""Finds a ComfyUI host; puts it on the import path ahead of this project, whose `nodes` is not the host's."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packages import make_importable

UPSTREAM, REGISTRY = "upstream", "registry"
#: No host at all: for checks that need none.
CORE = "core"
REGISTRY_VERSION = "0.0.1"
ROOT = Path(__file__).resolve().parents[1]
#: What the folder of a ComfyUI holds, whatever its version.
PARTS = (
    "main.py",
    "nodes.py",
    "server.py",
    "execution.py",
    "folder_paths.py",
    "comfy/cli_args.py",
    "comfy/ldm",
    "comfy_extras",
    "requirements.txt",
)


@dataclass(frozen=True)
class Host:
    """A ComfyUI to work with: an upstream folder, or the package `comfyui` of the registry (no path).

    name: UPSTREAM, REGISTRY, or CORE (none).
    """

    name: str
    path: Path | None
    reason: str
    #: None: an upstream folder that does not tell.
    version: str | None

    @property
    def label(self) -> str:
        """For names of files and folders: one for each version, as environments and databases differ."""
        return self.name if self.path is None else f"comfyui-{self.version or 'unknown'}"

    @property
    def title(self) -> str:
        """For sentences."""
        return f"ComfyUI {self.version}" if self.version else "this ComfyUI of an unknown version"


def upstream(folder: Path, reason: str) -> Host:
    return Host(UPSTREAM, folder, reason, version_of(folder))


def registry(reason: str) -> Host:
    return Host(REGISTRY, None, reason, REGISTRY_VERSION)


def version_of(folder: Path) -> str | None:
    """What an upstream ComfyUI says of itself; read, not run. None: it does not tell."""
    for name, pattern in (("comfyui_version.py", "__version__"), ("pyproject.toml", "version")):
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found = re.search(rf"""^{pattern}\s*=\s*["']([0-9A-Za-z.+-]+)["']""", text, re.MULTILINE)
        if found:
            return found.group(1)
    return None


def version_key(version: str | None) -> tuple[int, ...]:
    """Orders versions; an unknown one comes before all others."""
    return tuple(int(part) for part in re.findall(r"\d+", version or ""))


def missing_parts(folder: Path) -> list[str]:
    return [part for part in PARTS if not (folder / part).exists()]


def find_host(wanted: str = "auto") -> Host:
    """First of: $COMFYUI_PATH, the ComfyUI around this pack, ~/ComfyUI* (newest first), ~/comfy/ComfyUI, or
    the registry's.

    Raises:
        FileNotFoundError: no upstream host though one is wanted, or $COMFYUI_PATH holds something else.
    """
    if wanted == REGISTRY:
        return registry("as asked for")
    given = os.environ.get("SELAGG_HOST_PATH") or os.environ.get("COMFYUI_PATH")
    if given:
        return _named_host(Path(given).expanduser().resolve(), wanted)
    half = [folder for folder in places() if (folder / "main.py").is_file() and missing_parts(folder)]
    for folder in places():
        if not missing_parts(folder):
            return upstream(folder, "found")
    passed = "".join(f"; {folder} lacks {', '.join(missing_parts(folder))}" for folder in half)
    if wanted == UPSTREAM:
        raise FileNotFoundError(f"No ComfyUI found{passed}: set COMFYUI_PATH to its folder.")
    return registry(f"no ComfyUI found{passed}")


def _named_host(folder: Path, wanted: str) -> Host:
    missing = missing_parts(folder)
    if not missing:
        return upstream(folder, "named by COMFYUI_PATH")
    if not folder.exists() and wanted != UPSTREAM:
        return registry(f"COMFYUI_PATH is {folder}, which does not exist")
    if len(missing) == len(PARTS):
        raise FileNotFoundError(f"COMFYUI_PATH is {folder}, which is no ComfyUI: correct it or unset it.")
    raise FileNotFoundError(
        f"COMFYUI_PATH is {folder}, a ComfyUI that is not whole: {', '.join(missing)} missing. "
        f"Fetch it anew (in a clone: `git checkout -f`), or set COMFYUI_PATH to another."
    )


def places() -> list[Path]:
    """Where a ComfyUI may be: around this pack, then in the home folder, the newest version first."""
    home = Path.home()
    named = sorted((folder for folder in home.glob("ComfyUI*") if folder.is_dir()), reverse=True)
    named.sort(key=lambda folder: version_key(version_of(folder)), reverse=True)
    return [ROOT.parent.parent, *named, home / "comfy" / "ComfyUI"]


def prepare_host(*options: str) -> str:
    """Makes `import comfy` and `import selagg_nodes` work in this process; gives "upstream" or "registry".

    options: with which the host is started; arguments of this process are not the host's.
    $SELAGG_HOST chooses; without it an environment that has the registry's host installed uses that one.

    Raises:
        FileNotFoundError: as `find_host`.
        RuntimeError: the registry's host is not installed in this environment.
    """
    host = find_host(os.environ.get("SELAGG_HOST") or (REGISTRY if _registry_host_installed() else "auto"))
    if host.path is not None:
        path = str(host.path)
        sys.path[:] = [path, *(entry for entry in sys.path if entry != path)]
    elif importlib.util.find_spec("comfy") is None:
        raise RuntimeError("No ComfyUI found: set COMFYUI_PATH, or let `python dev.py test` install one.")
    make_importable()
    make_cuda_builds_importable()
    sys.argv = [*sys.argv[:1], *host_options(options)]
    import comfy.options

    comfy.options.enable_args_parsing()
    return host.name


def host_options(options: Sequence[str] = ()) -> tuple[str, ...]:
    """With which the host is started on this machine."""
    import torch

    return (*(() if torch.cuda.is_available() else ("--cpu",)), *options)


def _registry_host_installed() -> bool:
    try:
        importlib.metadata.distribution("comfyui")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def make_cuda_builds_importable() -> None:
    """torchvision and torchaudio of the registry are CUDA builds: on a CPU torch neither can be imported.

    Hosts import both and need nothing of their compiled parts here. Where they import, nothing is done.
    """
    _make_torchvision_importable()
    _make_torchaudio_importable()


@functools.cache
def _make_torchvision_importable() -> Any:
    """Its import stops for want of two operators: they are defined, without an implementation.

    They last as long as the library object that is returned: the cache keeps it.
    """
    try:
        import torchvision  # noqa: F401
    except ModuleNotFoundError:
        return None
    except RuntimeError:
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    else:
        return None
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401

    return library


def _make_torchaudio_importable() -> None:
    """Its import stops at its compiled libraries, which want CUDA's: it is told that there are none.

    That is a case it provides for. Nothing is changed on disk: what failed to load is a module that stays
    loaded when the import of the package fails, and the second attempt uses it as it is then.
    """
    try:
        import torchaudio  # noqa: F401
    except ModuleNotFoundError:
        return
    except (ImportError, OSError, RuntimeError):
        loader = sys.modules.get("torchaudio._extension.utils")
        if loader is None:
            raise
        for name in [n for n in sys.modules if n.split(".")[0] == "torchaudio"]:
            if sys.modules[name] is not loader:
                del sys.modules[name]
        loader._load_lib = lambda lib: False
        import torchaudio  # noqa: F401
