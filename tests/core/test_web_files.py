"""Help pages, translations and thumbnails: complete, and true to what they speak of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from selagg_core.diagnosis.sentences import catalogue

ROOT = Path(__file__).resolve().parents[2]
#: Of English, which is in the code, the host needs a file for the names of commands alone.
LANGUAGES = sorted(folder.name for folder in (ROOT / "locales").iterdir() if folder.name != "en")
#: Those of the frontends of ComfyUI 0.33.0 that SelAgg speaks.
SPOKEN = {"es", "fr", "ja", "ko", "pt-BR", "ru", "zh", "zh-TW"}
PAGES = sorted((ROOT / "web" / "docs").glob("*.md"))


def node_ids() -> set[str]:
    """The ids in NODES of all node files, read as text: here is no host to import them."""
    found = set()
    for file in (ROOT / "nodes").rglob("*.py"):
        for block in re.findall(r"^NODES\b.*?\{(.*?)\}", file.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            found |= set(re.findall(r'"(SelAgg\w+)"', block))
    return found


def translated(language: str) -> dict:
    """All that is said in a language, as the host puts its files together."""
    folder = ROOT / "locales" / language
    return {
        **json.loads((folder / "main.json").read_text("utf-8")),
        "nodeDefs": json.loads((folder / "nodeDefs.json").read_text("utf-8")),
        "commands": json.loads((folder / "commands.json").read_text("utf-8")),
    }


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", text))


def texts_of(file: str) -> dict[str, str]:
    text = (ROOT / "web" / file).read_text("utf-8")
    return dict(re.findall(r"^  (\w+):\s+'((?:[^'\\]|\\.)*)',$", text, re.MULTILINE))


def english() -> dict[str, str]:
    return texts_of("viewer/text.js")


def graph_english() -> dict[str, str]:
    return texts_of("extension/texts.js")


def commands() -> dict[str, str]:
    """Commands by the name that the host gives them in its translations, with their English labels."""
    text = (ROOT / "web" / "extension" / "menus.js").read_text("utf-8")
    ids = dict(re.findall(r"^const (\w+) = '(SelAgg\.\w+)'$", text, re.MULTILINE))
    labels = dict(re.findall(r"\{ id: (\w+), label: '([^']+)'", text))
    assert set(labels) == set(ids), "a command without a label, or the other way round"
    return {ids[name].replace(".", "_"): label for name, label in labels.items()}


def test_every_node_has_a_help_page_with_a_picture():
    assert {page.stem for page in PAGES} == node_ids()
    for page in PAGES:
        text = page.read_text("utf-8")
        pictures = re.findall(r"!\[[^\]]+\]\(([\w.]+)\)", text)
        assert pictures and all((page.parent / name).is_file() for name in pictures), page.name
        assert len(text) < 3500


def test_the_languages_are_those_that_the_host_offers():
    assert set(LANGUAGES) == SPOKEN and len(english()) > 100 and len(catalogue()) > 100
    assert len(graph_english()) > 20 and len(commands()) > 1


def test_the_texts_of_the_graph_are_all_read_here():
    """Every line of the table, also one whose text stands on the line below."""
    text = (ROOT / "web" / "extension" / "texts.js").read_text("utf-8")
    table = text[text.index("GRAPH_ENGLISH = {") : text.index("\n}\n")]
    assert set(graph_english()) == set(re.findall(r"^  (\w+):", table, re.MULTILINE))


def missing(language: str) -> dict[str, list[str]]:
    """What a language does not say, or says under a name that nothing has any more, by kinds of texts."""
    told = translated(language)
    own, nodes, graph = told["selagg"], told["nodeDefs"], told["selaggGraph"]
    said = {key for key, text in own.items() if isinstance(text, str) and text.strip()}
    sentences = {key for key, text in own["sentences"].items() if text.strip()}
    titled = {node for node, about in nodes.items() if about["display_name"] and about["description"]}
    return {
        "texts of the viewer": sorted(said ^ set(english())),
        "texts of the graph": sorted(
            {key for key, text in graph.items() if text.strip()} ^ set(graph_english())
        ),
        "commands": sorted(
            {key for key, about in told["commands"].items() if about["label"].strip()} ^ set(commands())
        ),
        "labels of menus": sorted(
            {key for key, text in told["menuLabels"].items() if text.strip()} ^ set(commands().values())
        ),
        "sentences and suggestions": sorted(sentences ^ set(catalogue())),
        "nodes": sorted(titled ^ node_ids()),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_missing_in_a_language(language, record_testsuite_property):
    counts = {kind: len(keys) for kind, keys in missing(language).items()}
    record_testsuite_property(f"missing_{language}", str(counts))
    assert not any(counts.values()), missing(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_their_values(language):
    own, graph = translated(language)["selagg"], translated(language)["selaggGraph"]
    for texts, told in ((english(), own), (catalogue(), own["sentences"]), (graph_english(), graph)):
        for key, text in texts.items():
            assert names_in(told[key]) == names_in(text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language):
    """Sentences with several words; names of nodes and inputs stay as they are."""
    graph = translated(language)["selaggGraph"]
    assert not [key for key, text in graph_english().items() if " " in text and graph[key] == text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_command_is_called_the_same_everywhere(language):
    """In menus and toolbox, which ask for its label, and where the extension itself puts it."""
    told = translated(language)
    for key, label in commands().items():
        (name,) = [name for name, text in graph_english().items() if text == label]
        assert told["commands"][key]["label"] == told["menuLabels"][label] == told["selaggGraph"][name]


def test_commands_have_english_labels_too():
    """The toolbox asks the translations alone: without them its button has no name for a screen reader."""
    told = json.loads((ROOT / "locales" / "en" / "commands.json").read_text("utf-8"))
    assert told == {key: {"label": label} for key, label in commands().items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_host_can_read_what_is_said_of_nodes_and_commands(language):
    """The host's translator gives braces, @ and | a meaning of their own, and fails at others."""
    kinds = [translated(language)[kind] for kind in ("nodeDefs", "commands", "menuLabels")]
    text = json.dumps([list(kind.values()) for kind in kinds], ensure_ascii=False)
    told = [part for part in re.findall(r'"((?:[^"\\\\]|\\\\.)*)"', text) if len(part) > 1]
    assert told and not [part for part in told if set(part) & set("{}@|")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_inputs_of_a_node_are_called_the_same(language):
    for node, about in translated(language)["nodeDefs"].items():
        names = [told["name"] for told in about["inputs"].values()]
        assert len(set(names)) == len(names), (node, names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_translated(language):
    script = (ROOT / "web" / "extension" / "settings.js").read_text("utf-8")
    ids = set(re.findall(r"'(SelAgg\.Viewer\.\w+)'", script))
    own = translated(language)["settings"]
    assert set(own) == {name.replace(".", "_") for name in ids}


def used_by(call: str) -> set[str]:
    """Keys that any script hands to a function of texts."""
    scripts = [file.read_text("utf-8") for file in (ROOT / "web").rglob("*.js")]
    return {key for text in scripts for key in re.findall(call + r"\(\s*'(\w+)'", text)}


def test_every_text_that_is_used_exists():
    assert used_by(r"\bt") <= set(english())
    used = used_by(r"(?:\btold|graphTexts\([\w.]+\))")
    assert used and used <= set(graph_english())


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
