"""Folders, server, progress and interruption."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping

from .generation import KEY, patcher_extension

try:
    import folder_paths
except ImportError:
    from comfy.cmd import folder_paths


def output_directory() -> str:
    return folder_paths.get_output_directory()


def temp_directory() -> str:
    return folder_paths.get_temp_directory()


def relevance_directory() -> str:
    """The folder of head relevance files among the host's models; it may not exist yet."""
    return os.path.join(folder_paths.models_dir, KEY)


def _server():
    """The running server or None. Not imported: where there is one, it is there before custom nodes load."""
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)


def server_routes():
    """The route table of the running server; None without one, or if its frontend is too old for ours."""
    return None if patcher_extension is None else getattr(_server(), "routes", None)


def on_queued(change: Callable[[dict], dict]) -> None:
    """From here on `change` is given every request for a run, before it is checked, and may replace it."""
    add = getattr(_server(), "add_on_prompt_handler", None)
    if add is not None:
        add(change)


def embeds_workflows() -> bool:
    """Whether the host puts workflows into the pictures that it saves: not with --disable-metadata."""
    options = importlib.import_module("comfy.cli_args").args
    return not getattr(options, "disable_metadata", False)


def node_classes() -> Mapping[str, type]:
    """All node classes of the running host, by id."""
    return getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {})


def progress_bar(total: int):
    """The host's progress bar: `.update(1)`, `.update_absolute(value, total)`."""
    return importlib.import_module("comfy.utils").ProgressBar(total)


class Progress:
    """Of a node that calls a model many times: the host shows it, and the artist can end it."""

    def __init__(self, total: int):
        self._bar = progress_bar(max(1, total))

    def __call__(self, *_) -> None:
        """One more is done. Raises the host's own exception if the user has asked it to stop."""
        self._bar.update(1)
        stop_if_interrupted()


def executing() -> tuple[str | None, str | None]:
    """(request, node) that the host works on in this thread; None where that is not known."""
    try:
        context = importlib.import_module("comfy_execution.utils").get_executing_context()
        request = getattr(context, "prompt_id", None) or getattr(context, "task_id", None)
        return request, getattr(context, "node_id", None)
    except (ImportError, AttributeError):  # the registry's host: the node, if a browser is connected
        server = _server()
        return getattr(server, "last_prompt_id", None), getattr(server, "last_node_id", None)


def is_interruption(error: BaseException) -> bool:
    """Whether an exception is the host's own way to stop a run: never to be held up."""
    management = importlib.import_module("comfy.model_management")
    # The registry's host keeps it in a module of its own.
    kept = management if hasattr(management, "InterruptProcessingException") else management.interruption
    return isinstance(error, kept.InterruptProcessingException)


def stop_if_interrupted() -> None:
    """Raises the host's own exception if the user has asked it to stop."""
    importlib.import_module("comfy.model_management").throw_exception_if_processing_interrupted()
