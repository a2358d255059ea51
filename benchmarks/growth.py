"""How the time of what once grew with the square grows with length now.

    python -m benchmarks.growth --lengths 1000 10000 100000 --json -

Each row is a piece of work on so many words or items. seconds: processor time of one call. exponent: the
slope of log seconds over log length between the last two lengths (1: in step with it, 2: with its square).
`tests/core/test_growth.py` holds the same to a slope, counted in lines of Python instead of seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from demo.result_file import write_line
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.prompt.as_written import written_pieces
from selagg_core.prompt.groups import choose_groups
from selagg_core.prompt.known_texts import LabelCache
from selagg_core.prompt.lexicon import Concept
from selagg_core.prompt.word_places import word_spans
from selagg_core.prompt.words import CHUNK, Prompt, Word
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.relevance import HeadRelevance

from .plain_words import plain_prompt

LEXICON = general_lexicon()
Work = Callable[[], object]


def name(number: int) -> str:
    """A word of letters alone, another for each number."""
    return "w" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


def named_words(length: int) -> tuple[Word, ...]:
    return tuple(Word(name(i), (i + 1,)) for i in range(length))


def absent_places(length: int) -> Work:
    """Places in a text that shows none of the words."""
    prompt = Prompt("nothing of it " * (length // 3), named_words(length), length + 2, (0,))
    return lambda: word_spans(prompt)


def digits_after_a_colon(length: int) -> Work:
    words = tuple(Word("1", (i + 1,)) for i in range(length))
    prompt = Prompt("a:" + "1 " * length, words, length + 2, (0,))
    return lambda: word_spans(prompt)


def absent_pieces(length: int) -> Work:
    prompt = Prompt("nothing of it " * (length // 3), named_words(length), length + 2, (0,))
    return lambda: written_pieces(prompt)


def read(unit: str) -> Callable[[int], Work]:
    def work(length: int) -> Work:
        prompt = plain_prompt(unit * max(1, length // len(unit.split())))
        return lambda: read_claims([prompt], LEXICON)

    return work


def chosen(length: int) -> Work:
    prompt = Prompt("", named_words(length), length + 2, (0,))
    asked = ", ".join(name(i) for i in range(length))
    return lambda: choose_groups([prompt], asked)


def registered(length: int) -> Work:
    columns = max(1, length // CHUNK) * CHUNK
    prompt = Prompt("", tuple(Word("cat", (i,)) for i in range(columns)), columns, ())
    embedding = torch.arange(columns, dtype=torch.float32)[None, :, None]
    cache = LabelCache(columns + 2)
    return lambda: cache.register(prompt, embedding)


def relevance(length: int) -> HeadRelevance:
    layout = HeadLayout.of([("input", 1, 0, 2)])
    concepts = tuple(Concept(f"concept {i}", ("a",)) for i in range(length))
    return HeadRelevance(concepts, np.ones((length, 2)), layout, "argmax wins", "test")


def described(length: int) -> Work:
    made = relevance(length)
    return made.describe


ROWS: dict[str, Callable[[int], Work]] = {
    "places of words that the text does not show": absent_places,
    "places of digits after a colon": digits_after_a_colon,
    "pieces of a text that shows no word": absent_pieces,
    'reading "cat left of dog and"': read("cat left of dog and "),
    'reading "a red cat and a blue dog,"': read("a red cat and a blue dog, "),
    "choosing words by a list": chosen,
    "registering labels of chunks": registered,
    "making a head relevance of many concepts": lambda length: lambda: relevance(length),
    "describing a head relevance of many concepts": described,
}


def seconds_of(work: Work) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def curve(make: Callable[[int], Work], lengths: list[int]) -> dict:
    """Seconds by length, and the exponent between the last two."""
    seconds = {length: round(seconds_of(make(length)), 4) for length in lengths}
    last, before = seconds[lengths[-1]], seconds[lengths[-2]]
    exponent = math.log(max(last, 1e-6) / max(before, 1e-6)) / math.log(lengths[-1] / lengths[-2])
    return {"seconds": seconds, "exponent": round(exponent, 2)}


def main() -> None:
    """Measures all rows, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if len(args.lengths) < 2 or sorted(set(args.lengths)) != args.lengths or args.lengths[0] < CHUNK:
        parser.error(f"--lengths: two or more, rising, from {CHUNK}.")
    torch.set_num_threads(1)
    found = {}
    for row, make in ROWS.items():
        found[row] = curve(make, args.lengths)
        sys.stderr.write(f"{row}: {found[row]}\n")
        sys.stderr.flush()
    write_line(json.dumps({"lengths": args.lengths, "rows": found}), args.json)


if __name__ == "__main__":
    main()
