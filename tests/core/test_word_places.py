"""Each word of a prompt stands at its own place in the text, as the host parses it."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_words import plain_prompt
from selagg_core.prompt.as_written import written_pieces
from selagg_core.prompt.host_text import hidden_spans
from selagg_core.prompt.word_places import word_spans
from selagg_core.prompt.words import Prompt, Word


def shown(text: str) -> str:
    """The text with its words in brackets."""
    return "".join(
        f"[{p.text}]" if p.word is not None else p.text for p in written_pieces(plain_prompt(text))
    )


@pytest.mark.parametrize(
    ("text", "placed"),
    [
        ("(best quality:1.2), 1girl, 2 cats", "([best] [quality]:1.2), [1][girl], [2] [cats]"),
        ("(red cat:1.3), 3 dogs", "([red] [cat]:1.3), [3] [dogs]"),
        ("photo, sd15, 1girl", "[photo], [sd][1][5], [1][girl]"),
        ("((a cat:1.1) and 1 dog:1.5)", "(([a] [cat]:1.1) [and] [1] [dog]:1.5)"),
        ("miku \\(1:1.2\\), (1:1.2)", "[miku] \\([1]:[1].[2]\\), ([1]:1.2)"),
        ("a) (cat:1.2)", "[a]) ([cat]:[1].[2])"),
        ("(a:b) (c:1e-1) (d:nan)", "([a]:[b]) ([c]:1e-1) ([d]:nan)"),
        ("the dog\u2019s hat", "[the] [dog]\u2019s [hat]"),
    ],
)
def test_words_stand_where_the_host_reads_them(text, placed):
    assert shown(text) == placed


def test_a_weight_in_a_bracket_that_is_never_closed_is_text():
    assert hidden_spans("(a (b:1.2) cat") == []
    assert hidden_spans("(a (b:1.2) cat)") == [(5, 9)]


def test_words_of_an_encoder_that_parts_text_otherwise_are_found():
    words = tuple(Word(text, (i,)) for i, text in enumerate(("a", "35mm", "photo"), start=1))
    assert word_spans(Prompt("a 35mm photo", words, 77, (0,))) == ((0, 1), (2, 6), (7, 12))


def test_a_word_that_is_not_there_takes_no_place_of_another():
    words = tuple(Word(text, (i,)) for i, text in enumerate(("dog", "red", "cat"), start=1))
    text = "a red cat, " + "and " * 30 + "a dog"
    assert word_spans(Prompt(text, words, 77, (0,))) == (None, (2, 5), (6, 9))


MARKS = st.text(alphabet="ab1:.()[]{}\\ ,'\u2019-_\U0001f431\u0301\u200f\n", max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=60), MARKS))
def test_every_word_has_a_place_of_its_own(text):
    prompt = plain_prompt(text)
    spans = [span for span in word_spans(prompt) if span is not None]
    assert len(spans) == len(prompt.words)
    assert all(one[1] <= other[0] for one, other in zip(spans, spans[1:], strict=False))
    pieces = written_pieces(prompt)
    assert "".join(piece.text for piece in pieces) == text


def steps(prompt: Prompt) -> int:
    """Calls of functions while the words of a prompt are placed."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        word_spans(prompt)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("words", ["absent", "dog", ": 1", "cat"])
def test_steps_grow_with_the_words_alone(words):
    def of(times: int) -> int:
        said = [word for _ in range(times) for word in words.split()]
        text = "(cat:1.1) dog " * times
        return steps(Prompt(text, tuple(Word(word, (i,)) for i, word in enumerate(said)), 77, ()))

    assert of(800) < 4.4 * of(200)


def test_of_two_places_far_off_the_one_with_the_next_word_behind_it_is_taken():
    words = tuple(Word(text, (i,)) for i, text in enumerate(("red", "cat"), start=1))
    text = "and " * 30 + "red cat"
    assert word_spans(Prompt(text, words, 77, (0,))) == ((120, 123), (124, 127))
    last = (Word("red", (1,)),)
    assert word_spans(Prompt("and " * 30 + "red", last, 77, (0,))) == ((120, 123),)
