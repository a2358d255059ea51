"""Help pages, translations and thumbnails: complete, and true to what they speak of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = sorted(folder.name for folder in (ROOT / "locales").iterdir() if folder.is_dir())
PAGES = sorted((ROOT / "web" / "docs").glob("*.md"))


def node_ids() -> set[str]:
    """The ids in NODES of all node files, read as text: here is no host to import them."""
    found = set()
    for file in (ROOT / "nodes").rglob("*.py"):
        for block in re.findall(r"^NODES\b.*?\{(.*?)\}", file.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            found |= set(re.findall(r'"(SelAgg\w+)"', block))
    return found


def translated(language: str) -> dict:
    """All that is said in a language; the host takes "nodeDefs" as it would a file of that name."""
    return json.loads((ROOT / "locales" / language / "main.json").read_text("utf-8"))


def english() -> dict[str, str]:
    text = (ROOT / "web" / "viewer" / "text.js").read_text("utf-8")
    return dict(re.findall(r"^  (\w+): '((?:[^'\\]|\\.)*)',$", text, re.MULTILINE))


def test_every_node_has_a_help_page_with_a_picture():
    assert {page.stem for page in PAGES} == node_ids()
    for page in PAGES:
        text = page.read_text("utf-8")
        pictures = re.findall(r"!\[[^\]]+\]\(([\w.]+)\)", text)
        assert pictures and all((page.parent / name).is_file() for name in pictures), page.name
        assert len(text) < 3500


def test_there_are_at_least_two_more_languages():
    assert len(LANGUAGES) >= 2 and len(english()) > 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_are_complete_and_keep_their_values(language):
    own = translated(language)["selagg"]
    assert set(own) == set(english())
    for key, text in english().items():
        assert set(re.findall(r"\{\w+\}", own[key])) == set(re.findall(r"\{\w+\}", text)), key
    nodes = translated(language)["nodeDefs"]
    assert set(nodes) == node_ids()
    assert all(node["display_name"] and node["description"] for node in nodes.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_translated(language):
    script = (ROOT / "web" / "selagg.js").read_text("utf-8")
    ids = set(re.findall(r"'(SelAgg\.Viewer\.\w+)'", script))
    own = translated(language)["settings"]
    assert set(own) == {name.replace(".", "_") for name in ids}


def test_every_text_that_is_used_exists():
    used = set()
    for file in (ROOT / "web").rglob("*.js"):
        used |= set(re.findall(r"\bt\(\s*'(\w+)'", file.read_text("utf-8")))
    assert used <= set(english())


def test_what_is_left_out_of_the_package_is_nothing_that_ships():
    """A line of .comfyignore without a slash at its start fits folders and files at any depth."""
    shipped = [ROOT / name for name in ("web", "nodes", "selagg_core", "locales", "examples_workflows")]
    names = {part.name for folder in shipped for part in folder.rglob("*")}
    ignored = (ROOT / ".comfyignore").read_text("utf-8").split()
    assert ignored and not names & {line.rstrip("/") for line in ignored}


def test_every_example_has_a_thumbnail():
    folder = ROOT / "examples_workflows"
    examples = list(folder.glob("*.json"))
    assert examples
    for file in examples:
        thumbnail = file.with_suffix(".jpg")
        assert thumbnail.is_file() and thumbnail.read_bytes()[:3] == b"\xff\xd8\xff"
        assert thumbnail.stat().st_size < 100_000
