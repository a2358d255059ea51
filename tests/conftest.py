"""Prepares the real host for tests in this process, and loads the pack as the host would.

The repository itself is not on sys.path: its folder `nodes` would be taken for the host's module `nodes`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest
from loading import PACK_NAME, ROOT, load_pack


class RepositoryPackages:
    """Finds the packages of the repository that tests import by name, and nothing else of it."""

    NAMES = ("selagg_core", "packages", "demo", "benchmarks", "dev")

    @classmethod
    def find_spec(cls, name: str, path=None, target=None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [str(ROOT)]) if path is None and name in cls.NAMES else None


sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
sys.meta_path.insert(0, RepositoryPackages)


@pytest.fixture(scope="session")
def host(tmp_path_factory) -> str:
    """The host's name, "upstream" or "registry"; `import comfy` works from here on.

    What the host writes goes to a folder of the test run, not into the user's ComfyUI.
    """
    from demo.host_path import prepare_host

    name = prepare_host()
    base = tmp_path_factory.mktemp("host")
    sys.argv += ["--cwd" if name == "registry" else "--base-directory", str(base)]
    if name == "registry":
        # The registry's host makes these names when it loads custom nodes.
        importlib.import_module("comfy.cmd.main_pre")
        sys.modules["nodes"] = importlib.import_module("comfy.nodes.base_nodes")
    return name


@pytest.fixture(scope="session")
def pack(host: str) -> ModuleType:
    """The pack as the host loads it; parts: `importlib.import_module("selagg_nodes.capture")`."""
    return load_pack(ROOT, PACK_NAME)


@pytest.fixture(scope="module", autouse=True)
def labels_of_their_own():
    """No file of tests knows the words of texts that another one has encoded: some have the same texts."""
    yield
    module = sys.modules.get("selagg_nodes.recording.labels")
    if module is not None:
        module.LABELS._known.clear()
