"""Fields as people of any keyboard fill them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from synthetic import prompt_of

from selagg_core.claims.expectations import read_expectations
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.maps.regions import parse_box, parse_boxes
from selagg_core.prompt.groups import choose_groups, find_group, shortened
from selagg_core.prompt.marks import plain_marks
from selagg_core.relevance.concepts import parse_overrides

PROMPTS = [prompt_of("a red circle and a red star"), prompt_of("red moon")]
ENDS = ["\n", "\r\n", "\r", "\u2028", "\x85"]


def labels(words: str) -> list[str]:
    return [group.label for group in choose_groups(PROMPTS, words)]


@pytest.mark.parametrize("comma", [",", "\uff0c", "\u3001", "\uff64", "\u060c", *ENDS])
def test_words_are_parted_by_any_comma(comma):
    assert labels(f"circle{comma} star{comma}") == ["circle", "star"]
    expectations = read_expectations(np.ones((1, 8, 8)), f"circle{comma}star")
    assert expectations.masks[0].words == ("circle", "star")


def test_full_width_forms_of_ascii_marks_are_plain():
    for mark in ",:;>=%+-.()":
        assert (
            plain_marks(chr(ord(mark) + 0xFEE0))
            == mark
            == unicodedata.normalize("NFKC", chr(ord(mark) + 0xFEE0))
        )


BOX = ((0.0, False), (0.0, False), (50.0, True), (100.0, True))


@pytest.mark.parametrize(
    "line",
    [
        "circle: 0, 0, 50%, 100%",
        "circle\uff1a0\uff0c0\uff0c50\uff05\uff0c100\uff05",
        "circle : 0 ,0 , 50 % , 100 %",
        "circle:\u30000\u30010\u3001\uff15\uff10%\u3001100.%",
        "circle: 0px, -0, 50%, 100.0%",
    ],
)
def test_boxes_in_any_form(line):
    assert parse_box(line).label == "circle" and parse_box(line).edges == BOX


@pytest.mark.parametrize("end", ENDS)
def test_boxes_on_lines_of_any_system(end):
    assert len(parse_boxes(f"circle: 0,0,9,9{end}{end}star: 0,0,9,9")) == 2
    assert len(read_expectations(text=f"circle: left{end}star: 0,0,9,9").lines) == 1


@pytest.mark.parametrize(
    ("numbers", "mask"),
    [
        ("0, 0, 0.5, 1", (0, 0, 100, 100)),
        (".25, .5, 1, 1.0", (50, 50, 200, 100)),
        ("0, 0, 1, 1", (0, 0, 200, 100)),
        ("0, 0, 2, 1", (0, 0, 2, 1)),
        ("0, 0, 1%, 1%", (0, 0, 2, 1)),
    ],
)
def test_boxes_of_detectors_are_shares_of_the_picture(numbers, mask):
    ys, xs = np.nonzero(parse_box(f"cat: {numbers}").region((100, 200)).mask)
    assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == mask


@pytest.mark.parametrize("number", ["9" * 310, "9" * 5000, f"{'9' * 310}.5", f"-{'9' * 400}"])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("sign", ["", "%"])
def test_numbers_of_any_length_in_boxes(number, place, sign):
    edges = ["0", "0", "100%", "100%"]
    edges[place] = number + sign
    box = parse_box(f"cat: {', '.join(edges)}")
    try:
        assert box.region((100, 200)).area == 1.0
    except ValueError as error:
        assert "holds nothing" in str(error) and len(str(error)) < 300


def test_claims_with_full_width_marks():
    lexicon = general_lexicon()
    edits = "circle\uff1aleft\uff1bred \uff1e star"
    claims = read_claims(PROMPTS[:1], lexicon, edits)
    assert not claims.problems and {"circle: left", "red > star"} <= {claim.text for claim in claims.all}
    assert parse_overrides("orange\uff1dColor\uff0cmint\uff1dPlants", ["Color", "Plants"]) == {
        "orange": ("Color",),
        "mint": ("Plants",),
    }


def test_what_is_shown_can_be_asked_for():
    every = choose_groups(PROMPTS, "all")
    assert [group.label for group in every] == ["red", "circle", "red (2)", "star", "red (3)", "moon"]
    for group in every:
        found = find_group(PROMPTS, group.label)
        assert found.label == group.label
        if "(" in group.label:
            assert (found.indices, found.entry) == (group.indices, group.entry)
    assert labels("red (2), star") == ["red (2)", "star"]
    assert find_group(PROMPTS, "red circle (1)").indices == (1, 2)
    assert find_group(PROMPTS, "red(3)").entry == 1 and find_group(PROMPTS, "Red \uff082\uff09").indices == (
        5,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("red (4)", "is in the prompt 3 times"),
        ("star (2)", "is in the prompt once"),
        ("dog (2)", "is not in the prompt"),
        ("red (0)", "is not in the prompt"),
        (f"red ({'9' * 5000})", "is not in the prompt"),
    ],
)
def test_an_occurrence_that_is_not_there(text, told):
    with pytest.raises(ValueError, match=told) as caught:
        find_group(PROMPTS, text)
    assert len(str(caught.value)) < 300


def test_lists_in_messages_are_short():
    assert shortened(["a", "b"]) == "a, b" and shortened([]) == ""
    many = shortened(map(str, range(10_000)))
    assert len(many) < 230 and many.endswith("more")
    long = prompt_of(" ".join(f"word{i}" for i in range(500)))
    with pytest.raises(ValueError, match="and 4.. more") as caught:
        find_group([long], "x" * 5000)
    assert len(str(caught.value)) < 400
