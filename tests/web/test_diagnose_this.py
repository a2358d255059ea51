"""Diagnose this prompt, and Remove SelAgg, in real frontends: two clicks, one undo step, nothing left."""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from frontends import FRONTENDS, options_of
from graph_edits import REMOVE, PlaywrightError, edit, graph, select, undo

from demo.background_server import background_server
from demo.client import Client
from demo.recipes import DEMO_PROMPT
from demo.workflow_graph import Workflow

SAMPLED = {"seed": 7, "control_after_generate": "randomize", "steps": 3, "cfg": 4.0}
SAMPLED |= {"sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}


def stock(hires: bool = False, decode: bool = True) -> dict:
    """A picture of the demo model with the host's own nodes alone."""
    flow = Workflow()
    model, clip, vae = flow.add("SelAggDemoModel", (0, 0))
    (positive,) = flow.add("CLIPTextEncode", (380, 0), {"text": DEMO_PROMPT}, "Prompt", clip=clip)
    (negative,) = flow.add("CLIPTextEncode", (380, 200), {"text": ""}, "Negative", clip=clip)
    size = {"width": 128, "height": 128, "batch_size": 1}
    (latent,) = flow.add("EmptyLatentImage", (0, 400), size)
    for number in range(1 + hires):
        wires = {"model": model, "positive": positive, "negative": negative, "latent_image": latent}
        settings = {**SAMPLED, "denoise": 0.6 if number else 1.0}
        (latent,) = flow.add("KSampler", (800 + 400 * number, 0), settings, f"Sampler {number + 1}", **wires)
    if decode:
        (image,) = flow.add("VAEDecode", (1600, 0), samples=latent, vae=vae)
        flow.add("SaveImage", (1600, 200), {"filename_prefix": "x"}, images=image)
    return flow.editor("stock")


def told(edited) -> str:
    return " ".join(f"{message['summary']} {message['detail']}" for message in edited.said)


def assert_wired(edited, sampler: str = "KSampler") -> None:
    (viewer,) = edited.viewers()
    assert edited.source(viewer["capture"]) == ("SelAggCapture", 1)
    assert edited.source(viewer["latent"])[0] == sampler
    assert edited.source(viewer["image"]) == ("VAEDecode", 0)
    decode = edited.request[viewer["image"][0]]
    assert decode["inputs"]["samples"] == viewer["latent"], "the picture is of this latent"


# -- two clicks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
def test_two_clicks_to_a_diagnosis(frontend, shot, vue):
    """A right click on the sampler, a click on the item; with the seed of the picture that is there."""
    frontend.open(vue_nodes=vue)
    frontend.load(stock(), "KSampler")
    seed = "() => app.graph.nodes.find(({ type }) => type === 'KSampler').widgets[0].value"
    frontend.run()
    assert frontend.page.evaluate(seed) != 7, "the host has changed it for the next run"
    before = graph(frontend)
    frontend.show_node("KSampler")
    frontend.page.mouse.click(*title_of(frontend, "KSampler"), button="right")
    item = frontend.page.get_by_text("Diagnose this prompt")
    try:
        item.wait_for(timeout=15_000)
        frontend.screenshot(shot(f"diagnose_menu_{'vue' if vue else 'classic'}"))
        item.click()
    except PlaywrightError:
        if not vue:
            raise
        select(frontend, "KSampler")  # the first Vue nodes had no menu of their own: there is the key
        frontend.page.keyboard.press("Shift+D")
    frontend.page.wait_for_function(
        "() => app.graph.nodes.some(({ type }) => type === 'SelAggDiagnose')", timeout=60_000
    )
    if viewers_are_shown(frontend, vue):
        viewer = frontend.wait_for_view()
        assert "circle" in viewer.locator(".text").inner_text()
        assert viewer.locator(".finding, .checked, details").count()
    assert wait_for_result(frontend)["text"] is not None
    assert frontend.page.evaluate(seed) == 7
    control = "() => app.graph.nodes.find(({ type }) => type === 'KSampler').widgets[1].value"
    assert frontend.page.evaluate(control) == "randomize"
    frontend.screenshot(shot(f"diagnosed_{'vue' if vue else 'classic'}"))
    undo(frontend)
    assert graph(frontend) == before, "one step takes it all back, the seed, too"


def title_of(frontend, kind: str) -> tuple[float, float]:
    """Where the title of a node is on the page."""
    x, y = frontend.page.evaluate(
        """kind => {
          const node = app.graph.nodes.find(({ type }) => type === kind)
          const { left, top } = app.canvas.canvas.getBoundingClientRect()
          const { scale, offset } = app.canvas.ds
          return [(node.pos[0] + 60 + offset[0]) * scale + left, (node.pos[1] - 12 + offset[1]) * scale + top]
        }""",
        kind,
    )
    return x, y


def test_menus_toolbox_and_key(frontend):
    frontend.open()
    frontend.load(stock(), "KSampler")
    page = frontend.page
    page.evaluate("() => { window.runs = 0; app.queuePrompt = async () => { runs += 1; return true } }")
    page.mouse.click(640, 900, button="right")
    page.get_by_text("Remove SelAgg from this workflow").wait_for()
    page.get_by_text("Diagnose this prompt").click()
    page.wait_for_function("() => runs === 1")
    page.evaluate("() => document.activeElement?.blur()")
    page.keyboard.press("Shift+D")
    page.wait_for_function("() => runs === 2")
    count = "() => app.graph.nodes.filter(({ type }) => type.startsWith('SelAgg')).length"
    assert page.evaluate(count) == 3, "what is there is used again: demo model, capture, diagnosis"
    select(frontend, "KSampler")
    page.wait_for_timeout(300)
    assert page.locator("button:has(.pi-search)").count(), "in the toolbox of a sampler"


# -- shapes ----------------------------------------------------------------------------------------------


def test_again_and_out(frontend):
    frontend.open()
    frontend.load(stock(), "KSampler")
    before = graph(frontend)
    first = edit(frontend)
    assert_wired(first)
    assert first.fed_by_capture() == [("KSampler", "model")]
    assert len(edit(frontend).viewers()) == 1
    removed = edit(frontend, REMOVE)
    assert "2 nodes" in told(removed)
    assert graph(frontend) == before
    undo(frontend)
    assert len(graph(frontend)[0]["nodes"]) == len(before[0]["nodes"]) + 2


def test_two_samplers_are_asked_for(frontend, shot):
    frontend.open()
    frontend.load(stock(hires=True), "KSampler")
    before = graph(frontend)
    nothing = edit(frontend, pick=-1)
    assert nothing.request is None and len(nothing.asked) == 3 and "Sampler 2" in nothing.asked[0]
    assert graph(frontend) == before
    last = edit(frontend, pick=0)
    assert_wired(last)
    (viewer,) = last.viewers()
    assert last.request[viewer["latent"][0]]["inputs"]["denoise"] == 0.6
    edit(frontend, REMOVE)
    assert graph(frontend) == before
    first = edit(frontend, pick=1)
    assert_wired(first)
    (viewer,) = first.viewers()
    assert first.request[viewer["latent"][0]]["inputs"]["denoise"] == 1.0, "a VAE Decode of its own"
    edit(frontend, REMOVE)
    assert graph(frontend) == before


def test_a_latent_without_a_picture(frontend):
    frontend.open()
    frontend.load(stock(decode=False), "KSampler")
    before = graph(frontend)
    assert_wired(edit(frontend))
    edit(frontend, REMOVE)
    assert graph(frontend) == before


IN_SUBGRAPH = """kinds => {
  const nodes = app.graph.nodes.filter(({ type }) => kinds.includes(type))
  app.graph.convertToSubgraph(new Set(nodes))
}"""
INSIDE = """() => {
  const { subgraph } = app.canvas.graph.nodes.find((node) => node.subgraph)
  app.canvas.setGraph(subgraph)
}"""


@pytest.mark.parametrize("inside", [False, True], ids=["from outside", "inside"])
@pytest.mark.parametrize(
    "kinds",
    [["KSampler", "VAEDecode"], ["KSampler"], ["KSampler", "VAEDecode", "SaveImage", "CLIPTextEncode"]],
    ids=["with its decode", "alone", "with all that follows"],
)
def test_a_sampler_in_a_subgraph(frontend, kinds, inside):
    frontend.open()
    frontend.load(stock(), "KSampler")
    frontend.page.evaluate(IN_SUBGRAPH, kinds)
    before = graph(frontend)
    if inside:
        frontend.page.evaluate(INSIDE)
    else:
        select(frontend, "")
    edited = edit(frontend)
    assert_wired(edited)
    assert edited.fed_by_capture() == [("KSampler", "model")]
    viewer = next(n for n, node in edited.request.items() if node["class_type"] == "SelAggDiagnose")
    assert (":" in viewer) == (inside and "VAEDecode" in kinds), "where the artist looks, if it can be there"
    edit(frontend, REMOVE)
    assert graph(frontend) == before


GET_AND_SET = """() => {
  const { LGraphNode } = window.LiteGraph
  const named = (node) => { node.addWidget('text', 'Constant', '', () => {}); node.isVirtualNode = true }
  class SetNode extends LGraphNode {
    constructor(title) { super(title); this.addInput('*', '*'); this.addOutput('*', '*'); named(this) }
  }
  class GetNode extends LGraphNode {
    constructor(title) { super(title); this.addOutput('*', '*'); named(this) }
    getInputLink() {
      const same = ({ type, widgets }) => type === 'SetNode' && widgets[0].value === this.widgets[0].value
      const { link } = this.graph.nodes.find(same).inputs[0]
      return this.graph.getLink?.(link) ?? this.graph.links.get(link)
    }
  }
  window.LiteGraph.registerNodeType('SetNode', SetNode)
  window.LiteGraph.registerNodeType('GetNode', GetNode)
}"""
#: Puts nodes into the wire of the first input of this name of the first node of this kind.
VIA = """([kind, name, types, mode]) => {
  const { graph } = app
  const node = graph.nodes.find(({ type }) => type === kind)
  const slot = node.inputs.findIndex((input) => input.name === name)
  const link = graph.getLink?.(node.inputs[slot].link) ?? graph.links.get(node.inputs[slot].link)
  const origin = graph.getNodeById(link.origin_id)
  const nodes = types.map((type) => window.LiteGraph.createNode(type))
  for (const [place, each] of nodes.entries()) {
    graph.add(each)
    each.pos = [-600 - 300 * place, -600]
    each.mode = mode
    if (/Node$/.test(each.type)) each.widgets[0].value = 'shared'
  }
  origin.connect(link.origin_slot, nodes[0], 0)
  if (nodes.length > 1 && nodes[1].inputs?.length) nodes[0].connect(0, nodes[1], 0)
  nodes.at(-1).connect(0, node, slot)
}"""


@pytest.mark.parametrize(
    ("kind", "name"), [("KSampler", "model"), ("VAEDecode", "samples")], ids=["to the model", "to the decode"]
)
@pytest.mark.parametrize("through", [["SetNode", "GetNode"], ["Reroute", "Reroute"]], ids="-".join)
def test_wires_that_are_passed_on(frontend, kind, name, through):
    frontend.open()
    frontend.page.evaluate(GET_AND_SET)
    frontend.load(stock(), "KSampler")
    frontend.page.evaluate(VIA, [kind, name, through, 0])
    before = graph(frontend)
    edited = edit(frontend)
    assert_wired(edited)
    assert edited.fed_by_capture() == [("KSampler", "model")]
    edit(frontend, REMOVE)
    assert graph(frontend) == before


def test_bypassed_and_muted_nodes(frontend):
    frontend.open()
    frontend.load(stock(), "KSampler")
    frontend.page.evaluate(VIA, ["KSampler", "model", ["LoraLoaderModelOnly"], 4])
    assert_wired(edit(frontend))
    edit(frontend, REMOVE)
    frontend.page.evaluate("() => { app.graph.nodes.find(({ type }) => type === 'VAEDecode').mode = 2 }")
    before = graph(frontend)
    assert_wired(edit(frontend))  # a muted decode makes no picture: another is put in
    edit(frontend, REMOVE)
    assert graph(frontend) == before
    frontend.page.evaluate("() => { app.graph.nodes.find(({ type }) => type === 'KSampler').mode = 4 }")
    edited = edit(frontend)
    assert edited.request is None and "no sampler" in told(edited)


def test_reroutes_of_wires_stay(frontend):
    frontend.open()
    frontend.load(stock(), "KSampler")
    frontend.page.evaluate(
        """() => {
          const { graph } = app
          const { link } = graph.nodes.find(({ type }) => type === 'KSampler').inputs[0]
          graph.createReroute([500, -80], graph.getLink?.(link) ?? graph.links.get(link))
        }"""
    )
    before = graph(frontend)
    assert before[0]["reroutes"]
    assert_wired(edit(frontend))
    edit(frontend, REMOVE)
    assert graph(frontend) == before


@pytest.mark.parametrize("cut", ["model", "all"])
def test_what_is_missing_is_said(frontend, cut):
    frontend.open()
    frontend.load(stock(), "KSampler")
    if cut == "model":
        frontend.page.evaluate(
            "() => app.graph.nodes.find(({ type }) => type === 'KSampler').disconnectInput(0)"
        )
    else:
        frontend.page.evaluate("() => app.graph.clear()")
    before = graph(frontend)
    edited = edit(frontend)
    assert edited.request is None and graph(frontend) == before
    assert ("has no model" if cut == "model" else "no sampler") in told(edited)


def test_words_of_an_unknown_encoder(frontend):
    """A conditioning that no text makes: it is said that SelAgg Prompt is needed."""
    frontend.open()
    frontend.load(stock(), "KSampler")
    frontend.page.evaluate(
        """() => {
          const { graph } = app
          const node = graph.nodes.find(({ title }) => title === 'Prompt')
          const loader = window.LiteGraph.createNode('ConditioningZeroOut')
          graph.add(loader)
          graph.nodes.find(({ title }) => title === 'Negative').connect(0, loader, 0)
          graph.nodes.find(({ title }) => title === 'Negative').widgets[0].value = ''
          loader.connect(0, graph.nodes.find(({ type }) => type === 'KSampler'), 1)
          graph.remove(node)
        }"""
    )
    edited = edit(frontend)
    assert_wired(edited)
    assert "SelAgg Prompt" in told(edited)


# -- what others have built ------------------------------------------------------------------------------

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text("utf-8"))


