import pytest
from synthetic import prompt_of

from selagg_core.prompt.groups import choose_groups, find_group


def labels(text: str, words: str) -> list[str]:
    return [group.label for group in choose_groups([prompt_of(text)], words)]


def test_all_leaves_out_function_words_and_numbers_repeats():
    assert labels("a red circle and a red star", "all") == ["red", "circle", "red (2)", "star"]
    assert labels("a red circle", "") == ["red", "circle"]


def test_a_prompt_of_function_words_only_is_still_shown():
    assert labels("the of and", "ALL") == ["the", "of", "and"]


def test_phrases_and_words_in_the_order_asked():
    groups = choose_groups([prompt_of("a red circle and a blue star")], "star, red circle, star")
    assert [(group.label, group.indices) for group in groups] == [("star", (6,)), ("red circle", (1, 2))]


def test_a_word_takes_all_its_occurrences():
    assert find_group([prompt_of("red cat red dog")], "RED").indices == (0, 2)


def test_a_word_that_is_not_there_lists_those_that_are():
    with pytest.raises(ValueError, match='"dragon" is not in the prompt.*a, red, circle'):
        choose_groups([prompt_of("a red circle")], "red, dragon")


@pytest.mark.parametrize("word", ["dragon", "red (2)", "dragon (3)"])
@pytest.mark.parametrize("prompts", [[], [prompt_of("")]], ids=["none", "empty"])
def test_of_a_prompt_without_words_none_are_listed(prompts, word):
    with pytest.raises(ValueError, match="^the prompt is empty"):
        find_group(prompts, word)


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_prompt(text):
    with pytest.raises(ValueError, match="prompt is empty"):
        choose_groups([prompt_of(text)], "all")


def test_words_that_place_others_have_no_region_of_their_own():
    groups = {
        group.label: group.has_region for group in choose_groups([prompt_of("cat left of best dog")], "all")
    }
    assert groups == {"cat": True, "left": False, "best": False, "dog": True}


def test_words_of_several_entries():
    prompts = [prompt_of("a forest"), prompt_of("a red cat")]
    assert [(g.label, g.indices, g.entry) for g in choose_groups(prompts, "cat, forest")] == [
        ("cat", (2,), 1),
        ("forest", (1,), 0),
    ]
    assert [g.label for g in choose_groups(prompts, "all")] == ["forest", "red", "cat"]
    with pytest.raises(ValueError, match="a, forest, red, cat"):
        find_group(prompts, "dog")
