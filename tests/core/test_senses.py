"""Which meaning of a word a run took: what the heads of its senses answer to."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from synthetic import GRIDS, LAYOUT, blob, entry_of, recording_of

from selagg_core.claims.claim import Claim, Claims
from selagg_core.diagnose import sense_contrasts
from selagg_core.diagnosis.senses import head_responses, sense_contrast
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.relevance import AGREEMENT, ARGMAX_WINS, HeadRelevance
from selagg_core.view import view_of

CONCEPTS = (Concept("Color", ("red",)), Concept("Plants", ("mint",)), Concept("Animals", ("cat",)))
#: Heads 0 and 1 speak for Color, 2 and 3 for Plants, the rest for Animals.
SCORES = np.array([[5, 4, 0, 0, 0, 0, 0], [0, 0, 5, 4, 0, 0, 0], [0, 0, 0, 0, 5, 4, 3]], np.float32)
ORANGE = WordGroup("mint", (1,))
CIRCLE = WordGroup("circle", (2,))


def relevance(**changes) -> HeadRelevance:
    made = HeadRelevance(CONCEPTS, SCORES, LAYOUT, ARGMAX_WINS, "tests")
    return replace(made, **changes)


def entry(answers: dict[str, np.ndarray], text: str = "a mint circle", batch: int = 1):
    """Bumps of a height for each head and word: `answers` word -> (7,) heights, 0.1 where none is given."""
    made = entry_of(text, {}, batch=batch)
    maps = {}
    for layer in GRIDS:
        start = LAYOUT.offset(layer)
        heights = np.full((LAYOUT.heads_of(layer), len(made.prompt.words)), 0.1, np.float32)
        for number, word in enumerate(made.prompt.words):
            if word.text in answers:
                heights[:, number] = answers[word.text][start : start + LAYOUT.heads_of(layer)]
        stack = heights[:, :, None, None] * blob(GRIDS[layer], 0.5, 0.5, 0.2)
        maps[layer] = np.broadcast_to(stack, (batch, *stack.shape)).copy()
    special = {
        layer: np.full((batch, LAYOUT.heads_of(layer), *GRIDS[layer]), 0.2, np.float32) for layer in GRIDS
    }
    return replace(made, maps=MappingProxyType(maps), special=MappingProxyType(special))


AS_COLOUR = np.array([0.8, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
AS_PLANT = np.array([0.1, 0.1, 0.8, 0.8, 0.1, 0.1, 0.1], np.float32)


def contrast(answers: np.ndarray, intended=("Color",), unintended=("Plants",)) -> float:
    responses = head_responses(entry({"mint": answers}).picture(0))
    return sense_contrast(responses, (1,), (2,), relevance(), intended, unintended)


def test_the_heads_of_the_sense_that_was_taken_answer():
    assert contrast(AS_PLANT) > 0.2 > -0.2 > contrast(AS_COLOUR)
    assert contrast(AS_PLANT, ("Plants",), ("Color",)) < 0
    assert abs(contrast(np.full(7, 0.5, np.float32))) < 1e-3


def test_answers_are_compared_with_the_rest_of_the_prompt():
    """Heads that answer to everything say nothing of this word."""
    loud = head_responses(entry({"mint": AS_PLANT, "circle": AS_PLANT}).picture(0))
    assert abs(sense_contrast(loud, (1,), (2,), relevance(), ("Color",), ("Plants",))) < 1e-3


@pytest.mark.parametrize("unintended", [("Animals",), ("Plants", "Animals")])
def test_the_strongest_of_several_unintended_senses_counts(unintended):
    as_animal = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8], np.float32)
    assert contrast(as_animal, ("Color",), unintended) > 0.1


def claims(*senses: Claim) -> Claims:
    return Claims((Claim("entity", CIRCLE, words=CIRCLE), *senses))


def sense(word: WordGroup = ORANGE, subject: WordGroup = CIRCLE) -> Claim:
    return Claim("sense", subject, word.text, word, None, ("Color",), ("Plants",))


def test_contrasts_are_found_for_every_claimed_meaning_and_picture():
    made = entry({"mint": AS_PLANT}, batch=2)
    for layer, values in made.maps.items():  # the second picture took it as a colour
        values[1] = entry({"mint": AS_COLOUR}).maps[layer][0]
    view = view_of(recording_of(made))
    found = [sense_contrasts(view, index, claims(sense()), relevance()) for index in (0, 1)]
    assert set(found[0]) == {ORANGE} and found[0][ORANGE] > 0.2 > -0.2 > found[1][ORANGE]
    assert sense_contrasts(view, 0, claims(), relevance()) == {}
    assert sense_contrasts(view, 0, claims(Claim("sense", CIRCLE)), relevance()) == {}


def test_counted_wins_decide_whatever_score_is_in_front():
    """Which concept a head speaks for is asked, not how good its maps are."""
    view = view_of(recording_of(entry({"mint": AS_PLANT})))
    both = relevance(scores=SCORES[::-1].copy(), score_kind=AGREEMENT, alternatives={ARGMAX_WINS: SCORES})
    plain = sense_contrasts(view, 0, claims(sense()), relevance())
    assert sense_contrasts(view, 0, claims(sense()), both) == plain
    assert sense_contrasts(view, 0, claims(sense()), relevance(scores=SCORES[::-1].copy())) != plain


def test_a_noun_is_compared_with_all_other_words():
    """Where the word itself is the thing, the rest of the claims stands for its noun."""
    cat = WordGroup("cat", (3,))
    view = view_of(recording_of(entry({"mint": AS_PLANT, "cat": AS_PLANT}, "a mint circle cat")))
    alone = sense_contrasts(view, 0, claims(sense(ORANGE, ORANGE)), relevance())
    beside = sense_contrasts(
        view, 0, Claims((*claims(sense(ORANGE, ORANGE)).all, Claim("entity", cat, words=cat))), relevance()
    )
    assert alone[ORANGE] > beside[ORANGE] > 0
