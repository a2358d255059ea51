"""The viewer in ComfyUI's own frontend: the one that the host brings, and the newest one."""

from __future__ import annotations

import copy
import json
import re

import numpy as np
import pytest
from test_viewer_page import downloaded, pixels_of, png_texts

from demo.host_path import ROOT
from selagg_core.prompt.messages import MESSAGES

WORKFLOW = json.loads((ROOT / "examples_workflows" / "diagnose_demo.json").read_text("utf-8"))
STEPS = 4


def workflow(text: str | None = None, seed: int | None = None) -> dict:
    """The example, with fewer steps."""
    changed = copy.deepcopy(WORKFLOW)
    for node in changed["nodes"]:
        if node["type"] == "KSampler":
            node["widgets_values"][2] = STEPS
            node["widgets_values"][0] = seed or node["widgets_values"][0]
        if text is not None and node["type"] == "SelAggTextEncode" and node.get("title") == "Prompt":
            node["widgets_values"] = [text]
        if text is not None and node["type"] == "SelAggDiagnose":
            node["widgets_values"][2] = ""
    return changed


def settled(frontend) -> None:
    frontend.page.wait_for_timeout(250)


def test_the_example_from_load_to_export(frontend, shot):
    frontend.open()
    frontend.load(workflow())
    viewer = frontend.viewer()
    assert "Run the workflow" in viewer.locator(".empty").inner_text()
    frontend.screenshot(shot("empty"))
    frontend.run()
    viewer = frontend.wait_for_view()
    settled(frontend)
    words = viewer.locator(".text .word:not(.marks) span").all_inner_texts()
    assert words == [
        "a",
        "red",
        "circle",
        "left",
        "of",
        "a",
        "striped",
        "blue",
        "star",
        "on",
        "a",
        "white",
        "background",
    ]
    plain = pixels_of(viewer)
    circle = viewer.locator('.word:has(span:text-is("circle"))')
    circle.hover()
    settled(frontend)
    assert not np.array_equal(plain, pixels_of(viewer))
    frontend.screenshot(shot("hover"))
    circle.click()
    frontend.page.keyboard.press("ArrowLeft")
    frontend.page.keyboard.press("Enter")
    settled(frontend)
    pinned = viewer.locator('.word[aria-pressed="true"] span').all_inner_texts()
    assert pinned == ["red", "circle"]
    frontend.page.keyboard.press("Escape")
    settled(frontend)
    assert viewer.locator('.word[aria-pressed="true"]').count() == 0
    box = viewer.locator(".frame canvas").bounding_box()
    frontend.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    settled(frontend)
    assert viewer.locator(".spot li").count() == 5


def test_warnings_heads_and_files(frontend, shot):
    frontend.open()
    frontend.load(workflow())
    frontend.run()
    viewer = frontend.wait_for_view()
    settled(frontend)
    opened = viewer.locator(".finding.open")
    assert opened.count() == 1 and opened.locator(".try").is_visible()
    opened.locator("summary").first.click()
    settled(frontend)
    assert opened.locator("dl dt").first.is_visible()
    frontend.screenshot(shot("warning"))
    viewer.locator("[data-tab=heads]").click()
    viewer.locator('.word:has(span:text-is("star"))').click()
    before = pixels_of(viewer)
    viewer.locator("canvas.heads").focus()
    frontend.page.keyboard.press("ArrowDown")
    frontend.page.wait_for_timeout(1000)
    assert "head 0" in viewer.locator(".hint").inner_text()
    assert not np.array_equal(before, pixels_of(viewer))
    frontend.screenshot(shot("heads"))
    frontend.page.keyboard.press("Escape")
    name, data = downloaded(viewer, "exportPicture", frontend.page)
    texts = png_texts(data)
    assert name.startswith("selagg_") and {"prompt", "workflow"} <= set(texts)
    assert any(node["class_type"] == "SelAggDiagnose" for node in json.loads(texts["prompt"]).values())
    assert any(node["type"] == "SelAggDiagnose" for node in json.loads(texts["workflow"])["nodes"])
    report = json.loads(downloaded(viewer, "exportReport", frontend.page)[1])
    assert report["schema"] == "selagg-report"
    assert downloaded(viewer, "exportMaps", frontend.page)[0] == "selagg_maps.safetensors"


