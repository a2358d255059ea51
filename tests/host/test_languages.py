"""Every input that the host shows of a node has a name and a tooltip in every language."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT

LANGUAGES = sorted(folder.name for folder in (ROOT / "locales").iterdir() if folder.is_dir())


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
