"""The frontends that the tests run with: the one that the host brings, and the newest one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from demo.host_path import REGISTRY, ROOT, find_host

NEWEST = Path(os.environ.get("SELAGG_FRONTEND", ROOT / ".host" / "frontend" / "comfyui_frontend_package"))
FRONTENDS = ("host", "newest")


def options_of(frontend: str) -> list[str]:
    """The host's options by which it serves this frontend. Skips where it cannot be had."""
    if find_host(os.environ.get("SELAGG_HOST", "auto")).name == REGISTRY:
        pytest.skip("The frontend of the registry's host is too old for the viewer.")
    if frontend == "host":
        return []
    static = NEWEST / "static"
    if not static.is_dir():
        pytest.skip("comfyui-frontend-package could not be fetched from the package index.")
    return ["--front-end-root", str(static)]