def test_the_same_in_vue_nodes(frontend, server, shot):
    frontend.open(vue_nodes=True)
    frontend.load(workflow())
    frontend.run()
    if server[0] == "host" and frontend.page.locator(".lg-node").count() and not shows_dom_widgets(frontend):
        frontend.screenshot(shot("vue_without_viewer"))
        pytest.skip("The Vue nodes of this frontend do not show any custom DOM widget yet.")
    viewer = frontend.wait_for_view()
    viewer.locator('.word:has(span:text-is("star"))').hover()
    settled(frontend)
    frontend.screenshot(shot("vue"))
    assert "star" in viewer.locator(".caption").inner_text()
    assert viewer.locator(".frame canvas").bounding_box()["height"] > 150
    where = "() => [...app.graph._nodes.find((n) => n.type === 'SelAggDiagnose').pos]"
    before = frontend.page.evaluate(where)
    viewer.locator('input[aria-label="Opacity"]').drag_to(viewer.locator(".views, .choice").first)
    viewer.locator(".frame canvas").drag_to(viewer.locator(".tabs"))
    assert frontend.page.evaluate(where) == before
    assert viewer.locator('input[aria-label="Opacity"]').input_value() != "100"


def shows_dom_widgets(frontend) -> bool:
    return frontend.viewer().count() > 0


def test_the_last_view_is_back_after_a_reload(frontend, shot):
    frontend.open()
    frontend.load(workflow())
    frontend.run()
    frontend.wait_for_view()
    frontend.page.reload()
    frontend.wait_until_ready()
    frontend.page.wait_for_function("() => app.graph._nodes.some((n) => n.type === 'SelAggDiagnose')")
    frontend.show_node("SelAggDiagnose")
    viewer = frontend.wait_for_view()
    assert "circle" in viewer.locator(".text").inner_text()
    assert viewer.locator(".earlier").is_visible()
    frontend.screenshot(shot("earlier"))
    # Of another graph nothing is shown, though the node has the same number.
    other = {**workflow(), "id": "00000000-1111-4222-8333-444444444444"}
    frontend.load(other)
    settled(frontend)
    assert frontend.viewer().locator(".empty").is_visible()


def test_what_another_workflow_gave_is_not_shown(frontend):
    """The host tells nodes by their numbers alone, also when a run ends whose workflow is not open."""
    frontend.open()
    frontend.load(workflow())
    frontend.run()
    viewer = frontend.wait_for_view()
    assert viewer.locator(".earlier").is_hidden()
    told = "() => Object.values(JSON.parse(sessionStorage.getItem('SelAgg.views')))"
    (told_of_it,) = [own for own in frontend.page.evaluate(told) if own[0].split("/")[1] == "12"]
    place, view = told_of_it
    assert len(view) == 32
    frontend.load({**workflow("a green square"), "id": "00000000-1111-4222-8333-444444444444"})
    frontend.page.evaluate(
        """([view, workflow]) => {
          const node = app.graph._nodes.find((n) => n.type === 'SelAggDiagnose')
          node.onExecuted({ selagg: [{ id: view, workflow }], text: [] })
        }""",
        [view, place.split("/")[0]],
    )
    settled(frontend)
    assert frontend.viewer().locator(".empty").is_visible()


def test_a_server_that_knows_the_view_no_more_is_said(frontend, shot):
    frontend.open()
    frontend.load(workflow(seed=11))
    frontend.run()
    viewer = frontend.wait_for_view()
    frontend.page.route("**/held", lambda route: route.fulfill(json={"held": False}))
    frontend.page.evaluate("() => window.comfyAPI.api.api.dispatchEvent(new CustomEvent('reconnected'))")
    viewer.locator(".again").wait_for()
    assert "Run the workflow again" in viewer.locator(".empty").inner_text()
    frontend.screenshot(shot("gone"))
    viewer.locator(".again").click()
    frontend.page.wait_for_timeout(2000)


CHINESE = json.loads((ROOT / "locales" / "zh" / "main.json").read_text("utf-8"))["selagg"]["findings"]


@pytest.mark.parametrize(
    ("answer", "name"), [({}, CHINESE), ({"body": "no JSON"}, "Findings"), ({"status": 500}, "Findings")]
)
def test_the_language_of_the_host(frontend, answer, name):
    """Texts that cannot be loaded leave the viewer in English."""
    if answer:
        frontend.page.route("**/i18n", lambda route: route.fulfill(**answer))
    frontend.open(**{"Comfy.Locale": "zh"})
    frontend.load(workflow())
    frontend.run()
    viewer = frontend.wait_for_view()
    assert name in viewer.locator(".tabs").inner_text()
    notes = viewer.locator(".notes").last
    notes.locator("summary").click()
    assert said_in("en" if answer else "zh", "concept_unknown") in notes.inner_text()
    frontend.errors = [error for error in frontend.errors if "i18n" not in error]


def test_heatmaps_have_a_small_viewer(frontend, shot):
    frontend.open()
    # A new seed: the host says nothing of a node inside the graph whose result it still has.
    frontend.load(workflow(seed=4711), "SelAggHeatmaps")
    frontend.run()
    viewer = frontend.wait_for_view("SelAggHeatmaps")
    viewer.locator('.word:has(span:text-is("blue"))').hover()
    settled(frontend)
    frontend.screenshot(shot("heatmaps"))
    assert viewer.locator("[role=tab]").count() == 0 and "blue" in viewer.locator(".caption").inner_text()


