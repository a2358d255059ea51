"""The example workflows: both formats say the same, and name only nodes and sockets that the host has."""

from __future__ import annotations

import importlib
import json
import re
from types import SimpleNamespace

import pytest
from loading import ROOT

from demo import workflows
from demo.template_texts import TEMPLATES, shown_name
from demo.workflow_graph import NOTE
from selagg_core.diagnosis.sentences import catalogue

FILES = ("ckpt_name", "unet_name", "clip_name", "clip_name1", "clip_name2", "vae_name")
"""Widgets whose choices are the files of an artist."""
EDITOR_FILES = sorted(workflows.RECIPES)
EXTRAS = {"nodes_model_advanced": "ModelSamplingAuraFlow", "nodes_sd3": "EmptySD3LatentImage"}


@pytest.fixture(scope="module")
def classes(host, pack):
    """All node classes by id: the host's own, those of its extras that examples have, and the pack's."""
    extras: dict[str, type] = {}
    for file, name in EXTRAS.items():
        try:
            module = importlib.import_module(f"comfy_extras.{file}")
        except ImportError:
            continue
        found = getattr(module, name, None) or getattr(module, "NODE_CLASS_MAPPINGS", {}).get(name)
        extras |= {} if found is None else {name: found}
    own = importlib.import_module("nodes").NODE_CLASS_MAPPINGS
    return {**own, **extras, **pack.NODE_CLASS_MAPPINGS}


def needs_what_the_host_has(name: str, classes: dict) -> None:
    """Skips an example of a family that this host is too old for."""
    missing = [own for own in EXTRAS.values() if own not in classes]
    if any(node["class_type"] in missing for node in read(f"api/{name}.json").values()):
        pytest.skip(f"this host has no {missing[0]}")


@pytest.fixture(autouse=True)
def a_host_for_it(request, host):
    """Examples of models in files of their own are for hosts that know them all."""
    asked = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    if asked in workflows.RECIPES and workflows.RECIPES[asked].files is not None:
        pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


def declared(node_class) -> dict[str, tuple]:
    """Every input of a node class that a workflow may set, in the host's order."""
    inputs = node_class.INPUT_TYPES()
    return {**inputs.get("required", {}), **inputs.get("optional", {})}


def is_widget(definition) -> bool:
    if len(definition) > 1 and definition[1].get("forceInput"):
        return False
    return isinstance(definition[0], list) or definition[0] in ("INT", "FLOAT", "STRING", "BOOLEAN")


def read(name: str) -> dict:
    return json.loads((ROOT / "examples_workflows" / name).read_text(encoding="utf-8"))


def run_nodes(editor: dict) -> list[dict]:
    """The nodes that the server is given: a note is the editor's alone."""
    return [node for node in editor["nodes"] if node["type"] != NOTE]


def to_api(editor: dict, classes: dict) -> dict:
    """The API's form of an editor's workflow, by the host's own order of widgets."""
    wires = {wire[0]: SimpleNamespace(node=wire[1], slot=wire[2]) for wire in editor["links"]}
    nodes = {}
    for node in run_nodes(editor):
        values = iter(node["widgets_values"])
        inputs = {}
        for name, definition in declared(classes[node["type"]]).items():
            if is_widget(definition):
                inputs[name] = next(values)
                if name in ("seed", "noise_seed"):
                    assert next(values) == "fixed"
        assert not list(values), f"{node['type']} has more widget values than widgets"
        for socket in node["inputs"]:
            if socket["link"] is not None:
                wire = wires[socket["link"]]
                inputs[socket["name"]] = [str(wire.node), wire.slot]
        title = node.get("title", node["type"])
        nodes[str(node["id"])] = {
            "class_type": node["type"],
            "inputs": inputs,
            "_meta": {"title": title},
        }
    return nodes


def test_the_files_are_what_their_description_gives():
    folder = ROOT / "examples_workflows"
    written = {
        str(file.relative_to(folder).as_posix()): file.read_text("utf-8") for file in folder.rglob("*.json")
    }
    assert written == workflows.files()


def test_the_folder_is_found_under_the_hosts_name_too():
    assert (ROOT / "example_workflows" / f"{shown_name('diagnose_demo')}.json").is_file()