def public_workflow(name: str) -> dict | None:
    """A workflow of the host's own templates; None if this host has none of that name."""
    for package in ("comfyui_workflow_templates_json", "comfyui_workflow_templates"):
        if importlib.util.find_spec(package) is None:
            continue
        file = importlib.resources.files(package) / "templates" / f"{name}.json"
        if file.is_file():
            return json.loads(file.read_text("utf-8"))
    return None


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_public_workflows(frontend, name):
    workflow = public_workflow(name)
    if workflow is None:
        pytest.skip("This host has no such template.")
    frontend.open()
    frontend.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
    frontend.page.wait_for_timeout(300)
    before = graph(frontend)
    edited = edit(frontend)
    if SHAPES[name] == "no picture":
        assert edited.request is None and "makes no picture but" in told(edited)
        assert graph(frontend) == before
        return
    sampler, fed = SHAPES[name].split(" by ")
    assert_wired(edited, sampler)
    assert fed in {kind for kind, _ in edited.fed_by_capture()}
    edit(frontend, REMOVE)
    assert graph(frontend) == before
    frontend.errors = []  # of models that are not there


# -- with a checkpoint, and what is said -----------------------------------------------------------------

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"


def default_workflow() -> dict:
    """The host's default template for SD1.5; built alike where a host brings none. Small, two steps."""
    workflow = public_workflow("default")
    if workflow is None:
        workflow = stock()
        loader = workflow["nodes"][0]
        loader |= {"type": "CheckpointLoaderSimple", "widgets_values": [CHECKPOINT]}
        loader["properties"] = {"Node name for S&R": loader["type"]}
    for node in workflow["nodes"]:
        if node["type"] == "EmptyLatentImage":
            node["widgets_values"] = [64, 64, 1]
        if node["type"] == "KSampler":
            node["widgets_values"][2] = 2
    return workflow


