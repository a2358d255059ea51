"""Some of the judges' labels are asked of the artist: which, how they are shown, and what answers say."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from spot_scores import CIRCLE, COUNT, STAR, disc, judged_picture, labels, picture, write_scores

from selagg_core.calibrate import read_scores
from selagg_core.diagnosis.examine import Check
from selagg_core.drawing.colours import EXPECTED, FOUND
from selagg_core.proof.rows import Rows, Taken
from selagg_core.proof.spot_check import (
    CLAIMS,
    ENOUGH,
    GIVEN,
    MOST,
    SHARE,
    Agreement,
    SpotClaim,
    agreement,
    asked_claims,
    drawn_claims,
    give_answer,
    given_answers,
    is_drawn,
    keep_claims,
    kept_claims,
    outlined,
)
from selagg_core.proof.statistics import wilson
from selagg_core.proof.truth import NounTruth


@pytest.fixture
def scores(tmp_path):
    folder = tmp_path / "scores_spot_check"
    rows, kept = write_scores(tmp_path / "scores.jsonl", folder)
    return rows, folder, kept


def claim(number: int, kind: str = "neglected", names=("cat",)) -> SpotClaim:
    return SpotClaim(Taken("tests", f"prompt {number}", number, f"m{number}"), "cat", kind, names)


# -- which ----------------------------------------------------------------------------------------------


def test_one_label_in_twenty_is_drawn_by_chance():
    drawn = [is_drawn(claim(number)) for number in range(20_000)]
    assert np.mean(drawn) == pytest.approx(SHARE, abs=0.006)
    assert drawn == [is_drawn(claim(number)) for number in range(20_000)], "the same ones each time"


def test_what_judges_left_open_is_not_asked_and_not_fitted_on(scores):
    rows, folder, kept = scores
    claims = kept_claims(folder)
    assert len(claims) == kept > 10
    assert set(labels(claims, rows)) == {"right", "wrong"}
    judged = read_scores(rows)
    checks = [row for row in rows.claims if row.kind]
    opened = [row for row in checks if row.verdict == "open"]
    assert judged.open == len(opened) > 40 and len(judged.rows) == len(checks) - len(opened)


def test_right_and_wrong_labels_are_drawn_alike(scores):
    rows, folder, _ = scores
    decided = [row.verdict for row in rows.claims if row.kind and row.verdict != "open"]
    drawn = labels(kept_claims(folder), rows)
    share = decided.count("wrong") / len(decided)
    low, high = wilson(drawn.count("wrong"), len(drawn))
    assert low < share < high


def test_no_more_than_anybody_looks_at_is_kept(tmp_path):
    many = ((claim(number), np.zeros((8, 8, 3), np.uint8)) for number in range(MOST + 5))
    assert keep_claims(tmp_path, many) == MOST == len(kept_claims(tmp_path))
    assert keep_claims(tmp_path, [(claim(MOST + 99), np.zeros((8, 8, 3), np.uint8))]) == 0
    assert len(list(tmp_path.glob("*.png"))) == MOST


def test_the_same_picture_scored_again_is_asked_about_once(scores):
    rows, folder, kept = scores
    for number in range(COUNT):
        taken, truth, checks, missing = judged_picture(number)
        assert keep_claims(folder, drawn_claims(checks, truth, taken, picture(missing))) == 0
    assert len(kept_claims(folder)) == kept


# -- how ------------------------------------------------------------------------------------------------


def has(shown: np.ndarray, colour) -> bool:
    return bool((np.abs(shown.astype(int) - colour).max(axis=-1) < 12).any())


def drawn_of(check: Check):
    """The first picture of which this check is drawn."""
    for number in range(1, 4000):
        taken, truth, _, missing = judged_picture(3 * number + 1)
        if number % 5 and truth.claims[1].verdict == "right":
            found = list(drawn_claims([check], truth, taken, picture(missing)))
            if found:
                return found[0]
    raise AssertionError("none is drawn")


def test_an_outline_never_tells_whether_a_judge_saw_the_thing_that_is_asked_for():
    claim, shown = drawn_of(Check("neglected", "star", (STAR,), 0.5, "right", {}))
    assert claim.things == () and np.array_equal(shown, picture(False))
    assert str(claim.sentence) == 'In this picture there is: "star".'


def test_things_whose_place_is_asked_are_outlined_in_two_colours():
    claim, shown = drawn_of(Check("misplaced", "circle left of star", (), 0.5, "right", {}))
    assert [name for name, _ in claim.things] == ["circle", "star"]
    assert has(shown, FOUND) and has(shown, EXPECTED) and not has(picture(False), FOUND)
    assert claim.things[0][1] == "#e69f00" and "circle left of star" in claim.sentence


def test_two_things_are_named_one_by_one():
    claim, _ = drawn_of(Check("blended", "circle", (CIRCLE, STAR), 0.5, "right", {}))
    assert str(claim.sentence) == '"circle" and "star" are two things here, not one.'


def test_a_box_is_outlined_where_there_is_no_mask_and_large_pictures_are_made_smaller():
    large = np.full((2048, 1024, 3), 255, np.uint8)
    shown = outlined(large, [NounTruth(CIRCLE, "right", "", None, (100, 200, 400, 1800))])
    assert shown.shape == (1024, 512, 3)
    for y, x in ((100, 125), (900, 125), (500, 50), (500, 200)):  # in the middle of each side
        assert has(shown[y - 4 : y + 5, x - 4 : x + 5], FOUND), (y, x)
    assert not has(shown[300:320, 80:160], FOUND) and (large == 255).all(), "the picture is not drawn into"


@pytest.mark.parametrize("text", ["<b>cat</b>", "../../x", "\u202ecat", "c" * 5000])
def test_what_a_prompt_says_goes_into_no_name_of_a_file(tmp_path, text):
    own = SpotClaim(Taken("tests", text, 0, "m"), text, "neglected", (text,))
    keep_claims(tmp_path, [(own, np.zeros((8, 8, 3), np.uint8))])
    assert {file.name for file in tmp_path.iterdir()} == {CLAIMS, f"{own.key}.png"}
    (again,) = kept_claims(tmp_path)
    assert again == own and len(again.sentence) < 300


# -- answers --------------------------------------------------------------------------------------------


def answer_all(folder, rows, turned: int = 0, unclear: int = 0) -> Agreement:
    claims = kept_claims(folder)
    for number, (own, label) in enumerate(zip(claims, labels(claims, rows), strict=True)):
        other = {"right": "wrong", "wrong": "right"}[label]
        answer = "unclear" if number < unclear else other if number < unclear + turned else label
        give_answer(folder, own, answer)
    return agreement(folder, rows)


def test_answers_are_counted_against_the_labels(scores):
    rows, folder, kept = scores
    found = answer_all(folder, rows, turned=3, unclear=2)
    assert (found.asked, found.answered, found.agree, found.unclear) == (kept, kept - 2, kept - 5, 2)
    assert found.judges_too_kind + found.judges_too_strict == 3 and found.enough
    assert (found.to_json()["low"], found.to_json()["high"]) == pytest.approx(
        wilson(kept - 5, kept - 2), abs=1e-4
    )
    assert f"on {kept - 5} of {kept - 2} claims" in found.told and "2 unclear, 0 not answered" in found.told
    assert "Too few" not in found.told


def test_too_few_answers_say_so():
    few = Agreement(30, ENOUGH - 1, ENOUGH - 1, 0, 0, 0)
    assert not few.enough and "Too few" in few.told
    assert "Too few" not in replace(few, answered=ENOUGH, agree=ENOUGH).told
    assert "no claim was kept" in Agreement(0, 0, 0, 0, 0, 0).told
    assert "30 claims wait for your eye" in Agreement(30, 0, 0, 0, 0, 0).told


def test_an_answer_can_be_changed_and_taken_back(scores):
    rows, folder, _ = scores
    own = kept_claims(folder)[0]
    for answer in ("right", "wrong"):
        give_answer(folder, own, answer)
    assert given_answers(folder) == {own.key: "wrong"}
    give_answer(folder, own, None)
    assert given_answers(folder) == {} and agreement(folder, rows).answered == 0
    with pytest.raises(ValueError, match="right, wrong, unclear"):
        give_answer(folder, own, "maybe")


def test_claims_that_judges_changed_their_mind_about_are_not_counted(scores):
    rows, folder, kept = scores
    answer_all(folder, rows)
    own = kept_claims(folder)[0]
    changed = [
        replace(row, verdict="open")
        if (row.taken, row.claim, row.kind) == (own.taken, own.claim, own.kind)
        else row
        for row in rows.claims
    ]
    later = Rows.of(changed)
    assert agreement(folder, later).asked == kept - 1 and own not in asked_claims(folder, later)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "7", '{"schema": "other"}', '{"schema": "selagg-spot-check", "version": 9}',
     '{"schema": "selagg-spot-check", "version": 1}',
     '{"schema": "selagg-spot-check", "version": 1, "key": [1], "answer": {"a": 1}}',
     '{"schema": "selagg-spot-check", "version": 1, "taken": 3, "claim": "a", "kind": "b", "names": ["c"], '
     '"things": []}'],
)  # fmt: skip
def test_lines_that_cannot_be_read_are_left_out(scores, line):
    rows, folder, kept = scores
    before = answer_all(folder, rows)
    for name in (CLAIMS, GIVEN):
        with (folder / name).open("a") as file:
            file.write(f"{line}\n")
    assert len(kept_claims(folder)) == kept and agreement(folder, rows) == before


def test_a_colour_from_a_file_is_one_of_ours(tmp_path):
    own = replace(claim(1), things=(("cat", "red; background: url(x)"),))
    keep_claims(tmp_path, [(own, np.zeros((8, 8, 3), np.uint8))])
    assert kept_claims(tmp_path)[0].things == (("cat", "#e69f00"),)


def test_a_full_disk_is_said_and_no_claim_is_left_without_its_picture(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ValueError, match=r"[Ss]pace|full"):
        keep_claims(tmp_path, [(claim(1), disc(0.5)[..., None].repeat(3, -1).astype(np.uint8))])
    monkeypatch.undo()
    assert kept_claims(tmp_path) == ()


def test_a_claim_without_names_of_a_pair_is_no_claim(tmp_path):
    own = claim(1, "blended", ("cat", "dog"))
    keep_claims(tmp_path, [(own, np.zeros((8, 8, 3), np.uint8))])
    text = (tmp_path / CLAIMS).read_text().replace('["cat", "dog"]', '["cat"]')
    (tmp_path / CLAIMS).write_text(text)
    assert json.loads(text)["names"] == ["cat"] and kept_claims(tmp_path) == ()
