"""Loads this project as the host would load it: as a package whose name is not `nodes`' parent on the import path."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "selagg_pack"
ROOT = Path(__file__).resolve().parents[1]


def load_pack() -> ModuleType:
    """The pack as module `selagg_pack`, with its parts as `selagg_pack.nodes`, `selagg_pack.selagg_core` and so on.

    The host must be importable already (`host_path.prepare_host`).
    """
    if NAME in sys.modules:
        return sys.modules[NAME]
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module


def part(name: str) -> ModuleType:
    """A module of the pack by its dotted path, for example `part("selagg_core.maps")`."""
    load_pack()
    return importlib.import_module(f"{NAME}.{name}")
