"""Claims of several conditioning entries: one thing is one claim, two things have two labels."""

from __future__ import annotations

import pytest
from synthetic import prompt_of

from selagg_core.claims.over_entries import over_entries
from selagg_core.claims.read_claims import general_lexicon, read_claims


def claims_of(*texts: str, edits: str = ""):
    prompts = [prompt_of(text) for text in texts]
    return over_entries(read_claims(prompts, general_lexicon(), edits), prompts)


def lines(*texts: str, edits: str = "") -> list[str]:
    return [claim.text for claim in claims_of(*texts, edits=edits).all if claim.kind != "sense"]


@pytest.mark.parametrize("times", [2, 3])
def test_a_text_said_for_several_ranges_of_steps_is_said_once(times):
    text = "a purple house above a yellow boat"
    assert lines(*[text] * times) == lines(text)


def test_regions_say_again_what_the_whole_says():
    whole = "a green bird and a white horse"
    assert lines(whole, "a green bird", "a white horse") == lines(whole)
    assert lines("a bird", "a green bird") == ["bird", "green > bird"]


def test_two_different_things_of_one_noun_have_labels_of_their_own():
    found = claims_of("a red cat", "a dog and a blue cat")
    entities = [claim.subject for claim in found.of("entity")]
    assert [(each.label, each.entry) for each in entities] == [("cat", 0), ("dog", 1), ("cat (2)", 1)]
    assert [claim.text for claim in found.of("attribute")] == ["red > cat", "blue > cat (2)"]
    places = {(group.entry, group.indices): group.label for group in found.groups}
    assert len(set(places.values())) == len(places)


def test_of_two_things_in_one_entry_each_has_its_own_in_the_other():
    found = claims_of("a red cat and a blue cat", "a blue cat and a red cat")
    assert [claim.text for claim in found.of("attribute")] == ["red > cat", "blue > cat (2)"]


def test_one_entry_stays_as_it_is():
    text = "a red cat left of a blue dog"
    read = read_claims([prompt_of(text)], general_lexicon())
    assert claims_of(text) == read