@pytest.fixture(scope="module", params=FRONTENDS)
def with_checkpoint(request, browser, tmp_path_factory):
    """As `server`, with a small checkpoint of SD1.5's kind, of random weights, under the template's name."""
    options = options_of(request.param)
    base = tmp_path_factory.mktemp(f"checkpoint_{request.param}")
    file = base / "models" / "checkpoints" / CHECKPOINT
    file.parent.mkdir(parents=True)
    subprocess.run([sys.executable, Path(__file__).parent / "random_checkpoint.py", file], check=True)
    with background_server(base, base / "server.log", options=options) as client:
        yield request.param, client.address


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
@pytest.mark.parametrize("palette", ["light", "dark"])
def test_the_default_template(browser, with_checkpoint, shots, vue, palette):
    """Two clicks from the stock workflow with the stock encoder to a diagnosis; weights are random."""
    from frontend import Frontend

    name, address = with_checkpoint
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    frontend = Frontend(context.new_page(), address)
    frontend.open(vue_nodes=vue, **{"Comfy.ColorPalette": palette})
    workflow = default_workflow()
    sampler = next(node for node in workflow["nodes"] if node["type"] == "KSampler")
    sampler["widgets_values"][0] = 1000 + 2 * vue + (palette == "dark")  # not in the host's cache
    frontend.load(workflow, "KSampler")
    frontend.page.mouse.click(*title_of(frontend, "KSampler"), button="right")
    item = frontend.page.get_by_text("Diagnose this prompt")
    try:
        item.click(timeout=15_000)
    except PlaywrightError:
        if not vue:
            raise
        select(frontend, "KSampler")  # the first Vue nodes had no menu of their own: there is the key
        frontend.page.keyboard.press("Shift+D")
    expected = "bottle" if public_workflow("default") else "circle"
    if viewers_are_shown(frontend, vue):
        assert expected in frontend.wait_for_view().locator(".text").inner_text()
    told = wait_for_result(frontend)
    assert told["text"] and told["images"], "the annotated picture, and what is said of it"
    frontend.screenshot(shots / f"{name}_default_{'vue' if vue else 'classic'}_{palette}.png")
    context.close()
    assert frontend.errors == []


