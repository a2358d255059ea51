"""The head relevance that ships for the demo model."""

from __future__ import annotations

import hashlib

import pytest

from demo.model import CONTEXT_WIDTH, WEIGHTS
from demo.relevance import CONCEPTS, captions
from demo.vocabulary import BACKGROUNDS, COLOURS, HOMONYMS, OBJECTS, PATTERNS, SHAPES
from selagg_core.prompt.lexicon import Lexicon
from selagg_core.recording.layout import sd1_layout
from selagg_core.relevance.relevance import AGREEMENT, ARGMAX_WINS, MAP_KINDS
from selagg_core.relevance.shipped import load_preset, transfer_notice


@pytest.fixture(scope="module")
def preset():
    return load_preset("demo")


def test_it_was_measured_on_the_weights_that_ship(preset):
    assert preset.about["sha256 of the weights"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(), (
        "the demo model was trained on: run python -m demo.train --relevance"
    )
    assert transfer_notice(preset) == ""
    assert "transferred" in transfer_notice(load_preset("sd14"))


def test_it_holds_wins_and_scores_of_maps_of_every_concept(preset):
    assert preset.layout == sd1_layout() and preset.context_width == CONTEXT_WIDTH
    assert preset.score_kinds == (ARGMAX_WINS, *MAP_KINDS)
    assert {concept.name: concept.words for concept in preset.concepts} == CONCEPTS
    for kind in (ARGMAX_WINS, AGREEMENT):
        scored = preset.with_score(kind)
        assert all(scored.reliability(name).reliable for name in preset.names), kind


def test_every_word_of_the_demo_world_has_its_concept(preset):
    lexicon = Lexicon.of(preset.concepts)
    concept = {"Color": (*COLOURS, *BACKGROUNDS), "Shape": SHAPES, "Geometric Patterns": PATTERNS}
    for name, words in concept.items():
        assert all(name in lexicon.lookup(word) for word in words), name
    for word in OBJECTS:
        senses = lexicon.lookup(word)
        assert len(senses) == 1 + (word in HOMONYMS), (word, senses)
        assert set(senses) <= {"Shape", "Objects", "Color"}


def test_its_prompts_are_captions_of_scenes():
    made = captions(range(30_000, 30_003))
    assert len(set(made)) == 3 and all(len(text) > 5 for text in made)
