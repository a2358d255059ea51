"""The mutations that are tried by name are still there to be made, and a part of them can be chosen."""

from __future__ import annotations

import pytest

from benchmarks.mutations import ROOT
from benchmarks.named_mutations import NAMED, chosen_of


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.name)
def test_the_piece_stands_once_in_the_file_and_its_tests_are_there(named):
    source = (ROOT / named.file).read_text("utf-8")
    assert source.count(named.before) == 1 and named.after != named.before
    compile(source.replace(named.before, named.after), named.file, "exec")
    for test in named.tests:
        file, _, function = test.partition("::")
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert f"def {function or 'test_'}" in text


def test_some_are_chosen_by_a_part_of_their_names():
    assert chosen_of([""]) == list(NAMED)
    names = [named.name for named in chosen_of(["last view", "registered"])]
    assert names == ["label cache's order: registered", "last view"]
    with pytest.raises(ValueError, match="no mutation is called 'first view'"):
        chosen_of(["last view", "first view"])
