"""What judges say of a picture -> claims that are right, wrong or open."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import OneRunCapture, entry_of, painted, recording_of

from selagg_core.diagnosis.examine import Check
from selagg_core.prompt.groups import WordGroup, find_group
from selagg_core.proof.finding_truth import check_verdicts
from selagg_core.proof.questions import ABSENT_NOUNS, absent_noun, questions
from selagg_core.proof.run_truth import RunTruth, claims_of_run, judge_run
from selagg_core.proof.testimony import (
    Absent,
    Answer,
    SeenBox,
    Sighting,
    boxes_of,
    read_answers,
    seen_in_boxes,
    seen_in_mask,
    yes_or_no,
)
from selagg_core.proof.testimony import Testimony as Said
from selagg_core.proof.truth import points
from selagg_core.view import open_run

TEXT = "a red circle left of a blue star"
PLACES = {"red": (0.25, 0.5, 0.1), "blue": (0.75, 0.5, 0.1)}
LATENT = torch.zeros(1, 4, 16, 16)


def view_of_text(text: str = TEXT, batch: int = 1):
    entry = entry_of(text, {}, batch=batch)
    image = painted(PLACES).repeat(batch, 1, 1, 1)
    return open_run(OneRunCapture(recording_of(entry)), LATENT.repeat(batch, 1, 1, 1), image)


def disc(x: float, y: float, radius: float = 0.13) -> np.ndarray:
    rows = columns = (np.arange(128) + 0.5) / 128
    return (columns[None] - x) ** 2 + (rows[:, None] - y) ** 2 < radius**2


def sighting(view, word: str, mask: np.ndarray | None, score: float = 1.0, judge: str = "SAM3", **more):
    noun = find_group(view.prompts, word)
    centre = more.pop("centre", None)
    if mask is not None and mask.any():
        rows, columns = np.nonzero(mask)
        centre = (columns.mean() + 0.5) / 128, (rows.mean() + 0.5) / 128
    return Sighting(judge, noun, mask, score, centre=centre, **more)


def both_there(view) -> Said:
    return Said(
        (sighting(view, "circle", disc(0.25, 0.5)), sighting(view, "star", disc(0.75, 0.5))),
        absent=(Absent("SAM3", "violin", 0.1),),
    )


def verdicts(view, testimony: Said, edits: str = "") -> dict[str, str]:
    (picture,) = judge_run(view, claims_of_run(view, edits), [testimony]).pictures
    return {own.claim.text: own.verdict for own in picture.claims}


def test_masks_centres_and_pixels_bear_a_prompt_out():
    view = view_of_text()
    assert verdicts(view, both_there(view)) == {
        "circle": "right",
        "red > circle": "right",
        "star": "right",
        "blue > star": "right",
        "circle left of star": "right",
    }


def test_a_colour_is_read_from_pixels_and_not_from_a_segmenter():
    view = view_of_text("a green circle left of a blue star")
    told = verdicts(view, both_there(view))
    assert told["circle"] == "right" and told["green > circle"] == "wrong"


def test_what_no_judge_can_tell_is_open():
    view = view_of_text("a wooden circle left of a blue star")
    assert verdicts(view, both_there(view))["wooden > circle"] == "open"
    answered = both_there(view) + Said(answers=(Answer("vlm", "wooden > circle", True),))
    assert verdicts(view, answered)["wooden > circle"] == "right"
    unclear = both_there(view) + Said(answers=(Answer("vlm", "wooden > circle", None),))
    assert verdicts(view, unclear)["wooden > circle"] == "open"


@pytest.mark.parametrize(
    ("score", "verdict"), [(0.0, "wrong"), (0.3, "wrong"), (0.45, "open"), (0.6, "right"), (1.0, "right")]
)
def test_a_score_in_between_is_open(score, verdict):
    view = view_of_text()
    testimony = Said((sighting(view, "circle", disc(0.25, 0.5), score),))
    told = verdicts(view, testimony)
    assert told["circle"] == verdict
    assert told["star"] == "open", "nobody was asked for it"
    assert (told["red > circle"] == "right") == (verdict == "right")


def test_judges_who_disagree_leave_it_open():
    view = view_of_text()
    told = both_there(view) + Said((sighting(view, "circle", None, 0.0, "boxes"),))
    assert verdicts(view, told)["circle"] == "open" and verdicts(view, told)["star"] == "right"


def test_masks_of_different_places_are_not_trusted():
    view = view_of_text()
    told = both_there(view) + Said((sighting(view, "circle", disc(0.5, 0.9), judge="other"),))
    (picture,) = judge_run(view, claims_of_run(view), [told]).pictures
    masks = {noun.noun.label: noun.mask for noun in picture.nouns}
    assert masks["circle"] is None and masks["star"] is not None


def test_a_thing_on_the_other_side_is_wrongly_placed():
    view = view_of_text()
    turned = Said((sighting(view, "circle", disc(0.75, 0.5)), sighting(view, "star", disc(0.25, 0.5))))
    assert verdicts(view, turned)["circle left of star"] == "wrong"
    assert verdicts(view, turned)["red > circle"] == "wrong", "its pixels are blue"


@pytest.mark.parametrize(
    ("dx", "dy", "expected"),
    [
        (0.3, 0.0, True),
        (0.3, 0.3, True),
        (0.2, 0.3, None),
        (0.1, 0.3, False),
        (-0.3, 0.0, False),
        (0.02, 0.0, False),
    ],
)
def test_directions(dx, dy, expected):
    assert points(dx, dy, (1, 0), 0.05) is expected


@pytest.mark.parametrize(
    ("place", "x", "y", "verdict"),
    [
        ("left", 0.25, 0.5, "right"),
        ("left", 0.75, 0.5, "wrong"),
        ("top left", 0.25, 0.25, "right"),
        ("top left", 0.25, 0.75, "wrong"),
        ("top left", 0.25, 0.47, "open"),
        ("top right", 0.75, 0.25, "right"),
        ("top right", 0.25, 0.25, "wrong"),
        ("bottom left", 0.25, 0.75, "right"),
        ("bottom right", 0.75, 0.75, "right"),
        ("bottom right", 0.53, 0.75, "open"),
        ("center", 0.5, 0.55, "right"),
        ("center", 0.5, 0.61, "open"),
        ("center", 0.8, 0.5, "wrong"),
    ],
)
def test_places(place, x, y, verdict):
    view = view_of_text("a circle")
    told = verdicts(view, Said((sighting(view, "circle", disc(x, y)),)), f"circle: {place}")
    assert told[f"circle: {place}"] == verdict


def test_counts_need_a_judge_who_counts():
    view = view_of_text("three circles")
    assert verdicts(view, Said((sighting(view, "circles", disc(0.5, 0.5)),)))["circles: 3"] == "open"
    for count, verdict in ((3, "right"), (2, "wrong")):
        testimony = Said((sighting(view, "circles", disc(0.5, 0.5), count=count),))
        assert verdicts(view, testimony)["circles: 3"] == verdict


def test_things_of_one_name_are_told_apart_only_by_name():
    view = view_of_text("a red circle and a blue circle")
    union = disc(0.25, 0.5) | disc(0.75, 0.5)
    asked = [find_group(view.prompts, "circle (1)"), find_group(view.prompts, "circle (2)")]
    of_all = Said(tuple(Sighting("SAM3", noun, union, 1.0, 2, (0.5, 0.5)) for noun in asked))
    told = verdicts(view, of_all)
    assert told["circle"] == told["circle (2)"] == "right" and told["red > circle"] == "open"
    one = Said(tuple(Sighting("SAM3", noun, disc(0.25, 0.5), 1.0, 1) for noun in asked))
    assert verdicts(view, one)["circle"] == "open", "which of the two it is cannot be known"
    each = Said(
        (
            sighting(view, "circle (1)", disc(0.25, 0.5), of_all=False),
            sighting(view, "circle (2)", disc(0.75, 0.5), of_all=False),
        )
    )
    assert verdicts(view, each)["red > circle"] == verdicts(view, each)["blue > circle (2)"] == "right"
    whole = Said((sighting(view, "circle", union, of_all=False),))
    assert verdicts(view, whole)["circle"] == "open", "the mask is of both"


def test_checks_of_a_diagnosis_take_their_truth():
    view = view_of_text()
    stray = both_there(view) + Said(answers=(Answer("vlm", "red > star", True),))
    (calm,) = judge_run(view, claims_of_run(view), [both_there(view)]).pictures
    (leaky,) = judge_run(view, claims_of_run(view), [stray]).pictures
    checks = [
        Check("neglected", "circle", (WordGroup("circle", (2,)),), 0.1, "right"),
        Check("leaked", "red > circle", (), 0.1, "right"),
        Check("misplaced", "circle left of star", (), 0.1, "right"),
        Check("blended", "circle", (WordGroup("circle", (2,)), WordGroup("star", (7,))), 0.1, "right"),
        Check("wrong_sense", "red = Color", (), 0.1, "right"),
    ]
    assert [verdict for _, verdict in check_verdicts(checks, calm)] == ["right"] * 4 + ["open"]
    assert [verdict for _, verdict in check_verdicts(checks, leaky)][1] == "open", "pixels say no, vlm yes"
    painted_over = Said((sighting(view, "circle", disc(0.25, 0.5)), sighting(view, "star", disc(0.25, 0.5))))
    (merged,) = judge_run(view, claims_of_run(view), [painted_over]).pictures
    told = [verdict for _, verdict in check_verdicts(checks, merged)]
    assert told[3] == "wrong" and told[1] == "wrong", "the star's pixels are red, and one mask is of both"


def test_testimony_adds_up_and_knows_its_picture():
    view = view_of_text()
    claims = claims_of_run(view)
    first = judge_run(view, claims, [Said((sighting(view, "circle", disc(0.25, 0.5)),))])
    second = judge_run(view, claims, [Said((sighting(view, "star", disc(0.75, 0.5)),))], first)
    told = {own.claim.text: own.verdict for own in second.pictures[0].claims}
    assert told["circle left of star"] == "right"
    other = open_run(
        OneRunCapture(recording_of(entry_of(TEXT, {}))), LATENT, painted({"red": (0.5, 0.5, 0.2)})
    )
    with pytest.raises(ValueError, match="other pictures"):
        judge_run(other, claims_of_run(other), [Said()], first)
    lines = list(RunTruth(second.pictures, problems=("no disk",)).lines())
    assert lines[0] == "problem: no disk" and any(line.startswith("right: circle (") for line in lines)


# -- single judges --------------------------------------------------------------------------------------


def test_masks_of_another_size_are_scaled_or_refused():
    noun = WordGroup("cat", (1,))
    small = seen_in_mask("mask", noun, np.pad(np.ones((8, 8)), 4), (128, 128))
    assert small.mask.shape == (128, 128) and small.mask.mean() == pytest.approx(0.25)
    assert small.score == 1 and small.centre == pytest.approx((0.5, 0.5))
    assert seen_in_mask("mask", noun, np.zeros((16, 16)), (128, 128)).score == 0
    with pytest.raises(ValueError, match="16x8, the picture 128x128"):
        seen_in_mask("mask", noun, np.zeros((8, 16)), (128, 128))
    with pytest.raises(ValueError, match="no numbers"):
        seen_in_mask("mask", noun, np.full((8, 8), np.nan), (128, 128))


def test_boxes_say_whether_how_often_and_where():
    noun = WordGroup("cat", (1,))
    boxes = [SeenBox(0, 0, 64, 64, 0.9), SeenBox(64, 64, 128, 128, 0.55), SeenBox(0, 0, 1, 1, 0.35)]
    seen = seen_in_boxes("boxes", noun, boxes, (128, 128))
    assert (seen.score, seen.count, seen.centre, seen.mask) == (0.9, 2, (0.25, 0.25), None)
    assert seen_in_boxes("boxes", noun, [], (128, 128)).score == 0
    masked = seen_in_boxes("mask", noun, boxes, (128, 128), np.ones((128, 128)))
    assert masked.score == 0.9 and masked.mask.all()


def test_boxes_of_several_words_need_labels():
    cat, dog = WordGroup("cats", (1,)), WordGroup("dog", (3,))
    labelled = [SeenBox(0, 0, 1, 1, label="cat"), SeenBox(0, 0, 2, 2, label="person")]
    assert boxes_of(labelled, cat, 2) == labelled[:1] and boxes_of(labelled, dog, 2) == []
    bare = [SeenBox(0, 0, 1, 1)]
    assert boxes_of(bare, dog, 1) == bare
    with pytest.raises(ValueError, match="boxes without labels"):
        boxes_of(bare, dog, 2)
    second = [SeenBox(0, 0, 1, 1, label="cat (2)")]
    assert boxes_of(second, WordGroup("cat", (1,)), 2) == []
    assert boxes_of(second, WordGroup("cat (2)", (5,)), 2) == second


def test_answers_are_read_line_by_line():
    read = read_answers("red > scarf: yes\n\ncat: top left: NO.\npicture 2: dog:  maybe", "you", 2)
    assert read[0] == [Answer("you", "red > scarf", True), Answer("you", "cat: top left", False)]
    assert read[1][2] == Answer("you", "dog", None)
    for line, problem in (("red scarf", "write one a line"), ("picture 3: cat: yes", "this run made 2")):
        with pytest.raises(ValueError, match=problem):
            read_answers(line, "you", 2)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("Yes.", True), ("no, it is blue", False), ("<b>Yes</b>", None), ("I cannot see", None), ("", None)],
)
def test_an_answer_is_its_first_word(text, answer):
    assert yes_or_no(text) is answer


def test_every_claim_becomes_a_question_and_so_does_what_might_show_it_instead():
    view = view_of_text("a red circle left of a blue star and three cats")
    asked = dict(questions(claims_of_run(view)))
    assert {"red > circle", "red > star", "circle left of star", "cats: 3", "star"} <= set(asked)
    assert asked["red > star"] == "Is the star in this picture red? Answer yes or no."


def test_the_absent_thing_is_not_in_the_prompt():
    for noun in ABSENT_NOUNS:
        assert absent_noun(f"a {noun} by two {noun}s") != noun
    assert absent_noun("a cat") == absent_noun("a cat")
    assert absent_noun(" ".join(ABSENT_NOUNS)) not in ABSENT_NOUNS
