"""The ComfyUI side of the pack: the nodes of all files, under their ids."""

from . import (
    calibrate,
    capture,
    compare,
    demo_model,
    diagnose,
    expect,
    heatmaps,
    probe,
    prompt,
    recipe,
    relevance,
    repair,
    saved,
    score,
    truth,
    what_if,
)
from .host import on_queued, server_routes
from .recording import from_graph, no_capture
from .recording.texts_route import add_texts_route
from .viewer.connected import note_connected
from .viewer.routes import add_routes
from .viewer.spot_checks import SPOT_CHECKS, add_spot_check_routes
from .viewer.store import VIEWS

_FILES = (
    prompt,
    capture,
    heatmaps,
    diagnose,
    expect,
    repair,
    compare,
    what_if,
    calibrate,
    relevance,
    recipe,
    demo_model,
    saved,
    probe,
    truth,
    score,
)

NODE_CLASS_MAPPINGS: dict[str, type] = {key: node for file in _FILES for key, node in file.NODES.items()}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    key: name for file in _FILES for key, name in file.DISPLAY_NAMES.items()
}

NODE_CLASS_MAPPINGS |= from_graph.INTERNAL | no_capture.INTERNAL
NODE_DISPLAY_NAME_MAPPINGS |= from_graph.INTERNAL_NAMES | no_capture.INTERNAL_NAMES

on_queued(no_capture.captures_for_request)
on_queued(from_graph.words_for_request)
on_queued(note_connected)
if (_routes := server_routes()) is not None:
    add_routes(_routes, VIEWS)
    add_texts_route(_routes)
    add_spot_check_routes(_routes, SPOT_CHECKS)
