"""The table of English words: classes, things and concepts of words in all their forms."""

from __future__ import annotations

import pytest

from selagg_core.prompt.lexicon import Concept, Lexicon, common_words
from selagg_core.prompt.word_table import TABLE_FILE, is_name, trusted_concept, use_of, verb_bases
from selagg_core.relevance.concepts import assign_concepts


@pytest.mark.parametrize(
    ("form", "base"), [("wolves", "wolf"), ("geese", "goose"), ("faucets", "faucet"), ("buses", "bus")]
)
def test_plurals_are_their_singulars(form, base):
    plural, single = use_of(form), use_of(base)
    assert plural.plural and not single.plural
    assert (plural.noun, plural.thing, plural.concept) == (single.noun, single.thing, single.concept)


@pytest.mark.parametrize("word", ["railing", "faucet", "towel", "skyscraper", "otter", "cellist", "toboggan"])
def test_things_are_things(word):
    assert use_of(word).thing >= 6


@pytest.mark.parametrize("word", ["idea", "freedom", "melody", "quickly", "beautiful", "zyxwv", ""])
def test_other_words_are_not(word):
    assert use_of(word).thing < 3


@pytest.mark.parametrize("form", ["hidden", "sat", "worn", "sitting", "sits"])
def test_verb_forms_are_verbs(form):
    assert use_of(form).verb > use_of(form).noun


def test_names_of_several_words():
    assert is_name(("parking", "meter")) and is_name(("polar", "bears")) and not is_name(("red", "meter"))
    assert verb_bases("sitting") == ("sitt", "sit", "sitte") and verb_bases("cat") == ()


def test_a_concept_is_given_where_the_table_can_be_trusted():
    assert trusted_concept("a small Marmoset") == "Animals" and trusted_concept("toboggan") == "Vehicles"
    assert trusted_concept("freedom") is None and trusted_concept("") is None


def test_gaps_of_the_lexicon_are_closed():
    lexicon = Lexicon.of([Concept(name, ()) for name in ("Animals", "Color")])
    assert "marmoset" not in {word for words in common_words().values() for word in words}
    assert assign_concepts("marmoset", lexicon).how == "table"
    assert assign_concepts("marmoset", lexicon).concepts == ("Animals",)
    assert assign_concepts("toboggan", lexicon).how == "unknown", "a concept that the model does not have"
    assert assign_concepts("marmoset", lexicon, {"marmoset": ("Color",)}).how == "override"


def test_the_table_is_small():
    assert TABLE_FILE.stat().st_size < 700_000
