"""Prompts as artists write them: what is read, what is checked, and what makes no claim."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_words import plain_prompt
from demo.scenes import scene_from_seed
from selagg_core.claims.claim import Claims
from selagg_core.claims.english import NOTICE
from selagg_core.claims.read_claims import general_lexicon, read_claims

LEXICON = general_lexicon()
VALUES = ("colour", "pattern", "size")
KINDS = ("entity", "attribute", "relation", "place", "count")


def read(text: str, edits: str = "") -> Claims:
    return read_claims([plain_prompt(text)], LEXICON, edits)


def said(text: str, *kinds: str) -> set[str]:
    return {claim.text for claim in read(text).all if claim.kind in (kinds or KINDS)}


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("8k, a 4k photo of a fox", {"fox"}),
        ("an owl, 50mm lens, f/2.8, ISO 400, 1/250s", {"owl"}),
        ("a 90s kitchen, 16:9, 1920x1080, 25 years old woman", {"kitchen", "woman"}),
        ("diesel truck, 4 k, 8 k uhd, 3 d, 1 9 8 0 s", {"diesel truck"}),
        ("a harbour --ar 16:9 --stylize 750 --v 6", {"harbour"}),
        ("an mp3 player", {"player"}),
    ],
)
def test_numbers_and_units_are_no_things(text, things):
    assert said(text) == things


@pytest.mark.parametrize(
    "text",
    [
        "shallow depth of field, soft focus, high resolution, film grain, lens flare, octane render",
        "masterpiece, best quality, absurdres, highly detailed, award winning photography, bokeh",
        "cinematic lighting, volumetric light, golden hour, rule of thirds, sharp focus",
        "looking at viewer, full body, upper body, close up, from above",
        "in the style of Claude Monet, by Greg Rutkowski, Artgerm and Alphonse Mucha",
        "trending on artstation, shot on Kodak Portra, rendered in Unreal Engine",
        "beauty, essence, nostalgia, melancholy, freedom",
        "score_9, score_8_up, rating:safe, source_anime",
        "<lora:detail:0.7>, embedding:badhand, #wow, https://example.com/cat",
        "// a dog\n/* a cat */",
    ],
)
def test_style_camera_and_quality_are_no_things(text):
    assert not said(text)


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("silver hair, red ribbon", {"hair", "ribbon", "silver > hair", "red > ribbon"}),
        ("black_hair, pleated_skirt", {"hair", "skirt", "black > hair", "pleated > skirt"}),
        ("2girls, 1boy", {"girls", "boy", "girls: 2", "boy: 1"}),
        ("(masterpiece:1.2), 3 cats", {"cats", "cats: 3"}),
        ("hatsune miku \\(vocaloid\\), blue eyes", {"eyes", "blue > eyes"}),
        ("a wooden spoon", {"spoon", "wooden > spoon"}),
        ("a leather jacket", {"jacket", "leather > jacket"}),
        ("a white color car", {"car", "white > car"}),
        ("a purple parking meter and a green pear",
         {"parking meter", "pear", "purple > parking meter", "green > pear"}),
        ("three wine glasses", {"wine glasses", "wine glasses: 3"}),
        ("a dark orange and a grey sofa", {"sofa", "grey > sofa"}),
        ("a vase made of glass", {"vase", "glass > vase"}),
        ("a rectangular slice of bread", {"bread", "rectangular > bread"}),
        ("the curtains are yellow and the floor is wet",
         {"curtains", "floor", "yellow > curtains", "wet > floor"}),
        ("a grey coloured sofa, colourful kites", {"sofa", "kites", "grey > sofa", "colourful > kites"}),
    ],
)  # fmt: skip
def test_things_and_their_values(text, claims):
    assert said(text) == claims


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("a bottle hidden by a bus", {"bottle behind bus"}),
        ("the bench sat next to the fountain", {"bench next to fountain"}),
        ("a monk in a robe standing on a bridge", {"monk on bridge"}),
        ("a fox on the top of a barrel", {"fox on barrel"}),
        ("a fox on the bottom of a barrel", {"fox below barrel"}),
        ("a fox on side of a barrel", {"fox next to barrel"}),
        ("a cat in front of the railing. The sky is blue", {"cat in front of railing"}),
        ("a shelf with two jars on it", {"jars on shelf"}),
        ("a hill. Behind it stands a tower", {"tower behind hill"}),
        ("a woman looking at a ship on the horizon", set()),
        ("a house on fire", set()),
        ("oil on canvas, a goat", set()),
        ("a pony, next to, a", set()),
    ],
)
def test_relations_have_the_right_ends_or_are_not_said(text, relations):
    assert said(text, "relation") == relations


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("a street, no people", "people"),
        ("a sky without clouds", "clouds"),
        ("a man who is not wearing a hat", "hat"),
        ("a beach --no birds", "birds"),
        ("a dog dressed like a pirate", "pirate"),
        ('a sign that says "free cake"', "cake"),
        ("a poster in the style of a comic book", "book"),
        ("a tree.\nNegative prompt: a crow", "crow"),
    ],
)
def test_what_is_not_there_makes_no_claim(text, absent):
    assert not any(absent in claim for claim in said(text)) and said(text)


def test_what_makes_no_claim_is_told_with_its_reason():
    silent = {(part.words.text, part.reason) for part in read("a street, no people, by Monet").silent}
    assert silent == {("no people", "not there"), ("by monet", "style")}


@pytest.mark.parametrize(
    ("text", "unsure", "sure"),
    [
        ("a {red|blue} kite", {"red > kite", "blue > kite"}, {"kite"}),
        ("a barn, [goat:sheep:0.5]", {"goat", "sheep"}, {"barn"}),
        ("a zorblax next to a chair", {"zorblax", "zorblax next to chair"}, {"chair"}),
        ("a spoon in a bowl", {"spoon inside bowl"}, {"spoon", "bowl"}),
    ],
)
def test_what_is_not_sure_is_read_and_not_checked(text, unsure, sure):
    claims = read(text)
    texts = {claim.text for claim in claims.all if claim.kind != "sense"}
    assert {c.text for c in claims.checked.all if c.kind != "sense"} == sure
    assert texts == sure | unsure


def test_the_artist_makes_sure():
    claims = read("a zorblax next to a chair", "thing: zorblax\nzorblax next to chair")
    assert {c.text for c in claims.checked.all} == {"zorblax", "chair", "zorblax next to chair"}


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("a dog and a cat. The dog is brown", ["dog", "cat"]),
        ("black hair, long hair, hair ribbon", ["hair", "hair ribbon"]),
        ("red hat, blue hat", ["hat", "hat (2)"]),
        ("a dog left of a dog", ["dog", "dog (2)"]),
    ],
)
def test_one_thing_that_is_named_twice_is_one(text, things):
    assert [claim.subject.label for claim in read(text).of("entity")] == things


def test_json_prompts_speak_in_their_values():
    text = (
        '{"subject": "a red kite", "style": "oil painting of a cat", "camera": {"lens": "a dog"}, '
        '"objects": [{"description": "a blue boat"}]}'
    )
    assert said(text) == {"kite", "red > kite", "boat", "blue > boat"}


@pytest.mark.parametrize(
    "text",
    [
        "una mujer con vestido rojo sentada sobre una silla",
        "\u4e00\u53ea\u7ea2\u8272\u7684\u732b\u5750\u5728\u6905\u5b50\u4e0a",
        "ein kleines M\u00e4dchen unter einem gro\u00dfen Baum",
        "\u043a\u043e\u0442 \u0441\u0438\u0434\u0438\u0442 \u043d\u0430 \u0441\u0442\u0443\u043b\u0435",
    ],
)
def test_a_prompt_in_another_language_is_told(text):
    assert read(text).notices == (NOTICE,)


@pytest.mark.parametrize(
    "text", ["", "a cat", "cyberpunk, hatsune miku", "a zebra \U0001f993", "1girl, solo"]
)
def test_an_english_prompt_is_not(text):
    assert read(text).notices == ()


WORDS = (
    "a the red cat dog dogs left right of on in it its and with by no like style made is sits 2 BREAK , . "
    "( : ) wearing glass orange photo --no 8k \ud800"
)
HOSTILE = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="a1 ,.:()[]{}<>|\\\"'_-#/\n\u2019\u202e\u0000\U0001f431", max_size=80),
    st.lists(st.sampled_from(WORDS.split(" ")), max_size=30).map(" ".join),
)


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_no_text_stops_the_reading_and_no_claim_takes_strange_words(text):
    prompt = plain_prompt(text)
    claims = read_claims([prompt], LEXICON)
    assert len({claim.text for claim in claims.of("entity")}) == len(claims.of("entity"))
    for group in claims.groups:
        assert group.indices and all(0 <= index < len(prompt.words) for index in group.indices)
        assert group.text == " ".join(prompt.words[index].text for index in group.indices)


def calls(text: str) -> int:
    """Calls of functions while a text is read."""
    prompt, count = plain_prompt(text), 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    read_claims([prompt], LEXICON)
    sys.setprofile(note)
    try:
        read_claims([prompt], LEXICON)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        "cat left of dog and ",
        "a red cat and a blue dog, ",
        "red cat dog ",
        "the cat ",
        "cat left of dog, dog left of cat, ",
        "by monet, ",
        "no ",
        "in the style ",
        "(cat:1.1) ",
        "( ",
        "{a|",
        "<a",
        "--no ",
        "orange, ",
        "it on ",
    ],
)
def test_steps_of_reading_grow_with_the_text_alone(unit):
    assert calls(unit * 400) < 4.6 * calls(unit * 100)


@pytest.mark.parametrize(
    "text",
    ["(" * 300_000, "[{" * 100_000, "a" * 300_000, "1" * 50_000, "\u202e\ud800" * 50_000, "_-" * 100_000],
)
def test_long_texts_of_marks_are_read(text):
    assert not read(text).all


@pytest.mark.parametrize("start", [0, 40, 80])
def test_captions_of_the_demo_world_are_read_as_they_are_meant(start):
    for seed in range(start, start + 40):
        caption = scene_from_seed(seed, held_out=None)[1]
        objects = {claim.subject: claim.value for claim in caption.claims if claim.kind == "object"}
        meant = sorted(
            [("attribute", c.value, objects[c.subject]) for c in caption.claims if c.kind in VALUES]
            + [("relation", c.value, objects[c.subject]) for c in caption.claims if c.kind == "relation"]
            + [("entity", "", name) for name in objects.values()]
        )
        found = read(caption.text).checked.all
        kinds = ("attribute", "relation", "entity")
        told = sorted((c.kind, c.value, c.subject.text) for c in found if c.kind in kinds)
        assert [claim for claim in told if claim[1] != "next to"] == meant, caption.text
