"""The fuzzing itself: it makes what it says, the same for the same seed, and sees each kind of fault."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest

from benchmarks.fuzz import seeds_of
from benchmarks.fuzz_prompts import read_all
from benchmarks.fuzz_requests import tracebacks
from benchmarks.fuzz_tally import LONGEST_MESSAGE, Hang, Tally, ended_after
from benchmarks.fuzz_texts import Texts
from benchmarks.plain_words import plain_prompt
from selagg_core.prompt.words import Prompt, Word


def prompts(seed: int, count: int = 400) -> list[str]:
    texts = Texts(random.Random(seed))
    return [texts.prompt() for _ in range(count)]


def test_texts_are_the_same_for_a_seed_and_others_for_another():
    assert prompts(1) == prompts(1)
    assert len(set(prompts(1)) & set(prompts(2))) < 60  # the empty one, and single words


def test_texts_hold_all_that_they_promise():
    every = "".join(prompts(3, 1500))
    kinds = {unicodedata.category(mark) for mark in every}
    assert {"Cc", "Cf", "Cs", "Lo", "Mn", "Nd", "So", "Zs"} <= kinds
    for promised in (
        "(",
        "\\(",
        ":1.2)",
        "embedding:",
        "[cat:dog:0.5]",
        "9" * 300,
        "\u202e",
        "\ud83d",
        "((((((((((",
        "1girl",
    ):
        assert promised in every, promised


def test_every_reader_stands_a_few_hundred_of_them():
    """The host's tokenizers read them in `python -m benchmarks.fuzz`; here a stand-in does."""
    tally, texts = Tally(), Texts(random.Random(11))
    for _ in range(250):
        text = texts.prompt()[:2000]
        fields = {
            "claims": texts.claims(text), "words": texts.words(text), "boxes": texts.boxes(text),
            "overrides": texts.overrides(text), "name": texts.name(),
        }  # fmt: skip
        read_all([plain_prompt(text)], fields, tally, ascii(text))
    assert not tally.faults, tally.examples
    assert tally.messages > 500 and tally.refused > 100 and tally.longest_message <= LONGEST_MESSAGE


def faults_of(work) -> set[str]:
    tally = Tally()
    work(tally)
    return {key.partition(":")[0] for key in tally.faults}


@pytest.mark.parametrize(
    "error", [TypeError("x"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "x"), OverflowError()]
)
def test_what_is_no_valueerror_is_a_crash(error):
    assert faults_of(lambda tally: tally.raised(error, "here", "x")) == {"crash"}


def test_a_refusal_is_a_message_and_its_length_counts():
    assert faults_of(lambda tally: tally.raised(ValueError("write it so."), "here", "x")) == set()
    assert faults_of(lambda tally: tally.raised(ValueError("y" * 301), "here", "x")) == {"long message"}
    assert faults_of(lambda tally: tally.raised(ValueError("y" * 300), "here", "x")) == set()
    assert faults_of(lambda tally: tally.said(["", " "], "here", "x")) == {"empty message"}


def test_a_second_a_thousand_words_is_the_limit():
    assert faults_of(lambda tally: tally.took(1.1, 10, "here", "x")) == {"hang"}
    assert faults_of(lambda tally: tally.took(1.9, 2000, "here", "x")) == set()
    assert faults_of(lambda tally: tally.took(2.1, 2000, "here", "x")) == {"hang"}


@pytest.mark.parametrize("step", [lambda: time.sleep(0.01), lambda: sum(range(1000))], ids=["waits", "works"])
def test_what_hangs_is_ended(step):
    def endless(tally):
        try:
            with ended_after(0.05):
                while True:
                    step()
        except Hang as error:
            tally.raised(error, "here", "x")

    assert faults_of(endless) == {"hang"}


def test_what_a_busy_machine_holds_up_is_no_hang():
    with ended_after(0.1):
        time.sleep(0.3)


FIELDS = {"claims": "", "words": "all", "boxes": "", "overrides": "", "name": "x"}
WRONG = {
    "wrong columns": Prompt("a b", (Word("a", (1,)), Word("b", (1,))), 3, (0, 2)),
    "wrong columns of none": Prompt("a", (Word("a", (9,)),), 3, (0, 2)),
    "empty message": Prompt("a", (Word("a", (1,)),), 3, (0, 2), ("",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_words_are_seen(name):
    found = faults_of(lambda tally: read_all([WRONG[name]], FIELDS, tally, "x"))
    assert found == {name.removesuffix(" of none")}


def test_only_a_traceback_of_ours_is_a_fault():
    log = (
        'x\nTraceback (most recent call last):\n  File "/a/server.py", line 1, in f\n    g()\n'
        '  File "{}", line 2, in g\nKeyError\n'
    )
    assert tracebacks(log.format("/a/custom_nodes/pack/nodes/viewer/routes.py"))
    assert not tracebacks(log.format("/a/comfy/execution.py"))


def test_seeds_of_the_command_line():
    assert list(seeds_of("3:5")) == [3, 4] and list(seeds_of("7")) == [7]
