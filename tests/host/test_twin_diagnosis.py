"""Diagnosis and repair of the twin, as the benchmarks measure them, on a handful of seeds."""

from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest
import torch

from benchmarks import repair, repair_arms
from benchmarks.joint_maps import measured_agreement
from benchmarks.labelled import Collector
from benchmarks.map_sources import DemoModel
from benchmarks.pictures import Case, Sampler
from benchmarks.prompts import LeftOut
from benchmarks.repair_arms import RepairBench, arms_of
from benchmarks.shown_diagnosis import METHODS, ShownScenes, figures, fitted_models
from benchmarks.truth import PictureTruth, Truth, truth_of
from demo.vocabulary import WORLDS
from selagg_core.relevance.relevance import AGREEMENT
from selagg_core.relevance.shipped import load_preset
from selagg_core.repair.plan import PictureRepair, RepairPlan

HEADS = range(9500, 9502)
CASE = Case("related", "a red circle left of a blue square", (3,), steps=3)
RELATION = ("misplaced", 3, 4)


@pytest.fixture(scope="module")
def flux(host, pack):
    pytest.importorskip("comfy.ldm.flux.model", reason="Flux came with later hosts")


@pytest.fixture(scope="module")
def twin(flux):
    with torch.inference_mode():
        model = DemoModel(twin=True)
        return model, measured_agreement(model, HEADS)


@pytest.fixture(scope="module")
def bench(twin):
    with torch.inference_mode():
        return RepairBench("twin", HEADS)


def features_of(rows, method: str) -> dict:
    return {(row.picture, row.key): row.features[method] for row in rows}


@pytest.mark.parametrize(
    ("model", "world"), [("unet", "plain"), ("unet", "hard"), *(("twin", w) for w in WORLDS)]
)
def test_scenes_are_shown_to_each_model_in_each_world(model, world, request):
    request.getfixturevalue("flux" if model == "twin" else "pack")
    with torch.inference_mode():
        scenes = ShownScenes(model, world, HEADS)
        rows = scenes.rows([5002])
    assert scenes.chosen_by == (
        "agreement of SelAgg twin" if model == "twin" else "agreement of SelAgg demo model"
    )
    changes = {row.group for row in rows}
    assert changes == {"faithful", "merged"}
    assert not any(row.wrong for row in rows if row.group == "faithful")
    assert {row.kind for row in rows if row.wrong} == {"neglected", "blended"}
    own, every = (features_of(rows, method) for method in METHODS)
    assert own.keys() == every.keys() and str(own) != str(every)
    values = [value for features in own.values() for value in features.values()]
    assert np.isfinite(values).mean() > 0.5
    models = {method: fitted_models(rows, method) for method in METHODS}
    assert json.dumps(figures(rows, models)["selective_less_all_heads"])


def test_pictures_of_the_twin_are_judged_as_those_of_the_unet(twin, tmp_path):
    model, relevance = twin
    with torch.inference_mode():
        sampler = Sampler(tmp_path, model.studio)
        sampled = sampler.sampled(CASE)
        again = sampler.sampled(CASE)
        other = Sampler().sampled(CASE)
        assert np.array_equal(sampled.pictures, again.pictures)
        assert not np.array_equal(sampled.pictures, other.pictures), "it is another model"
        assert sampled.recording.layout == relevance.layout != other.recording.layout
        rows, kept = (
            list(Collector(sampler.word_similarity, relevance=relevance).rows(each))
            for each in (sampled, again)
        )
        every = list(Collector(sampler.word_similarity).rows(sampled))
    truth = {told.key: told.wrong for told in truth_of(sampled.pictures[0], CASE.caption).claims}
    assert {row.key: row.wrong for row in rows if row.kind != "misplaced_region"} == truth
    one, other = features_of(rows, "selective"), features_of(kept, "selective")
    pairs = [(value, other[key][name]) for key, own in one.items() for name, value in own.items()]
    alike = np.isclose(*np.array(pairs).T, atol=0.02, equal_nan=True)
    assert alike.mean() > 0.9, "kept files hold all of it, in half precision"
    assert str(features_of(every, "selective")) != str(one), "chosen heads are not all heads"
    assert sampler.word_similarity("red", "red") == pytest.approx(1, abs=1e-4)
    assert abs(sampler.word_similarity("red", "blue")) < 0.999


def test_heads_of_the_unet_are_those_of_what_ships_unless_others_are_given(host, pack):
    with torch.inference_mode():
        sampled = Sampler().sampled(CASE)
        default, given = (
            list(Collector(lambda a, b: 0.0, relevance=each).rows(sampled))
            for each in (None, load_preset("demo"))
        )
    assert str(default) == str(given) and default


def seen_wrong(picture, caption):
    """In place of the reader: which pictures of the twin are wrong depends on how far it is trained."""
    truth = truth_of(picture, caption)
    return PictureTruth(False, (Truth(RELATION, True),), truth.reading, truth.verdict)


def test_a_repair_of_the_twin_has_every_arm_and_changes_the_picture(bench, monkeypatch):
    monkeypatch.setattr(repair_arms, "truth_of", seen_wrong)
    with torch.inference_mode():
        failure = bench.failure("misplaced", CASE)
        arms = arms_of(failure, bench)
        plain = bench.pictures(CASE, [3])
        plans = {name: RepairPlan(failure.known.prompts, (PictureRepair(own),)) for name, own in arms.items()}
        repaired = {name: bench.pictures(CASE, [3], plan) for name, plan in plans.items()}
        assert np.array_equal(plain, bench.pictures(CASE, [3]))
    assert set(arms) == {"all", "chosen", "random", "wrong_word"}
    best = np.argsort(-bench.relevance.with_score(AGREEMENT).scores_of("Objects"), kind="stable")[:16]
    for own in arms["chosen"]:
        assert set(np.flatnonzero(own.heads)) == set(best)
    assert [own.heads.sum() for own in arms["random"]] == [16] * len(arms["random"])
    assert all(own.heads is None for own in arms["all"])
    assert all(not np.array_equal(plain, pictures) for pictures in repaired.values())
    assert len({pictures.tobytes() for pictures in repaired.values()}) == 4


def test_what_needs_counted_wins_is_left_out_and_counted(bench, monkeypatch):
    assert bench.cannot("misplaced") == "" and "counted wins" in bench.cannot("wrong_sense")
    monkeypatch.setattr(repair, "RepairBench", lambda model, heads: bench)
    monkeypatch.setattr(bench, "failure", lambda kind, case: pytest.fail(f"{kind} was sampled"))
    args = Namespace(
        model="twin",
        heads=HEADS,
        seeds=range(9000, 9012),
        kinds=["wrong_sense"],
        groups=[],
        most=5,
        minutes=0,
    )
    left_out = LeftOut()
    repair.run(args, repair.Checkpoint(None), left_out)
    ((reason, count),) = left_out.reasons.items()
    assert "SelAgg twin" in reason and count == 3


def test_the_demo_model_leaves_no_kind_out(host, pack):
    bench = RepairBench()
    assert bench.base == "SelAgg demo model" and not any(bench.cannot(kind) for kind in repair.GROUPS)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--model", "twin", "--write"], "demo model alone"),
        (["--model", "twin", "--seeds", "9400:9510"], "overlap"),
        (["--world", "hard"], "unrecognized"),
    ],
)
def test_what_repair_cannot_count_is_refused(arguments, why, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["repair", *arguments])
    with pytest.raises(SystemExit):
        repair.main()
    assert why in capsys.readouterr().err
