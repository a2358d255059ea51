"""Where the pack lies, and how a host loads it.

Not in conftest.py: several tiers have one, and which of them `import conftest` finds depends on the order in
which the tiers are collected.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
#: As in a user's custom_nodes: a folder that is no identifier.
PACK_NAME = "ComfyUI-SelAgg"


def load_pack(folder: Path, name: str) -> ModuleType:
    """Imports a folder as a package under any name, the way hosts import custom nodes."""
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