def test_templates_have_titles_and_an_order():
    """The browser's title is the file's name, an order is one of names; the name is put into addresses."""
    assert set(TEMPLATES) == set(workflows.RECIPES)
    names = [shown_name(name) for name in TEMPLATES]
    assert names == sorted(names) and len({text.title.lower() for text in TEMPLATES.values()}) == len(names)
    for name in names:
        assert re.fullmatch(r"\d\d [A-Z][A-Za-z0-9 .()-]+[A-Za-z0-9)]", name), name


@pytest.mark.parametrize("name", EDITOR_FILES)
def test_every_template_has_a_note_beside_its_nodes(name):
    editor = read(f"{name}.json")
    (note,) = [node for node in editor["nodes"] if node["type"] == NOTE]
    assert note["title"] == TEMPLATES[name].title
    assert "What to do" in note["widgets_values"][0] and "What you will see" in note["widgets_values"][0]
    assert len(note["widgets_values"][0]) < 900
    assert editor["last_node_id"] == max(node["id"] for node in editor["nodes"]) == len(editor["nodes"])
    right = note["pos"][0] + note["size"][0]
    assert all(node["pos"][0] > right for node in run_nodes(editor))


@pytest.mark.parametrize("name", EDITOR_FILES)
def test_a_note_speaks_of_what_is_there(name):
    """What stands in stars is a word of the prompt, a title, a node, an input, or a kind of finding."""
    api = read(f"api/{name}.json")
    text = (ROOT / "web" / "viewer" / "text.js").read_text("utf-8")
    known = {*catalogue().values(), *re.findall(r"^  \w+: '([^']+)',$", text, re.MULTILINE)}
    for node in api.values():
        known |= {node["_meta"]["title"], re.sub("^SelAgg", "SelAgg ", node["class_type"]), *node["inputs"]}
        known |= set(re.findall(r"\w+", str(node["inputs"].get("text", ""))))
    told = re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", TEMPLATES[name].note)
    assert told and not set(told) - known


@pytest.mark.parametrize("name", EDITOR_FILES)
def test_both_formats_say_the_same(classes, name):
    needs_what_the_host_has(name, classes)
    assert to_api(read(f"{name}.json"), classes) == read(f"api/{name}.json")


@pytest.mark.parametrize("name", EDITOR_FILES)
def test_every_node_and_socket_exists(classes, name):
    needs_what_the_host_has(name, classes)
    api = read(f"api/{name}.json")
    for number, node in api.items():
        assert node["class_type"] in classes, f"{number}: no node {node['class_type']}"
        known = declared(classes[node["class_type"]])
        assert set(node["inputs"]) <= set(known)
        required = set(classes[node["class_type"]].INPUT_TYPES().get("required", {}))
        assert required <= set(node["inputs"])
        for socket, value in node["inputs"].items():
            if isinstance(value, list):
                source = classes[api[value[0]]["class_type"]]
                assert source.RETURN_TYPES[value[1]] == known[socket][0], f"{node['class_type']}.{socket}"
            elif isinstance(known[socket][0], list) and socket not in FILES:
                assert value in known[socket][0]


@pytest.mark.parametrize("name", EDITOR_FILES)
def test_links_of_the_editor_are_consistent(classes, name):
    needs_what_the_host_has(name, classes)
    editor = read(f"{name}.json")
    nodes = {node["id"]: node for node in editor["nodes"]}
    for number, source, slot, target, socket, type_ in editor["links"]:
        assert number in nodes[source]["outputs"][slot]["links"]
        assert nodes[source]["outputs"][slot]["type"] == type_
        assert nodes[target]["inputs"][socket]["link"] == number
        assert nodes[target]["inputs"][socket]["type"] == type_
    for node in run_nodes(editor):
        outputs = [output["type"] for output in node["outputs"]]
        given = list(classes[node["type"]].RETURN_TYPES)
        # Newer hosts give their own nodes more outputs (Preview Image its picture): those come last.
        assert outputs == (given if node["type"].startswith("SelAgg") else given[: len(outputs)])


def test_a_link_of_the_wrong_type_is_refused():
    flow = workflows.Workflow()
    model, _, _ = flow.add("SelAggDemoModel", (0, 0))
    with pytest.raises(TypeError, match="takes IMAGE"):
        flow.add("PreviewImage", (0, 0), images=model)
