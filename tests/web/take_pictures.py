"""Takes the pictures of the help pages, of docs/ and of the example workflows, in the real frontend.

`.venv/bin/python tests/web/take_pictures.py`, when the viewer or a node looks different; look at them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from browser import chromium  # noqa: E402
from frontend import Frontend  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from demo.background_server import background_server  # noqa: E402
from demo.workflows import RECIPES  # noqa: E402

EXAMPLES = ROOT / "examples_workflows"
HELP, DOCS = ROOT / "web" / "docs", ROOT / "docs"
ALONE = {
    "SelAggCapture": "capture",
    "SelAggTextEncode": "text_encode",
    "SelAggPrompt": "prompt",
    "SelAggExpect": "expect",
    "SelAggCalibrate": "calibrate",
    "SelAggBuildRelevance": "build_relevance",
    "SelAggLoadRelevance": "load_relevance",
    "SelAggHeadRelevance": "head_relevance",
    "SelAggMapRecipe": "map_recipe",
    "SelAggDemoModel": "demo_model",
    "SelAggTruth": "truth",
    "SelAggScore": "score",
}
THUMBNAIL = 400
VIEWPORT = {"width": 1500, "height": 1500}


def example(name: str) -> dict:
    return json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))


def decoded(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def save(picture: np.ndarray, path: Path, width: int | None = None) -> None:
    """As PNG, or as JPEG by the name's ending; made narrower to `width` px if it is wider."""
    path.parent.mkdir(exist_ok=True)
    if width and picture.shape[1] > width:
        size = (width, round(picture.shape[0] * width / picture.shape[1]))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, 88] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    cv2.imwrite(str(path), picture, options)


def node_area(page: Page, kind: str) -> dict[str, float]:
    """Where a node lies on the page, in CSS px."""
    return page.evaluate(
        """kind => {
          const { ds } = app.canvas
          const node = app.graph._nodes.find((n) => n.type === kind)
          const canvas = app.canvas.canvas.getBoundingClientRect()
          const [x, y] = [(node.pos[0] + ds.offset[0]) * ds.scale, (node.pos[1] + ds.offset[1]) * ds.scale]
          const above = 56 * ds.scale
          return {
            x: canvas.left + x - 10, y: canvas.top + y - above,
            width: node.size[0] * ds.scale + 20, height: node.size[1] * ds.scale + above + 10,
          }
        }""",
        kind,
    )


def show_alone(frontend: Frontend, kind: str) -> None:
    """At full size, below the frontend's own buttons."""
    frontend.show_node(kind)
    frontend.page.evaluate("() => { app.canvas.ds.offset[1] += 90; app.canvas.setDirty(true, true) }")
    frontend.page.wait_for_timeout(400)


def shot_of_node(frontend: Frontend, kind: str) -> np.ndarray:
    return decoded(frontend.page.screenshot(clip=node_area(frontend.page, kind)))


def shot_of_viewer(frontend: Frontend, kind: str) -> np.ndarray:
    return decoded(frontend.viewer(kind).screenshot())


def card_of(frontend: Frontend) -> np.ndarray:
    viewer = frontend.viewer()
    viewer.locator("details.menu summary").click()
    with frontend.page.expect_download() as waiting:
        viewer.locator("[data-export=exportCard]").click()
    return decoded(Path(waiting.value.path()).read_bytes())


def take_viewers(frontend: Frontend, palette: str) -> None:
    """The viewer in its usual states."""
    frontend.open(**{"Comfy.ColorPalette": palette, "SelAgg.Viewer.Toast": False})
    frontend.load(example("diagnose_demo"))
    frontend.run()
    viewer = frontend.wait_for_view()
    viewer.locator('.word:has(span:text-is("star"))').click()
    viewer.locator('.word:has(span:text-is("circle"))').click()
    frontend.page.mouse.move(2, 2)
    frontend.page.wait_for_timeout(400)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), DOCS / f"viewer_pins_{palette}.png")
    frontend.page.keyboard.press("Escape")
    open_finding(frontend, 1)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), DOCS / f"viewer_warning_{palette}.png")
    save(card_of(frontend), DOCS / f"card_{palette}.png", 1000)
    viewer.locator("[data-tab=gallery]").click()
    frontend.page.wait_for_timeout(900)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), DOCS / f"viewer_maps_{palette}.png")
    viewer.locator("[data-tab=heads]").click()
    viewer.locator('.word:has(span:text-is("star"))').hover()
    frontend.page.wait_for_timeout(900)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), DOCS / f"viewer_heads_{palette}.png")


