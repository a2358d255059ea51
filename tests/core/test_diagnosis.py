import numpy as np
import pytest
from synthetic import blob, entry_of, prompt_of

from selagg_core.diagnosis import Limits, diagnose, examine, focus, measure_place, measure_word
from selagg_core.groups import WordGroup, choose_groups, find_group
from selagg_core.maps import group_maps, select_heads
from selagg_core.regions import Region, parse_box

TEXT = "red circle left of blue square"
CLEAR = {
    "red": (0.25, 0.5, 0.1),
    "circle": (0.25, 0.5, 0.12),
    "blue": (0.75, 0.5, 0.1),
    "square": (0.75, 0.5, 0.12),
}


def examined(bumps: dict, boxes: str = "", text: str = TEXT):
    entry = entry_of(text, bumps)
    prompts = [prompt_of(text)]
    boxed = [parse_box(line) for line in boxes.splitlines()]
    expected = [(find_group(prompts, box.label), box.region((64, 64))) for box in boxed]
    groups = choose_groups(prompts, "all")
    indices = [group.indices for group in groups]
    maps = group_maps(entry, 0, indices, select_heads(entry.layout), (16, 16))
    return examine(groups, maps, expected, (64, 64))


def kinds(diagnosis) -> list[tuple[str, str, bool]]:
    return [(finding.kind, finding.words[0], finding.sure) for finding in diagnosis.findings]


def test_a_clear_picture_has_no_findings():
    assert kinds(examined(CLEAR, "circle: 0,0,50%,100%\nsquare: 50%,0,100%,100%")) == []


def test_a_word_without_a_region_is_neglected():
    diagnosis = examined({word: at for word, at in CLEAR.items() if word != "square"})
    assert kinds(diagnosis) == [("neglected", "square", True)]
    finding = diagnosis.findings[0]
    assert finding.evidence["focus"] < finding.evidence["focus_of_others"]
    assert "square:1.3" in finding.suggestion and not finding.calibrated
    assert "uncalibrated" in finding.line


def test_words_that_only_place_others_are_never_neglected():
    assert "left" not in [word for _, word, _ in kinds(examined(CLEAR))]


def test_weak_evidence_is_unsure_with_a_reason():
    weaker = dict(CLEAR, square=(0.75, 0.5, 0.45))
    findings = examined(weaker).findings
    assert [(f.kind, f.sure) for f in findings] == [("neglected", False)]
    assert "signs say so" in findings[0].reason and findings[0].confidence <= 0.5


def test_when_no_word_has_a_focus_nothing_is_claimed():
    findings = examined({}).findings
    assert len(findings) == 1 and not findings[0].sure
    assert findings[0].words == ("red", "circle", "blue", "square")
    assert "they cannot tell" in findings[0].reason


def test_a_word_in_the_wrong_place_is_misplaced():
    diagnosis = examined(CLEAR, "circle: 50%,0,100%,100%")
    assert kinds(diagnosis) == [("misplaced", "circle", True)]
    finding = diagnosis.findings[0]
    assert finding.evidence["found_at"] == "left" and finding.evidence["expected_at"] == "right"
    assert finding.evidence["mass_inside"] < 0.1 and finding.evidence["peak_inside"] is False
    assert "Conditioning Set Area" in finding.suggestion


def test_the_place_of_a_neglected_word_is_not_judged():
    bumps = {word: at for word, at in CLEAR.items() if word != "square"}
    diagnosis = examined(bumps, "square: 50%,0,100%,100%")
    by_kind = {finding.kind: finding for finding in diagnosis.findings}
    assert by_kind["neglected"].sure and not by_kind["misplaced"].sure
    assert "cannot be judged" in by_kind["misplaced"].reason


def test_an_expected_region_that_is_the_whole_picture_cannot_be_missed():
    assert kinds(examined(CLEAR, "circle: 0,0,100%,100%")) == []


def test_warnings_come_before_unsure_and_by_severity():
    bumps = {"circle": CLEAR["circle"], "red": CLEAR["red"], "blue": (0.75, 0.5, 0.45)}
    findings = examined(bumps, "circle: 90%,90%,100%,100%\nred: 30%,0,100%,100%").findings
    ranks = [(not finding.sure, -finding.severity) for finding in findings]
    assert len(findings) >= 3 and ranks == sorted(ranks)
    assert {finding.sure for finding in findings} == {True, False}


def test_more_mass_outside_means_higher_severity():
    region = Region(np.arange(64)[None].repeat(64, 0) >= 32)
    severities = []
    for x in (0.8, 0.45, 0.3, 0.1):
        place = measure_place(blob((64, 64), x, 0.5, 0.1), region, "cat")
        findings = diagnose([], [place])
        severities.append(findings[0].severity if findings else 0.0)
    assert severities == sorted(severities) and severities[0] == 0 and severities[-1] > 0.9


def test_limits_are_parameters():
    words = examined(dict(CLEAR, square=(0.75, 0.5, 0.45))).words
    verdicts = {}
    for signs in (2, 3, 4):
        findings = diagnose(words, limits=Limits(neglected_signs=signs))
        verdicts[signs] = [finding.sure for finding in findings]
    assert verdicts == {2: [True], 3: [False], 4: []}


def test_focus_is_zero_for_flat_and_one_for_a_single_cell():
    one = np.zeros((8, 8))
    one[3, 3] = 2
    assert focus(np.ones((8, 8))) == pytest.approx(0, abs=1e-12)
    assert focus(np.zeros((8, 8))) == 0 and focus(one) == 1
    assert focus(blob((16, 16), 0.5, 0.5, 0.1)) > focus(blob((16, 16), 0.5, 0.5, 0.3))


def test_two_parts_halve_the_component_share():
    group = WordGroup("cat", (0,))
    single = measure_word(group, blob((32, 32), 0.25, 0.5, 0.08))
    double = measure_word(group, blob((32, 32), 0.25, 0.5, 0.08) + blob((32, 32), 0.75, 0.5, 0.08))
    assert single.component_share == pytest.approx(1)
    assert double.component_share == pytest.approx(0.5, abs=0.02)
    assert single.centre == pytest.approx((0.25, 0.5), abs=0.02)


def test_a_map_of_zeros_is_measured_without_nan():
    word = measure_word(WordGroup("cat", (0,)), np.zeros((8, 8), np.float32))
    assert (word.strength, word.peak, word.peak_ratio, word.focus, word.spread) == (0, 0, 1, 0, 0)
    assert diagnose([word])[0].sure is False
