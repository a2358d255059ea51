"""Which generation of hosts this is."""

from __future__ import annotations

try:
    import comfy.patcher_extension as patcher_extension
except ImportError:
    patcher_extension = None

KEY = "selagg"
