"""Runs the commands of the graph in a real frontend, and tells what they made of a workflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from frontend import Frontend
from playwright.sync_api import Error as PlaywrightError

__all__ = ["DIAGNOSE", "REMOVE", "Edited", "PlaywrightError", "edit", "graph", "select", "undo"]

DIAGNOSE, REMOVE = "SelAgg.DiagnosePrompt", "SelAgg.RemoveFromWorkflow"

#: Nothing is run: a request is kept as it would have gone to the server, and what is said is noted.
_LISTEN = """() => {
  const toast = app.extensionManager.toast
  window.edits = { said: [], request: null, queue: app.queuePrompt, add: toast.add }
  toast.add = (message) => { edits.said.push(message); edits.add.call(toast, message) }
  app.queuePrompt = async () => { edits.request = (await app.graphToPrompt()).output; return true }
}"""
_LISTEN_NO_MORE = """() => {
  app.queuePrompt = edits.queue
  app.extensionManager.toast.add = edits.add
  return { said: edits.said, request: edits.request }
}"""
_PICK = """async ([command, pick]) => {
  const done = app.extensionManager.command.execute(command)
  const wait = (ms) => new Promise((end) => setTimeout(end, ms))
  let asked = []
  for (let times = 0; times < 100 && !edits.request && !edits.said.length; times += 1) {
    await wait(50)
    const dialog = document.querySelector('dialog[data-selagg]')
    if (!dialog) continue
    const buttons = [...dialog.querySelectorAll('button')]
    asked = buttons.map((button) => button.textContent)
    buttons.at(pick).click()
    if (pick === -1) break
  }
  await done
  await wait(300)
  return asked
}"""
#: What a workflow is, whatever the numbers of its wires: nodes, their values, wires, outputs of subgraphs.
_GRAPH = """() => {
  const end = (link) => Array.isArray(link) ? link.slice(1, 5) :
    [link.origin_id, link.origin_slot, link.target_id, link.target_slot]
  const plain = (graph) => ({
    nodes: graph.nodes.map(({ id, type, mode, pos, widgets_values }) => JSON.stringify(
      [String(id), type, mode, Object.values(pos).slice(0, 2), widgets_values])).sort(),
    links: graph.links.map((link) => end(link).map(String).join(' ')).sort(),
    outputs: (graph.outputs ?? []).map(({ name }) => name),
    reroutes: (graph.reroutes ?? graph.extra?.reroutes ?? []).map(
      ({ id, parentId }) => [id, parentId ?? 0]),
  })
  const whole = (app.rootGraph ?? app.graph).serialize()
  return [whole, ...(whole.definitions?.subgraphs ?? [])].map(plain)
}"""


@dataclass(frozen=True)
class Edited:
    """What a command did: the request for a run or None, messages, names of offered samplers."""

    request: dict[str, Any] | None
    said: list[dict[str, Any]]
    asked: list[str] = field(default_factory=list)

    def viewers(self) -> list[dict[str, Any]]:
        found = (self.request or {}).values()
        return [node["inputs"] for node in found if node["class_type"] == "SelAggDiagnose"]

    def source(self, link: list) -> tuple[str, int]:
        """(kind of the node, number of its output) that a link of the request comes from."""
        return (self.request or {})[link[0]]["class_type"], link[1]

    def fed_by_capture(self) -> list[tuple[str, str]]:
        """(kind, input) of all that the recorded model goes to."""
        (viewer,) = self.viewers()
        model = [viewer["capture"][0], 0]
        nodes = (self.request or {}).values()
        return [
            (n["class_type"], name) for n in nodes for name, value in n["inputs"].items() if value == model
        ]


def edit(frontend: Frontend, command: str = DIAGNOSE, pick: int = 0) -> Edited:
    """Runs a command. pick: which of several samplers is chosen; -1 cancels."""
    page = frontend.page
    page.evaluate(_LISTEN)
    asked = page.evaluate(_PICK, [command, pick])
    told = page.evaluate(_LISTEN_NO_MORE)
    return Edited(told["request"], told["said"], asked)


def graph(frontend: Frontend) -> list[dict[str, Any]]:
    """The workflow and its subgraphs, to compare: see _GRAPH."""
    return frontend.page.evaluate(_GRAPH)


def undo(frontend: Frontend) -> None:
    frontend.page.evaluate(
        "() => app.extensionManager.workflow.activeWorkflow.changeTracker.undo().then(() => true)"
    )
    frontend.page.wait_for_timeout(400)


def select(frontend: Frontend, kind: str) -> None:
    """Selects the first node of a kind in the graph that is seen."""
    frontend.page.evaluate(
        """kind => {
          app.canvas.deselectAll()
          const node = app.canvas.graph.nodes.find(({ type, subgraph }) => kind ? type === kind : subgraph)
          app.canvas.selectNode(node)
        }""",
        kind,
    )
