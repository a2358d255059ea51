"""How the pack sits in its host: names do not collide, any folder name works, nodes explain themselves."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from loading import ROOT, load_pack

from packages import make_importable

NODE_IDS = {
    "SelAggTextEncode",
    "SelAggPrompt",
    "SelAggCapture",
    "SelAggHeatmaps",
    "SelAggMapRecipe",
    "SelAggBuildRelevance",
    "SelAggLoadRelevance",
    "SelAggHeadRelevance",
    "SelAggExpect",
    "SelAggDiagnose",
    "SelAggRepair",
    "SelAggCompare",
    "SelAggWhatIf",
    "SelAggCalibrate",
    "SelAggDemoModel",
    "SelAggSave",
    "SelAggLoad",
    "SelAggProbe",
    "SelAggTruth",
    "SelAggScore",
    "SelAggScoreTable",
}
INTERNAL_IDS = {"SelAggGraphWords", "SelAggNoCapture"}
"""Put into graphs by the server; no artist meets them."""


@pytest.fixture
def linked_pack(tmp_path, pack):
    """The pack loaded once more, from a folder with a hyphen in its name."""
    name = "ComfyUI-SelAgg-linked"
    folder = tmp_path / name
    folder.symlink_to(ROOT, target_is_directory=True)
    yield load_pack(folder, name)
    for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[module]


def test_the_module_nodes_is_the_hosts(host, pack):
    nodes = importlib.import_module("nodes")
    assert Path(nodes.__file__).resolve().parent != ROOT / "nodes"
    assert "KSampler" in nodes.NODE_CLASS_MAPPINGS


def test_the_repository_is_not_on_the_import_path(host):
    assert ROOT not in {Path(entry or ".").resolve() for entry in sys.path}


def test_every_node_is_registered(pack):
    assert set(pack.NODE_CLASS_MAPPINGS) == NODE_IDS | INTERNAL_IDS
    assert set(pack.NODE_DISPLAY_NAME_MAPPINGS) >= NODE_IDS


def test_loads_from_a_folder_with_a_hyphen(linked_pack, pack):
    assert set(linked_pack.NODE_CLASS_MAPPINGS) == NODE_IDS | INTERNAL_IDS


def test_a_class_is_the_same_whoever_imports_it(linked_pack, pack):
    assert linked_pack.NODE_CLASS_MAPPINGS["SelAggCapture"] is pack.NODE_CLASS_MAPPINGS["SelAggCapture"]
    of_nodes = importlib.import_module("selagg_nodes.recording.recorder")
    of_benchmarks = importlib.import_module("benchmarks.pictures")
    assert of_nodes.LayerId is of_benchmarks.LayerId
    roots = {name.split(".")[0] for name in sys.modules if name.endswith("recording.layout")}
    assert roots == {"selagg_core"}


def test_a_second_copy_is_refused_by_name(pack, tmp_path):
    with pytest.raises(ImportError, match="installed twice") as refusal:
        make_importable(tmp_path)
    assert str(tmp_path) in str(refusal.value) and str(ROOT) in str(refusal.value)


@pytest.mark.parametrize("node_id", sorted(NODE_IDS))
def test_every_node_explains_itself(pack, node_id):
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    assert len(node.DESCRIPTION) > 40
    assert node.CATEGORY.split("/")[0] == "SelAgg"
    assert len(node.SEARCH_ALIASES) >= 3
    assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
    assert all(node.OUTPUT_TOOLTIPS)
    inputs = node.INPUT_TYPES()
    # The registry's host reads "required" without asking whether it is there.
    assert "required" in inputs
    for kind in ("required", "optional"):
        for name, definition in inputs.get(kind, {}).items():
            assert len(definition) == 2 and definition[1].get("tooltip"), f"{node_id}.{name} has no tooltip"
    assert callable(getattr(node, node.FUNCTION))


def test_the_file_alone_registers_nothing(tmp_path):
    spec = importlib.util.spec_from_file_location("__init__", ROOT / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not hasattr(module, "NODE_CLASS_MAPPINGS")