def take_help(frontend: Frontend) -> None:
    """Pictures of the help pages, and the thumbnails of the examples on the demo model."""
    frontend.open(**{"Comfy.ColorPalette": "dark", "SelAgg.Viewer.Toast": False})
    frontend.load(example("diagnose_demo"))
    frontend.run()
    viewer = frontend.wait_for_view()
    open_finding(frontend, 0)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), HELP / "diagnose.jpg", 900)
    open_finding(frontend, 1)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), HELP / "expect.jpg", 900)
    frontend.page.keyboard.press("Escape")
    viewer.locator('.word:has(span:text-is("star"))').hover()
    frontend.page.wait_for_timeout(400)
    save(shot_of_viewer(frontend, "SelAggDiagnose"), HELP / "demo_model.jpg", 900)
    show_alone(frontend, "SelAggHeatmaps")
    small = frontend.wait_for_view("SelAggHeatmaps")
    small.locator('.word:has(span:text-is("star"))').hover()
    frontend.page.wait_for_timeout(400)
    save(shot_of_node(frontend, "SelAggHeatmaps"), HELP / "heatmaps.jpg", 600)


def open_finding(frontend: Frontend, number: int) -> None:
    button = frontend.viewer().locator(f'[data-finding="{number}"]')
    if button.get_attribute("aria-expanded") != "true":  # the worst one is open from the start
        button.click()
    frontend.page.mouse.move(2, 2)
    frontend.page.wait_for_timeout(400)


def take_examples(frontend: Frontend) -> None:
    """Thumbnails of the examples on the demo model: the picture with what the first finding is about."""
    for file in sorted(EXAMPLES.glob("diagnose_demo*.json")):
        frontend.load({**example(file.stem), "extra": {}})  # the graph of an App, too
        frontend.run()
        viewer = frontend.wait_for_view()
        if viewer.locator("[data-finding]").count():
            open_finding(frontend, 0)
        save(decoded(viewer.locator(".frame").screenshot()), file.with_suffix(".jpg"), THUMBNAIL)


def take_nodes(frontend: Frontend) -> None:
    """Every other node by itself."""
    for kind, name in ALONE.items():
        if name in ("expect", "demo_model"):
            continue
        frontend.page.evaluate(
            """kind => {
              app.graph.clear()
              const node = LiteGraph.createNode(kind)
              app.graph.add(node)
              node.pos = [0, 0]
            }""",
            kind,
        )
        show_alone(frontend, kind)
        save(shot_of_node(frontend, kind), HELP / f"{name}.jpg", 700)


def take_graphs(frontend: Frontend) -> None:
    """Thumbnails of examples that need a checkpoint: the graph itself."""
    frontend.open(**{"Comfy.ColorPalette": "light"})
    loaded = [
        name for name, recipe in RECIPES.items() if recipe.files is not None or recipe.checkpoint is not None
    ]
    for name in loaded:
        frontend.page.evaluate("workflow => app.loadGraphData(workflow)", example(name))
        frontend.page.wait_for_timeout(600)
        frontend.page.keyboard.press("Escape")
        frontend.page.evaluate(
            """down => {
              for (const told of document.querySelectorAll('body *'))  // of files that are missing here
                if (getComputedStyle(told).position === 'fixed' && told.innerText?.match(/missing|errors/i))
                  told.style.visibility = 'hidden'
              app.canvas.ds.scale = 0.62
              app.canvas.ds.offset = [150, down]
              app.canvas.setDirty(true, true)
            }""",
            560 if RECIPES[name].files else 260,
        )
        frontend.page.wait_for_timeout(600)
        clip = {"x": 70, "y": 110, "width": 1380, "height": 720}
        save(decoded(frontend.page.screenshot(clip=clip)), EXAMPLES / f"{name}.jpg", THUMBNAIL)


def main() -> None:
    os.environ.setdefault("SELAGG_HOST", "upstream")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        base = Path(folder)
        for kind, name in {file for recipe in RECIPES.values() for file in recipe.needs}:
            (base / "models" / kind).mkdir(parents=True, exist_ok=True)
            (base / "models" / kind / name).touch()  # a graph without files of its model is marked red
        browser = chromium(playwright)
        with background_server(base, base / "server.log") as client:
            page = browser.new_context(
                viewport=VIEWPORT, device_scale_factor=2, accept_downloads=True
            ).new_page()
            frontend = Frontend(page, client.address)
            for palette in ("dark", "light"):
                take_viewers(frontend, palette)
            take_help(frontend)
            take_examples(frontend)
            take_nodes(frontend)
            take_graphs(frontend)
        browser.close()


if __name__ == "__main__":
    main()
