"""What the weights of a prompt say, in claims and in advice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic import prompt_of

from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.claims.weights import heed_weights
from selagg_core.diagnosis.suggestions import suggestion_for
from selagg_core.prompt.words import Prompt


def weighed(text: str, **weights: float) -> Prompt:
    prompt = prompt_of(text)
    words = tuple(replace(word, weight=weights.get(word.text, 1.0)) for word in prompt.words)
    return replace(prompt, words=words)


def heeded(prompt: Prompt, edits: str = ""):
    claims, notices = heed_weights(read_claims([prompt], general_lexicon(), edits), [prompt])
    return {claim.text: claim for claim in claims.all}, notices


def test_what_is_weighed_below_zero_is_not_expected():
    text = "a red circle left of a blue star"
    claims, notices = heeded(weighed(text, star=-0.8, blue=-0.8))
    assert set(claims) == {"circle", "red > circle"} and len(notices) == 1 and '"star"' in notices[0]
    claims, _ = heeded(weighed(text, blue=-1.5))
    assert "star" in claims and "blue > star" not in claims and "circle left of star" in claims
    claims, notices = heeded(weighed(text, star=0.0, red=0.4, circle=1.3))
    assert set(claims) >= {"star", "blue > star", "circle left of star"} and not notices


def test_what_the_artist_says_stays():
    claims, _ = heeded(weighed("a circle and a star", star=-1.0), "star: left")
    assert "star: left" in claims and "star" not in claims


def test_weights_are_known_to_claims_and_no_part_of_their_identity():
    prompt = weighed("a red circle", red=0.3)
    claims, _ = heeded(prompt)
    read = read_claims([prompt], general_lexicon())
    assert claims["red > circle"].words.weight == 0.3 and claims["circle"].subject.weight == 1
    assert {claim.subject for claim in claims.values()} == {claim.subject for claim in read.all}


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.8])
@pytest.mark.parametrize("kind", ["neglected", "leaked", "wrong_sense", "misplaced", "blended"])
def test_advice_names_a_weight_that_is_the_cause(kind, weight):
    told = suggestion_for(kind, ("mint", "circle"), {"mint": weight, "circle": 1.0})
    assert told == f'bring the weight of "mint", which is {weight:g}, back to 1, such as (mint:1.0).'
    assert '"circle", which is 0' in suggestion_for(kind, ("mint", "circle"), {"circle": 0.0})


def test_advice_for_usual_weights_is_as_before():
    for kind in ("neglected", "leaked", "wrong_sense", "misplaced", "blended"):
        for weight in (0.9, 1.0, 1.1, 1.2):
            words = ("mint", "circle")
            assert suggestion_for(kind, words, {"mint": weight}) == suggestion_for(kind, words)


def test_a_strong_word_is_not_told_to_become_weaker():
    assert "which is 1.8" in suggestion_for("leaked", ("red", "circle"), {"red": 1.8})
    for weight, raised in ((1.0, "1.4"), (1.3, "1.5"), (1.6, "1.8")):
        told = suggestion_for("neglected", ("mint (2)",), {"mint (2)": weight})
        assert f'raise the weight of "mint (2)", such as (mint:{raised})' in told
    assert "raise the weight" not in suggestion_for("neglected", ("mint",), {"mint": 1.9})
