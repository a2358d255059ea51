"""300 tags and a batch of 8 on a real server, in its own frontend: the run's end is seen."""

from __future__ import annotations

import re
import statistics

import pytest
from test_frontend import workflow
from test_large_run import MOST_BYTES, MOST_NODES, PICTURES, TAGS, TEXT

MANIFEST = re.compile("/selagg/views/[0-9a-f]{32}$")
#: Milliseconds of each hover: what hears it, and all that is painted in the frames after it.
HOVERS = """async (kind) => {
  const root = document.querySelector(`[data-testid="${kind}"]`).shadowRoot
  const chips = [...root.querySelectorAll('.word:not(.marks)')]
  const frame = window.requestAnimationFrame
  let spent = 0
  const timed = (work) => {
    const started = performance.now()
    work()
    spent += performance.now() - started
  }
  window.requestAnimationFrame = (paint) => frame((now) => timed(() => paint(now)))
  const took = []
  for (const chip of chips.slice(0, 60)) {
    await new Promise((done) => frame(done))
    spent = 0
    timed(() => chip.dispatchEvent(new PointerEvent('pointerenter')))
    await new Promise((done) => frame(() => frame(done)))
    took.push(spent)
  }
  window.requestAnimationFrame = frame
  return took
}"""


def batch(pictures: int) -> dict:
    changed = workflow(TEXT)
    for node in changed["nodes"]:
        if node["type"] == "EmptyLatentImage":
            node["widgets_values"][2] = pictures
    return changed


@pytest.mark.parametrize("server", ["host"], indirect=True)
def test_three_hundred_tags_and_a_batch_of_eight(frontend, shots, record_testsuite_property):
    frontend.open()
    frontend.load(batch(PICTURES))
    sizes = []
    frontend.page.on("response", lambda answer: sizes.append(sized(answer)))
    # `run` returns when the client has heard of the run's end.
    frontend.run()
    viewer = frontend.wait_for_view()
    assert viewer.locator(".word:not(.marks)").count() == TAGS
    assert viewer.locator(".strip [role=radio]").count() == PICTURES
    manifests = [size for address, size in sizes if MANIFEST.search(address)]
    record_testsuite_property("real_manifest_bytes", max(manifests))
    assert 0 < max(manifests) < MOST_BYTES
    nodes = viewer.evaluate(
        """(element) => element.shadowRoot.querySelectorAll('*').length
          + document.getElementsByTagName('*').length"""
    )
    record_testsuite_property("real_page_nodes", nodes)
    assert nodes < MOST_NODES
    took = frontend.page.evaluate(HOVERS, "SelAggDiagnose")
    record_testsuite_property("real_hover_ms", statistics.median(took))
    assert len(took) == 60
    shown = viewer.locator(".findings > .finding").count()
    assert shown <= 5
    frontend.screenshot(shots / "many_tags.png")


def sized(answer) -> tuple[str, int]:
    """Address and bytes as sent of an answer; 0 where it says no length."""
    return answer.url.split("?")[0], int(answer.headers.get("content-length", 0))
