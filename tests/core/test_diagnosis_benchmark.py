"""The diagnosis benchmark's arithmetic on cases worked out by hand, its prompts, and its truth."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.calibrate import fit_method
from benchmarks.diagnosis import evaluate, fitted, kind_figures, plain
from benchmarks.labelled import METHODS, TEXT_FEATURES, Row
from benchmarks.pictures import GROUPS, Case, drawn_cases, file_cases, unweighted
from benchmarks.prompts import LeftOut
from benchmarks.statistics import (
    auroc_within,
    bootstrap,
    both_ways,
    calibration_error,
    coverage_and_risk,
    precision_at_recall,
)
from benchmarks.suggestions import Attempt, Failure, _moved, apart, as_tags, denoise, order, region, weight
from benchmarks.truth import truth_of
from demo.caption_check import parse_caption
from demo.scenes import Scene, SceneObject, render
from demo.vocabulary import BACKGROUNDS, COLOURS
from selagg_core.diagnosis.features import FEATURES
from selagg_core.proof.statistics import auroc, average_precision

SCORES = np.array([0.9, 0.8, 0.7, 0.6])
TRUTH = np.array([True, False, True, False])


def test_auroc_counts_pairs_and_halves_ties():
    assert auroc(SCORES, TRUTH) == pytest.approx(3 / 4)
    assert auroc(np.ones(4), TRUTH) == pytest.approx(1 / 2)
    assert auroc(SCORES, SCORES > 0.65) == 1 and auroc(-SCORES, SCORES > 0.65) == 0
    assert np.isnan(auroc(SCORES, np.ones(4, bool)))


def test_within_groups_only_seeds_of_the_same_claim_are_compared():
    scores, truth = np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False])
    assert np.isnan(auroc_within(scores, truth, ["a", "a", "b", "b"]))
    assert auroc_within(scores, truth, ["a", "b", "a", "b"]) == 1
    assert both_ways(truth, ["a", "b", "a", "b"]) == {"a", "b"} and not both_ways(truth, ["a", "a", "b", "b"])
    assert auroc_within(np.array([0.1, 0.8, 0.2, 0.1]), truth, ["a", "b", "a", "b"]) == pytest.approx(0.5)


def test_precision_over_recall():
    assert average_precision(SCORES, TRUTH) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.ones(4), TRUTH) == pytest.approx(0.5)
    assert precision_at_recall(SCORES, TRUTH, 0.5) == 1
    assert precision_at_recall(SCORES, TRUTH, 0.8) == pytest.approx(2 / 3)


def test_calibration_error_is_zero_for_true_shares_and_not_otherwise():
    confidence = np.repeat([0.25, 0.75], 40)
    truth = (
        np.tile([True, False, False, False], 10).tolist() + np.tile([True, True, True, False], 10).tolist()
    )
    assert calibration_error(confidence, np.array(truth), bins=2) == pytest.approx(0)
    assert calibration_error(np.ones(80), np.array(truth), bins=2) == pytest.approx(0.5)


def test_surer_answers_are_less_often_wrong():
    confidence = np.array([0.99, 0.95, 0.02, 0.6, 0.4])
    truth = np.array([True, True, False, False, True])
    risks = coverage_and_risk(confidence, truth, (0.6, 1.0))
    assert [row["risk"] for row in risks] == [0.0, 0.4]


def test_the_bootstrap_draws_prompts_and_not_rows():
    values = np.array([0.0] * 50 + [1.0] * 50)
    low, high = bootstrap(lambda i: float(values[i].mean()), ["a"] * 50 + ["b"] * 50)
    assert (low, high) == (0.0, 1.0)
    low, high = bootstrap(lambda i: float(values[i].mean()), list(range(100)))
    assert 0.35 < low < 0.5 < high < 0.65


def test_drawn_prompts_are_of_all_groups_and_in_the_demo_grammar():
    cases = drawn_cases(len(GROUPS) * 3, [9000, 9001])
    assert {case.group for case in cases} == set(GROUPS)
    assert len({case.text for case in cases}) > len(GROUPS) * 2
    assert all(case.caption.claims for case in cases)
    assert cases == drawn_cases(len(GROUPS) * 3, [9000, 9001])
    heavy = next(case for case in cases if case.group == "heavy")
    assert ":" in heavy.text and ":" not in unweighted(heavy.text)


def test_prompts_of_a_file(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("a red circle and a blue star\n\nan orange star\n")
    plain = [
        ("file", "a red circle and a blue star", (1, 2)),
        ("homonym", "an orange star", (1, 2)),
    ]
    assert [(c.group, c.text, c.seeds) for c in file_cases(path, [1, 2], starts=False)] == plain
    cases = file_cases(path, [1, 2])
    assert [(c.group, c.text, c.seeds) for c in cases[:2]] == plain
    assert [(c.start, c.text) for c in cases[2:]] == [
        ("recoloured", "a red circle and a blue star"),
    ]
    path.write_text("a dragon\n")
    with pytest.raises(ValueError, match="dragon"):
        file_cases(path, [1])
    path.write_text("\n")
    with pytest.raises(ValueError, match="no prompt"):
        file_cases(path, [1])


def test_what_cannot_be_drawn_is_counted_and_skipped(tmp_path):
    path, left_out = tmp_path / "prompts.txt", LeftOut()
    lines = [
        "a mint circle above a large red house on a brown background",
        "a dragon over a castle",
        "a large red circle left of a large blue star",
        "a (red:1.4) fish",
    ]
    path.write_text("\n".join(lines), encoding="utf-16")
    cases = file_cases(path, [5], left_out=left_out)
    assert [case.text for case in cases if not case.start] == [lines[0], lines[2], lines[3]]
    assert [case.text for case in cases if case.start] == [lines[0]]
    assert left_out.to_json()["count"] == 2
    assert any("dragon" in reason for reason in left_out.reasons)
    assert any("No scene was found" in reason for reason in left_out.reasons)


def painting(*things: tuple[str, str, tuple[float, float]]) -> np.ndarray:
    items = tuple(
        SceneObject(name, colour, "solid", "medium", centre, 48, 0.0, COLOURS[colour])
        for name, colour, centre in things
    )
    return render(Scene(items, "white", BACKGROUNDS["white"]))[0]


LEFT, RIGHT = (32.0, 64.0), (96.0, 64.0)


@pytest.mark.parametrize(
    ("things", "text", "wrong"),
    [
        ([("circle", "red", LEFT), ("square", "blue", RIGHT)], "a red circle left of a blue square", set()),
        (
            [("circle", "red", RIGHT), ("square", "blue", LEFT)],
            "a red circle left of a blue square",
            {("misplaced", 3, 4)},
        ),
        ([("circle", "red", LEFT)], "a red circle and a blue square", {("neglected", 6)}),
        (
            [("circle", "red", LEFT), ("square", "red", RIGHT)],
            "a red circle and a blue square",
            {("leaked", 1)},
        ),
        (
            [("orange", "orange", LEFT), ("square", "blue", RIGHT)],
            "an orange star and a blue square",
            {("wrong_sense", 1)},
        ),
        ([("circle", "blue", LEFT)], "a red circle and a blue square", {("blended", 2, 6)}),
    ],
)
def test_truth_of_pictures_painted_wrong(things, text, wrong):
    truth = truth_of(painting(*things), parse_caption(text))
    assert {told.key for told in truth.claims if told.wrong} >= wrong
    if not wrong:
        assert truth.matches and not any(told.wrong for told in truth.claims)


def test_remedies_change_the_prompt_as_they_say():
    case = Case("heavy", "a (red:2.0) circle left of a blue square on a white background", (5,))
    failure = Failure("leaked", ("leaked", 1), case, 5)
    assert weight(failure).text == "a red circle left of a blue square on a white background"
    tagged = Case("faint", "mint (mint:0.6), red (fish:0.6), black background", (5,))
    assert weight(Failure("neglected", ("neglected", 1), tagged, 5)).text == (
        "mint (mint:1.4), red (fish:0.6), black background"
    )
    turned = order(failure)
    assert turned.text == "a blue square right of a (red:2.0) circle on a white background"
    assert _moved(failure, turned) == ("leaked", 6)
    assert [text for text, _ in region(failure).regions] == ["a red circle", "a blue square"]
    pair = Failure("misplaced", ("misplaced", 3, 4), case, 5)
    assert _moved(pair, order(pair)) == ("misplaced", 3, 4)
    assert weight(pair).text.split()[3:5] == ["(left:1.4)", "(of:1.4)"]
    assert as_tags(pair) is None and apart(pair) is None


def test_remedies_that_write_the_prompt_anew_are_judged_by_the_same_claim():
    text = "a red circle and a (blue:0.5) square on a white background"
    failure = Failure("leaked", ("leaked", 5), Case("bleed", text, (5,)), 5)
    tags = as_tags(failure)
    assert tags.text == "red circle, (blue:0.5) square, white background"
    assert _moved(failure, tags) == ("leaked", 2)
    assert apart(failure).parts == ("a red circle", "a (blue:0.5) square on a white background")
    assert _moved(failure, apart(failure)) == failure.key
    blend = Failure("blended", ("blended", 2, 6), failure.case, 5)
    assert _moved(blend, tags) == ("blended", 1, 3)
    assert _moved(blend, order(blend)) == ("blended", 2, 6)
    assert denoise(failure) is None
    started = Case("start_merged", text, (5,), start="merged", denoise=0.45)
    assert denoise(Failure("blended", ("blended", 2, 6), started, 5)).denoise == pytest.approx(0.65)
    assert _moved(failure, Attempt("a red circle", 5)) is None


def test_what_is_no_number_is_null_in_json():
    assert json.dumps(plain({"a": float("nan"), "b": [1 / 3, True]})) == '{"a": null, "b": [0.3333, true]}'


def rows_of(kind: str, prompts: int, wrong: int) -> list[Row]:
    """Two pictures a prompt; in `wrong` of the prompts one of them is wrong, and every method sees that."""
    rng, rows = np.random.default_rng(7), []
    for number in range(2 * prompts):
        answer = number % 2 == 1 and number < 2 * wrong
        names = {m: TEXT_FEATURES if m == "text" else FEATURES[kind] for m in METHODS}
        features = {m: {name: answer + 0.2 * rng.normal() for name in own} for m, own in names.items()}
        prompt = f"{number // 2}"
        rows.append(Row(kind, (kind, 1), "usual", prompt, f"{number}", answer, not answer, features))
    return rows


def test_confidences_are_fitted_anew_and_scored_as_those_that_ship():
    models, others = fitted(rows_of("leaked", 60, 30), {"prompts": 60}, "SelAgg demo twin")
    assert set(models.kinds) == {"leaked"} and models.base == "SelAgg demo twin"
    assert {name.partition(".")[0] for name in others.kinds} == set(METHODS[1:])
    found = evaluate(rows_of("leaked", 40, 20), models, others)
    assert found["kinds"]["leaked"]["auroc"] > 0.95 and found["kinds"]["leaked"]["earned"]
    assert found["ece"] < 0.15 and set(found["selective_less_daam"]) == {"leaked"}
    assert found["calibration"] == {"base": "SelAgg demo twin", "prompts": 60}


def test_a_kind_that_did_not_prove_itself_on_one_model_may_on_another():
    rows = rows_of("wrong_sense", 60, 30)
    assert not fit_method(rows, "selective")["wrong_sense"].earned
    assert fit_method(rows, "selective", unproven=())["wrong_sense"].earned


def test_labels_too_few_to_leave_some_out_are_information_only():
    rows = rows_of("leaked", 40, 5)
    model = fit_method(rows, "selective")["leaked"]
    assert not model.earned and "auroc" not in model.figures
    assert "leaked" not in fit_method(rows_of("leaked", 40, 3), "selective")


def test_a_kind_of_which_the_reader_is_never_sure_has_no_figures_and_stops_nothing():
    model = fit_method(rows_of("leaked", 40, 20), "selective")["leaked"]
    found = kind_figures([replace(row, wrong=None) for row in rows_of("leaked", 5, 2)], model)
    assert found["n"] == 0 and found["unsure"] == 10 and plain(found)["auroc"] is None
