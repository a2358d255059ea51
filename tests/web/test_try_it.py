"""What a finding says to try, with one click: the change, the picture after it, and back."""

from __future__ import annotations

import json

import pytest
from graph_edits import REMOVE, edit, graph, undo

from demo.host_path import ROOT

EXAMPLES = ROOT / "examples_workflows"


def example(name: str, steps: int = 8) -> dict:
    """An example that goes wrong, with fewer steps."""
    made = json.loads((EXAMPLES / f"diagnose_demo_{name}.json").read_text("utf-8"))
    for node in made["nodes"]:
        if node["type"] == "KSampler":
            node["widgets_values"][1] = "randomize"
            node["widgets_values"][2] = steps
    return made


def diagnosed(frontend, workflow: dict):
    """The viewer after a run, with the worst finding open."""
    frontend.load(workflow)
    frontend.run()
    viewer = frontend.wait_for_view()
    viewer.locator(".finding.open .try").wait_for()
    return viewer


def tried(frontend, viewer, action: str):
    """Clicks a remedy, and waits for the comparison."""
    viewer.locator(f".finding.open .try button[data-action={action}]").click()
    comparison = viewer.locator(".comparison")
    comparison.locator("dd[data-state=after]").wait_for()
    frontend.page.wait_for_timeout(400)
    return comparison


REQUEST = "async () => (await app.graphToPrompt()).output"


def of(frontend, kind: str) -> list[dict]:
    nodes = frontend.page.evaluate(REQUEST).values()
    return [node["inputs"] for node in nodes if node["class_type"] == kind]


def shows_viewers(frontend) -> bool:
    return frontend.viewer().count() > 0


def pixels(comparison) -> list[list[int]]:
    """Rows of colours of the two pictures: after, before."""
    return comparison.locator(".both").evaluate(
        """(frame) => [...frame.querySelectorAll('img')].map((img) => {
          const canvas = document.createElement('canvas')
          canvas.width = canvas.height = 32
          const pen = canvas.getContext('2d')
          pen.drawImage(img, 0, 0, 32, 32)
          return [...pen.getImageData(0, 0, 32, 32).data]
        })"""
    )


SEED = (
    "() => app.graph._nodes.find((n) => n.type === 'KSampler').widgets.find((w) => w.name === 'seed').value"
)
CASES = [("neglected", "text"), ("misplaced", "repair"), ("misplaced", "region"), ("misplaced", "seed")]


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
@pytest.mark.parametrize(("name", "action"), CASES, ids=[f"{name}-{action}" for name, action in CASES])
def test_one_click_shows_before_and_after(frontend, server, shot, name, action, vue):
    frontend.open(vue_nodes=vue)
    workflow = example(name, 8 + vue)
    frontend.load(workflow)
    frontend.run()
    if vue and not shows_viewers(frontend):
        pytest.skip("The Vue nodes of this frontend do not show any custom DOM widget yet.")
    viewer = frontend.wait_for_view()
    viewer.locator(".finding.open .try").wait_for()
    seed = next(n["widgets_values"][0] for n in workflow["nodes"] if n["type"] == "KSampler")
    before = graph(frontend)
    comparison = tried(frontend, viewer, action)
    frontend.screenshot(shot(f"try_{name}_{action}_{'vue' if vue else 'classic'}"))
    after, old = pixels(comparison)
    assert old != after
    assert "warning" in comparison.locator("dd[data-state=before]").inner_text()
    assert comparison.locator("dd[data-state=after]").inner_text()
    assert frontend.page.evaluate(SEED) == seed + (action == "seed")
    assert graph(frontend) != before
    check_change(frontend, action)
    slider = comparison.locator("input.wipe")
    slider.focus()
    frontend.page.keyboard.press("Home")
    assert comparison.locator(".both").evaluate("(e) => e.style.getPropertyValue('--share')") == "0%"
    viewer.locator("[data-compared=undo]").click()
    frontend.page.wait_for_timeout(2500)
    undone = graph(frontend)
    assert undone[0]["links"] == before[0]["links"]
    assert len(undone[0]["nodes"]) == len(before[0]["nodes"]), "one step takes it all back"
    back = frontend.wait_for_view()
    back.locator(".finding.open .try").wait_for()  # of the picture before
    assert not back.locator(".comparison").is_visible()


