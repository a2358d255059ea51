"""A small client of ComfyUI's HTTP interface, as a user's script would have it. Standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

POLL_SECONDS = 0.5


class WorkflowError(RuntimeError):
    """The server refused a workflow, or a node of it failed; the message is the server's."""


@dataclass(frozen=True)
class Queued:
    """A workflow in the server's queue; `errors`: by node id, the outputs that it leaves out, and why."""

    id: str
    errors: Mapping[str, Any]


@dataclass(frozen=True)
class Client:
    """`address`: such as http://127.0.0.1:8188."""

    address: str

    def object_info(self) -> dict[str, Any]:
        """All node classes of the server, with their sockets."""
        return json.loads(self._open("/object_info"))

    def system(self) -> dict[str, Any]:
        """Versions and devices, as the server tells them; not its command line, which has folders in it."""
        told = json.loads(self._open("/system_stats"))
        own = {key: value for key, value in told.get("system", {}).items() if key != "argv"}
        return {"system": own, "devices": [device.get("name") for device in told.get("devices", [])]}

    def queue(self, workflow: Mapping[str, Any]) -> Queued:
        """Queues a workflow in the API's format.

        Raises:
            WorkflowError: the server found nothing in it that could run.
        """
        try:
            answer = json.loads(self._open("/prompt", json.dumps({"prompt": workflow}).encode()))
        except urllib.error.HTTPError as error:
            raise WorkflowError(error.read().decode(errors="replace")) from error
        return Queued(answer["prompt_id"], answer.get("node_errors") or {})

    def wait(
        self, prompt_id: str, seconds: float, waiting: Callable[[], None] = lambda: None
    ) -> dict[str, Mapping[str, Any]]:
        """What the nodes of a finished workflow showed, by node id; calls `waiting` between looks.

        Raises:
            WorkflowError: a node failed.
            TimeoutError: it took more than `seconds`.
        """
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            entry = json.loads(self._open(f"/history/{prompt_id}")).get(prompt_id)
            if entry:
                status = entry.get("status") or {}
                if status.get("status_str") != "success":
                    raise WorkflowError(json.dumps(status.get("messages")))
                return entry["outputs"]
            waiting()
            time.sleep(POLL_SECONDS)
        raise TimeoutError(f"The workflow was not finished after {seconds:.0f} s.")

    def image(self, reference: Mapping[str, str]) -> bytes:
        """The file that a node's output refers to (filename, subfolder, type)."""
        names = ("filename", "subfolder", "type")
        return self._open("/view?" + urllib.parse.urlencode({name: reference[name] for name in names}))

    def report(self, view: str) -> str:
        """The report of a view, by the id that its node gave out."""
        return self._open(f"/selagg/views/{view}/report").decode("utf-8")

    def _open(self, path: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(self.address + path, body, headers)  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.read()
