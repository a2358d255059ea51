"""Loads parts of this project as the host would: inside a package, so that `nodes` stays the host's name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

NAME = "selagg_pack"
ROOT = Path(__file__).resolve().parents[1]


def part(name: str) -> ModuleType:
    """A module of the pack by its dotted path, for example `part("selagg_core.maps")`.

    The host must be importable already (`host_path.prepare_host`).
    """
    if NAME not in sys.modules:
        package = ModuleType(NAME)
        package.__path__ = [str(ROOT)]
        sys.modules[NAME] = package
    return importlib.import_module(f"{NAME}.{name}")