def check_change(frontend, action: str) -> None:
    (sampler,) = of(frontend, "KSampler")
    requested = frontend.page.evaluate(REQUEST)
    positive, model = requested[sampler["positive"][0]], requested[sampler["model"][0]]
    if action == "text":
        assert "(triangle" not in positive["inputs"]["text"] and "triangle" in positive["inputs"]["text"]
    if action == "repair":
        assert positive["class_type"] == model["class_type"] == "SelAggRepair"
        report = json.loads(requested[model["inputs"]["report"][0]]["inputs"]["value"])
        assert [f["kind"] for picture in report["pictures"] for f in picture["findings"]] == ["misplaced"]
        assert model["inputs"]["strength"] == 1
    if action == "region":
        texts = [inputs["text"] for inputs in of(frontend, "CLIPTextEncode")]
        assert texts == ["a yellow triangle", "a striped red square"]
        boxes = [
            [a[k] for k in ("x", "y", "width", "height")]
            for a in of(frontend, "ConditioningSetAreaPercentage")
        ]
        assert boxes == [[0, 0, 0.5, 1], [0.5, 0, 0.5, 1]]
    if action == "seed":
        assert positive["class_type"] == "SelAggTextEncode"


#: What the button does to the workflow, without a run.
MEND = """async ([kind, denoise, fromPicture]) => {
  const served = await (await fetch('/extensions')).json()
  const { apply, samplerFor } = await import(served.find((path) => path.endsWith('/extension/apply.js')))
  const node = (type) => app.graph._nodes.find((each) => each.type === type)
  node('KSampler').widgets.find((w) => w.name === 'denoise').value = denoise
  const viewer = { path: [], node: node('SelAggDiagnose') }
  const asked = { trial: { action: 'repair' }, kind, written: '', report: '{}', title: 'x', fromPicture }
  apply(app.graph, viewer, samplerFor(viewer), asked)
  const valueOf = (name) => node('SelAggRepair').widgets.find((w) => w.name === name).value
  return [valueOf('strength'), valueOf('finding')]
}"""


@pytest.mark.parametrize(
    ("kind", "denoise", "recorded", "strength"),
    [
        ("leaked", 0.5, None, 2),
        ("neglected", 0.4, True, 2),
        ("leaked", 1.0, None, 1),
        ("misplaced", 0.5, True, 2),
        ("blended", 0.5, True, 1),
        ("leaked", 0.5, False, 1),  # denoise of an empty latent
        ("neglected", 1.0, True, 2),  # sigmas that were cut
    ],
)
def test_what_a_start_picture_brings_along_is_mended_firmly(frontend, kind, denoise, recorded, strength):
    frontend.open()
    frontend.load(example("misplaced"))
    told = frontend.page.evaluate(MEND, [kind, denoise, recorded])
    assert told == [strength, "1"], "the one finding of its report, which need not be a warning"


def test_what_was_put_in_can_be_taken_out(frontend):
    frontend.open()
    viewer = diagnosed(frontend, example("misplaced"))
    before = frontend.page.evaluate(REQUEST)
    tried(frontend, viewer, "region")
    frontend.page.keyboard.press("Escape")
    edit(frontend, REMOVE)
    (sampler,) = of(frontend, "KSampler")
    left = frontend.page.evaluate(REQUEST)
    assert left[sampler["positive"][0]]["class_type"] == "CLIPTextEncode"
    assert {node["class_type"] for node in left.values()} < {n["class_type"] for n in before.values()} | {
        "CLIPTextEncode"
    }
    undo(frontend)


def test_a_text_that_was_changed_since_is_left_alone(frontend):
    frontend.open()
    viewer = diagnosed(frontend, example("neglected"))
    frontend.page.evaluate(
        """() => {
          const node = app.graph._nodes.find((n) => n.title === 'Prompt')
          node.widgets.find((w) => w.name === 'text').value = 'another text'
        }"""
    )
    before = graph(frontend)
    viewer.locator(".finding.open .try button[data-action=text]").click()
    viewer.locator(".complaint").wait_for()
    assert "was not found" in viewer.locator(".complaint").inner_text()
    assert graph(frontend) == before
