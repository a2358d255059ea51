"""The map benchmark of the twin: its rows, its differences and its table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.joint_maps import (
    CONCEPT_ATTENTION,
    DEFAULT_READING,
    HEAD_SUM,
    OUTPUTS,
    concept_attention,
    deltas,
    methods,
    table_names,
)
from benchmarks.map_methods import by_oracle
from benchmarks.map_table import markdown
from benchmarks.maps import compare
from selagg_core.proof.scoring import score_map
from selagg_core.proof.target import Sample, Target
from selagg_core.recording.head_maps import HeadMaps
from selagg_core.recording.layout import HeadLayout
from selagg_core.recording.settings import READINGS


def every_row() -> list[str]:
    table = methods(lambda target: np.zeros(4), lambda target: np.zeros(4))
    return [*(f"{reading}: {name}" for reading in READINGS for name in table), CONCEPT_ATTENTION]


def test_every_row_has_a_name_in_the_table_and_every_difference_two_rows():
    rows = every_row()
    assert set(table_names()) == set(rows) and len(set(table_names().values())) == len(rows)
    assert {name for pair in deltas() for name in pair} <= set(rows)
    default = f"{DEFAULT_READING}: default"
    assert {(default, HEAD_SUM), (default, CONCEPT_ATTENTION), (default, f"{DEFAULT_READING}: all")} <= set(
        deltas()
    )


def test_the_table_has_every_row_and_the_intervals_of_every_difference():
    mask = np.zeros((64, 64), bool)
    mask[8:24, 8:24] = True
    rng = np.random.default_rng(0)
    scores = {
        name: [
            score_map(kind, group, mask + rng.random(mask.shape), mask)
            for group in range(6)
            for kind in ("object", "material")
        ]
        for name in every_row()
    }
    found = compare(scores, scores, deltas())
    assert len(found["deltas"]) == len(deltas())
    lines = markdown(found).splitlines()
    assert "| map | object | material | overall | hit | AP |" in lines
    shown = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert set(table_names().values()) <= set(shown)
    assert {f"{one}-{other}" for one, other in deltas()} <= set(shown)


def two_words(first: np.ndarray, second: np.ndarray) -> Sample:
    layout = HeadLayout.of([("double block", 0, 0, 2), ("single block", 0, 0, 2)])
    maps = {layer: np.stack([np.stack([first, second])] * 2) for layer in layout.layers}
    targets = (Target("object", "a", (0,), first > 0), Target("object", "b", (1,), second > 0))
    heads = HeadMaps(None, maps, layout, {})
    return Sample(1, np.zeros((64, 64, 3), np.uint8), heads, targets)


def test_concept_attention_is_a_softmax_over_words_of_the_sum_over_heads():
    first, second = np.zeros((2, 8, 8))
    first[2, 2], second[5, 5] = 3.0, -1.0
    one, other = concept_attention(two_words(first, second))
    assert np.unravel_index(one.argmax(), one.shape)[0] // 8 == 2
    assert np.allclose(one + other, 1, atol=1e-5)
    assert one[20, 20] == pytest.approx(1 / (1 + np.exp(-6.0)), abs=0.05)
    assert other[44, 44] == pytest.approx(1 / (1 + np.exp(2.0)), abs=0.05)


def test_oracle_heads_of_a_kind_that_no_sample_has_are_those_of_all_words():
    first, second = np.zeros((2, 8, 8))
    first[2, 2] = second[5, 5] = 1.0
    sample = two_words(first, second)
    score = by_oracle([sample])
    assert np.isfinite(score(replace(sample.targets[0], kind="material"))).all()
    assert np.allclose(score(replace(sample.targets[0], kind="material")), score(sample.targets[0]))


def test_output_space_is_the_reading_that_concept_attention_is_made_of():
    assert CONCEPT_ATTENTION.startswith(f"{OUTPUTS}: ") and HEAD_SUM.startswith(f"{OUTPUTS}: ")
