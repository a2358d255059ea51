"""The words of a prompt at their places in the text as it was written."""

from __future__ import annotations

import pytest

from selagg_core.prompt.as_written import written_pieces
from selagg_core.prompt.words import Prompt, Word


def prompt(text: str, *words: str) -> Prompt:
    return Prompt(text, tuple(Word(word, (i,)) for i, word in enumerate(words, start=1)), 77, (0,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a cat", ["a", "cat"]),
        ("A CAT, a (Hat:1.3)", ["a", "cat", "a", "hat"]),
        ("cat's a cat", ["cat", "a", "cat"]),
        ("scarlet car", ["scarlet", "car"]),
        ("((masterpiece)), 4k", ["masterpiece", "4", "k"]),
        ("\u0645\u0631\u062d\u0628\u0627 <b>x</b>", ["\u0645\u0631\u062d\u0628\u0627", "b", "x", "b"]),
        ("", []),
    ],
)
def test_pieces_make_up_the_text_and_words_are_in_order(text, words):
    pieces = written_pieces(prompt(text, *words))
    assert "".join(piece.text for piece in pieces) == text
    found = [(piece.word, piece.text.lower()) for piece in pieces if piece.word is not None]
    assert found == list(enumerate(words))


def test_a_word_is_not_found_inside_another_one():
    pieces = written_pieces(prompt("photograph of a graph", "photograph", "of", "a", "graph"))
    assert [piece.text for piece in pieces] == ["photograph", " ", "of", " ", "a", " ", "graph"]


def test_words_that_the_text_does_not_show_come_last():
    pieces = written_pieces(prompt("a cat", "a", "embedding #1", "cat"))
    assert [(p.text, p.word) for p in pieces] == [("a", 0), (" ", None), ("cat", 2), ("embedding #1", 1)]