def viewers_are_shown(frontend, vue: bool) -> bool:
    """The Vue nodes of some frontends show no DOM widgets; there the node shows its picture."""
    there = "() => app.graph.nodes.some(({ type }) => type === 'SelAggDiagnose')"
    frontend.page.wait_for_function(there, timeout=60_000)
    if not vue:
        return True
    frontend.page.wait_for_timeout(4000)
    return frontend.viewer().count() > 0


def wait_for_result(frontend) -> dict:
    """What SelAgg Diagnose sent when it had run."""
    output = """() => {
      const node = app.graph.nodes.find(({ type }) => type === 'SelAggDiagnose')
      return app.nodeOutputs[node.id] ?? null
    }"""
    return frontend.page.wait_for_function(output, timeout=120_000).json_value()


def test_messages_lead_to_their_node(frontend, shot):
    """Severe warnings and problems are short messages; a click on one brings the node into view."""
    frontend.open()
    frontend.load(stock(), "KSampler")
    page = frontend.page
    page.evaluate(
        """() => {
          const node = window.LiteGraph.createNode('SelAggDiagnose')
          app.graph.add(node)
          node.pos = [9000, 9000]
          const text = ['problem: SelAgg Diagnose: there is no latent picture.']
          node.onExecuted({ selagg: [{ id: null, workflow: app.graph.id }], text })
        }"""
    )
    message = page.locator(f'[data-selagg="{page.evaluate("() => String(app.graph._nodes.at(-1).id)")}"]')
    message.wait_for(timeout=11_000)
    assert "there is no latent picture" in message.inner_text()
    frontend.screenshot(shot("problem_message"))
    message.click(position={"x": 60, "y": 20})
    page.wait_for_timeout(1500)
    seen = "() => { const { offset } = app.canvas.ds; return [-offset[0], -offset[1]] }"
    x, y = page.evaluate(seen)
    assert 8000 < x < 9200 and 8000 < y < 9200


