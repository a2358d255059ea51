import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_words import plain_prompt as spoken
from selagg_core.claims.claim import claim_lines
from selagg_core.claims.edits import parse_place
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.prompt.words import Prompt, Word

LEXICON = general_lexicon()


def lines(text: str, edits: str = "") -> list[str]:
    return list(claim_lines(read_claims([spoken(text)], LEXICON, edits)))


def problems(text: str, edits: str = "") -> tuple[str, ...]:
    return read_claims([spoken(text)], LEXICON, edits).problems


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("1girl, red scarf, blue hat, night", "girl, scarf, hat, red > scarf, blue > hat, girl: 1"),
        (
            "a small red circle left of a checkered blue square on a beige background",
            "circle, square, small > circle, red > circle, checkered > square, blue > square, "
            "circle left of square",
        ),
        (
            "a (red:1.3) circle to the left of a (blue square:0.5)",
            "circle, square, red > circle, blue > square, circle left of square",
        ),
        (
            "an orange rose and a rose orange",
            "rose, orange (2), orange > rose, rose > orange (2), orange = Color, rose = Plants, "
            "rose (2) = Color, orange (2) = Fruits and Vegetables",
        ),
        (
            "a photo of a cat sitting on a wooden chair, the scarf is red, masterpiece, best quality",
            "cat, chair, scarf, wooden > chair, red > scarf, cat on chair",
        ),
        (
            "a cat on the left and a dog in the top right corner of the image",
            "cat, dog, cat: left, dog: top right",
        ),
        (
            "two cats and three polar bears next to a traffic light",
            "cats, polar bears, traffic light, polar bears next to traffic light, cats: 2, polar bears: 3",
        ),
        ("a vase in lavender on a table", "vase, table, lavender > vase, vase on table, lavender = Color"),
        ("a vase in lavender color", "vase, lavender > vase, lavender = Color"),
        ("a red and blue striped shirt", "shirt, red > shirt, blue > shirt, striped > shirt"),
        (
            "a solid square below a green leaf",
            "square, leaf, solid > square, green > leaf, square below leaf",
        ),
        (
            "a woman wearing a green dress and black boots",
            "woman, dress, boots, green > dress, black > boots",
        ),
        ("in the background mountains, at night, cinematic lighting", "mountains"),
        ("\u732b \U0001f431", ""),
        ("!!! ,,, ()", ""),
        ("", ""),
        ("left of, above, on the right", ""),
    ],
)
def test_claims_of_prompts(text, claimed):
    assert lines(text) == [part.strip() for part in claimed.split(",") if part.strip()]


def read(prompt: Prompt) -> list[str]:
    return list(claim_lines(read_claims([prompt], LEXICON)))


def test_a_comma_parts_tags_and_a_weight_does_not():
    assert lines("a red scarf, (blue:1.2) hat") == ["scarf", "hat", "red > scarf", "blue > hat"]
    assert lines("a (red:1.2) scarf") == ["scarf", "red > scarf"]


@pytest.mark.parametrize("text", ["red scarf hat", "something else"])
def test_columns_part_tags_where_the_text_is_not_known(text):
    pieces = (Word("red", (1,)), Word("scarf", (2,)), Word("hat", (4,)))
    assert read(Prompt(text, pieces, 77, (0,))) == ["scarf", "hat", "red > scarf"]


def test_break_parts_phrases():
    assert lines("a red BREAK scarf") == ["scarf"]


def test_each_prompt_of_a_regional_workflow_has_its_own_claims():
    claims = read_claims([spoken("a red cat"), spoken("a blue dog")], LEXICON)
    assert [(c.text, c.subject.entry) for c in claims.of("attribute")] == [
        ("red > cat", 0),
        ("blue > dog", 1),
    ]


TEXT = "a cat and a dog, a red scarf, orange hat"


def test_the_artist_binds_an_attribute_anew():
    found = lines(TEXT, "red > hat")
    assert "red > hat" in found and "red > scarf" not in found


def test_the_artist_adds_relations_places_and_senses():
    found = lines(TEXT, "cat left of dog\nthe dog: in the upper left corner\norange = Fruits and Vegetables")
    assert {"cat left of dog", "dog: top left", "orange = Fruits and Vegetables"} <= set(found)
    assert "orange = Color" not in found


def test_the_artist_ignores_words_with_all_their_claims():
    found = lines(TEXT, "ignore: scarf, cat")
    assert found == ["dog", "hat", "orange > hat", "orange = Color"]


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ("dragon > hat", '"dragon" is not in the prompt'),
        ("nonsense", "write it like one of"),
        ("cat: somewhere", "write it like one of"),
        ("orange = Colour Of Magic", 'there is no concept "colour of magic"'),
        ("ignore: unicorn", '"unicorn" is not in the prompt'),
    ],
)
def test_an_edit_that_cannot_be_used_is_named_and_the_rest_counts(edit, problem):
    told = problems(TEXT, f"{edit}\ncat left of dog")
    assert len(told) == 1 and problem in told[0] and told[0].startswith('claim "')
    assert "cat left of dog" in lines(TEXT, f"{edit}\ncat left of dog")


@pytest.mark.parametrize(
    "edits", ["cat left of dog\ncat right of dog", "cat: left\ncat: right", "cat above dog\ndog above cat"]
)
def test_contradictory_claims_are_named_and_the_first_counts(edits):
    told = problems(TEXT, edits)
    assert len(told) == 1 and "cannot both be true" in told[0]
    first, second = edits.splitlines()
    assert first in lines(TEXT, edits) and second not in lines(TEXT, edits)


def test_the_artists_claim_replaces_that_of_the_prompt():
    assert lines("a cat left of a dog", "cat right of dog")[-1] == "cat right of dog"
    assert problems("a cat left of a dog", "cat right of dog") == ()


def test_places_that_agree_are_both_kept():
    assert problems(TEXT, "cat: left\ncat: top") == ()


def test_places_as_artists_write_them():
    assert parse_place("in the upper left corner") == "top left"
    assert parse_place("on the right side") == "right" and parse_place("middle") == "center"
    assert parse_place("near the dog") is None and parse_place("") is None


def test_a_thousand_words_are_read():
    claims = read_claims([spoken("a red cat left of a blue dog, " * 150)], LEXICON)
    assert len(claims.of("relation")) == 150 and len(claims.of("attribute")) == 300


WORDS = "a the red cat dog of left right above on in , . and is BREAK two ( ) : 1.3 \u732b"
EDITS = "red cat dog > = : ignore left of top ; \n"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS.split()), max_size=25),
    st.lists(st.sampled_from(EDITS.split(" ")), max_size=8),
)
def test_no_prompt_and_no_edit_stops_the_reading(words, edits):
    claims = read_claims([spoken(" ".join(words))], LEXICON, " ".join(edits))
    for claim in claims.all:
        assert claim.subject.indices and claim.text
