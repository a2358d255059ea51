from dataclasses import replace

import numpy as np
import pytest
from synthetic import CALIBRATION, blob, painted

from selagg_core.claims.claim import Claim, Claims
from selagg_core.diagnosis.calibration import Calibration
from selagg_core.diagnosis.examine import Judge, examine
from selagg_core.diagnosis.measure import measure_place, measure_word
from selagg_core.diagnosis.scene import Observed
from selagg_core.drawing.pictures import rgb_picture
from selagg_core.maps.arrays import focus_of
from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup

CAT, DOG = WordGroup("cat", (0,)), WordGroup("dog", (1,))
PICTURE = rgb_picture(painted({"red": (0.25, 0.5, 0.12), "blue": (0.75, 0.5, 0.12)})[0].numpy())


def examined(heats: dict, relation: str = "left of", judge: Judge | None = None, common: dict | None = None):
    claims = Claims(
        (
            Claim("entity", CAT, words=CAT),
            Claim("entity", DOG, words=DOG),
            Claim("relation", CAT, relation, WordGroup(relation, (2, 3)), DOG),
        )
    )
    heats = {**heats, WordGroup(relation, (2, 3)): blob((16, 16), 0.5, 0.5, 0.3)}
    maps = {group: 0.02 + 0.3 * heat for group, heat in heats.items()}
    observed = Observed(maps, maps if common is None else {**maps, **common}, PICTURE)
    return examine([CAT, DOG], claims, observed, {}, judge or Judge(CALIBRATION, own=True))


def apart() -> dict:
    return {CAT: blob((16, 16), 0.25, 0.5, 0.1), DOG: blob((16, 16), 0.75, 0.5, 0.1)}


def levels(diagnosis) -> dict[str, str]:
    return {finding.kind: finding.level for finding in diagnosis.findings}


def with_model(kind: str, **changes) -> Judge:
    kinds = {**CALIBRATION.kinds, kind: replace(CALIBRATION.kinds[kind], **changes)}
    return Judge(Calibration(kinds, "tests"), own=True)


def test_confidence_decides_between_warning_unsure_and_nothing():
    assert levels(examined(apart())) == {}
    assert levels(examined(apart(), "right of")) == {"misplaced": "warning"}
    steep = {"bias": -6.0, "weights": (6.5, 0.0)}
    assert levels(examined(apart(), "right of", with_model("misplaced", **steep))) == {"misplaced": "unsure"}
    finding = examined(apart(), "right of", with_model("misplaced", **steep)).findings[0]
    assert not finding.sure and "The evidence is weak" in finding.reason


def test_a_kind_that_has_not_earned_it_is_information():
    diagnosis = examined(apart(), "right of", with_model("misplaced", earned=False))
    assert levels(diagnosis) == {"misplaced": "information"}
    assert not diagnosis.findings[0].sure and "not proved reliable" in diagnosis.findings[0].reason


def test_a_kind_without_a_model_is_not_judged():
    judge = Judge(Calibration({"neglected": CALIBRATION.kinds["neglected"]}, "tests"))
    diagnosis = examined(apart(), "right of", judge)
    assert levels(diagnosis) == {}
    assert {check.verdict for check in diagnosis.checks if check.kind == "misplaced"} == {"unjudged"}


def test_findings_come_worst_first():
    models = CALIBRATION.kinds.items()
    always = {kind: replace(model, bias=2.0, weights=(0.0,) * len(model.weights)) for kind, model in models}
    changes = {"neglected": {"warn": 2.0}, "misplaced": {"earned": False}}
    always |= {kind: replace(always[kind], **change) for kind, change in changes.items()}
    findings = examined(apart(), judge=Judge(Calibration(always, "tests"), own=True)).findings
    assert [(f.level, f.kind) for f in findings] == [
        ("warning", "blended"),
        ("unsure", "neglected"),
        ("unsure", "neglected"),
        ("information", "misplaced"),
    ]


def test_maps_that_disagree_are_not_to_be_trusted():
    common = {CAT: 0.02 + blob((16, 16), 0.8, 0.1, 0.08), DOG: apart()[DOG]}
    diagnosis = examined(apart(), "right of", common=common)
    by_kind = {finding.kind: finding for finding in diagnosis.findings}
    assert by_kind["diffuse"].words == (CAT,) and by_kind["diffuse"].level == "information"
    assert by_kind["misplaced"].level == "unsure" and "disagree" in by_kind["misplaced"].reason


def test_more_mass_outside_is_measured_as_such():
    region = Region(np.arange(64)[None].repeat(64, 0) >= 32)
    places = [measure_place(blob((64, 64), x, 0.5, 0.1), region, CAT) for x in (0.8, 0.45, 0.3, 0.1)]
    inside = [place.mass_inside for place in places]
    assert inside == sorted(inside, reverse=True) and inside[0] > 0.99 and inside[-1] < 0.01
    assert [place.peak_inside for place in places] == [True, False, False, False]
    assert places[-1].elsewhere > 0.9 and places[0].elsewhere < 0.01


def test_focus_is_zero_for_flat_and_one_for_a_single_cell():
    one = np.zeros((8, 8))
    one[3, 3] = 2
    assert focus_of(np.ones((8, 8))) == pytest.approx(0, abs=1e-12)
    assert focus_of(np.zeros((8, 8))) == 0 and focus_of(one) == 1
    assert focus_of(blob((16, 16), 0.5, 0.5, 0.1)) > focus_of(blob((16, 16), 0.5, 0.5, 0.3))


def test_two_parts_halve_the_component_share():
    single = measure_word(CAT, blob((32, 32), 0.25, 0.5, 0.08))
    double = measure_word(CAT, blob((32, 32), 0.25, 0.5, 0.08) + blob((32, 32), 0.75, 0.5, 0.08))
    assert single.component_share == pytest.approx(1)
    assert double.component_share == pytest.approx(0.5, abs=0.02)
    assert single.centre == pytest.approx((0.25, 0.5), abs=0.02)


def test_a_map_of_zeros_is_measured_without_nan():
    word = measure_word(CAT, np.zeros((8, 8), np.float32))
    assert (word.strength, word.peak, word.peak_ratio, word.focus, word.spread) == (0, 0, 1, 0, 0)
    zeros = {CAT: np.zeros((16, 16), np.float32), DOG: np.zeros((16, 16), np.float32)}
    diagnosis = examined({group: heat - 0.02 / 0.3 for group, heat in zeros.items()})
    assert levels(diagnosis) == {"diffuse": "information"}
    assert all(np.isfinite(check.confidence) for check in diagnosis.checks)
