"""Finds a ComfyUI host; puts it on the import path ahead of this project, whose `nodes` is not the host's."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packages import make_importable

UPSTREAM, REGISTRY = "upstream", "registry"
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Host:
    """A ComfyUI to work with: an upstream folder, or the package `comfyui` of the registry (no path)."""

    name: str
    path: Path | None
    reason: str


def is_upstream(folder: Path) -> bool:
    return (folder / "main.py").is_file() and (folder / "comfy" / "ldm").is_dir()


def find_host(wanted: str = "auto") -> Host:
    """First of: $COMFYUI_PATH, the ComfyUI around this pack, ~/ComfyUI, ~/comfy/ComfyUI, or the registry's.

    Raises:
        FileNotFoundError: no upstream host though one is wanted, or $COMFYUI_PATH holds something else.
    """
    if wanted == REGISTRY:
        return Host(REGISTRY, None, "as asked for")
    given = os.environ.get("SELAGG_HOST_PATH") or os.environ.get("COMFYUI_PATH")
    if given:
        folder = Path(given).expanduser().resolve()
        if is_upstream(folder):
            return Host(UPSTREAM, folder, "named by COMFYUI_PATH")
        if folder.exists() or wanted == UPSTREAM:
            raise FileNotFoundError(f"COMFYUI_PATH is {folder}, which is no ComfyUI: correct it or unset it.")
        return Host(REGISTRY, None, f"COMFYUI_PATH is {folder}, which does not exist")
    for folder in (ROOT.parent.parent, Path.home() / "ComfyUI", Path.home() / "comfy" / "ComfyUI"):
        if is_upstream(folder):
            return Host(UPSTREAM, folder, "found")
    if wanted == UPSTREAM:
        raise FileNotFoundError("No ComfyUI found: set COMFYUI_PATH to its folder.")
    return Host(REGISTRY, None, "no ComfyUI found")


def prepare_host() -> str:
    """Makes `import comfy` and `import selagg_nodes` work in this process; gives "upstream" or "registry".

    $SELAGG_HOST chooses; without it an environment that has the registry's host installed uses that one.

    Raises:
        FileNotFoundError: as `find_host`.
        RuntimeError: the registry's host is not installed in this environment.
    """
    import torch

    host = find_host(os.environ.get("SELAGG_HOST") or (REGISTRY if _registry_host_installed() else "auto"))
    if host.path is not None:
        path = str(host.path)
        sys.path[:] = [path, *(entry for entry in sys.path if entry != path)]
    elif importlib.util.find_spec("comfy") is None:
        raise RuntimeError("No ComfyUI found: set COMFYUI_PATH, or let `python dev.py test` install one.")
    make_importable()
    make_torchvision_importable()
    if not torch.cuda.is_available():
        sys.argv = [*sys.argv[:1], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    return host.name


def _registry_host_installed() -> bool:
    try:
        importlib.metadata.distribution("comfyui")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@functools.cache
def make_torchvision_importable() -> Any:
    """The registry's torchvision is a CUDA build: on a CPU torch its import stops for want of two operators.

    Where they are missing they are defined, without an implementation. They last as long as the library
    object that is returned: the cache keeps it.
    """
    try:
        import torchvision  # noqa: F401
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
