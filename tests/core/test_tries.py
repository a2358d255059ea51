"""What findings say to try, as values: which remedy, on which words, with what text or area."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from test_repair import DEMO, TEXT, finding, group, known, planned, prompt_of, report, seen

from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.claims.weights import heed_weights
from selagg_core.diagnosis.examine import PictureDiagnosis
from selagg_core.diagnosis.findings import finding_of
from selagg_core.diagnosis.kinds.kind import Candidate, Facts
from selagg_core.diagnosis.kinds.misplaced import Places
from selagg_core.diagnosis.kinds.wrong_sense import Meanings
from selagg_core.diagnosis.tries import ACTIONS, Area, Try
from selagg_core.maps.regions import Region
from selagg_core.repair import tries
from selagg_core.repair.from_report import of_one_finding
from selagg_core.report.report import Report

FACTS = {
    "misplaced": Places("left of", ((0.7, 0.5), (0.2, 0.5))),
    "wrong_sense": Meanings(("Color",), ("Fruits and Vegetables",)),
}


def found(text: str, kind: str, words: tuple[str, ...], claim_kind: str, places=(), expected=None, **weights):
    """The tries of a finding about words of a prompt, by their remedies."""
    written = " ".join(f"({w}:{weights[w]:g})" if w in weights else w for w in text.split())
    own = known(text, places, expected=expected, **weights)
    prompt = replace(own.prompts[0], text=written)
    claims, _ = heed_weights(read_claims((prompt,), general_lexicon(DEMO.concepts)), (prompt,))
    groups = tuple(next(g for g in claims.groups if g.label == w) for w in words)
    told = next(c for c in claims.of(claim_kind) if c.subject.label in words or c.words in groups)
    facts = FACTS.get(kind, Facts())
    made = finding_of(Candidate(kind, told, groups, {}, facts), 0.9, "warning", True)
    picture = PictureDiagnosis(0, tuple(seen(w, (0.5, 0.5)) for w in groups), (), (made,))
    size = next(iter(expected.values())).mask.shape if expected else (256, 384)
    where = {group(own, word): region for word, region in (expected or {}).items()}
    (told,) = tries.with_tries(picture, (prompt,), claims, size, where, DEMO).findings
    return {each.remedy: each for each in told.tries}


def test_a_wrong_place_can_be_mended_by_areas_a_repair_or_a_seed():
    own = found(TEXT, "misplaced", ("circle", "star"), "relation")
    assert own["region"].action == "region"
    assert own["region"].areas == (
        Area("a red circle", (0.0, 0.0, 0.5, 1.0)),
        Area("a blue star", (0.5, 0.0, 1.0, 1.0)),
    )
    assert own["seed"].action == "seed" and own["seed"].helped == (9, 14)
    assert own["repair"].action == "repair" and own["denoise"].action == "denoise"
    assert all(each.what and each.said["key"] for each in own.values())


def test_the_areas_follow_the_artists_regions():
    there = np.zeros((256, 384), bool)
    there[64:128, 0:96] = True
    own = found(TEXT, "misplaced", ("circle", "star"), "relation", expected={"circle": Region(there)})
    assert own["region"].areas[0].box == pytest.approx((0.0, 0.25, 0.25, 0.5), abs=0.01)


@pytest.mark.parametrize(("weight", "written"), [(1.0, "(circle:1.4)"), (1.3, "(circle:1.5)")])
def test_the_weight_of_what_is_missing_is_raised_in_the_text(weight, written):
    weights = {} if weight == 1 else {"circle": weight}
    own = found(TEXT, "neglected", ("circle",), "entity", **weights)["weight"]
    assert (own.action, own.entry, own.words) == ("text", 0, ("circle",))
    assert own.text == f"a red {written} left of a blue star" and f"{own.weight:g}" in written


def test_a_weight_that_may_be_the_cause_is_all_that_is_tried():
    own = found(TEXT, "neglected", ("circle",), "entity", circle=0.3)
    assert list(own) == ["own weight"]
    assert own["own weight"].text == TEXT and own["own weight"].weight == 1.0


def test_a_colour_that_is_a_thing_is_written_as_a_colour():
    own = found("an orange star and a red circle", "wrong_sense", ("orange",), "sense")
    assert own["rephrase"].text == "an orange-coloured star and a red circle"
    texts = [area.text for area in own["region"].areas]
    assert texts == ["an orange star", "a red circle"]
    assert own["weight"].action == "none", "there is no weight to bring back"
    assert own["repair"].action == "repair"


def test_a_noun_whose_weight_is_low_is_brought_back():
    own = found("an orange star and a red circle", "wrong_sense", ("orange",), "sense", star=0.35)
    assert own["weight"].text == "an orange star and a red circle"


def test_repair_quotes_what_it_was_worth():
    counted = json.loads(tries.COUNTS_FILE.read_text("utf-8"))["kinds"]
    kinds = [kind for kind, row in counted.items() if row["fresh_before"]]
    assert kinds
    for kind in kinds:
        row = counted[kind]
        assert tries.repair_counts(kind) == (row["mended"], row["fresh_before"])
        assert row["mended"] <= row["fresh_before"] <= row["pairs"]
    assert tries.repair_counts("misplaced_region") == tries.repair_counts("misplaced")
    assert tries.repair_counts("no such kind") == ()


def test_words_that_are_nowhere_keep_what_is_said():
    made = replace(finding(at=((), ())), tries=(Try("none", "seed", "try another seed"),))
    picture = PictureDiagnosis(0, (), (), (made,))
    claims = read_claims((prompt_of(TEXT),), general_lexicon())
    (own,) = tries.with_tries(picture, (prompt_of(TEXT),), claims, (64, 64), {}, None).findings
    assert own.tries == made.tries


# -- in reports ------------------------------------------------------------------------------------------


def with_a_try(**changes) -> Report:
    area = Area("a star", (0.0, 0.25, 0.5, 1.0))
    own = Try("region", "region", "region", {"key": "general.repair", "values": {}}, ("star",), areas=(area,))
    return report(replace(finding(), tries=(replace(own, **changes),)))


def test_tries_survive_the_way_through_json():
    own = with_a_try(weight=1.4, text="a <b>star</b>", helped=(3, 4))
    assert Report.from_json(own.to_json()) == own


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action", "eval"),
        ("said", "text"),
        ("helped", [1]),
        ("helped", ["x", "y"]),
        ("weight", "much"),
        ("areas", [{"text": "a", "box": [0, 0, 2, 1]}]),
        ("areas", [{"text": "a", "box": [0.5, 0, 0.5, 1]}]),
        ("areas", [{"text": "a", "box": [0, 0]}]),
        ("areas", [7]),
    ],
)
def test_what_no_report_has_is_refused(name, value):
    body = json.loads(with_a_try().to_json())
    body["pictures"][0]["findings"][0]["tries"][0][name] = value
    with pytest.raises(ValueError, match="damaged"):
        Report.from_json(json.dumps(body))


def test_reports_of_before_have_no_tries():
    body = json.loads(report(finding()).to_json())
    del body["pictures"][0]["findings"][0]["tries"]
    assert Report.from_json(json.dumps(body)).pictures[0].findings[0].tries == ()


def test_the_schema_knows_every_action():
    file = tries.COUNTS_FILE.parents[1] / "report" / "report.schema.json"
    schema = json.loads(file.read_text("utf-8"))
    assert schema["$defs"]["try"]["properties"]["action"]["enum"] == list(ACTIONS)
    assert set(schema["$defs"]["try"]["required"]) == set(Try("none", "seed").to_dict())


def test_a_report_of_one_finding_mends_that_alone():
    many = report(finding(), finding(kind="neglected", labels=("star",), at=((7,),)), pictures=2)
    one = of_one_finding(many, 0, 0)
    assert [len(picture.findings) for picture in one.pictures] == [1, 0]
    assert len(one.to_json()) < len(many.to_json())
    plan = planned(one)
    assert [len(picture.operators) for picture in plan.pictures] == [2, 0]
    for picture, number in ((0, 2), (1, 0), (2, 0), (-1, 0)):
        with pytest.raises(ValueError, match="no finding"):
            of_one_finding(many, picture, number)
