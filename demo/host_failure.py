"""Why a ComfyUI could not start, in a sentence that says what was missing and what to do."""

from __future__ import annotations

import errno
import importlib.util
import re
import socket
from pathlib import Path

from .environment import environment_of, is_supported, python_of, supported_versions
from .host_path import Host

#: Begins the line that `demo.host_server` writes last when its host could not start.
MARK = "ComfyUI could not start: "
#: What an upstream ComfyUI's folder brings itself.
OWN_MODULES = re.compile(
    r"(alembic_db|api_server|app|comfy|comfy_(api|api_nodes|config|execution|extras)|comfyui_version|cuda_malloc|"
    r"execution|folder_paths|hook_breaker_ac10a0|latent_preview|middleware|node_helpers|nodes|protocol|server|"
    r"utils)$"
)
#: As much of the end of a log as is looked at, in bytes.
TAIL = 65536


def why(error: BaseException, host: Host) -> str:
    """error: what came out of the host's start, also its SystemExit."""
    if isinstance(error, ModuleNotFoundError):
        return _missing_module(error.name or str(error), host)
    if isinstance(error, ImportError):
        return f'a package is of a version that {host.title} cannot use ("{error}"). {_renewal(host)}'
    if isinstance(error, SyntaxError):
        return f"{error.filename} is damaged (line {error.lineno}: {error.msg}). {_whole(host)}"
    if isinstance(error, FileNotFoundError):
        return f"the file {error.filename or error} is missing. {_whole(host)}"
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "its port is in use by another program. End that program, or choose another with --port."
    if isinstance(error, MemoryError):
        return "there is not enough memory. Close other programs and try again."
    if isinstance(error, SystemExit):
        if host.path and importlib.util.find_spec("comfyui_frontend_package") is None:
            return f"it has no frontend (the package comfyui-frontend-package is missing). {_renewal(host)}"
        return f"{host.title} gave up (code {error.code}); it says why in the lines above."
    return f'{type(error).__name__}: "{error}". {_untested(host)}'.strip()


def port_in_use(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def said_in(log: Path, code: int) -> str:
    """What the log of a host says last of why it ended with `code`."""
    lines = [line.rstrip() for line in _tail(log).splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(MARK):
            return line.removeprefix(MARK)
    if code < 0:
        return f"the system ended it (signal {-code}; 9 is most often for want of memory)."
    last = next(
        (line for line in reversed(lines) if re.search(r"error|exception", line, re.IGNORECASE)), None
    )
    said = last or (lines[-1] if lines else "nothing")
    return f'it ended with code {code} and said last: "{said.strip()}".'


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - TAIL))
        return stream.read().decode("utf-8", errors="replace")


def _missing_module(name: str, host: Host) -> str:
    top = name.split(".")[0]
    if host.path and (OWN_MODULES.match(top) or (host.path / top).exists()):
        return f"its own module {name} is missing, so {host.path} is not whole. {_whole(host)}"
    return f"the Python package {top} is missing. {_renewal(host)}"


def _renewal(host: Host) -> str:
    environment = environment_of(host)
    again = f"Delete the folder {environment.name} and start again: it is then installed anew."
    if is_supported(host):
        return again
    return f"{again} If that changes nothing: {python_of(environment)} -m pip install <it>. {_untested(host)}"


def _whole(host: Host) -> str:
    if host.path is None:
        return _renewal(host)
    anew = "Fetch it anew (in a clone: `git checkout -f`), or set COMFYUI_PATH to another."
    return f"{anew} {_untested(host)}".strip()


def _untested(host: Host) -> str:
    if is_supported(host):
        return ""
    versions = " and ".join(supported_versions())
    return f"This project is tested with ComfyUI {versions}; this is {host.version or 'an unknown one'}."
