"""Words from tokens of encoders with templates and without marks at word ends."""

from __future__ import annotations

import pytest

from selagg_core.prompt.column_kinds import column_kinds
from selagg_core.prompt.pieces import MARK, Piece, behind_others, cut_to, prompt_from_pieces


def pieces(*surfaces) -> list[Piece]:
    return [Piece(s if isinstance(s, bytes) else s.encode()) for s in surfaces]


def words(prompt) -> dict[str, tuple[int, ...]]:
    return {word.text: word.columns for word in prompt.words}


TEMPLATE = ("user", "\n"), (MARK, "\n", "assistant", "\n")


def wrapped(*surfaces):
    begin, end = TEMPLATE
    return pieces(MARK, *begin, *surfaces, *end), pieces(MARK, *begin, *end)


def test_a_template_is_no_part_of_the_prompt():
    prompt = prompt_from_pieces("an assistant", *wrapped("an", " assis", "tant"))
    assert words(prompt) == {"an": (3,), "assistant": (4, 5)}
    assert prompt.special == (0, 1, 2, 6, 7, 8, 9)


def test_padding_on_either_side():
    for left, right in ((3, 0), (0, 3)):
        own = pieces(*[MARK] * left, "a", " cat", *[MARK] * right)
        prompt = prompt_from_pieces("a cat", own, pieces(*[MARK] * 5))
        assert words(prompt) == {"a": (left,), "cat": (left + 1,)}
        assert len(prompt.special) == 3


def test_a_character_over_two_tokens_and_a_token_over_two_words():
    cafe = "caf\u00e9".encode()
    prompt = prompt_from_pieces("", pieces(cafe[:4], cafe[4:], " 19", "20", "s"), [])
    assert words(prompt) == {"caf\u00e9": (0, 1), "1920": (2, 3), "s": (4,)} or words(prompt) == {
        "caf\u00e9": (0, 1), "19": (2,), "20": (3,), "s": (4,),
    }  # fmt: skip


def test_punctuation_belongs_to_no_word_and_is_not_special():
    prompt = prompt_from_pieces("", pieces("red", ",", " cat", MARK), pieces(MARK))
    assert words(prompt) == {"red": (0,), "cat": (2,)} and prompt.special == (3,)


@pytest.mark.parametrize(("text", "noted"), [("(a:1.2)", True), ("(a: .5)", True), ("a (b) 1:2", False)])
def test_weights_that_are_read_as_text_are_noted(text, noted):
    assert bool(prompt_from_pieces(text, pieces(text), []).notes) == noted


def test_cut_beginnings_and_ends():
    prompt = prompt_from_pieces("a cat", *wrapped("a", " cat"))
    cut = cut_to(prompt, 7)
    assert words(cut) == {"a": (1,), "cat": (2,)} and cut.length == 7 and cut.text == "a cat"
    assert cut_to(prompt, prompt.length) is prompt
    assert cut_to(prompt, prompt.length + 1) is None
    assert words(cut_to(prompt_from_pieces("a", pieces("a", MARK, MARK), []), 1)) == {"a": (0,)}
    assert cut_to(prompt_from_pieces("a b c", pieces("a", " b", " c"), []), 2) is None


def test_special_columns_are_told_apart():
    """The outer marks, the template between them, padding on either side; the end mark that fills up."""
    own, empty = wrapped("a", " cat")
    fills = [Piece(MARK, padding=True)] * 2
    for before, behind in ((fills, []), ([], fills)):
        prompt = prompt_from_pieces("a cat", [*before, *own, *behind], empty)
        by = len(before)
        assert dict(prompt.wordless) == {
            "template": tuple(by + c for c in (1, 2, 5, 6, 7, 8)),
            "padding": tuple(range(by)) if before else (9, 10),
        }
        kinds = dict(column_kinds(prompt))
        assert kinds["marks"] == (by,) and kinds["stop words"] == (by + 3,) and kinds["words"] == (by + 4,)
    plain = prompt_from_pieces("a, cat", pieces("a", ",", " cat", MARK), pieces(MARK))
    assert dict(column_kinds(plain)) == {
        "words": (2,), "stop words": (0,), "punctuation": (1,), "marks": (3,),
    }  # fmt: skip


def test_kinds_of_columns_survive_cutting_and_moving():
    own, empty = wrapped("a", " cat")
    prompt = prompt_from_pieces("a cat", [*own, Piece(MARK, padding=True)], empty)
    assert dict(prompt.moved(3).wordless) == {"template": (4, 5, 8, 9, 10, 11), "padding": (12,)}
    assert dict(cut_to(prompt, 8).wordless) == {"template": (0, 3, 4, 5, 6), "padding": (7,)}
    assert dict(prompt.lengthened(12, "other").wordless)["other"] == (10, 11)
    longer = behind_others(prompt, 15)
    assert dict(longer.wordless)["other"] == tuple(range(5))