def test_markup_and_right_to_left_text_stay_text(frontend, shot):
    frontend.open()
    text = "a red circle <img src=x onerror=app.hacked=1> \u0645\u0631\u062d\u0628\u0627 a blue star"
    frontend.load(workflow(text))
    frontend.run()
    viewer = frontend.wait_for_view()
    shown = viewer.locator(".text").inner_text()
    assert (
        "<img src=x onerror=app.hacked=1>" in shown.replace("\n", "")
        and "\u0645\u0631\u062d\u0628\u0627" in shown
    )
    assert frontend.page.evaluate("() => app.hacked") is None
    frontend.screenshot(shot("markup"))


def said_in(locale: str, key: str) -> str:
    """What is said before the first value of a message."""
    if locale == "en":
        return MESSAGES[key].split("{")[0]
    texts = json.loads((ROOT / "locales" / locale / "main.json").read_text("utf-8"))
    return texts["selagg"]["sentences"][f"message.{key}"].split("{")[0]


@pytest.mark.parametrize("locale", ["en", "zh", "ru"])
def test_what_cannot_be_shown_is_said_in_the_viewer(frontend, locale, shot):
    frontend.open(**{"Comfy.Locale": locale})
    broken = workflow(seed=500 + len(said_in(locale, "wrong_latent")))
    empty = next(node["id"] for node in broken["nodes"] if node["type"] == "EmptyLatentImage")
    diagnose = next(node for node in broken["nodes"] if node["type"] == "SelAggDiagnose")
    latent = next(i for i, socket in enumerate(diagnose["inputs"]) if socket["name"] == "latent")
    for link in broken["links"]:
        if link[3] == diagnose["id"] and link[4] == latent:
            link[1] = empty
    for node in broken["nodes"]:
        for output in node["outputs"]:
            links = [link[0] for link in broken["links"] if link[1] == node["id"]]
            output["links"] = [n for n in links if broken["links"][n - 1][2] == output["slot_index"]]
    frontend.load(broken)
    frontend.run()
    settled(frontend)
    told = said_in(locale, "wrong_latent")
    assert told in frontend.viewer().locator(".empty").inner_text()
    frontend.page.locator("[data-selagg]").get_by_text(told).first.wait_for(timeout=11_000)
    frontend.screenshot(shot(f"problem_{locale}"))


MODE = "mode => { app.graph._nodes.find((n) => n.type === 'SelAggCapture').mode = mode }"


def test_a_bypassed_capture_is_said_in_the_viewer(frontend):
    frontend.open()
    frontend.load(workflow(seed=900))
    frontend.page.evaluate(MODE, 4)
    frontend.run()
    settled(frontend)
    told = frontend.viewer().locator(".empty").inner_text()
    assert MESSAGES["capture_missing"] in told
    saved = "() => Object.values(app.nodeOutputs).flatMap((o) => o?.images ?? []).map((i) => i.type)"
    assert "output" in frontend.page.evaluate(saved), "the picture is there"


def test_a_muted_capture_is_said_beside_what_the_host_says(frontend, shot):
    frontend.open()
    frontend.load(workflow(seed=901))
    if version(frontend) < APPS:
        pytest.skip("This frontend does not tell that a run is about to be queued.")
    frontend.page.evaluate(MODE, 2)
    frontend.page.evaluate("() => void app.queuePrompt(0)")
    message = frontend.page.locator("[data-selagg]").get_by_text("is muted, so nothing that comes after")
    message.first.wait_for(timeout=15_000)
    frontend.screenshot(shot("muted"))
    frontend.errors = []  # of the host, which refuses the request


SAVED = """() => {
  const node = app.graph._nodes.find((n) => n.type === 'SelAggDiagnose')
  const values = () => Object.fromEntries(
    node.widgets.filter((w) => w.serialize !== false).map((w) => [w.name, w.value]))
  return { values: values(), saved: app.graph.serialize().nodes.find((n) => n.type === node.type) }
}"""


