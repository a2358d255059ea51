"""The repair benchmark's counts by where runs start, and how it completes rows of before."""

from __future__ import annotations

import argparse
import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import repair
from benchmarks.pictures import Case
from benchmarks.prompts import LeftOut
from benchmarks.repair_counts import QUOTED, kind_summary, quoted

KEY = ("neglected", 3)


def arm(after, broken=(0, 10)) -> dict:
    alike = [None] * len(after)
    return {
        "after": after,
        "broken": list(broken),
        "things": [2] * len(after),
        "matches": alike,
        "outside": None,
    }


def row(kind: str, group: str, before: list, own=None, **arms) -> dict:
    made = {"kind": kind, "prompt": f"{group} {before}", "group": group, "weighted": False, "before": before}
    return made | {"things": [2] * len(before), "matches": [None] * len(before), "arms": arms, "own": own}


WRONG = [True, True, True, None]
ROWS = [
    row(
        "neglected",
        "start_absent",
        WRONG,
        True,
        **{"all": arm(WRONG), "all x 2": arm([False, True, False, False])},
    ),
    row("neglected", "start_absent", WRONG, False, **{"all": arm([False] * 4)}),
    row("neglected", "weak", [True] * 4, False, **{"all": arm([False, False, True, True], (1, 12))}),
]


def test_starts_are_counted_apart_and_at_the_strength_of_the_button():
    starts = kind_summary(ROWS)["starts"]
    assert set(starts) == {"picture", "empty"}
    picture, empty = starts["picture"], starts["empty"]
    assert (picture["arm"], picture["failures"]) == ("all x 2", [1, 2])
    assert (picture["fresh_before"], picture["mended"], picture["pairs"]) == (3, 2, 3)
    assert picture["fixed_own"] == [0, 0], "the failing seed was tried at strength 1 alone"
    assert (empty["arm"], empty["failures"], empty["fixed_own"]) == ("all", [1, 1], [1, 1])
    assert (empty["fresh_before"], empty["mended"], empty["broken"]) == (4, 2, [1, 12])


def test_what_is_kept_of_a_kind_is_as_it_was_with_the_starts_beside():
    result = {"base": "x", "seeds": "0:9", "fresh": 4, "kinds": {"neglected": kind_summary(ROWS)}}
    kept = quoted(result)["kinds"]["neglected"]
    assert set(kept) == {*QUOTED, "starts"}
    assert (kept["failures"], kept["fixed_own"], kept["fresh_before"], kept["mended"]) == (3, [2, 3], 10, 5)


@pytest.mark.parametrize(
    ("kind", "group", "firm"),
    [
        ("neglected", "start_absent", True),
        ("leaked", "start_recoloured", True),
        ("neglected", "weak", False),
        ("leaked", "bleed", False),
        ("misplaced", "start_moved", True),
        ("blended", "start_merged", False),
    ],
)
def test_strength_2_is_measured_on_all_failures_that_the_button_sets_it_for(kind, group, firm):
    assert repair.always(kind, group) == ("all", "wrong_word") + ("all x 2",) * firm
    assert repair.missing(row(kind, group, WRONG, all=arm(WRONG))) == ("wrong_word",) + ("all x 2",) * firm


def test_what_is_no_failure_lacks_nothing():
    assert repair.missing({"seed": 1, "right": "neglected"}) == repair.missing({}) == ()


# -- going on ------------------------------------------------------------------------------------------------

SEEDS = range(9000, 9040)
OLD = row("neglected", "start_absent", WRONG, True, all=arm(WRONG), wrong_word=arm(WRONG))


class Bench:
    """Stands for the demo model: its pictures are numbers that say whether the claim is wrong."""

    before = WRONG

    def __init__(self):
        self.sampled: list[str] = []

    def cannot(self, kind: str) -> str:
        return ""

    def failure(self, kind: str, case: Case):
        return SimpleNamespace(kind=kind, key=KEY, case=case)

    def pictures(self, case: Case, seeds, plan: str = "before"):
        self.sampled.append(plan)
        wrong = self.before if plan == "before" else [False] * len(seeds)
        return [np.full((8, 8, 3), 2 if own is None else own, np.uint8) for own in wrong]


