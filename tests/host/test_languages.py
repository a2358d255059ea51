"""What the host makes of the languages: names and tooltips of all inputs, texts of the graph, commands."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from loading import ROOT

LANGUAGES = sorted(folder.name for folder in (ROOT / "locales").iterdir() if folder.name != "en")


def shown(pack) -> dict[str, set[str]]:
    """For each node that artists meet the names of its inputs, as the host asks for them."""
    found = {}
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        declared = node.INPUT_TYPES()
        inputs = {**declared.get("required", {}), **declared.get("optional", {})}
        if "internal" not in pack.NODE_DISPLAY_NAME_MAPPINGS[name]:
            found[name] = set(inputs)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_input_is_without_a_name_or_a_tooltip(pack, language, record_testsuite_property):
    nodes = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))
    wanted = {f"{node}.{name}" for node, names in shown(pack).items() for name in names}
    told = {
        f"{node}.{name}"
        for node, about in nodes.items()
        for name, texts in about["inputs"].items()
        if texts["name"].strip() and texts["tooltip"].strip()
    }
    missing = sorted(wanted ^ told)
    record_testsuite_property(f"missing_inputs_{language}", len(missing))
    assert len(wanted) > 60 and not missing


@pytest.fixture
def served(host, tmp_path, monkeypatch) -> dict:
    """All translations as the host hands them to its page."""
    if host == "registry":
        pytest.skip("this host has no translations of packs")
    paths = importlib.import_module("folder_paths")
    # The host's nodes put its folder comfy first in sys.path, where `utils` is another module.
    monkeypatch.syspath_prepend(str(Path(paths.__file__).parent))
    if not hasattr(sys.modules.get("utils"), "__path__"):
        monkeypatch.delitem(sys.modules, "utils", raising=False)
    manager = importlib.import_module("app.custom_node_manager").CustomNodeManager()
    shutil.copytree(ROOT / "locales", tmp_path / "selagg" / "locales")
    monkeypatch.setattr(paths, "get_folder_paths", lambda kind: [str(tmp_path)])
    return manager.build_translations()


def test_the_host_reads_every_file_of_every_language(served):
    assert set(served) == {*LANGUAGES, "en"}
    for language in LANGUAGES:
        folder = ROOT / "locales" / language
        told = {file.stem: json.loads(file.read_text("utf-8")) for file in folder.glob("*.json")}
        assert served[language] == {**told.pop("main"), **told}, language
    # English texts are in the code; the page of the host has no other place for a command's label.
    assert set(served["en"]) == {"commands"}
