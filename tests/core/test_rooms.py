"""The rooms of the core: data flows one way, and so do imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import selagg_core

CORE = Path(selagg_core.__file__).parent
ROOMS = (
    "files",
    "prompt",
    "recording",
    "maps",
    "relevance",
    "claims",
    "diagnosis",
    "drawing",
    "report",
    "repair",
    "proof",
    "comparing",
)
"""From left to right. What lies beside them (the verbs) may import all of them, and none of them a verb."""
STATES = {"Phrase", "Reading", "Tally", "_EntrySums", "_Run", "_Writer"}
"""Dataclasses that are filled while something is read or summed; all others are values, and frozen."""
FILES = sorted(file for file in CORE.rglob("*.py") if file.parent.name != "presets")


def room_of(parts: tuple[str, ...]) -> int:
    return ROOMS.index(parts[0]) if parts and parts[0] in ROOMS else len(ROOMS)


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """Modules of the core that a file imports, as paths below the core."""
    own = file.relative_to(CORE).with_suffix("").parts
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = own[: len(own) - node.level]
            yield (*above, *(node.module or "").split("."))
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            for name in names:
                assert name.split(".")[0] != "selagg_core", f"{file.name} imports {name}: write it relative"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_a_room_imports_only_from_its_left(file):
    own = room_of(file.relative_to(CORE).parts)
    for target in imported(file):
        assert room_of(target) <= own, f"{'/'.join(target)} lies to the right of {file.relative_to(CORE)}"


def test_no_two_files_import_each_other():
    edges = {file: {CORE.joinpath(*t).with_suffix(".py") for t in imported(file)} for file in FILES}
    done: set[Path] = set()

    def visit(file: Path, way: tuple[Path, ...]) -> None:
        assert file not in way, " -> ".join(str(step.relative_to(CORE)) for step in (*way, file))
        if file not in done:
            for target in edges.get(file, ()):
                visit(target, (*way, file))
            done.add(file)

    for file in FILES:
        visit(file, ())


def test_every_room_is_there():
    assert {folder.name for folder in CORE.iterdir() if (folder / "__init__.py").is_file()} - {
        "presets"
    } == set(ROOMS)


def test_values_are_frozen():
    """Nobody changes what another was given; what must change is a class of its own."""
    loose = [
        node.name
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        for mark in node.decorator_list
        if "dataclass" in ast.unparse(mark) and "frozen=True" not in ast.unparse(mark)
    ]
    assert set(loose) == STATES
