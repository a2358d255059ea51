"""Which concepts a word speaks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.prompt.lexicon import Concept, Lexicon, base_forms, common_words
from selagg_core.relevance.concepts import (
    Nearest,
    assign_concepts,
    nearest_concept,
    parse_concepts,
    parse_overrides,
    trusted_margin,
)
from selagg_core.relevance.shipped import load_preset


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of(load_preset("sd14").concepts)


def test_every_published_word_has_its_concept(lexicon):
    for concept in load_preset("sd14").concepts:
        for word in concept.words:
            assert concept.name in lexicon.lookup(word), word


def test_the_shipped_words_are_common_form():
    words = common_words()
    assert tuple(words) == load_preset("sd14").names
    assert len({word for own in words.values() for word in own}) > 4000
    for concept, own in words.items():
        assert len(own) == len(set(own)) >= 60, concept
        for word in own:
            assert word == word.lower().strip() and word.isascii() and "  " not in word, word


@pytest.mark.parametrize(
    ("word", "concepts"),
    [
        ("cat", ("Animals",)),
        ("Cat", ("Animals",)),
        ("cats", ("Animals",)),
        ("cat's", ("Animals",)),
        ("dogs\u2019", ("Animals",)),
        ("wolves", ("Animals",)),
        ("buses", ("Vehicles",)),
        ("cities", ("Buildings",)),
        ("women", ("People",)),
        ("T-Shirts", ("Clothing",)),
        ("tshirt", ("Clothing",)),
        ("glasses", ("Accessories",)),
        ("glass", ("Material",)),
        ("shorts", ("Clothing",)),
        ("polka-dots", ("Geometric Patterns",)),
        ("teddy bears", ("Toys",)),
        ("Rio de Janeiro", ("Geo-locations",)),
        ("McDonald's", ("Brand Logos",)),
        ("star,", ("Shape", "Nature Scenes")),
        ("circles", ("Shape", "Geometric Patterns")),
    ],
)
def test_plural_possessive_hyphen_and_case_do_not_matter(lexicon, word, concepts):
    assert lexicon.lookup(word) == concepts


@pytest.mark.parametrize(
    ("word", "concepts"),
    [
        ("orange", ("Fruits and Vegetables", "Color")),
        ("oranges", ("Fruits and Vegetables", "Color")),
        ("rose", ("Plants", "Color")),
        ("mint", ("Plants", "Food and Beverages", "Color")),
        ("olive", ("Fruits and Vegetables", "Color")),
        ("apple", ("Fruits and Vegetables", "Brand Logos")),
        ("jaguar", ("Animals", "Vehicles", "Brand Logos")),
        ("crane", ("Animals", "Vehicles", "Tools")),
        ("bass", ("Animals", "Musical Instruments")),
        ("mouse", ("Animals", "Electronics")),
        ("china", ("Material", "Geo-locations")),
    ],
)
def test_a_word_keeps_all_its_senses(lexicon, word, concepts):
    assert lexicon.lookup(word) == concepts
    assert assign_concepts(word, lexicon).ambiguous


@pytest.mark.parametrize(
    ("word", "concept"),
    [
        ("olive-colored", "Color"),
        ("Rose-coloured", "Color"),
        ("lavender color", "Color"),
        ("mint-green", "Color"),
        ("heart-shaped", "Shape"),
        ("bird-patterned", "Geometric Patterns"),
        ("apple-sized", "Size"),
        ("brick-style", "Image Style"),
    ],
)
def test_a_suffix_says_what_a_word_is_for(lexicon, word, concept):
    assert lexicon.lookup(word) == (concept,)


def test_the_last_part_of_a_phrase_decides(lexicon):
    assert lexicon.lookup("red kitten") == ("Animals",)
    assert lexicon.lookup("kitten red") == ("Color",)
    assert lexicon.lookup("coffee table") == ("Furniture",)


@pytest.mark.parametrize("word", ["the", "of", "zyxwv", "", "  ", "-", "'s", "\u732b", "s"])
def test_other_words_are_unknown(lexicon, word):
    assert lexicon.lookup(word) == ()
    assigned = assign_concepts(word, lexicon)
    assert (assigned.concepts, assigned.how) == ((), "unknown")
    assert "all heads are used" in assigned.note


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_can_be_looked_up(lexicon, text):
    found = lexicon.lookup(text)
    assert set(found) <= set(lexicon.concepts)
    assert lexicon.lookup(f" ({text}), ") == found
    assert len(base_forms(text)) == len(set(base_forms(text)))


def test_own_concepts_work_in_the_same_way():
    own = Lexicon.of([Concept("Dragons", ("Wyverns", "Hydra")), Concept("color", ("Octarine",))])
    assert own.lookup("wyvern") == own.lookup("hydras") == ("Dragons",)
    assert own.lookup("octarine") == own.lookup("red") == own.lookup("olive-colored") == ("color",)
    assert own.lookup("cat") == ()
    assert Lexicon.of([Concept("Dragons", ("Hydra",))]).lookup("olive-colored") == ()


def test_the_artists_word_is_final(lexicon):
    overrides = parse_overrides("Orange=color; thing=Shape + Size\nred=ALL", lexicon.concepts)
    assert dict(overrides) == {"orange": ("Color",), "thing": ("Shape", "Size"), "red": ()}
    assert assign_concepts("oranges", lexicon, overrides).concepts == ("Color",)
    assert assign_concepts("thing", lexicon, overrides).how == "override"
    red = assign_concepts("red", lexicon, overrides)
    assert (red.concepts, red.how, red.note) == ((), "override", "")
    assert assign_concepts("blue", lexicon, overrides).how == "lexicon"
    assert not parse_overrides(" ,\n; ", lexicon.concepts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("orange", '"orange" does not say which concept'),
        ("=Color", '"=Color" does not say'),
        ("orange=", "does not say"),
        ("orange=Colour", 'no concept "Colour". Did you mean "Color"'),
        ("orange=Color+", 'no concept ""'),
        ("orange=Color, ORANGE=Shape", "twice"),
    ],
)
def test_overrides_that_cannot_be_read(lexicon, text, message):
    with pytest.raises(ValueError, match=message):
        parse_overrides(text, lexicon.concepts)


def test_the_text_encoder_is_asked_for_unknown_words_only(lexicon):
    asked = []

    def nearest(word: str) -> Nearest:
        asked.append(word)
        return Nearest("Vehicles", 0.8, 0.06)

    assert assign_concepts("cat", lexicon, nearest=nearest).concepts == ("Animals",)
    found = assign_concepts("velomobile", lexicon, nearest=nearest)
    assert (found.concepts, found.how) == (("Vehicles",), "embedding")
    assert assign_concepts("velomobile", lexicon, nearest=nearest, margin=0.1).how == "unknown"
    assert assign_concepts("velomobile", lexicon, nearest=lambda word: None).how == "unknown"
    assert asked == ["velomobile", "velomobile"]


@pytest.fixture
def clusters():
    """Two clusters of word embeddings, far from zero as those of text encoders."""
    rng = np.random.default_rng(0)
    common = 20 * rng.normal(size=16)
    axes = np.eye(16)
    return common, {
        name: common + axes[i] + 0.1 * rng.normal(size=(10, 16)) for i, name in enumerate(("Cold", "Warm"))
    }


def test_the_nearest_concept_is_found_about_the_centre(clusters):
    common, concepts = clusters
    near = nearest_concept(common + np.eye(16)[1], concepts)
    assert near.concept == "Warm"
    assert near.lead > 0.5
    between = nearest_concept(common + np.eye(16)[0] + np.eye(16)[1], concepts)
    assert between.lead < near.lead / 2
    # Without the centre every cosine would be close to 1 and the lead close to 0.
    assert near.similarity > 0.5


def test_embeddings_that_do_not_fit_are_named(clusters):
    common, concepts = clusters
    with pytest.raises(ValueError, match="embeddings of Cold"):
        nearest_concept(common[:8], concepts)
    with pytest.raises(ValueError, match="not finite"):
        nearest_concept(np.full(16, np.nan), concepts)
    with pytest.raises(ValueError, match="no concepts"):
        nearest_concept(common, {})


def clustered(spread: float, concepts: int = 4, words: int = 8) -> dict[str, np.ndarray]:
    """Words scattered around the direction of their concept."""
    random = np.random.default_rng(0)
    centres = 3 * np.eye(concepts, 32)
    return {
        f"c{i}": centre + spread * random.standard_normal((words, 32)) for i, centre in enumerate(centres)
    }


def test_the_margin_is_what_the_encoder_earns():
    assert trusted_margin(clustered(0.1)) == 0
    assert 0 < trusted_margin(clustered(1.5)) < 0.2
    assert trusted_margin(clustered(50.0)) == float("inf")
    # Too few answers to trust any.
    assert trusted_margin(clustered(0.1, concepts=3, words=3)) == float("inf")
    assert trusted_margin(clustered(0.1, words=1)) == float("inf")


# -- own concepts ----------------------------------------------------------------------------------------


def test_own_concepts_are_read_from_json():
    made = parse_concepts('{"Mood": ["calm", " tense ", "calm"], "Tableware": ["cup", "dinner plate"]}')
    assert [(concept.name, concept.words) for concept in made] == [
        ("Mood", ("calm", "tense")),
        ("Tableware", ("cup", "dinner plate")),
    ]
    assert Lexicon.of(made).lookup("cups") == ("Tableware",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Color: red", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"Color": ["red"], "A": ' + "9" * 5000 + "}", "not JSON .it holds a number that cannot be used"),
        ('{"Color": ["red"], "A": NaN}', "not JSON .it holds a number that cannot be used"),
        ('["red"]', "at least two"),
        ('{"Color": ["red"]}', "at least two"),
        ('{"Color": "red", "A": ["b"]}', 'words of "Color"'),
        ('{"Color": [], "A": ["b"]}', 'words of "Color"'),
        ('{"Color": ["red", 1], "A": ["b"]}', 'words of "Color"'),
        ('{"a=b": ["red"], "A": ["b"]}', '"a=b" cannot name'),
        ('{"all": ["red"], "A": ["b"]}', '"all" cannot name'),
        ('{" ": ["red"], "A": ["b"]}', "cannot name"),
    ],
)
def test_bad_own_concepts_say_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        parse_concepts(text)
