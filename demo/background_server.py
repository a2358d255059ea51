"""The real ComfyUI server as a background process of this program, on a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .client import Client
from .host_failure import MARK, said_in
from .host_path import ROOT

POLL_SECONDS = 0.5
START_SECONDS = 300
#: By this the pack is known to be loaded.
OWN_NODE = "SelAggCapture"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Running:
    """A server and its process."""

    client: Client
    process: subprocess.Popen


@contextlib.contextmanager
def background_server(
    base: Path, log: Path, waiting: Callable[[], None] = lambda: None, options: Sequence[str] = ()
) -> Iterator[Client]:
    """A running server whose files are in `base` and whose output goes to `log`; it ends with the block.

    `waiting` is called now and then until the server answers. `options` are the host's own.

    Raises:
        RuntimeError: as `background_process`.
    """
    with background_process(base, log, waiting, options) as running:
        yield running.client


@contextlib.contextmanager
def background_process(
    base: Path, log: Path, waiting: Callable[[], None] = lambda: None, options: Sequence[str] = ()
) -> Iterator[Running]:
    """As `background_server`, with the process itself.

    Raises:
        RuntimeError: it ended instead of answering, did not answer in time, or could not load this pack; why,
            and what to do.
    """
    port = free_port()
    command = [sys.executable, "-m", "demo.host_server", "--port", str(port), "--base", str(base)]
    command += options
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT)
        try:
            client = Client(f"http://127.0.0.1:{port}")
            _wait_until_it_answers(process, client, log, waiting)
            yield Running(client, process)
        finally:
            _end(process)


def _wait_until_it_answers(
    process: subprocess.Popen, client: Client, log: Path, waiting: Callable[[], None]
) -> None:
    last = time.monotonic() + START_SECONDS
    while time.monotonic() < last:
        if process.poll() is not None:
            raise RuntimeError(f"{MARK}{said_in(log, process.returncode)} (All that it said: {log})")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if OWN_NODE not in client.object_info():
                raise RuntimeError(
                    f"ComfyUI started, but could not load this pack. (All that it said: {log})"
                )
            return
        waiting()
        time.sleep(POLL_SECONDS)
    raise RuntimeError(f"ComfyUI did not answer within {START_SECONDS} s. (All that it said: {log})")


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