def test_the_result_stands_above_the_settings_and_workflows_keep_their_values(frontend, shot):
    frontend.open()
    given = workflow()
    node = next(node for node in given["nodes"] if node["type"] == "SelAggDiagnose")
    node["widgets_values"] = list(node["widgets_values"])
    node["widgets_values"][0] = "red circle"
    frontend.load(given)
    settled(frontend)
    tops = frontend.page.evaluate(
        """() => {
          const node = app.graph._nodes.find((n) => n.type === 'SelAggDiagnose')
          const shown = node.widgets.filter((w) => !w.hidden && (w.last_y ?? w.y) > 0)
          return Object.fromEntries(shown.map((w) => [w.name, w.last_y ?? w.y]))
        }"""
    )
    assert len(tops) > 1 and tops["selagg_viewer"] == min(tops.values())
    frontend.screenshot(shot("result_first"))
    before = frontend.page.evaluate(SAVED)
    assert before["values"]["words"] == "red circle"
    assert before["saved"]["widgets_values"] == node["widgets_values"]
    whole = frontend.page.evaluate("() => app.graph.serialize()")
    frontend.page.evaluate("saved => app.loadGraphData(JSON.parse(JSON.stringify(saved)))", whole)
    settled(frontend)
    assert frontend.page.evaluate(SAVED)["values"] == before["values"]


def test_a_new_node_is_no_higher_than_what_it_shows(frontend):
    """On the classic canvas rare inputs are hidden, and their room with them."""
    frontend.open()
    heights = frontend.page.evaluate(
        """() => {
          app.graph.clear()
          const node = window.LiteGraph.createNode('SelAggCapture')
          app.graph.add(node)
          const hidden = node.widgets.filter((w) => w.hidden)
          const height = node.size[1]
          for (const widget of hidden) widget.hidden = false
          return { hidden: hidden.length, height, whole: node.computeSize()[1] }
        }"""
    )
    assert heights["hidden"] >= 3 and heights["height"] <= heights["whole"] - 20 * heights["hidden"] + 20


def test_what_was_chosen_counts_for_the_next_run(frontend, shot):
    frontend.open()
    frontend.load(workflow(seed=21))
    frontend.run()
    viewer = frontend.wait_for_view()
    viewer.locator('.word:has(span:text-is("star"))').click()
    viewer.locator("[data-tab=gallery]").click()
    settled(frontend)
    frontend.screenshot(shot("gallery"))
    frontend.page.evaluate(
        """() => {
          const sampler = app.graph._nodes.find((n) => n.type === 'KSampler')
          sampler.widgets.find((w) => w.name === 'seed').value = 22
        }"""
    )
    frontend.run()
    settled(frontend)
    assert viewer.locator('.word[aria-pressed="true"] span').all_inner_texts() == ["star"]
    assert viewer.locator("[data-tab=gallery]").get_attribute("aria-selected") == "true"


def test_a_card_has_the_workflow_inside(frontend, shot):
    frontend.open()
    frontend.load(workflow())
    frontend.run()
    viewer = frontend.wait_for_view()
    settled(frontend)
    name, data = downloaded(viewer, "exportCard", frontend.page)
    shot("card").write_bytes(data)
    texts = png_texts(data)
    assert name == "selagg_card.png" and {"prompt", "workflow"} <= set(texts)
    assert any(node["type"] == "SelAggDiagnose" for node in json.loads(texts["workflow"])["nodes"])


#: Frontends from this one on have Apps.
APPS = (1, 40)


def version(frontend) -> tuple[int, ...]:
    told = frontend.page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__ ?? '0'")
    return tuple(int(part) for part in re.findall(r"\d+", told)[:3])


def skip_the_tour(frontend) -> None:
    tour = frontend.page.get_by_text("Skip", exact=True)
    frontend.page.wait_for_timeout(2500)
    if tour.count():
        tour.click()
        frontend.page.wait_for_timeout(500)


def test_the_app_is_found_by_search_and_opens_as_an_app(frontend, shot):
    """Without its graph: prompt, viewer and button beside the result. Older frontends open the graph."""
    frontend.open()
    page = frontend.page
    page.evaluate("() => void app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    search = page.get_by_placeholder("Search").last
    search.wait_for()
    search.fill("prompt as an app")
    # The list is searched a moment after typing: a click before that would meet a card that moves away.
    first = page.locator("[data-testid^='template-workflow-']").first
    card = first.filter(has_text="Check a prompt as an App")
    card.wait_for()
    frontend.screenshot(shot("app_found"))
    card.get_by_text("Check a prompt as an App").first.click()
    page.wait_for_function("() => app.graph._nodes.some((n) => n.type === 'SelAggDiagnose')")
    prompt = "a yellow star above a purple square on a white background"
    if version(frontend) < APPS:
        frontend.run()
        assert "star" in frontend.wait_for_view().locator(".text").inner_text()
        return
    skip_the_tour(frontend)
    page.get_by_text("Number of runs").wait_for()
    assert page.locator("textarea:visible").first.input_value() == prompt
    assert page.get_by_text("Prompt viewer").is_visible(), "not the name of a widget"
    frontend.run()
    page.locator("img[src*='selagg_diagnose']").first.wait_for()
    viewer = frontend.wait_for_view()
    assert viewer.is_visible() and "star" in viewer.locator(".text").inner_text()
    frontend.screenshot(shot("app"))
