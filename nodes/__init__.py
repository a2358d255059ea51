"""The ComfyUI side of the pack: the nodes of all files, under their ids."""

from . import calibrate, capture, demo_model, diagnose, expect, heatmaps, prompt, recipe, relevance
from .host import server_routes
from .viewer.routes import add_routes
from .viewer.store import VIEWS

_FILES = (prompt, capture, heatmaps, diagnose, expect, calibrate, relevance, recipe, demo_model)

NODE_CLASS_MAPPINGS: dict[str, type] = {key: node for file in _FILES for key, node in file.NODES.items()}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    key: name for file in _FILES for key, name in file.DISPLAY_NAMES.items()
}

if (_routes := server_routes()) is not None:
    add_routes(_routes, VIEWS)
