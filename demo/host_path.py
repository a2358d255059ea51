"""Puts a ComfyUI host on the import path, ahead of this project (whose `nodes` folder must not shadow the host's)."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import torch


def candidates() -> list[Path]:
    """Folders in which an upstream ComfyUI is looked for, best first."""
    enclosing = Path(__file__).resolve().parents[3]
    named = [Path(os.environ[name]) for name in ("SELAGG_HOST_PATH", "COMFYUI_PATH") if os.environ.get(name)]
    return [*named, enclosing, Path.home() / "ComfyUI", Path.home() / "comfy" / "ComfyUI"]


def prepare_host() -> str:
    """Makes `import comfy` work; gives "upstream" or "registry".

    Raises:
        RuntimeError: no host in the usual folders and none installed.
    """
    root = next((p for p in candidates() if (p / "comfy" / "ldm").is_dir()), None)
    registry = os.environ.get("SELAGG_HOST") == "registry" or root is None
    if not registry:
        sys.path.insert(0, str(root))
    elif importlib.util.find_spec("comfy") is None:
        raise RuntimeError("No ComfyUI found: set COMFYUI_PATH, or run `python dev.py test` once to install one.")
    _define_missing_torchvision_operators()
    if not torch.cuda.is_available():
        sys.argv = [*sys.argv[:1], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    return "registry" if registry else "upstream"


def _define_missing_torchvision_operators() -> None:
    """torchvision's registry wheel is a CUDA build: on a CPU torch its import stops for want of two operators."""
    if torch.cuda.is_available():
        return
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
