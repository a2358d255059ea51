"""Sums from which head relevance is built: wins by the published definition, label-free scores of maps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from synthetic import GRIDS, LAYOUT, blob, prompt_of

from selagg_core.prompt.lexicon import Concept, Lexicon
from selagg_core.relevance.building import (
    DEFAULT_PROMPTS,
    ConceptTexts,
    RelevanceSums,
    RunMeasurement,
    SpokenWord,
    count_wins,
    fill_prompts,
    map_scores,
    spoken_words,
)
from selagg_core.relevance.relevance import AGREEMENT, ARGMAX_WINS, CONCENTRATION, CONSISTENCY, RELIABLE_MAPS
from selagg_core.relevance.shipped import load_preset

CONCEPTS = (Concept("Color", ("red", "blue")), Concept("Animals", ("cat", "polar bear")))


def texts(width: int = 6) -> ConceptTexts:
    generator = torch.Generator().manual_seed(0)
    words = tuple(
        tuple(torch.randn(len(word.split()), width, generator=generator) for word in concept.words)
        for concept in CONCEPTS
    )
    return ConceptTexts(CONCEPTS, torch.randn(width, generator=generator), words)


def run_of(words=(), wins=None, decisions=1, maps=None, mark=1.0, parts=(0, 1)) -> RunMeasurement:
    """A finished run; wins: (concepts, heads) of it; maps(layer): (heads, words, h, w), in all parts."""
    run = RunMeasurement(LAYOUT, words)
    wins = np.zeros((len(CONCEPTS), LAYOUT.total), np.int64) if wins is None else wins
    for layer in LAYOUT.layers:
        start, heads = LAYOUT.offset(layer), LAYOUT.heads_of(layer)
        own = torch.from_numpy(wins[:, start : start + heads].T.copy())
        run.add_wins(layer, own, decisions, torch.full((3,), mark))
        if maps is not None:
            flat = torch.from_numpy(maps(layer)).flatten(2).transpose(1, 2)[None]
            for part in parts:
                run.add_maps(layer, part, flat, GRIDS[layer])
    return run


def test_attention_that_is_not_finite_is_told_after_the_first_picture():
    """Not after hundreds of them, when the file is made."""
    word = (SpokenWord("red", (1,), 0),)
    for maps, mark in (
        (lambda layer: np.full((LAYOUT.heads_of(layer), 1, *GRIDS[layer]), np.nan, np.float32), 1.0),
        (None, float("nan")),
        (None, float("inf")),
    ):
        with pytest.raises(ValueError, match="is not finite .*--force-fp32"):
            RelevanceSums.empty(2, LAYOUT.total).plus(run_of(word, maps=maps, mark=mark))


# -- wins ------------------------------------------------------------------------------------------------


def test_a_draw_takes_one_word_of_every_concept():
    drawn, made = set(), texts()
    random = np.random.default_rng(0)
    for _ in range(40):
        text, matrix = made.draw(random)
        assert torch.equal(text[0], made.start) and matrix[0].tolist() == [0, 0]
        assert matrix.sum(dim=0).tolist() == [1, 1] and len(text) == len(matrix)
        drawn.add(tuple(text[1].tolist()))
        assert matrix[-1].tolist() in ([0, 1], [0, 0.5])
    assert drawn == {tuple(word[0].tolist()) for word in made.words[0]}


def test_wins_follow_the_published_definition():
    """Softmax over begin and all words' tokens, mean over pixels, mean over a word's tokens, argmax."""
    generator = torch.Generator().manual_seed(1)
    batch, pixels, heads, dim = 3, 10, 4, 5
    q = torch.randn(batch, pixels, heads * dim, generator=generator) * 2
    k = torch.randn(1, 4, heads * dim, generator=generator)
    matrix = torch.tensor([[0, 0], [1, 0], [0, 0.5], [0, 0.5]])
    expected = np.zeros((heads, 2), int)
    for picture in range(batch):
        for head in range(heads):
            part = slice(head * dim, (head + 1) * dim)
            logits = (q[picture, :, part] @ k[0, :, part].T) / dim**0.5
            mean = torch.softmax(logits, dim=-1).mean(dim=0)
            strengths = [mean[1], (mean[2] + mean[3]) / 2]
            expected[head, int(np.argmax(strengths))] += 1
    found = count_wins(q, k, heads, matrix)
    assert found.tolist() == expected.tolist()
    assert found.sum(dim=1).tolist() == [batch] * heads
    assert 0 < expected[:, 0].sum() < batch * heads


def test_the_begin_token_takes_attention_but_never_wins():
    q, k = torch.ones(1, 2, 4), torch.tensor([[[9.0] * 4, [0.0] * 4, [1.0] * 4]])
    matrix = torch.tensor([[0, 0], [1.0, 0], [0, 1.0]])
    assert count_wins(q, k, 1, matrix).tolist() == [[0, 1]]


def test_scores_are_shares_of_wins_scaled_to_a_mean_of_one():
    wins = np.array([[3, 1, 0, 2, 4, 4, 0], [1, 3, 4, 2, 0, 0, 4]])
    sums = RelevanceSums.empty(2, 7).plus(run_of(wins=wins, decisions=4))
    made = sums.plus(run_of(wins=wins, decisions=4)).relevance(CONCEPTS, LAYOUT, "Own", 6, {"licence": "CC0"})
    np.testing.assert_allclose(made.win_share, wins / 4)
    np.testing.assert_allclose(made.scores[0], 7 * wins[0] / wins[0].sum(), rtol=1e-6)
    assert made.score_kind == ARGMAX_WINS and made.score_kinds == (ARGMAX_WINS,)
    assert [(c.rivals, c.decisions, c.maps) for c in made.concepts] == [(2, 8, 0)] * 2
    assert (made.base_model, made.context_width, dict(made.about)) == ("Own", 6, {"licence": "CC0"})


def test_a_layer_that_was_not_seen_is_named():
    run = RunMeasurement(LAYOUT, ())
    run.add_wins(LAYOUT.layers[0], torch.zeros(2, 2), 1, torch.ones(3))
    with pytest.raises(ValueError, match=r"another pack .*|middle 0.0"):
        run.wins()
    with pytest.raises(ValueError, match="another pack"):
        RelevanceSums.empty(2, 7).plus(RunMeasurement(LAYOUT, ()))
    with pytest.raises(ValueError, match="Nothing was measured"):
        RelevanceSums.empty(2, 7).relevance(CONCEPTS, LAYOUT, "Own", 6, {})


# -- scores of maps --------------------------------------------------------------------------------------


def bumps(places: dict[int, tuple[float, float]]):
    """layer -> maps (heads, 1, h, w): heads see a bump at (0.3, 0.3), those of `places` at their own."""

    def maps(layer):
        start = LAYOUT.offset(layer)
        heads = range(start, start + LAYOUT.heads_of(layer))
        return np.stack([blob(GRIDS[layer], *places.get(head, (0.3, 0.3)), 0.15)[None] for head in heads])

    return maps


def as_part(maps) -> dict:
    return {layer: maps(layer) for layer in LAYOUT.layers}


def test_agreement_is_low_for_the_head_that_looks_elsewhere():
    scores = map_scores([as_part(bumps({5: (0.8, 0.8)}))] * 2, LAYOUT)
    agreement = scores[AGREEMENT][0]
    assert agreement.argmin() == 5 and agreement[5] < 0.2 < 0.8 < np.delete(agreement, 5).min()
    np.testing.assert_allclose(scores[CONSISTENCY][0], 1)


def test_agreement_does_not_depend_on_how_much_attention_a_head_pays():
    def louder(layer):
        return bumps({5: (0.8, 0.8)})(layer) * (1000.0 if layer == LAYOUT.layers[2] else 1.0)

    quiet = map_scores([as_part(bumps({5: (0.8, 0.8)}))] * 2, LAYOUT)
    loud = map_scores([as_part(louder)] * 2, LAYOUT)
    for kind, values in quiet.items():
        np.testing.assert_allclose(loud[kind], values, atol=1e-5)


def test_consistency_is_low_for_the_head_that_moves():
    scores = map_scores([as_part(bumps({0: (0.8, 0.2)})), as_part(bumps({}))], LAYOUT)
    assert scores[CONSISTENCY][0].argmin() == 0 and scores[CONSISTENCY][0, 0] < 0.2
    np.testing.assert_allclose(scores[CONSISTENCY][0, 1:], 1)


def test_concentration_runs_from_flat_to_a_point():
    def maps(layer):
        made = np.ones((LAYOUT.heads_of(layer), 1, *GRIDS[layer]), np.float32)
        if layer == LAYOUT.layers[0]:
            made[0] = 0
            made[0, 0, 3, 4] = 1
        return made

    scores = map_scores([as_part(maps)] * 2, LAYOUT)
    assert scores[CONCENTRATION][0, 0] > 0.99
    np.testing.assert_allclose(scores[CONCENTRATION][0, 1:], 0, atol=1e-6)
    assert all(np.isfinite(values).all() for values in scores.values())
    assert scores[AGREEMENT][0, 1:].max() == 0


def test_only_words_of_one_known_concept_count():
    lexicon = Lexicon.of(load_preset("sd14").concepts)
    found = spoken_words(prompt_of("a red cat on a orange zyxwv cat"), lexicon)
    assert [(word.text, word.columns) for word in found] == [("red", (2,)), ("cat", (3,)), ("cat", (8,))]
    assert [lexicon.concepts[word.concept] for word in found] == ["Color", "Animals", "Animals"]


def test_a_concept_that_was_not_spoken_of_gets_the_mean_of_all_words():
    words = [SpokenWord("red", (1,), 0)]
    run = run_of(words, maps=bumps({5: (0.8, 0.8)}))
    made = RelevanceSums.empty(2, 7).plus(run).relevance(CONCEPTS, LAYOUT, "Own", 6, {}, AGREEMENT)
    assert made.score_kind == AGREEMENT and set(made.score_kinds) > {ARGMAX_WINS, CONSISTENCY}
    assert [concept.maps for concept in made.concepts] == [1, 0]
    np.testing.assert_array_equal(made.scores[0], made.scores[1])
    assert made.scores[0].argmin() == 5


def test_a_run_of_one_step_and_one_without_all_maps():
    words = [SpokenWord("red", (1,), 0)]
    one, two = (run_of(words, maps=bumps({5: (0.8, 0.8)}), parts=parts).scores() for parts in ((0,), (0, 1)))
    np.testing.assert_allclose(one[AGREEMENT], two[AGREEMENT], atol=1e-6)
    np.testing.assert_allclose(one[CONSISTENCY], 1)
    partial = run_of(words)
    partial.add_maps(LAYOUT.layers[0], 0, torch.ones(1, 2, 256, 1), (16, 16))
    assert partial.scores() == {} and run_of().scores() == {}
    assert RelevanceSums.empty(2, 7).plus(partial).maps.tolist() == [0, 0]


# -- going on --------------------------------------------------------------------------------------------


@pytest.fixture
def half(tmp_path):
    """Sums of one run, saved for the job "a"."""
    words = [SpokenWord("red", (1,), 0)]
    sums = RelevanceSums.empty(2, 7).plus(run_of(words, maps=bumps({})))
    path = tmp_path / "x.building"
    sums.save(path, "a")
    return sums, path


def test_sums_come_back_whole(half):
    sums, path = half
    again = RelevanceSums.resume(path, "a", 2, 7)
    assert (again.prompts, again.decisions) == (sums.prompts, sums.decisions) == (1, 1)
    for name in ("wins", "maps", "mark"):
        np.testing.assert_array_equal(getattr(again, name), getattr(sums, name))
    for kind, values in sums.scores.items():
        np.testing.assert_array_equal(again.scores[kind], values)
    assert not list(path.parent.glob("*.part"))


def test_sums_of_another_job_or_damaged_ones_are_not_taken(half):
    _, path = half
    assert RelevanceSums.resume(path, "b", 2, 7) is None
    assert RelevanceSums.resume(path, "a", 3, 7) is None
    path.write_bytes(path.read_bytes()[:-9])
    assert RelevanceSums.resume(path, "a", 2, 7) is None
    assert RelevanceSums.resume(path.with_name("none"), "a", 2, 7) is None


def test_another_checkpoint_is_noticed(half):
    sums, _ = half
    assert sums.same_model(run_of(mark=1.001))
    assert not sums.same_model(run_of(mark=1.2))
    assert RelevanceSums.empty(2, 7).same_model(run_of(mark=5.0))


def test_sums_do_not_grow(half):
    sums, path = half
    size = path.stat().st_size
    for _ in range(3):
        sums = sums.plus(run_of([SpokenWord("cat", (1,), 1)], maps=bumps({})))
    sums.save(path, "a")
    assert sums.prompts == 4 and abs(path.stat().st_size - size) < 16


# -- prompts ---------------------------------------------------------------------------------------------


def test_lines_take_turns_and_blanks_are_filled():
    made = fill_prompts("a __Color__ __animals__\n\n  plain ", CONCEPTS, 5, 3)
    assert made[1] == made[3] == "plain"
    assert all(line.split()[1] in ("red", "blue") for line in made[::2])
    assert fill_prompts("a __Color__ __animals__", CONCEPTS, 50, 3) != fill_prompts(
        "a __Color__ __animals__", CONCEPTS, 50, 4
    )
    assert made == fill_prompts("a __Color__ __animals__\n\n  plain ", CONCEPTS, 5, 3)


def test_bad_prompts_say_what_is_wrong():
    with pytest.raises(ValueError, match="no prompt"):
        fill_prompts(" \n", CONCEPTS, 5, 0)
    with pytest.raises(ValueError, match=r'word of "Weather".* Color, Animals'):
        fill_prompts("a __Weather__ day", CONCEPTS, 5, 0)


def test_the_usual_prompts_speak_of_every_published_concept_often_enough():
    lexicon = Lexicon.of(load_preset("sd14").concepts)
    made = fill_prompts(DEFAULT_PROMPTS, load_preset("sd14").concepts, 400, 0)
    assert not any("__" in prompt for prompt in made)
    spoken = Counter(
        lexicon.concepts[word.concept]
        for prompt in made
        for word in spoken_words(prompt_of(prompt.replace(",", " ")), lexicon)
    )
    assert min(spoken[name] for name in lexicon.concepts) >= RELIABLE_MAPS


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_layer_that_is_not_finite_among_finite_ones_is_told(value):
    run = RunMeasurement(LAYOUT, ())
    for layer in LAYOUT.layers:
        heads = LAYOUT.heads_of(layer)
        begin = torch.tensor([1.0, value if layer == LAYOUT.layers[-1] else 1.0, 1.0])
        run.add_wins(layer, torch.zeros(heads, 2, dtype=torch.int64), 1, begin)
    with pytest.raises(ValueError, match="is not finite"):
        run.wins()


def test_one_map_that_is_not_finite_among_finite_ones_is_told():
    def maps(layer):
        values = np.ones((LAYOUT.heads_of(layer), 1, *GRIDS[layer]), np.float32)
        values[0, 0, 0, 0] = np.nan if layer == LAYOUT.layers[-1] else 1
        return values

    with pytest.raises(ValueError, match="is not finite"):
        RelevanceSums.empty(2, LAYOUT.total).plus(run_of((SpokenWord("red", (1,), 0),), maps=maps))
