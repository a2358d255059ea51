"""The spot check in ComfyUI's own frontend: real keys, a reload, and what becomes of the answers."""

from __future__ import annotations

import json

import pytest
from frontend import PATIENCE, Frontend
from frontends import FRONTENDS, options_of
from spot_scores import labels, write_scores

from demo.background_server import background_server
from selagg_core.proof.spot_check import asked_claims

WORKFLOW = {
    "id": "5b0f3f0e-0000-4000-8000-00000000feed",
    "version": 0.4,
    "nodes": [
        {
            "id": 1,
            "type": "SelAggCalibrate",
            "pos": [100, 100],
            "size": [420, 160],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [],
            "outputs": [
                {"name": "calibration", "type": "SELAGG_CALIBRATION", "links": None},
                {"name": "summary", "type": "STRING", "links": None},
            ],
            "properties": {"Node name for S&R": "SelAggCalibrate"},
            "widgets_values": ["", "looked at", "mine"],
        }
    ],
    "links": [],
    "groups": [],
    "config": {},
    "extra": {},
    "last_node_id": 1,
    "last_link_id": 0,
}
KEYS = {"right": "1", "wrong": "2"}


@pytest.fixture(scope="module", params=FRONTENDS)
def place(request, browser, tmp_path_factory):
    """Name of the frontend, address of a server that serves it, and its folder with scores."""
    options = options_of(request.param)
    base = tmp_path_factory.mktemp(f"spot_{request.param}")
    folder = base / "output" / "selagg"
    rows, count = write_scores(folder / "mine.jsonl", folder / "mine_spot_check")
    said = labels(asked_claims(folder / "mine_spot_check", rows), rows)
    assert len(said) == count > 20
    with background_server(base, base / "server.log", options=options) as client:
        yield request.param, client.address, base, said


@pytest.fixture
def page(browser, place):
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
    frontend = Frontend(context.new_page(), place[1])
    yield frontend
    context.close()
    assert frontend.errors == []


def panel(frontend):
    frontend.page.wait_for_function(
        "() => app.graph._nodes[0]?.widgets.some((w) => w.name === 'selagg_spot_check')", timeout=PATIENCE
    )
    frontend.page.evaluate(
        """() => {
          const widget = app.graph._nodes[0].widgets.find((w) => w.name === 'selagg_spot_check')
          widget.element.dataset.testid = 'spot'
        }"""
    )
    found = frontend.page.locator('[data-testid="spot"]')
    found.locator(".spot-check > *").first.wait_for()
    return found


def answered(found, count: int) -> None:
    found.locator(".progress span", has_text=f"{count} of ").first.wait_for()


def test_a_spot_check_by_keys_over_a_reload_into_the_calibration(page, place, shots):
    name, _, base, said = place
    page.open()
    page.load(WORKFLOW, "SelAggCalibrate")
    assert page.page.evaluate("() => app.graph._nodes[0].widgets.length") == 3, "nothing to look at yet"
    page.run()
    found = panel(page)
    page.show_node("SelAggCalibrate")
    answered(found, 0)
    assert found.locator(".seen img").evaluate("(img) => img.decode().then(() => img.naturalWidth)") == 128
    page.screenshot(shots / f"{name}_spot_check.png")
    found.locator(".spot-check").click(position={"x": 20, "y": 300})
    page.page.keyboard.press("3")
    answered(found, 1)
    for number, label in enumerate(said[1:4], start=1):
        page.page.keyboard.press(KEYS[label])
        answered(found, number + 1)
    page.page.keyboard.press("Backspace")
    answered(found, 3)
    page.screenshot(shots / f"{name}_spot_check_things.png")
    told = found.locator(".spot-check").inner_text()
    assert "score" not in told and "judge" not in told.lower(), "the verdict is not told"
    # The page is loaded anew: the claims and the answers are there.
    page.page.reload()
    page.wait_until_ready()
    found = panel(page)
    page.show_node("SelAggCalibrate")
    answered(found, 3)
    found.locator("[data-answer=right]").wait_for()
    found.locator(f"[data-answer={said[3]}]").click()
    answered(found, 4)
    found.locator(".spot-check").focus()
    for number, label in enumerate(said[4:], start=5):
        page.page.keyboard.press(KEYS[label])
        if number < len(said):
            answered(found, number)
    agreed = found.locator(".sentence", has_text="You agree with the judges")
    agreed.wait_for()
    every = len(said) - 1
    assert f"on {every} of {every} (100 %" in agreed.inner_text() and "1 unclear" in agreed.inner_text()
    page.screenshot(shots / f"{name}_spot_check_done.png")
    page.run()
    kept = json.loads((base / "models" / "selagg" / "looked_at.calibration.json").read_text("utf-8"))
    assert kept["data"]["spot_check"]["agree"] == kept["data"]["spot_check"]["answered"] == every


def test_vue_nodes_show_it_too(page, place, shots):
    name, *_ = place
    page.open(vue_nodes=True)
    page.load({**WORKFLOW, "id": "5b0f3f0e-0000-4000-8000-0000000bbbbb"}, "SelAggCalibrate")
    page.run()
    found = panel(page)
    page.show_node("SelAggCalibrate")
    root = found.locator(".spot-check")
    root.wait_for(state="visible")
    box = root.bounding_box()
    assert box["width"] > 300 and box["height"] > 350
    root.focus()
    page.page.keyboard.press("Backspace")  # all are answered by the test before, or none is
    page.page.keyboard.press("3")
    page.page.wait_for_timeout(500)
    assert found.locator(".complaint").is_hidden()
    page.screenshot(shots / f"{name}_spot_check_vue.png")
