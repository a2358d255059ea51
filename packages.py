"""One identity for every class of this pack, whoever imports it: fixed names for its folders.

A host loads the pack under a name made of its path, `nodes` is the name of a module of the host, and the
root of the repository must not lie on the import path. So the folders are found under names of their own:
`selagg_core`, `selagg_nodes` (nodes/) and `selagg_demo` (demo/). Benchmarks, demo and tests use the same.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path

ROOT = Path(__file__).resolve().parent
FOLDERS: Mapping[str, str] = {"selagg_core": "selagg_core", "selagg_nodes": "nodes", "selagg_demo": "demo"}


class PackFinder:
    """Finds the folders of one copy of the pack (a finder of `sys.meta_path`), and nothing else."""

    def __init__(self, root: Path) -> None:
        self.selagg_root = root

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        if name not in FOLDERS:
            return None
        folder = self.selagg_root / FOLDERS[name]
        return importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


def make_importable(root: Path = ROOT) -> None:
    """From here on `import selagg_core`, `selagg_nodes` and `selagg_demo` give the folders of this copy.

    Raises:
        ImportError: another copy of the pack is there already; two would share nothing and confuse both.
    """
    # By the attribute, not the class: this file itself is loaded once by the host and once by benchmarks.
    present = [own for finder in sys.meta_path if (own := getattr(finder, "selagg_root", None)) is not None]
    if any(own != root for own in present):
        raise ImportError(
            f"SelAgg is installed twice, in {present[0]} and in {root}: remove one of the two folders and "
            "restart ComfyUI."
        )
    if not present:
        sys.meta_path.append(PackFinder(root))