def truth_of(picture, _caption):
    claim = SimpleNamespace(key=KEY, wrong=None if picture[0, 0, 0] == 2 else bool(picture[0, 0, 0]))
    return SimpleNamespace(claims=(claim,), reading=SimpleNamespace(objects=()), matches=None)


@pytest.fixture
def going_on(monkeypatch, tmp_path):
    """Goes on from rows: rows by seed -> the rows afterwards, what was left out, and the bench."""
    bench = Bench()
    names = ("all", "chosen", "random", "wrong_word", "all x 0.5", "all x 2")
    monkeypatch.setattr(repair, "RepairBench", lambda *_: bench)
    monkeypatch.setattr(repair, "plans_of", lambda *_: {name: name for name in names})
    monkeypatch.setattr(repair, "truth_of", truth_of)
    file = tmp_path / "rows.jsonl"

    def go(rows: dict[int, dict], **asked):
        file.write_text(
            "".join(json.dumps({"seed": seed, **own}) + "\n" for seed, own in rows.items()), "utf-8"
        )
        given = {
            "model": "unet", "heads": range(0), "seeds": SEEDS, "kinds": ["neglected"], "groups": [],
            "fresh": 4, "most": 1, "in_depth": 0,
        }  # fmt: skip
        left_out = LeftOut()
        repair.run(argparse.Namespace(**{**given, "minutes": 0, **asked}), repair.Checkpoint(file), left_out)
        lines = file.read_text("utf-8").splitlines()
        read = {own["seed"]: own for own in map(json.loads, lines)}
        assert len(lines) == len(read), "one line a seed"
        return read, left_out.to_json(), bench

    return go


def seeds_of(group: str) -> list[int]:
    return [case.seeds[0] for kind, case in repair.candidates(SEEDS) if case.group == group]


def test_a_row_that_lacks_an_arm_gets_that_alone(going_on):
    one, other = seeds_of("start_absent")[:2]
    whole = {**OLD, "arms": {**OLD["arms"], "all x 2": arm(WRONG)}}
    rows = {7: {"right": "leaked"}, one: OLD, other: whole}
    after, _, bench = going_on(rows)
    assert bench.sampled == ["before", "all x 2"]
    assert after[one]["arms"]["all x 2"]["after"] == [False] * 4
    assert {name: after[one]["arms"][name] for name in OLD["arms"]} == OLD["arms"]
    assert after[one] | {"arms": 0, "seed": 0} == OLD | {"arms": 0, "seed": 0}
    assert after[other] == {**whole, "seed": other} and after[7] == {"seed": 7, "right": "leaked"}
    assert going_on({seed: own for seed, own in after.items()})[2].sampled == ["before", "all x 2"], "no more"


@pytest.mark.parametrize("others", [[False] * 4, None])
def test_a_row_whose_pictures_are_others_now_is_left_as_it_is(going_on, monkeypatch, others):
    (seed, *_) = seeds_of("start_absent")
    monkeypatch.setattr(Bench, "before", others or WRONG)
    if others is None:
        monkeypatch.setattr(Bench, "failure", lambda *_: None)
    after, left_out, _ = going_on({seed: OLD})
    assert after == {seed: {**OLD, "seed": seed}}
    assert "others now" in json.dumps(left_out)


def test_new_failures_have_every_arm_that_all_have(going_on):
    after, _, _ = going_on({}, most=2)
    failures = [own for own in after.values() if "arms" in own]
    assert len(failures) == 2
    assert {own["group"]: list(own["arms"]) for own in failures} == {
        "start_absent": ["all", "wrong_word", "all x 2"],
        "weak": ["all", "wrong_word"],
    }
    assert all(own["own"] is False and not repair.missing(own) for own in failures)
