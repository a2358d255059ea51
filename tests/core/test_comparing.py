"""Pictures before and after a change: counts, intervals, verdicts, and what pixels can tell."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from selagg_core.claims.claim import Claim
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.compare import Made, Trial, compare
from selagg_core.comparing.comparison import Arm, asked_claims, compared
from selagg_core.comparing.judged import SPILLED, answers_by_pixels, answers_of
from selagg_core.comparing.paired import ENOUGH, Paired, mcnemar, wilson
from selagg_core.comparing.told import lines, sheet, verdict
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.words import Prompt, Word
from selagg_core.proof.run_truth import RunTruth
from selagg_core.proof.truth import ClaimTruth, PictureTruth

RED, BLUE, WHITE = (208, 32, 36), (38, 84, 214), (246, 246, 244)
TEXT = "a red circle left of a blue star"
CLAIM = "circle left of star"
SIZE = 96


def prompt(text: str = TEXT) -> Prompt:
    words = tuple(Word(word, (n,)) for n, word in enumerate(text.split(), start=1))
    return Prompt(text, words, 77, (0,))


def picture(left=RED, right=BLUE, ground=WHITE, seed: int = 0) -> np.ndarray:
    """Two things on a calm ground; None for a place without one."""
    drawn = np.full((SIZE, SIZE, 3), ground, np.uint8)
    rng = np.random.default_rng(seed)
    y = int(rng.integers(30, 66))
    for x, colour in ((26, left), (70, right)):
        if colour is not None:
            cv2.circle(drawn, (x, y), 14, colour, -1)
    noise = rng.integers(-2, 3, drawn.shape)
    return np.clip(drawn.astype(int) + noise, 0, 255).astype(np.uint8)


def claims(text: str = TEXT):
    return read_claims((prompt(text),), general_lexicon())


RIGHT = [picture(seed=n) for n in range(10)]
TURNED = [picture(BLUE, RED, seed=n) for n in range(10)]


# -- counts ----------------------------------------------------------------------------------------------


def test_mcnemar_is_exact():
    assert mcnemar(0, 0) == 1
    assert mcnemar(8, 0) == pytest.approx(2 / 256)
    assert mcnemar(1, 3) == pytest.approx(2 * (1 + 4) / 16)
    assert mcnemar(3, 3) == 1


def test_wilson_holds_the_share_and_stays_between_0_and_1():
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(7, 10)
    assert (low, high) == (pytest.approx(0.397, abs=0.001), pytest.approx(0.892, abs=0.001))
    assert wilson(0, 20)[0] == 0 and wilson(20, 20)[1] == 1


def test_pairs_that_cannot_be_judged_both_times_are_counted_apart():
    own = Paired.of([(True, False), (True, True), (False, True), (None, False), (True, None)])
    assert (own.pairs, own.before, own.after, own.mended, own.broken, own.open) == (3, 2, 2, 1, 1, 2)
    assert not own.enough and not own.helps
    assert Paired.of([(True, False)] * ENOUGH).helps
    assert Paired.of([(False, True)] * ENOUGH).harms
    assert not Paired.of([(True, False)] * (ENOUGH - 1)).helps


# -- pixels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "wrong"),
    [
        (RED, BLUE, {CLAIM: False, "red > circle": False, SPILLED + "red > circle": False}),
        (BLUE, RED, {CLAIM: True, "red > circle": False}),
        (RED, RED, {CLAIM: None, "blue > star": True, SPILLED + "red > circle": True}),
        (None, BLUE, {CLAIM: None, "red > circle": True, "circle": True, "star": False}),
    ],
)
def test_pixels_tell_colours_places_and_what_is_missing(left, right, wrong):
    (answers,) = answers_by_pixels(claims(), [picture(left, right)])
    assert {claim: answers[claim] for claim in wrong} == wrong


def test_what_pixels_cannot_tell_stays_open():
    (answers,) = answers_by_pixels(claims("a happy dog left of a cat"), [picture()])
    assert set(answers.values()) == {None}
    noise = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
    (answers,) = answers_by_pixels(claims(), [noise])
    assert answers["red > circle"] is None


# -- a truth ---------------------------------------------------------------------------------------------


def truth(*verdicts: str) -> RunTruth:
    claim = Claim("entity", WordGroup("cat", (1,)))
    return RunTruth(
        tuple(PictureTruth("", (), (ClaimTruth(claim, own, "seen"),), (), ("SAM3",), ()) for own in verdicts)
    )


def test_a_truth_is_asked_in_the_place_of_pixels():
    assert answers_of(truth("right", "wrong", "open")) == [{"cat": False}, {"cat": True}, {"cat": None}]
    with pytest.raises(ValueError, match="SelAgg Truth"):
        answers_of("no truth")
    with pytest.raises(ValueError, match="no judge is connected"):
        answers_of(RunTruth(problems=("no judge is connected.",)))
    before, after = truth(*["wrong"] * 9), truth(*["right"] * 9)
    own = compare([Trial(Made(RIGHT[:9], before), Made(TURNED[:9], after))])
    assert own.faults.helps and own.judge == "the truth that is connected"


# -- comparisons -----------------------------------------------------------------------------------------


def trial(before, after, **more) -> Trial:
    return Trial(Made(before), Made(after), (prompt(),), **more)


def test_a_change_that_mends_what_was_asked_for_helps():
    own = compare([trial(TURNED, RIGHT)], CLAIM)
    assert (own.faults.before, own.faults.after, own.faults.pairs) == (10, 0, 10)
    assert verdict(own).startswith("The change helps: wrong in 10 of 10 before, in 0 after")
    assert own.others[0] == 0 and own.others[1] > 20
    assert own.elsewhere is not None and own.elsewhere < 3
    assert json.loads(json.dumps(own.to_dict()))["faults"]["mended"] == 10


def test_a_change_that_spoils_harms():
    assert "The change harms" in verdict(compare([trial(RIGHT, TURNED)], CLAIM))


def test_fewer_pairs_than_enough_say_so():
    told = verdict(compare([trial(TURNED[:7], RIGHT[:7])], CLAIM))
    assert told.startswith("Not enough: 7 pairs")


def test_right_claims_that_broke_are_said():
    after = [picture(RED, None, seed=n) for n in range(10)]
    own = compare([trial(RIGHT, after)], "red > circle")
    assert own.others[0] >= 10 and "are wrong now" in verdict(own)


@pytest.mark.parametrize(
    ("placebo", "told"),
    [(TURNED, "A placebo does not do it"), (RIGHT, "So does the placebo")],
)
def test_a_placebo_is_held_against_the_change(placebo, told):
    own = compare([trial(TURNED, RIGHT, placebo=Made(placebo))], CLAIM)
    assert told in verdict(own)
    assert any(line.startswith("Placebo:") for line in lines(own))


def test_the_picture_that_failed_is_left_out():
    own = compare([trial(TURNED, RIGHT)], CLAIM, failed=[TURNED[3]])
    assert own.left_out == 1 and own.faults.pairs == 9 and 3 not in own.kept
    assert any("Left out: 1" in line for line in lines(own))


def test_several_prompts_are_counted_together():
    other = Trial(Made(RIGHT[:5]), Made(TURNED[:5]), (prompt("a blue star left of a red circle"),))
    own = compare([trial(TURNED[:5], RIGHT[:5]), other])
    assert own.faults.pairs == 10 and own.faults.before == 10
    assert set(own.by_claim) >= {CLAIM, "star left of circle"}


def test_pictures_that_are_the_same_are_said_to_be():
    own = compare([trial(RIGHT, RIGHT)], CLAIM)
    assert "No difference is shown" in verdict(own) and "nothing was changed" in " ".join(lines(own))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: compare([trial(TURNED, RIGHT[:3])]), "as many of both"),
        (lambda: compare([trial(TURNED, [own[:50] for own in RIGHT])]), "differ in size"),
        (lambda: compare([Trial(Made(TURNED), Made(RIGHT))]), "no claim to judge"),
        (lambda: compare([trial(TURNED, RIGHT)], "dog left of cat"), "does not claim"),
        (lambda: compare([trial(TURNED, RIGHT)], edits="zeppelin > cat"), "zeppelin"),
        (
            lambda: compare([trial(TURNED, RIGHT, placebo=Made(RIGHT)), trial(TURNED, RIGHT)]),
            "others none",
        ),
        (
            lambda: compare([Trial(Made(TURNED, truth("right")), Made(RIGHT, truth("right")))]),
            "about 1 pictures",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused_in_words(make, told):
    with pytest.raises(ValueError, match=told):
        make()


def test_a_refusal_for_many_claims_is_short():
    with pytest.raises(ValueError, match="is not in the prompt") as caught:
        compare([trial(RIGHT, TURNED)], edits="\n".join(f"dragon{n} left of unicorn{n}" for n in range(50)))
    assert len(str(caught.value)) < 280


def test_claims_are_asked_for_by_their_lines():
    there = [{"cat": None, "Red > cat": False}]
    assert asked_claims(there, "all") == asked_claims(there, " ") == ("cat", "Red > cat")
    assert asked_claims(there, "red > cat\n") == ("Red > cat",)


def test_an_open_claim_makes_a_pair_open_and_a_wrong_one_does_not():
    arm = lambda *answers: Arm([RIGHT[0]] * len(answers), answers)  # noqa: E731 - short
    before = arm({"a": True, "b": None}, {"a": None, "b": None}, {"a": False, "b": True})
    after = arm({"a": False, "b": None}, {"a": None, "b": False}, {"a": False, "b": False})
    own = compared(before, after, ("a", "b"), "me")
    assert (own.faults.pairs, own.faults.open, own.faults.mended) == (2, 1, 2)


def test_the_sheet_has_every_pair_and_the_verdict():
    own = compare([trial(TURNED, RIGHT)], CLAIM)
    drawn = sheet(own, TURNED, RIGHT)
    assert drawn.dtype == np.uint8 and drawn.ndim == 3
    assert (drawn == (0, 158, 115)).all(axis=2).any() and (drawn == (213, 94, 0)).all(axis=2).any()
    strange = compare([trial(TURNED, RIGHT)], CLAIM)
    assert sheet(strange, [own[:, :40] for own in TURNED], [own[:, :40] for own in RIGHT]).size
    assert sheet(compare([trial(TURNED[:1], RIGHT[:1])], CLAIM), TURNED[:1], RIGHT[:1]).size


def test_without_a_placebo_nothing_is_said_of_one():
    assert "placebo" not in verdict(compare([trial(TURNED, RIGHT)], CLAIM)).lower()
