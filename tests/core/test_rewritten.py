"""Prompts written anew: weights and words, at their places."""

from __future__ import annotations

import pytest

from selagg_core.prompt.rewritten import with_weight, with_words
from selagg_core.prompt.words import Prompt, Word


def prompt(text: str, *words: tuple[str, float]) -> Prompt:
    made = tuple(Word(word, (n + 1,), weight) for n, (word, weight) in enumerate(words))
    return Prompt(text, made, 77, (0,))


@pytest.mark.parametrize(
    ("text", "words", "indices", "weight", "wanted"),
    [
        ("a red star", [("a", 1), ("red", 1), ("star", 1)], (2,), 1.4, "a red (star:1.4)"),
        ("a (star:0.35), blue", [("a", 1), ("star", 0.35), ("blue", 1)], (1,), 1, "a star, blue"),
        ("a (star:0.35)", [("a", 1), ("star", 0.35)], (1,), 1.4, "a (star:1.4)"),
        ("a (red star)", [("a", 1), ("red", 1.1), ("star", 1.1)], (1, 2), 1.5, "a (red star:1.5)"),
        ("(a red star:0.5)", [("a", 0.5), ("red", 0.5), ("star", 0.5)], (2,), 1, "(a red (star:2):0.5)"),
        ("((star:0.5) sky:2)", [("star", 1), ("sky", 2)], (0,), 1.4, "((star:0.7) sky:2)"),
        ("(a:0.0) star", [("a", 0), ("star", 1)], (0,), 1, "a star"),
        ("red and red", [("red", 1), ("and", 1), ("red", 1)], (0, 2), 1.4, "(red:1.4) and (red:1.4)"),
        (r"a \(star:0.5\)", [("a", 1), ("star", 1)], (1,), 1.4, r"a \((star:1.4):0.5\)"),
        ("big ( star : .5 )", [("big", 1), ("star", 0.5)], (1,), 1, "big ( (star:2) : .5 )"),
    ],
)
def test_weights_are_written_where_the_words_stand(text, words, indices, weight, wanted):
    assert with_weight(prompt(text, *words), indices, weight) == wanted


def test_words_that_are_nowhere_have_no_weight():
    unseen = prompt("a star", ("a", 1), ("cat", 1))
    assert with_weight(unseen, (1,), 1.4) is None
    assert with_weight(prompt("(red star:0.0)", ("red", 0), ("star", 0)), (0,), 1.0) is None


def test_words_are_exchanged_with_their_marks_left():
    told = prompt("an (orange:1.2) star", ("an", 1), ("orange", 1.2), ("star", 1))
    assert with_words(told, (1,), "orange-coloured") == "an (orange-coloured:1.2) star"
    assert with_words(told, (0, 2), "x") is None
