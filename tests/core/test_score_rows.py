"""Rows of scores: what is measured, kept, read again, and told in a table."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic import LAYOUT, OneRunCapture, entry_of, painted, random_head_maps, recording_of
from test_truth import LATENT, PLACES, TEXT, both_there, view_of_text

from selagg_core.files.append import append_lines
from selagg_core.prompt.lexicon import Concept
from selagg_core.proof.head_quality import head_aucs
from selagg_core.proof.methods import DAAM, compared, heats, published_layers, score_sample
from selagg_core.proof.rows import (
    ClaimRow,
    PictureRow,
    Rows,
    Taken,
    WordRow,
    append_rows,
    from_line,
    parse_rows,
    read_rows,
    to_line,
)
from selagg_core.proof.run_truth import claims_of_run, judge_run
from selagg_core.proof.score import score_run
from selagg_core.proof.scoring import THRESHOLDS, WordScore
from selagg_core.proof.statistics import auroc
from selagg_core.proof.table import Change, markdown, more_pictures, score_table, verdict
from selagg_core.proof.table_picture import table_picture
from selagg_core.proof.target import Sample, Target
from selagg_core.proof.truth_heads import heads_by_truth
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.view import open_run


def scored_run(seed: int = 3, text: str = TEXT, relevance=None):
    entry = entry_of(text, {"circle": (0.25, 0.5, 0.1), "star": (0.75, 0.5, 0.1), "red": (0.25, 0.5, 0.1)})
    view = open_run(OneRunCapture(recording_of(entry)), LATENT, painted(PLACES))
    truth = judge_run(view, claims_of_run(view), [both_there(view)])
    return view, truth, score_run(view, truth.pictures, "tests", seed, relevance)


def row(prompt: str, word: str, daam: float, default: float, kind: str = "object") -> WordRow:
    def score(value: float) -> WordScore:
        return WordScore(kind, prompt, np.where(THRESHOLDS < 0.7, value, 0.0), value, 1.0, value)

    scores = {DAAM: score(daam), "default": score(default)}
    return WordRow(Taken("tests", prompt, 0, word), word, (1,), kind, ("Animals",), scores, (0.5, None))


def rows_of(gains: list[float], base: float = 0.5) -> Rows:
    return Rows.of(row(f"prompt {i:03}", "cat", base, base + gain) for i, gain in enumerate(gains))


# -- what is measured -----------------------------------------------------------------------------------


def test_a_run_is_scored_word_by_word():
    view, _, scored = scored_run()
    words = [own for own in scored.rows if isinstance(own, WordRow)]
    assert [own.word for own in words] == ["red", "circle", "blue", "star"]
    assert [own.kind for own in words] == ["colour", "object", "colour", "object"]
    assert set(words[0].scores) == {DAAM, "all_heads", "default"}, "there is no relevance for this model"
    by_word = {own.word: own.scores["default"] for own in words}
    assert by_word["circle"].hit == 1 and by_word["circle"].ious.max() > 0.6
    assert by_word["blue"].ious.max() < 0.2, "its map is flat"
    assert len(words[1].aucs) == LAYOUT.total and min(words[1].aucs) > 0.85
    claims = [own for own in scored.rows if isinstance(own, ClaimRow)]
    assert len(claims) == 5 and {own.verdict for own in claims} == {"right"}
    last = scored.rows[-1]
    assert isinstance(last, PictureRow) and last.absent == (("SAM3", "violin", 0.1),)
    assert sum(heads for *_, heads in last.layout) == LAYOUT.total
    assert "right" in scored.told[0]


def test_truth_of_other_pictures_is_refused():
    view, truth, _ = scored_run()
    other = open_run(
        OneRunCapture(recording_of(entry_of(TEXT, {}))), LATENT, painted({"red": (0.5, 0.5, 0.1)})
    )
    with pytest.raises(ValueError, match="another picture"):
        score_run(other, truth.pictures, "tests", 0)
    with pytest.raises(ValueError, match="about 2 pictures"):
        score_run(view, truth.pictures * 2, "tests", 0)


def test_large_pictures_are_scored_at_a_limit_and_alike():
    view, truth, scored = scored_run()
    image = torch.nn.functional.interpolate(painted(PLACES).movedim(-1, 1), scale_factor=8).movedim(1, -1)
    large = open_run(OneRunCapture(view.recording), LATENT, image)
    noun = [own for own in truth.testimonies[0].sightings]
    grown = tuple(replace(s, mask=np.kron(s.mask, np.ones((8, 8), bool))) for s in noun)
    testimony = replace(truth.testimonies[0], sightings=grown)
    again = score_run(large, judge_run(large, claims_of_run(large), [testimony]).pictures, "tests", 3)
    for small, big in zip(scored.rows, again.rows, strict=True):
        if isinstance(small, WordRow):
            assert big.scores["all_heads"].ious == pytest.approx(small.scores["all_heads"].ious, abs=0.06)


def test_the_map_of_a_phrase_is_the_mean_of_its_words():
    head_maps = random_head_maps(0)
    picture, mask = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), bool)
    method = compared(None, None)["all_heads"]

    def maps(*words: tuple[int, ...]) -> np.ndarray:
        targets = tuple(Target("object", "x", own, mask) for own in words)
        return heats(Sample(0, picture, head_maps, targets), method)[0]

    both = maps((0, 1), (2,))
    single = maps((0,), (1,), (2,))
    assert both[0] == pytest.approx(single[:2].mean(axis=0), abs=1e-6)
    assert both[1] == pytest.approx(single[2], abs=1e-6)


def test_random_heads_are_drawn_by_the_number_of_the_picture():
    head_maps = random_head_maps(1)
    picture, mask = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), bool)
    mask[:8] = True
    table = compared(lambda target: np.arange(LAYOUT.total, dtype=np.float32), None)
    target = (Target("object", "x", (0,), mask),)
    found = [
        score_sample(Sample(number, picture, head_maps, target), table)["matched"][0] for number in (1, 1, 2)
    ]
    assert found[0].ious.tolist() == found[1].ious.tolist() != found[2].ious.tolist()


def test_published_daam_leaves_the_coarsest_grid_out():
    assert published_layers(np.array([4096, 1024, 256, 64])).tolist() == [True, True, True, False]


def test_the_auc_of_a_head_is_that_of_its_cells():
    head_maps = random_head_maps(2)
    mask = np.zeros((16, 16), bool)
    mask[4:12, 2:9] = True
    found = head_aucs(head_maps, Target("object", "x", (1,), mask))
    first = head_maps.layout.layers[0]  # on the mask's own grid
    for head, maps in enumerate(head_maps.maps[first][:, 1]):
        assert found[head] == pytest.approx(auroc(maps, mask), abs=1e-5)


def test_aucs_of_flat_maps_and_full_masks():
    head_maps = random_head_maps(2)
    flat = replace(head_maps, maps={layer: np.ones_like(m) for layer, m in head_maps.maps.items()})
    mask = np.zeros((16, 16), bool)
    mask[:3, :3] = True  # covers coarse cells in part
    assert head_aucs(flat, Target("object", "x", (0,), mask)) == pytest.approx(0.5)
    assert np.isnan(head_aucs(head_maps, Target("object", "x", (0,), np.ones((16, 16), bool)))).all()
    layer = head_maps.layout.layers[1]
    partly = replace(head_maps, maps={k: m for k, m in head_maps.maps.items() if k != layer})
    assert np.isnan(head_aucs(partly, Target("object", "x", (0,), mask))).sum() == 2


# -- what is kept ---------------------------------------------------------------------------------------


def test_rows_come_back_as_they_were(tmp_path):
    _, _, scored = scored_run()
    append_rows(tmp_path / "x.jsonl", scored.rows)
    found = read_rows(tmp_path / "x.jsonl")
    assert (len(found.words), len(found.claims), len(found.pictures), found.damaged) == (4, 5, 1, 0)
    before = [own for own in scored.rows if isinstance(own, WordRow)]
    for old, new in zip(before, found.words, strict=True):
        assert new.taken == old.taken and new.at == old.at
        for name, score in old.scores.items():
            assert new.scores[name].ious == pytest.approx(score.ious, abs=1e-6)
            assert new.scores[name].ap == pytest.approx(score.ap, abs=1e-6)


def test_the_same_picture_again_takes_the_place_of_the_older(tmp_path):
    path = tmp_path / "x.jsonl"
    for value in (0.5, 0.75):
        append_rows(path, [row("a cat", "cat", value, value)])
    (found,) = read_rows(path).words
    assert found.scores[DAAM].ap == 0.75


def test_a_half_line_loses_nothing_else(tmp_path):
    path = tmp_path / "x.jsonl"
    append_rows(path, [row("a cat", "cat", 0.5, 0.6)])
    with path.open("a") as file:
        file.write('{"schema": "selagg-score", "ver')
    append_rows(path, [row("a dog", "dog", 0.5, 0.6)])
    found = read_rows(path)
    assert [own.word for own in found.words] == ["cat", "dog"] and found.damaged == 1


def test_a_full_disk_keeps_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    append_lines(path, ["one"])
    real, calls = os.write, []

    def full(handle, content):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, content[:3])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ValueError, match="disk is full"):
        append_lines(path, ["two", "three"])
    assert path.read_text() == "one\n"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "x"},
        {"version": 9},
        {"scores": 3},
        {"at": ["x"]},
        {"row": "word", "kind": None, "aucs": "x"},
    ],
)
def test_rows_that_cannot_be_used_are_counted(change):
    body = {**json.loads(to_line(row("a cat", "cat", 0.5, 0.6))), **change}
    with pytest.raises(ValueError):
        from_line(json.dumps(body))
    assert parse_rows([json.dumps(body), "", "[]", "nan"]).damaged == 3


def test_files_without_rows_say_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="make pictures with SelAgg Score first"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl").write_text("hello\n")
    with pytest.raises(ValueError, match="no rows"):
        read_rows(tmp_path / "x.jsonl")


# -- what it means --------------------------------------------------------------------------------------


def test_a_clear_gain_is_told_with_its_interval():
    rng = np.random.default_rng(0)
    table = score_table(rows_of([0.05 + 0.01 * rng.standard_normal() for _ in range(40)]))
    line = table.line("default")
    assert line.verdict.startswith("better than DAAM by 0.049") and line.against["other"].low > 0.04
    assert table.line(DAAM).iou_published == pytest.approx(0.5) and table.line(DAAM).verdict == ""
    assert (table.words, table.pictures, table.prompts) == (40, 40, 40)


def test_losses_and_equals_are_told_too():
    rng = np.random.default_rng(1)
    noise = 0.01 * rng.standard_normal(60)
    assert score_table(rows_of((noise - 0.05).tolist())).line("default").verdict.startswith("worse than DAAM")
    assert score_table(rows_of(noise.tolist())).line("default").verdict.startswith("the same as DAAM within")


def test_doubt_says_how_many_more_pictures():
    rng = np.random.default_rng(2)
    told = score_table(rows_of((0.02 + 0.2 * rng.standard_normal(30)).tolist())).line("default").verdict
    assert told.startswith("undecided: ") and int(told.split()[1]) > 30


def test_few_prompts_decide_nothing():
    assert score_table(rows_of([0.3] * 5)).line("default").verdict == "undecided: 7 more prompts at least"


def test_how_many_more_grows_with_the_doubt():
    narrow, wide = Change(0.01, -0.01, 0.03), Change(0.01, -0.09, 0.11)
    assert int(more_pictures(narrow, 20, 40)) == 120
    assert int(more_pictures(wide, 20, 40)) > 3000
    assert "3960 more" in verdict(wide, 20, 40)


def test_intervals_draw_prompts_and_not_pictures():
    rng = np.random.default_rng(3)
    gains = 0.1 * rng.standard_normal(20)
    single = rows_of(gains.tolist())
    seeds = [
        replace(own, taken=replace(own.taken, seed=seed, picture=f"{seed}"))
        for own in single.words
        for seed in range(6)
    ]
    one, six = (
        score_table(Rows.of(rows)).line("default").against["published"] for rows in (single.words, seeds)
    )
    assert six.high - six.low == pytest.approx(one.high - one.low, rel=0.02)


def test_thresholds_come_from_the_other_half():
    """In the even prompts a low threshold is best, in the odd ones a high one: each gets the wrong one."""

    def own(i: int) -> WordRow:
        best = np.where(THRESHOLDS < 0.5, 0.8, 0.2) if i % 2 == 0 else np.where(THRESHOLDS < 0.5, 0.2, 0.8)
        score = WordScore("object", f"{i:02}", best, 0.5, 1.0, 0.5)
        return WordRow(Taken("tests", f"{i:02}", 0, "p"), "cat", (1,), "object", (), {DAAM: score})

    table = score_table(Rows.of([own(i) for i in range(20)]))
    assert table.line(DAAM).iou_other == pytest.approx(0.2)
    assert table.line(DAAM).iou_best == pytest.approx(0.5)


def test_one_prompt_has_no_other_half():
    line = score_table(rows_of([0.1])).line("default")
    assert line.iou_other is None and set(line.against) == {"published"}


def test_words_that_a_method_lacks_are_left_out_of_all():
    rows = rows_of([0.1] * 4)
    without = replace(rows.words[0], scores={DAAM: rows.words[0].scores[DAAM]})
    table = score_table(Rows.of([without, *rows.words[1:]]))
    assert (table.words, table.left_out) == (3, 1)


def test_claims_and_false_alarms_are_counted():
    taken = Taken("tests", "a cat", 0, "p")
    claims = [
        ClaimRow(taken, f"c{i}", verdict, "") for i, verdict in enumerate(["right", "open", "wrong", "open"])
    ]
    checks = [ClaimRow(taken, "c0", "right", "", "neglected", {"faint": 0.5})]
    about = PictureRow(taken, (), 0, ("SAM3",), (("SAM3", "violin", 0.9), ("SAM3", "giraffe", 0.2)))
    table = score_table(Rows.of([row("a cat", "cat", 0.5, 0.6), *claims, *checks, about]))
    assert table.claims == {"right": 1, "wrong": 1, "open": 2}
    assert table.false_alarms == {"SAM3": (1, 2)}
    text = markdown(table)
    assert "SAM3 surely saw 1 of 2" in text and "2 open" in text and "0.7540" in text


def test_no_rows_of_words_is_said():
    with pytest.raises(ValueError, match="no word was scored yet"):
        score_table(Rows())


def test_the_table_is_drawn_and_cannot_be_broken_by_a_name():
    rows = rows_of([0.05] * 20)
    named = [replace(own, taken=replace(own.taken, checkpoint="<b>|x|\nfile")) for own in rows.words]
    table = score_table(Rows.of(named))
    picture = table_picture(table)
    assert picture.dtype == np.uint8 and picture.shape[1] > 1000
    assert markdown(table).splitlines()[0].startswith("**(b)/x/ file**")
    assert json.loads(json.dumps(table.to_json()))["words"] == 20


def test_views_of_several_pictures_count_their_seeds_up():
    view = view_of_text(batch=2)
    truth = judge_run(view, claims_of_run(view), [both_there(view)] * 2)
    scored = score_run(view, truth.pictures, "tests", 10)
    assert [own.taken.seed for own in scored.rows if isinstance(own, PictureRow)] == [10, 11]


# -- heads chosen by truth ------------------------------------------------------------------------------


def auc_rows(prompts: int = 40, good: tuple[int, ...] = (0, 5), noise: float = 0.05) -> Rows:
    """Words of two concepts: the heads `good` find those of Animals, all others are blind; Color is rare."""
    rng = np.random.default_rng(0)
    layout = tuple((x.block, x.number, x.depth, h) for x, h in zip(LAYOUT.layers, LAYOUT.heads, strict=True))
    rows = []
    for i in range(prompts):
        aucs = 0.5 + noise * rng.standard_normal(LAYOUT.total)
        aucs[list(good)] += 0.4
        own = row(f"prompt {i:03}", "cat", 0.5, 0.6)
        known = tuple(float(auc) if head else None for head, auc in enumerate(aucs))
        rows.append(replace(own, aucs=known if i % 7 == 0 else tuple(map(float, aucs))))
        rows.append(PictureRow(own.taken, layout, 768, ("SAM3",), ()))
    rare = replace(
        row("prompt 000", "red", 0.5, 0.6, "colour"), concepts=("Color",), at=(2,), aucs=(0.9,) * 7
    )
    return Rows.of([*rows, rare])


def test_heads_that_find_the_words_of_a_concept_are_chosen():
    found = heads_by_truth(auc_rows(), fraction=2 / 7)
    assert found.relevance.names == ("Animals",), "Color has one word"
    assert set(found.relevance.top_heads("Animals", 2 / 7).tolist()) == {0, 5}
    assert found.relevance.score_kind == "truth" and found.relevance.context_width == 768
    assert found.relevance.reliability("Animals").reliable
    (worth,) = found.worth
    assert worth.chosen == pytest.approx(0.9, abs=0.03) and worth.gain[1] > 0.2
    assert "prompts left out" in worth.told


def test_chance_is_worth_nothing_on_prompts_left_out():
    (worth,) = heads_by_truth(auc_rows(60, good=(), noise=0.2)).worth
    low, high = worth.gain[1:]
    assert low < 0 < high


def test_heads_by_truth_are_kept_and_loaded(tmp_path):
    found = heads_by_truth(auc_rows()).relevance
    found.save(tmp_path / "x.safetensors")
    again = HeadRelevance.load(tmp_path / "x.safetensors")
    assert again.score_kind == "truth" and again.layout == LAYOUT
    assert np.allclose(again.scores, found.scores) and again.about["judges"] == "SAM3"


def test_too_few_words_or_two_models_choose_no_heads():
    with pytest.raises(ValueError, match="the most have 12"):
        heads_by_truth(auc_rows(12))
    mixed = auc_rows()
    other = replace(mixed.pictures[0], context_width=2048, taken=Taken("other", "x", 0, "p"))
    with pytest.raises(ValueError, match="different heads"):
        heads_by_truth(Rows.of([*mixed.words, *mixed.pictures, other]))
    with pytest.raises(ValueError, match="do not say which heads"):
        heads_by_truth(Rows.of(mixed.words))


def test_connected_heads_by_truth_get_a_line_of_their_own():
    truth = HeadRelevance(
        (Concept("Color", ("red", "blue"), maps=30), Concept("Shape", ("circle", "star"), maps=30)),
        np.tile(np.arange(LAYOUT.total, dtype=np.float32), (2, 1)),
        LAYOUT,
        "truth",
        "tests",
    )
    _, _, scored = scored_run(relevance=truth)
    words = [own for own in scored.rows if isinstance(own, WordRow)]
    assert words and all(set(own.scores) == {DAAM, "all_heads", "truth25", "default"} for own in words)
    assert words[0].concepts == ("Color",)
