"""Repair plans: additions to logits as channels, and what is done about each kind of finding."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from selagg_core.claims.expectations import read_expectations
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.diagnosis.examine import PictureDiagnosis
from selagg_core.diagnosis.findings import Finding
from selagg_core.diagnosis.measure import WordEvidence
from selagg_core.maps.regions import Region, centroid
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.relevance import ARGMAX_WINS, HeadRelevance
from selagg_core.relevance.shipped import load_preset
from selagg_core.repair.channels import Additions, widened
from selagg_core.repair.from_report import Asked, listed, plan_from_report, read_report
from selagg_core.repair.plan import Adjusting, PictureRepair, Placing, RepairPlan
from selagg_core.repair.remedies import Fault, Known, remedy_for, sense_factors
from selagg_core.repair.terms import EntryRepair
from selagg_core.report.report import Report

DEMO = load_preset("demo")
SIZE = 32, 48


# -- channels ----------------------------------------------------------------------------------------------


def tokens(heads: int, count: int, width: int, seed: int, rows: int = 2) -> torch.Tensor:
    return torch.randn(rows, heads, count, width, generator=torch.Generator().manual_seed(seed))


def some_additions(heads: int, pixels: int, columns: int, rows: int = 2) -> Additions:
    generator = torch.Generator().manual_seed(7)
    fields = torch.randn(rows, 3, pixels, generator=generator)
    gains = torch.randn(3, heads, generator=generator)
    keys = torch.rand(3, columns, generator=generator) < 0.4
    return Additions(fields, gains, keys, torch.ones(1, 0, heads), keys[:0])


def as_mask(own: Additions, repeats: int = 1) -> torch.Tensor:
    keys = own.keys.repeat(1, repeats).float()
    return torch.einsum("th,rtp,tk->rhpk", own.gains, own.fields, keys)


def attended(q, k, v, mask=None, scale=None):
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)


@pytest.mark.parametrize(("width", "repeats"), [(12, 1), (16, 2), (40, 1)])
def test_channels_give_the_logits_of_a_mask(width, repeats):
    q, k, v = tokens(4, 30, width, 1), tokens(4, 9 * repeats, width, 2), tokens(4, 9 * repeats, width, 3)
    own = some_additions(4, 30, 9)
    wide = widened(q, k, v, own, slice(None), slice(None))
    assert wide.q.shape[-1] % 8 == 0
    got = attended(wide.q, wide.k, wide.v)[..., : wide.width]
    assert torch.allclose(got, attended(q, k, v, as_mask(own, repeats)), atol=1e-5)
    assert (got - attended(q, k, v)).abs().max() > 0.1


@pytest.mark.parametrize("text_first", [True, False])
def test_where_pictures_share_the_softmax_text_keeps_its_share(text_first):
    heads, cells, columns = 3, 20, 6
    q, k, v = (tokens(heads, cells + columns, 16, seed) for seed in (1, 2, 3))
    text, image = (
        (slice(0, columns), slice(columns, None)) if text_first else (slice(cells, None), slice(0, cells))
    )
    own = some_additions(heads, cells, columns)
    wide = widened(q, k, v, own, image, text)
    before = torch.softmax(q @ k.mT / 4, -1)
    after = torch.softmax(wide.q @ wide.k.mT / wide.q.shape[-1] ** 0.5, -1)
    assert torch.allclose(before[..., text].sum(-1), after[..., text].sum(-1), atol=1e-5)
    assert torch.allclose(
        before[:, :, text], after[:, :, text], atol=1e-5
    )  # the text's own attention is as it was
    inside, was = (x[:, :, image, text] for x in (after, before))
    wanted = torch.softmax(torch.log(was) + as_mask(own), -1) * was.sum(-1, keepdim=True)
    assert torch.allclose(inside, wanted, atol=1e-5)


def test_a_scale_of_the_hosts_own_is_kept():
    q, k, v = tokens(2, 10, 8, 1), tokens(2, 5, 8, 2), tokens(2, 5, 8, 3)
    own = some_additions(2, 10, 5)
    wide = widened(q, k, v, own, slice(None), slice(None), scale=0.5)
    got = attended(wide.q, wide.k, wide.v, scale=0.5)[..., : wide.width]
    assert torch.allclose(got, attended(q, k, v, as_mask(own), scale=0.5), atol=1e-5)


@pytest.mark.parametrize("joint", [False, True])
def test_a_words_attention_is_multiplied_after_the_softmax(joint):
    q, k, v = (tokens(3, 14, 16, seed) for seed in (1, 2, 3))
    text, image = (slice(0, 6), slice(6, None)) if joint else (slice(None), slice(None))
    columns = 6 if joint else 14
    own = some_additions(3, 8 if joint else 14, columns)
    words = torch.zeros(1, columns, dtype=torch.bool)
    words[0, 2:4] = True
    factors = torch.tensor([[[-1.0, 0.0, 5.0]], [[1.0, 2.0, 0.5]]])
    wide = widened(q, k, v, replace(own, factors=factors, words=words), image, text)
    plain = widened(q, k, v, own, image, text)
    shares = torch.softmax(plain.q @ plain.k.mT / plain.q.shape[-1] ** 0.5, -1)
    shares[..., 2:4] *= factors[:, 0, :, None, None]
    got = wide.attended(lambda v: attended(wide.q, wide.k, v))
    assert torch.allclose(got, shares @ v, atol=1e-5)


def test_additions_of_zero_change_nothing_but_rounding():
    q, k, v = tokens(2, 10, 8, 1), tokens(2, 5, 8, 2), tokens(2, 5, 8, 3)
    own = some_additions(2, 10, 5)
    own = replace(own, gains=own.gains * 0)
    wide = widened(q, k, v, own, slice(None), slice(None))
    assert torch.allclose(attended(wide.q, wide.k, wide.v)[..., : wide.width], attended(q, k, v), atol=1e-6)


# -- plans -------------------------------------------------------------------------------------------------


def prompt_of(text: str, **weights: float) -> Prompt:
    words = tuple(Word(w, (i,), weights.get(w, 1.0)) for i, w in enumerate(text.split(), start=1))
    return Prompt(text, words, 77, (0, *range(len(words) + 1, 77)))


def seen(word: WordGroup, centre: tuple[float, float], spread: float = 0.08) -> WordEvidence:
    return WordEvidence(word, 0.1, 0.5, 5.0, 0.2, 0.9, spread, centre, True)


def known(text: str, places=(), relevance: HeadRelevance | None = DEMO, expected=None, **weights) -> Known:
    """What is known of a picture; places: word -> centre of its map."""
    prompt = prompt_of(text, **weights)
    claims = read_claims((prompt,), general_lexicon(DEMO.concepts))
    groups = {group.label: group for group in claims.groups}
    measured = {groups[word]: seen(groups[word], at) for word, at in dict(places).items()}
    expected = {groups[word]: region for word, region in (expected or {}).items()}
    return Known((prompt,), claims, SIZE, measured, expected, relevance)


def group(own: Known, label: str) -> WordGroup:
    return next(g for g in own.claims.groups if g.label == label)


def claim(own: Known, kind: str):
    return own.claims.of(kind)[0]


def spoken(own: Known, operator) -> list[str]:
    return [own.prompts[0].words[i].text for i in operator.words.indices]


@pytest.mark.parametrize(
    ("relation", "first", "second"),
    [("left of", (0, 24), (24, 48)), ("right of", (24, 48), (0, 24))],
)
def test_a_wrong_place_draws_each_thing_with_what_is_said_of_it_to_a_half(relation, first, second):
    own = known(f"a red circle {relation} a blue star")
    told = claim(own, "relation")
    remedy = remedy_for(Fault("misplaced", (told.subject, told.other), told), own)
    assert [spoken(own, each) for each in remedy.operators] == [["red", "circle"], ["blue", "star"]]
    for operator, (left, right) in zip(remedy.operators, (first, second), strict=True):
        inside = operator.region.mask[:, left:right]
        assert inside[14:18, 10:14].all()
        assert inside.sum() == operator.region.mask.sum() < 32 * 24 / 2
    assert '"circle" to the' in remedy.said and "half" in remedy.said


def test_a_place_that_the_artist_expects_goes_before_that_of_the_relation():
    there = np.zeros(SIZE, bool)
    there[:8, :8] = True
    own = known("a circle left of a star", expected={"circle": Region(there)})
    told = claim(own, "relation")
    remedy = remedy_for(Fault("misplaced", (told.subject, told.other), told), own)
    assert remedy.operators[0].region.mask.sum() == 64


def test_a_leak_draws_both_things_to_where_their_own_maps_are_and_not_to_each_other():
    own = known("a red circle and a blue star", {"circle": (0.25, 0.5), "star": (0.45, 0.5)})
    words = group(own, "red"), group(own, "circle")
    remedy = remedy_for(Fault("leaked", words, None, group(own, "star")), own)
    one, other = (each.region.mask for each in remedy.operators)
    assert one.any() and other.any() and not (one & other).any()
    assert one[16, 10] and other[16, 24]


def test_a_leak_without_a_known_place_is_told_and_nothing_changes():
    own = known("a red circle and a blue star", {"circle": (0.2, 0.5)})
    words = group(own, "red"), group(own, "circle")
    remedy = remedy_for(Fault("leaked", words, None, group(own, "star")), own)
    assert not remedy.operators
    assert "star" in remedy.advice[0]


@pytest.mark.parametrize("text", ["a circle left of a star", "a circle right of a star"])
def test_a_blend_whose_things_have_a_relation_is_parted_as_it_says(text):
    own = known(text, {"circle": (0.5, 0.5), "star": (0.5, 0.5)})
    remedy = remedy_for(Fault("blended", (group(own, "star"), group(own, "circle"))), own)
    centres = {spoken(own, each)[-1]: centroid(each.region.mask)[0] for each in remedy.operators}
    assert (centres["circle"] < centres["star"]) == ("left" in text)


def test_a_blend_parts_two_things_as_their_maps_lie_and_says_what_that_may_do():
    own = known("a circle and a star", {"circle": (0.5, 0.7), "star": (0.5, 0.4)})
    remedy = remedy_for(Fault("blended", (group(own, "circle"), group(own, "star"))), own)
    assert "compare both pictures" in remedy.advice[0].lower()
    below, above = (each.region.mask for each in remedy.operators)
    assert below[24, 24] and below[17:].sum() > 20 * below[:15].sum()
    assert above[8, 24] and above[:15].sum() > 20 * above[17:].sum()


LEAKED = ("leaked", "a red circle and a blue star", ("red", "circle"), "star")
NEGLECTED = ("neglected", "a red circle and a blue star", ("star",), None)
MISPLACED = ("misplaced", "a circle left of a star", ("circle", "star"), None)


@pytest.mark.parametrize(("kind", "text", "words", "taker"), [LEAKED, NEGLECTED, MISPLACED])
@pytest.mark.parametrize(
    ("start", "strength", "told"),
    [
        (None, 1.0, ["if it starts from a picture, set strength to 2, or raise denoise"]),
        (True, 1.0, ["the picture starts from another one: set strength to 2, or raise denoise"]),
        (True, 2.0, ["the picture starts from another one: raise denoise"]),
        (False, 1.0, []),
    ],
)
def test_what_a_start_picture_brings_along_is_advised_as_far_as_it_is_known(
    kind, text, words, taker, start, strength, told
):
    own = known(text, {"circle": (0.25, 0.5), "star": (0.75, 0.5)})
    own = replace(own, from_picture=start, strength=strength)
    claim = next(iter(own.claims.of("relation")), None)
    fault = Fault(kind, tuple(group(own, w) for w in words), claim, taker and group(own, taker))
    advice = " ".join(remedy_for(fault, own).advice).lower()
    assert all(each in advice for each in told)
    assert ("denoise" in advice, "strength" in advice) == (bool(told), bool(told) and strength < 2)


BLENDS = {"empty": (9, 12, 0, 75), "picture": (19, 32, 11, 105)}


@pytest.mark.parametrize(("start", "figures"), [(None, True), (True, True), (False, False)])
def test_a_blend_says_how_often_it_broke_something(file_of_counts, start, figures):
    file_of_counts(blended=BLENDS)
    own = known("a circle and a star", {"circle": (0.5, 0.7), "star": (0.5, 0.4)})
    own = replace(own, from_picture=start)
    remedy = remedy_for(Fault("blended", (group(own, "circle"), group(own, "star"))), own)
    (advice,) = remedy.advice
    assert "turn the thing that is there into the other one" in advice
    assert ("11 of 105 claims" in advice) == figures == ("start picture" in advice)
    assert remedy.operators


@pytest.mark.parametrize(("kind", "weight"), [("misplaced", 0.3), ("neglected", 0.2), ("wrong_sense", 1.9)])
def test_a_weight_that_may_be_the_cause_is_told_and_nothing_changes(kind, weight):
    own = known("a circle left of a star", circle=weight)
    told = claim(own, "relation")
    remedy = remedy_for(Fault(kind, (told.subject,), told), own)
    assert not remedy.operators
    assert f"{weight:g}" in remedy.advice[0] and "circle" in remedy.advice[0]


def test_every_kind_of_finding_has_an_answer():
    own = known("a red circle left of a blue star")
    for kind in ("neglected", "leaked", "misplaced", "misplaced_region", "blended", "wrong_sense", "diffuse"):
        words = (group(own, "circle"), group(own, "star"))
        remedy = remedy_for(Fault(kind, words), own)
        assert remedy.operators or remedy.advice, kind
        assert bool(remedy.operators) == bool(remedy.said)


def test_a_wrong_sense_is_answered_by_the_heads_of_both_senses():
    factors = sense_factors(DEMO, ("Color",), ("Objects",))
    wins = DEMO.with_score(ARGMAX_WINS)
    assert np.allclose(factors, 2 * wins.scores_of("Color") - wins.scores_of("Objects"))
    adjusting = Adjusting(WordGroup("orange", (1,)), 4 * factors)
    assert (adjusting.at(0) == 1).all()
    assert np.abs(adjusting.at(2)).max() == 9
    assert sense_factors(None, ("Color",), ("Objects",)) is None
    assert sense_factors(DEMO, ("Color",), ("No such concept",)) is None


@pytest.mark.parametrize(
    ("strength", "until"), [(-0.1, 0.6), (2.1, 0.6), (1, 0), (1, 1.1), (float("nan"), 0.6)]
)
def test_strengths_and_ends_outside_are_refused(strength, until):
    with pytest.raises(ValueError, match="set it"):
        RepairPlan((prompt_of("a cat"),), (PictureRepair(),), strength, until)


def test_places_are_left_alone_after_their_time_and_senses_are_not():
    word = WordGroup("cat", (1,))
    both = Placing(word, Region(np.ones(SIZE, bool))), Adjusting(word, np.ones(8))
    plan = RepairPlan((prompt_of("a cat"),), (PictureRepair(both),), until=0.5)
    assert plan.at(0.4).pictures[0].operators == both
    assert plan.at(0.5).pictures[0].operators == both[1:]
    assert not plan.does_nothing
    assert RepairPlan((prompt_of("a cat"),), (PictureRepair(both),), strength=0).does_nothing


# -- terms -------------------------------------------------------------------------------------------------

LAYOUT = HeadLayout.of([("input", 1, 0, 2), ("middle", 0, 0, 3)])


def entry_repair(operators, area=None, pictures=1) -> EntryRepair:
    own = [PictureRepair(operators if number == 0 else ()) for number in range(pictures)]
    plan = RepairPlan((prompt_of("a cat"),), tuple(own))
    return EntryRepair(plan, 0, LAYOUT, (8, 12), area, start=2, length=80)


def test_terms_have_the_words_columns_the_layers_heads_and_each_picture_its_own():
    half = np.zeros(SIZE, bool)
    half[:, :24] = True
    heads = np.array([True, True, False, True, False])
    repair = entry_repair((Placing(WordGroup("cat", (1,)), Region(half), heads),), pictures=2)
    own = repair.additions(LAYOUT.layers[1], (4, 6))
    assert own.keys.nonzero().tolist() == [[0, 4]]  # word 1 owns column 2, and the text starts at 2
    assert own.gains.tolist() == [[0.0, 2.0, 0.0]]
    field = own.fields[0, 0].reshape(4, 6)
    assert (field[:, :3] == 1).all() and (field[:, 3:] == -1).all()
    assert not own.fields[1].any()


def test_an_entry_of_an_area_sees_its_part_of_a_region():
    half = np.zeros((64, 96), bool)
    half[:, :48] = True
    repair = entry_repair((Placing(WordGroup("cat", (1,)), Region(half)),), area=(8, 8, 0, 4))
    field = repair.additions(LAYOUT.layers[0], (8, 8)).fields[0, 0].reshape(8, 8)
    assert (field[:, :2] == 1).all() and (field[:, 2:] == -1).all()


# -- from a report -----------------------------------------------------------------------------------------

TEXT = "a red circle left of a blue star"


def finding(
    kind="misplaced", level="warning", labels=("circle", "star"), at=((3,), (7,)), told="", **evidence
):
    words = tuple(WordGroup(label, own) for label, own in zip(labels, at, strict=True))
    told = told or "circle left of star"
    return Finding(
        kind, words, 0.9, dict(evidence), 0.9, "try", "message", level == "warning", "", True, level, {}, told
    )


def report(*findings, text=TEXT, pictures=1, **settings) -> Report:
    words = seen(WordGroup("circle", (2,)), (0.7, 0.5)), seen(WordGroup("star", (7,)), (0.2, 0.5))
    made = [PictureDiagnosis(n, words, (), findings if n == 0 else ()) for n in range(pictures)]
    told = {"width": 48, "height": 32, **settings}
    claims = ("circle", "star", "red > circle", "blue > star", "circle left of star")
    return Report(text, told, tuple(made), claims=claims)


def planned(own: Report, text=TEXT, **asked) -> RepairPlan:
    return plan_from_report(own, (prompt_of(text),), DEMO.layout, Asked(relevance=DEMO, **asked))


def test_all_warnings_are_mended_and_what_is_unsure_is_not():
    plan = planned(report(finding(), finding(kind="neglected", level="unsure", labels=("star",), at=((7,),))))
    assert len(plan.pictures[0].operators) == 2
    assert plan.changes[0].startswith("misplaced: Drawn")
    assert plan.key != planned(report(finding())).key


def test_one_finding_is_chosen_by_its_number_and_may_be_unsure():
    unsure = finding(level="unsure")
    assert planned(report(unsure)).does_nothing
    assert not planned(report(unsure), finding="1").does_nothing
    assert not planned(report(unsure), finding=" #1 ").does_nothing


def test_a_blend_from_a_start_picture_is_parted_only_if_it_is_asked_for(file_of_counts):
    """It breaks more right claims than may be broken unasked."""
    file_of_counts(blended=BLENDS)
    blended = finding(kind="blended", told="")
    own = replace(report(finding(kind="neglected", labels=("star",), at=((7,),)), blended), from_picture=True)
    everything = planned(own)
    number = 1 + [found.kind for found, _ in listed(own)].index("blended")
    advice = next(told for told in everything.advice if told.startswith("blended"))
    assert not any("blended" in change for change in everything.changes) and everything.changes
    assert f"set finding to {number}" in advice and "11 of 105" in advice and "19 of 32" in advice
    assert len(planned(own, finding=str(number)).pictures[0].operators) == 2
    for start, done in ((False, True), (None, False)):
        changes = planned(replace(own, from_picture=start)).changes
        assert any("blended" in change for change in changes) == done


def test_a_report_survives_the_way_through_json():
    text = report(finding()).to_json()
    assert len(planned(read_report(text)).pictures[0].operators) == 2
    older = json.loads(text)
    older["settings"].pop("model", None)
    assert not planned(read_report(json.dumps(older))).does_nothing


def test_each_picture_has_its_own_repair():
    plan = planned(report(finding(), pictures=3))
    assert [len(picture.operators) for picture in plan.pictures] == [2, 0, 0]
    assert plan.changes[0].startswith("picture 1, ")


def boxes(line: str):
    return read_expectations(boxes=line)


@pytest.mark.parametrize(
    ("own", "asked", "told"),
    [
        (report(finding(), text="a cat"), {}, "another prompt"),
        (report(finding(), model="3 layers, 5 heads"), {}, "another model"),
        (report(finding()), {"finding": "2"}, "no finding 2"),
        (report(finding()), {"finding": "0"}, "no finding 0"),
        (report(finding()), {"finding": "the first"}, 'finding is "the first"'),
        (report(finding(at=((2,), (40,)))), {}, '"star" of the report is no longer'),
        (report(finding(at=((), ()))), {}, "diagnose again"),
        (report(finding()), {"expectations": boxes("circle: 200%, 0, 300%, 9%")}, "holds nothing"),
        (report(finding()), {"expectations": boxes("dog: 0, 0, 50%, 50%")}, '"dog" is not in'),
        (report(finding()), {"strength": 3.0}, "strength is 3"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused_in_words(own, asked, told):
    with pytest.raises(ValueError, match=told):
        planned(own, **asked)


@pytest.mark.parametrize("text", ["", "  ", "[]", "{}", '{"schema": "something"}', "no JSON"])
def test_what_is_no_report_is_refused(text):
    with pytest.raises(ValueError, match="report"):
        read_report(text)


def test_a_report_without_a_warning_changes_nothing_and_says_so():
    plan = planned(report())
    assert plan.does_nothing
    assert "Nothing was changed" in plan.report()


def test_an_expected_region_that_is_not_connected_is_asked_for():
    plan = planned(report(finding(kind="misplaced_region", labels=("circle",), at=((2,),))))
    assert plan.does_nothing
    assert "SelAgg Expect" in plan.advice[0]


def test_a_claim_that_the_artist_made_is_known_again():
    own = report(finding(labels=("star", "circle"), at=((7,), (2,)), told="star above circle"))
    own = Report(own.prompt, own.settings, own.pictures, claims=(*own.claims, "star above circle"))
    plan = planned(own)
    assert plan.pictures[0].operators[0].region.mask[8, 24]


def test_a_thing_without_a_map_of_its_own_is_where_the_map_of_its_last_word_is():
    own = known("a fire truck and a blue square", {"fire truck": (0.3, 0.5)})
    phrase = group(own, "fire truck")
    assert own.seen(phrase).centre == (0.3, 0.5)
    last = WordGroup(phrase.label, phrase.indices[-1:], phrase.entry)
    by_last = replace(own, measured={last: seen(last, (0.6, 0.4))})
    assert by_last.seen(phrase).centre == (0.6, 0.4)
    assert by_last.seen(group(own, "square")) is None


def test_a_relation_without_directions_is_answered_by_advice():
    own = known("a circle left of a square", {"circle": (0.7, 0.5), "square": (0.3, 0.5)})
    relation = claim(own, "relation")
    for changed in (replace(relation, value="inside"), replace(relation, other=None)):
        answer = remedy_for(Fault("misplaced", (relation.subject,), changed), own)
        assert not answer.operators and "cannot be told as regions" in answer.advice[0]
