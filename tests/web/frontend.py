"""Drives ComfyUI's real frontend in a browser: workflows, runs, and the viewers in their nodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page

#: What the frontend itself complains of without an internet connection, or on a server older than it is.
HOSTS_OWN = re.compile(
    r"/user\.css|/userdata|favicon|api\.comfy\.org|comfy\.org|/api/(?!selagg)|ERR_NAME_NOT_RESOLVED|"
    r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|googleapis|google|/assets/|/templates/"
)
#: Milliseconds; the frontend is large, and test machines are busy.
PATIENCE = 180_000
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Validation.Workflows": True,
    "Comfy.Release.Status": "skipped",
    "Comfy.Locale": "en",
}


class Frontend:
    """One page with the frontend. `errors`: what the console said that is not the host's own affair."""

    def __init__(self, page: Page, address: str):
        self.page = page
        self.address = address
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._heard)
        page.on("pageerror", self._failed)

    def _heard(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not HOSTS_OWN.search(f"{where} {message.text}"):
            self.errors.append(f"{message.text} ({where})")

    def _failed(self, error: Error) -> None:
        if "selagg" in (error.stack or str(error)).lower():
            self.errors.append(error.stack or str(error))

    def open(self, vue_nodes: bool = False, **settings: Any) -> None:
        self._configure({**SETTINGS, "Comfy.VueNodes.Enabled": vue_nodes, **settings})
        self.page.goto(self.address, timeout=PATIENCE)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        self.page.wait_for_function(
            "() => window.app?.extensionManager && app.graph && app.canvas && app.vueAppReady !== false",
            timeout=PATIENCE,
        )
        self.page.wait_for_timeout(1500)

    def _configure(self, settings: dict[str, Any]) -> None:
        answer = self.page.request.post(f"{self.address}/api/settings", data=settings)
        if not answer.ok:
            raise RuntimeError(f"The settings were refused: {answer.status} {answer.text()}")

    def load(self, workflow: dict[str, Any], node: str = "SelAggDiagnose") -> None:
        """Opens a workflow and brings a node into view at full size."""
        self.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        self.page.wait_for_function("kind => app.graph._nodes.some((n) => n.type === kind)", arg=node)
        self.show_node(node)

    def show_node(self, node: str, scale: float = 1.0) -> None:
        self.page.evaluate(
            """([kind, scale]) => {
              const node = app.graph._nodes.find((n) => n.type === kind)
              app.canvas.ds.scale = scale
              app.canvas.ds.offset = [-node.pos[0] + 110 / scale, -node.pos[1] + 110 / scale]
              app.canvas.setDirty(true, true)
            }""",
            [node, scale],
        )
        self.page.wait_for_timeout(400)

    def run(self, seconds: int = 600) -> None:
        """Queues the workflow and waits for its end."""
        self.page.evaluate(
            """() => {
              const { api } = window.comfyAPI.api
              app.selaggTest = new Promise((done, failed) => {
                const end = ({ detail }) => detail === null || detail?.node === null ? done() : null
                api.addEventListener('executing', end)
                api.addEventListener('execution_success', () => done())
                const wrong = ({ detail }) => failed(new Error(detail.exception_message))
                api.addEventListener('execution_error', wrong)
              })
              app.queuePrompt(0)
            }"""
        )
        self.page.set_default_timeout(seconds * 1000)
        self.page.evaluate("() => app.selaggTest")
        self.page.set_default_timeout(PATIENCE)

    def viewer(self, node: str = "SelAggDiagnose") -> Locator:
        """The viewer in a node. Its parts are found through the shadow root."""
        self.page.evaluate(
            """kind => {
              const node = app.graph._nodes.find((n) => n.type === kind)
              node.widgets.find((w) => w.name === 'selagg_viewer').element.dataset.testid = kind
            }""",
            node,
        )
        return self.page.locator(f'[data-testid="{node}"]')

    def wait_for_view(self, node: str = "SelAggDiagnose") -> Locator:
        viewer = self.viewer(node)
        viewer.locator(".empty").wait_for(state="hidden", timeout=PATIENCE)
        return viewer

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))
