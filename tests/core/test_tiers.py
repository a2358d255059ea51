"""What the tiers of tests must not do, as all of them are collected into one process."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("*.py"))


def imported(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return whole | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_no_file_imports_a_conftest(file):
    """Several tiers have one: which of them is found depends on what was collected before."""
    assert "conftest" not in {name.split(".")[-1] for name in imported(file)}


def test_no_two_files_have_one_name():
    """All folders of tests lie on sys.path: of two files with one name, the second is never imported."""
    names = Counter(file.name for file in FILES if file.name not in ("__init__.py", "conftest.py"))
    assert [name for name, count in names.items() if count > 1] == []
