"""What grows with the length of a prompt or a list grows in step with it, in lines run and not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from selagg_core.claims.expectations import expected_regions, read_expectations
from selagg_core.maps.regions import parse_boxes
from selagg_core.prompt.groups import choose_groups
from selagg_core.prompt.known_texts import LabelCache, TextKey
from selagg_core.prompt.lexicon import Concept
from selagg_core.prompt.marks import plain_marks
from selagg_core.prompt.tokens import prompt_from_tokens
from selagg_core.prompt.words import CHUNK, Prompt, Word
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.concepts import parse_overrides
from selagg_core.relevance.relevance import HeadRelevance

SHORT, LONG = 200, 1600
LINEAR = 1.15
"""Slope of work over length up to which something counts as linear; the square would be 2."""


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python a piece of work runs, its calls included."""
    counted = 0

    def trace(frame, event, argument):
        nonlocal counted
        counted += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted


def slope(make: Callable[[int], Callable[[], object]]) -> float:
    """How work grows with length: the exponent of its lines of Python between two lengths."""
    short, long = (lines_run(make(length)) for length in (SHORT, LONG))
    return float(np.log(long / short) / np.log(LONG / SHORT))


def name(number: int) -> str:
    """A word of letters alone, another for each number."""
    return "word" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def prompt_of_length(length: int) -> Prompt:
    words = tuple(Word(name(i), (i + 1,)) for i in range(length))
    return Prompt("", words, length + 2, (0, length + 1))


def chosen(length: int):
    prompt = prompt_of_length(length)
    asked = ", ".join(name(i) for i in range(length))
    return lambda: choose_groups([prompt], asked)


def counted_labels(length: int):
    prompt = Prompt("", tuple(Word("cat", (i + 1,)) for i in range(length)), length + 2, (0,))
    return lambda: choose_groups([prompt], "all")


def phrases(length: int):
    prompt = prompt_of_length(length)
    asked = "\uff0c".join(f"{name(i)} {name(i + 1)}" for i in range(length - 1))
    return lambda: choose_groups([prompt], asked)


def registered(length: int):
    columns = length // 8 * CHUNK
    prompt = Prompt("", tuple(Word("cat", (i,)) for i in range(columns)), columns, ())
    embedding = torch.arange(columns, dtype=torch.float32)[None, :, None]
    cache = LabelCache(columns + 2)
    return lambda: cache.resolve(cache.register(prompt, embedding))


def joined(length: int):
    cache = LabelCache(10 * LONG)
    parts = []
    for number in range(length):
        embedding = torch.full((1, CHUNK, 1), float(number)) + torch.arange(CHUNK)[None, :, None] / 128
        cache.register(Prompt("", (Word("cat", (1,)),), CHUNK, (0,)), embedding)
        parts.append(embedding)
    key = TextKey.of(torch.cat(parts, dim=1))
    return lambda: cache.resolve(key)


def relevance(length: int) -> HeadRelevance:
    layout = HeadLayout.of([("input", 1, 0, 2)])
    concepts = tuple(Concept(f"concept {i}", ("a",)) for i in range(length))
    return HeadRelevance(concepts, np.ones((length, 2)), layout, "argmax wins", "test")


def described(length: int):
    made = relevance(length)
    return lambda: made.describe()


def token_prompt(length: int):
    chunk = [(0, 1.0, 0), *((2, 1.0, i) for i in range(length)), (1, 1.0, 0)]
    names = {0: "<|startoftext|>", 1: "<|endoftext|>", 2: "cat</w>"}
    return lambda: prompt_from_tokens("cat " * length, [chunk], names)


def embeddings(length: int):
    vector = torch.zeros(4)
    chunk = [(vector, 1.0, i) for i in range(length)]
    text = " ".join(f"(embedding:e{i}:1.2)" for i in range(length))
    return lambda: prompt_from_tokens(text, [chunk], {})


def boxes(length: int):
    prompt, text = prompt_of_length(length), "\n".join(f"{name(i)}: 0, 0, 5, 5" for i in range(length))
    return lambda: expected_regions(read_expectations(boxes=text), [prompt], 1, (8, 8), [])


WORK = {
    "choosing words": chosen,
    "numbering equal words": counted_labels,
    "choosing phrases": phrases,
    "registering labels": registered,
    "joining chunks": joined,
    "making a relevance": lambda length: lambda: relevance(length),
    "describing a relevance": described,
    "reading tokens": token_prompt,
    "naming embeddings": embeddings,
    "expecting boxes": boxes,
    "reading boxes": lambda length: lambda: parse_boxes("cat: 0, 0, 50%, 100%\n" * length),
    "reading overrides": lambda length: (
        lambda: parse_overrides(",".join(f"{name(i)}=Color" for i in range(length)), ["Color"])
    ),
}


@pytest.mark.parametrize("make", WORK.values(), ids=WORK)
def test_work_grows_in_step_with_length(make):
    assert slope(make) < LINEAR


def test_the_measure_sees_a_square():
    def squared(length):
        return lambda: [sum(1 for _ in range(length)) for _ in range(length)]

    assert slope(squared) > 1.8 or slope(lambda n: lambda: [_loop(n) for _ in range(n)]) > 1.8


def _loop(length: int) -> int:
    total = 0
    for number in range(length):
        total += number
    return total


def test_marks_of_a_long_text_take_one_pass():
    text = "\uff0c" * 1_000_000
    assert plain_marks(text) == "," * 1_000_000
