"""What findings say to try, as values: which remedy, on which words, with what text or area."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from test_repair import DEMO, TEXT, finding, group, known, planned, prompt_of, report, seen

from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.claims.weights import heed_weights
from selagg_core.comparing.paired import ENOUGH
from selagg_core.diagnosis.examine import PictureDiagnosis
from selagg_core.diagnosis.findings import finding_of
from selagg_core.diagnosis.kinds.kind import Candidate, Facts
from selagg_core.diagnosis.kinds.misplaced import Places
from selagg_core.diagnosis.kinds.wrong_sense import Meanings
from selagg_core.diagnosis.tries import ACTIONS, Area, StartCount, Try
from selagg_core.maps.regions import Region
from selagg_core.repair import counts, tries
from selagg_core.repair.from_report import of_one_finding
from selagg_core.repair.remedies import FIRM, FIRMLY
from selagg_core.report.page import report_page
from selagg_core.report.report import Report

FEATURES = {"blended": {"overlap": 0.9}}
FACTS = {
    "misplaced": Places("left of", ((0.7, 0.5), (0.2, 0.5))),
    "wrong_sense": Meanings(("Color",), ("Fruits and Vegetables",)),
}


def found(
    text: str,
    kind: str,
    words: tuple[str, ...],
    claim_kind: str,
    places=(),
    expected=None,
    start=None,
    **weights,
):
    """The tries of a finding about words of a prompt, by their remedies."""
    written = " ".join(f"({w}:{weights[w]:g})" if w in weights else w for w in text.split())
    own = known(text, places, expected=expected, **weights)
    prompt = replace(own.prompts[0], text=written)
    claims, _ = heed_weights(read_claims((prompt,), general_lexicon(DEMO.concepts)), (prompt,))
    groups = tuple(next(g for g in claims.groups if g.label == w) for w in words)
    told = next(c for c in claims.of(claim_kind) if c.subject.label in words or c.words in groups)
    facts = FACTS.get(kind, Facts())
    made = finding_of(Candidate(kind, told, groups, FEATURES.get(kind, {}), facts), 0.9, "warning", True)
    picture = PictureDiagnosis(0, tuple(seen(w, (0.5, 0.5)) for w in groups), (), (made,))
    size = next(iter(expected.values())).mask.shape if expected else (256, 384)
    where = {group(own, word): region for word, region in (expected or {}).items()}
    (told,) = tries.with_tries(picture, (prompt,), claims, size, where, DEMO, start).findings
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


# -- what is quoted of SelAgg Repair ---------------------------------------------------------------------

COUNTED = json.loads(counts.COUNTS_FILE.read_text("utf-8"))["kinds"]


@pytest.mark.parametrize("kind", list(COUNTED))
def test_repair_quotes_what_it_was_worth_where_the_run_starts(kind):
    for name, row in COUNTED[kind]["starts"].items():
        quoted = counts.repair_counts(kind, name == counts.PICTURE)
        if row["fresh_before"] < ENOUGH:
            assert quoted == ()
            continue
        (own,) = quoted
        assert (own.from_picture, own.helped) == (name == "picture", (row["mended"], row["fresh_before"]))
        broken, right = row["broken"]
        assert own.broken == ((broken, right) if broken / right > 0.03 else ())
    both = counts.repair_counts(kind)
    assert both == tuple(own for start in (False, True) for own in counts.repair_counts(kind, start))


def test_the_starts_of_a_kind_are_what_was_measured_at_the_strength_of_the_button():
    for kind, row in COUNTED.items():
        starts = row["starts"]
        assert sum(own["failures"][1] for own in starts.values()) == row["failures"]
        firm = {name for name, own in starts.items() if own["arm"] == "all x 2"}
        assert firm == ({"picture"} if kind in FIRMLY else set()) & set(starts)
        if not firm:
            assert sum(own["mended"] for own in starts.values()) == row["mended"]


def test_a_kind_without_counts_quotes_nothing_and_regions_quote_those_of_places():
    assert counts.repair_counts("misplaced_region") == counts.repair_counts("misplaced") != ()
    assert counts.repair_counts("no such kind") == ()


def test_too_few_pictures_and_few_broken_claims_are_not_told(file_of_counts):
    file_of_counts(
        leaked={"empty": (7, 7, 5, 10), "picture": (3, 8, 3, 100)},
        blended={"empty": (9, 9, 4, 100), "picture": (0, 0, 0, 0)},
    )
    assert counts.repair_counts("leaked") == (StartCount(True, (3, 8)),)
    assert counts.repair_counts("leaked", False) == ()
    assert counts.repair_counts("blended") == (StartCount(False, (9, 9), (4, 100)),)
    assert counts.breaks("blended", None) and not counts.breaks("leaked", True)


def test_without_counts_nothing_is_quoted(file_of_counts):
    file_of_counts()
    assert counts.repair_counts("misplaced") == ()


@pytest.mark.parametrize("start", [None, False, True])
def test_a_finding_quotes_the_count_of_its_run(start):
    own = found(TEXT, "misplaced", ("circle", "star"), "relation", start=start)["repair"]
    assert own.by_start == counts.repair_counts("misplaced", start) and own.helped == ()
    assert [count.from_picture for count in own.by_start] == ([False, True] if start is None else [start])


@pytest.mark.parametrize(("start", "warned"), [(None, True), (False, False), (True, True)])
def test_a_blend_says_before_the_click_what_may_become_of_it(file_of_counts, start, warned):
    file_of_counts(blended={"empty": (9, 12, 0, 75), "picture": (19, 32, 11, 105)})
    own = found("a circle and a star", "blended", ("circle", "star"), "entity", start=start)["repair"]
    assert ("turn into the other" in own.what) == warned == any(count.broken for count in own.by_start)


def test_the_button_is_as_firm_as_what_was_counted():
    script = (counts.COUNTS_FILE.parents[2] / "web" / "extension" / "apply.js").read_text("utf-8")
    assert f"const FIRM = {FIRM:g}\n" in script
    assert f"const FIRMLY = {list(FIRMLY)}\n" in script
    assert counts.ENOUGH == ENOUGH


def test_the_page_quotes_both_starts_where_it_does_not_know(file_of_counts):
    file_of_counts(blended={"empty": (9, 12, 0, 75), "picture": (19, 32, 11, 105)})
    own = with_a_try(by_start=counts.repair_counts("blended"))
    page = report_page(own)
    assert "from an empty latent it helped 9 of 12; from a start picture it helped 19 of 32" in page
    assert "but broke 11 of 105 right claims" in page
    assert "on the demo model" not in report_page(with_a_try()).lower().split("report.json")[0]


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
    by_start = (StartCount(False, (5, 8)), StartCount(True, (3, 9), (2, 40)))
    own = with_a_try(weight=1.4, text="a <b>star</b>", helped=(3, 4), by_start=by_start)
    assert Report.from_json(own.to_json()) == own
    for start in (True, False, None):
        told = replace(own, from_picture=start)
        assert Report.from_json(told.to_json()) == told


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
        ("by_start", [{"from_picture": "no", "helped": [1, 2], "broken": []}]),
        ("by_start", [{"from_picture": True, "helped": [1], "broken": []}]),
        ("by_start", [{"from_picture": True, "helped": [1, 2], "broken": [1]}]),
        ("by_start", [{"from_picture": True, "helped": [1, "2"], "broken": []}]),
        ("by_start", [{"helped": [1, 2], "broken": []}]),
        ("by_start", [7]),
    ],
)
def test_what_no_report_has_is_refused(name, value):
    body = json.loads(with_a_try().to_json())
    body["pictures"][0]["findings"][0]["tries"][0][name] = value
    with pytest.raises(ValueError, match="damaged"):
        Report.from_json(json.dumps(body))


def test_reports_of_before_do_not_say_where_their_run_started():
    body = json.loads(with_a_try().to_json())
    del body["from_picture"], body["pictures"][0]["findings"][0]["tries"][0]["by_start"]
    old = Report.from_json(json.dumps(body))
    assert old.from_picture is None and old.pictures[0].findings[0].tries[0].by_start == ()


def test_where_a_run_started_is_yes_no_or_not_known():
    body = json.loads(with_a_try().to_json()) | {"from_picture": "yes"}
    with pytest.raises(ValueError, match="damaged"):
        Report.from_json(json.dumps(body))


def test_reports_of_before_have_no_tries():
    body = json.loads(report(finding()).to_json())
    del body["pictures"][0]["findings"][0]["tries"]
    assert Report.from_json(json.dumps(body)).pictures[0].findings[0].tries == ()


def test_the_schema_knows_every_action():
    file = counts.COUNTS_FILE.parents[1] / "report" / "report.schema.json"
    schema = json.loads(file.read_text("utf-8"))
    assert schema["$defs"]["try"]["properties"]["action"]["enum"] == list(ACTIONS)
    told = schema["$defs"]["try"]
    assert set(told["properties"]) == set(Try("none", "seed").to_dict())
    assert set(told["required"]) == set(told["properties"])
    count = told["properties"]["by_start"]["items"]
    assert set(count["required"]) == set(StartCount(True, (1, 2)).to_dict())


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
