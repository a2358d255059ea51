"""A diagnosis is short: one finding for a cause, few pairs, at most twelve findings, the worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from synthetic import CALIBRATION, blob, painted
from test_diagnosing import view

from selagg_core.claims.claim import Claim, Claims
from selagg_core.diagnose import NOTHING_TO_CHECK, diagnose_run
from selagg_core.diagnosis.brief import ALIKE, MOST, brief, could_be_confused, prompt_order, rank
from selagg_core.diagnosis.calibration import Calibration
from selagg_core.diagnosis.examine import Judge, PictureDiagnosis, examine
from selagg_core.diagnosis.findings import Finding, diffuse_finding, finding_of
from selagg_core.diagnosis.kinds.blended import Pair
from selagg_core.diagnosis.kinds.kind import Candidate, Facts
from selagg_core.diagnosis.kinds.leaked import Leak
from selagg_core.diagnosis.kinds.misplaced import Places
from selagg_core.diagnosis.kinds.wrong_sense import Meanings
from selagg_core.diagnosis.landing import landing
from selagg_core.diagnosis.measure import WordEvidence
from selagg_core.diagnosis.scene import Observed
from selagg_core.drawing.pictures import rgb_picture
from selagg_core.prompt.groups import WordGroup
from selagg_core.report.report import Report

NAMES = ("wagon", "kettle", "ladder", "drum", "lantern", "anchor")
THINGS = tuple(WordGroup(name, (2 * i,)) for i, name in enumerate(NAMES))
ANIMALS = ("cat", "dog", "horse", "cow", "sheep", "goat", "pig", "duck", "hen", "fox", "bear", "wolf", "lion")
WAGON, KETTLE, LADDER = THINGS[:3]
RED = WordGroup("red", (1,))
FACTS = {
    "blended": Pair((0.1, 0.1)),
    "leaked": Leak(LADDER),
    "misplaced": Places("left of", ((0.7, 0.5), (0.3, 0.5)), (), False),
    "wrong_sense": Meanings(("Animals",), ("Sports Equipment",)),
}
FORTY = tuple(f"{name}{number}" for number in range(5) for name in (*NAMES, "barrel", "easel"))


def claims_of(things=THINGS) -> Claims:
    return Claims(tuple(Claim("entity", thing, words=thing) for thing in things))


def found(
    kind: str, *words: WordGroup, level: str = "warning", confidence: float = 0.8, facts=None
) -> Finding:
    relation = "left of" if kind == "misplaced" else ""
    other = words[1] if len(words) > 1 else None
    claim = Claim("relation" if relation else "entity", words[0], relation, words[0], other)
    candidate = Candidate(kind, claim, words, {"overlap": 0.9}, facts or FACTS.get(kind, Facts()))
    return finding_of(candidate, confidence, level, True)


def told(findings, things=THINGS) -> list[tuple]:
    return [(f.kind, f.words) for f in brief(findings, claims_of(things)).findings]


def test_what_follows_from_a_lost_thing_is_not_said_again():
    lost = found("neglected", WAGON)
    follows = [
        found("misplaced", WAGON, KETTLE),
        found("misplaced", KETTLE, WAGON, level="unsure"),
        found("blended", WAGON, KETTLE),
        found("leaked", RED, WAGON),
        found("leaked", RED, KETTLE, facts=Leak(WAGON)),
        found("wrong_sense", WAGON, level="information"),
    ]
    others = [found("neglected", KETTLE, level="unsure"), found("misplaced", KETTLE, LADDER)]
    assert told([*follows, *others, lost]) == [
        ("neglected", (WAGON,)),
        ("misplaced", (KETTLE, LADDER)),
        ("neglected", (KETTLE,)),
    ]
    doubtful = replace(lost, sure=False, level="unsure")
    assert len(told([*follows, *others, doubtful])) == len(follows) + len(others) + 1


def test_a_thing_is_asked_about_in_its_likeliest_pair_alone():
    pairs = [
        found("blended", one, other, level="unsure", confidence=0.3 + 0.01 * i)
        for i, (one, other) in enumerate(combinations(THINGS, 2))
    ]
    kept = [f for f in brief(pairs, claims_of()).findings]
    assert max(Counter(word for pair in kept for word in pair.words).values()) == 1
    assert kept[0].words == (THINGS[4], THINGS[5]), "the likeliest of all comes first"
    order = prompt_order(claims_of())
    assert all(could_be_confused(pair, order) for pair in kept)


def test_pairs_that_are_surely_blended_stay_and_leave_no_doubt_beside_them():
    sure = [found("blended", WAGON, KETTLE), found("blended", WAGON, THINGS[5])]
    doubt = [
        found("blended", KETTLE, LADDER, level="unsure"),
        found("blended", LADDER, THINGS[3], level="unsure"),
    ]
    assert {words for _, words in told([*doubt, *sure])} == {
        (WAGON, KETTLE),
        (WAGON, THINGS[5]),
        (LADDER, THINGS[3]),
    }


@pytest.mark.parametrize(
    ("one", "other", "areas", "confused"),
    [
        (0, 1, (0.1, 0.1), True),
        (0, 2, (0.1, 0.1), True),
        (2, 0, (0.1, 0.1), True),
        (0, 3, (0.1, 0.1), False),
        (0, 1, (0.1, 0.1 * ALIKE * 0.9), True),
        (0, 1, (0.1, 0.1 * ALIKE * 1.1), False),
        (1, 0, (0.1 * ALIKE * 1.1, 0.1), False),
    ],
)
def test_only_neighbours_that_are_alike_in_size_could_be_confused(one, other, areas, confused):
    pair = found("blended", THINGS[one], THINGS[other], facts=Pair(areas))
    assert could_be_confused(pair, prompt_order(claims_of())) == confused


def test_two_of_one_concept_are_confused_over_the_whole_prompt_and_other_texts():
    horse, zebra = WordGroup("horse", (0,)), WordGroup("striped zebra", (30, 31))
    order = prompt_order(
        claims_of((horse, *(replace(t, indices=(t.indices[0] + 1,)) for t in THINGS), zebra))
    )
    assert could_be_confused(found("blended", horse, zebra), order)
    apart = replace(KETTLE, entry=1, indices=(0,))
    order = prompt_order(claims_of((WAGON, apart)))
    assert not could_be_confused(found("blended", WAGON, apart), order)
    assert not could_be_confused(found("blended", WAGON, LADDER), order), (
        "a ladder is no thing of this prompt"
    )


def test_the_worst_comes_first_by_level_then_harm_then_confidence():
    worst_first = [
        found("neglected", KETTLE, confidence=0.6),
        found("leaked", RED, KETTLE, confidence=0.7),
        found("leaked", RED, LADDER, confidence=0.6, facts=Leak(KETTLE)),
        found("misplaced", KETTLE, LADDER, confidence=0.99),
        found("blended", KETTLE, LADDER, confidence=0.99),
        found("neglected", LADDER, level="unsure", confidence=0.4),
        found("misplaced", LADDER, KETTLE, level="unsure", confidence=0.45),
        found("wrong_sense", LADDER, level="information", confidence=0.95),
        diffuse_finding((LADDER,), {}, "not to be trusted"),
    ]
    mixed = [worst_first[i] for i in np.random.default_rng(3).permutation(len(worst_first))]
    assert sorted(mixed, key=rank) == worst_first
    pictures = (PictureDiagnosis(0, (), (), tuple(mixed)),)
    lines = Report("", {}, pictures).warnings()
    assert lines == [finding.line for finding in worst_first]


def test_at_most_twelve_are_told_and_none_is_lost():
    many = tuple(WordGroup(name, (i,)) for i, name in enumerate(FORTY))
    findings = [
        found("neglected", thing, level="unsure", confidence=0.3 + i / 100) for i, thing in enumerate(many)
    ]
    findings.append(found("misplaced", many[3], many[4]))
    short = brief(findings, claims_of(many))
    assert len(short.findings) == MOST == 12 and short.findings[0].kind == "misplaced"
    assert sorted((*short.findings, *short.left_out), key=rank) == sorted(findings, key=rank)
    assert min(f.confidence for f in short.findings[1:]) > max(f.confidence for f in short.left_out)


def crowded() -> PictureDiagnosis:
    """Forty things on one blurred place, by maps that differ a little."""
    random = np.random.default_rng(11)
    things = tuple(WordGroup(name, (i,)) for i, name in enumerate(FORTY))
    heats = {t: 0.02 + 0.2 * blob((16, 16), *random.uniform(0.35, 0.65, 2), 0.2) for t in things}
    picture = rgb_picture(painted({"red": (0.5, 0.5, 0.2)})[0].numpy())
    unsure = {kind: replace(model, warn=2.0) for kind, model in CALIBRATION.kinds.items()}
    judge = Judge(Calibration(unsure, "tests"), own=True)
    return examine(things, claims_of(things), Observed(heats, heats, picture), {}, judge)


def test_forty_things_of_which_every_two_may_be_one_are_told_in_twelve_findings():
    picture = crowded()
    pairs = [check for check in picture.checks if check.kind == "blended"]
    doubtful = [check for check in pairs if check.verdict == "unsure"]
    assert len(pairs) == 40 * 39 / 2 and len(doubtful) > 100, "checks keep every pair"
    assert 0 < len(picture.findings) <= MOST
    both = (*picture.findings, *picture.left_out)
    of_pairs = Counter(word for f in both if f.kind == "blended" for word in f.words)
    assert of_pairs and max(of_pairs.values()) == 1


def test_words_of_findings_that_were_left_out_are_still_in_doubt():
    picture = crowded()
    left = {word for finding in picture.left_out for word in finding.words}
    assert left and {landing(picture)[word]["state"] for word in left} <= {"doubtful", "warned"}


def test_what_was_left_out_is_counted_and_kept_in_the_checks():
    text = " , ".join(f"a {name}" for name in ANIMALS)
    opened = view({"cat": (0.5, 0.5, 0.12)}, text=text)
    always = {"neglected": replace(CALIBRATION.kinds["neglected"], bias=9.0, weights=(0.0,) * 10)}
    report = diagnose_run(opened, calibration=Calibration(always, "tests")).report
    (picture,) = report.pictures
    assert len(picture.findings) == 12
    assert Counter(check.verdict for check in picture.checks)["wrong"] == 13
    assert [n for n in report.notices if "1 more finding weighs" in n and "checks of the report" in n]
    assert Report.from_json(report.to_json()) == report
    several = view({"cat": (0.5, 0.5, 0.12)}, text=text.replace(" , a lion", ""), batch=2)
    told_all = diagnose_run(several, calibration=Calibration(always, "tests")).report
    assert not [notice for notice in told_all.notices if "more finding" in notice]


@pytest.mark.parametrize(
    "text",
    [
        "masterpiece , best quality , 8k , highly detailed , sharp focus",
        "35mm , bokeh , depth of field , cinematic lighting , close up",
        "oil painting , impressionism , in the style of monet , trending on artstation",
    ],
)
def test_words_of_style_camera_and_quality_are_never_missing(text):
    always = {"neglected": replace(CALIBRATION.kinds["neglected"], bias=9.0, weights=(0.0,) * 10)}
    calibration = Calibration(always, "tests")
    report = diagnose_run(view({}, text=text), calibration=calibration).report
    assert report.pictures[0].findings == () and NOTHING_TO_CHECK in report.notices
    with_thing = diagnose_run(view({}, text=f"a red cat , {text}"), calibration=calibration).report
    assert [f.labels for f in with_thing.pictures[0].findings] == [("cat",)]
    assert NOTHING_TO_CHECK not in with_thing.notices


def test_diffuse_maps_stand_behind_what_they_may_hide():
    diffuse = diffuse_finding((WAGON,), {}, "Maps disagree.")
    other = replace(found("blended", WAGON, KETTLE), kind="of_a_pack", level=diffuse.level, severity=0.0)
    assert rank(diffuse) > rank(other)


def test_how_far_a_word_landed_is_told_against_the_other_words():
    """One that is half as sharp as usual lands half by that, whole by its one part."""
    clear = WordEvidence(WAGON, 0.1, 0.8, 4.0, 0.2, 1.0, 0.1, (0.3, 0.5), True)
    faint = replace(clear, word=KETTLE, focus=0.1, peak_ratio=2.0)
    picture = PictureDiagnosis(0, (clear, replace(clear, word=LADDER), faint), (), ())
    found = landing(picture)
    assert found[WAGON]["landed"] == 1 and abs(found[KETTLE]["landed"] - 2 / 3) < 1e-6