@pytest.mark.parametrize(
    ("words", "node"),
    [
        ("color bleed", "SelAgg Diagnose"),
        ("prompt adherence", "SelAgg Diagnose"),
        ("not following prompt", "SelAgg Diagnose"),
        ("analyze", "SelAgg Diagnose"),
        ("why", "SelAgg Diagnose"),
        ("mask from prompt", "SelAgg Heatmaps"),
        ("explain", "SelAgg Diagnose"),
        ("debug", "SelAgg Diagnose"),
        ("daam", "SelAgg Heatmaps"),
    ],
)
def test_words_that_artists_search_for(server, words, node):
    """The host searches these words, beside names; which of several comes first is the frontend's choice."""
    kinds = Client(server[1]).object_info()
    if "search_aliases" not in kinds["KSampler"]:
        pytest.skip("This host searches names alone.")
    found = {kind["display_name"] for kind in kinds.values() if words in (kind.get("search_aliases") or ())}
    assert node in found


def test_the_blueprint_runs(frontend):
    from demo.blueprint import blueprint

    frontend.open()
    frontend.page.evaluate("workflow => app.loadGraphData(workflow)", blueprint())
    frontend.page.wait_for_timeout(500)
    frontend.page.evaluate(
        """() => {
          const { graph } = app
          const made = (kind) => {
            const node = window.LiteGraph.createNode(kind)
            graph.add(node)
            return node
          }
          const own = graph.nodes.find(({ subgraph }) => subgraph)
          const [model, empty, shown] = ['SelAggDemoModel', 'EmptyLatentImage', 'PreviewImage'].map(made)
          const [positive, negative] = ['CLIPTextEncode', 'CLIPTextEncode'].map(made)
          positive.widgets[0].value = 'a red circle'
          for (const place of [0, 1]) empty.widgets[place].value = 128
          for (const node of [positive, negative]) model.connect(1, node, 0)
          const wires = [[model, 0], [positive, 0], [negative, 0], [empty, 0], [model, 2]]
          for (const [place, [node, slot]] of wires.entries()) node.connect(slot, own, place)
          own.connect(1, shown, 0)
          own.widgets.find(({ name }) => name === 'steps').value = 2
        }"""
    )
    request = frontend.page.evaluate("async () => (await app.graphToPrompt()).output")
    sampler = next(node for node in request.values() if node["class_type"] == "KSampler")
    assert sampler["inputs"]["steps"] == 2
    frontend.run()
    assert frontend.page.evaluate(
        "() => Object.values(app.nodeOutputs).some((output) => output?.images?.length)"
    )
