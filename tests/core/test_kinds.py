"""A kind of finding is one object: a toy one goes from its candidates to the picture, the report and back."""

from __future__ import annotations

import json

import pytest
from synthetic import CALIBRATION
from test_diagnosing import view

from selagg_core.claims.claim import Claim
from selagg_core.diagnose import diagnose_run
from selagg_core.diagnosis.calibration import Calibration, KindModel
from selagg_core.diagnosis.features import FEATURES, PIXEL_FEATURES
from selagg_core.diagnosis.findings import finding_of
from selagg_core.diagnosis.kinds import BY_NAME, KINDS
from selagg_core.diagnosis.kinds.kind import Candidate, Facts, FindingKind, Outline, Sentence
from selagg_core.diagnosis.kinds.leaked import Leak
from selagg_core.diagnosis.kinds.misplaced import Places
from selagg_core.diagnosis.kinds.wrong_sense import Meanings
from selagg_core.diagnosis.sentences import Sentences, catalogue
from selagg_core.prompt.groups import WordGroup
from selagg_core.report.report import Report

CAT, DOG = WordGroup("cat", (1,)), WordGroup("dog", (5,))


class TooWide(FindingKind[Facts]):
    """Things whose maps cover much of the picture."""

    name = "too_wide"
    thing = "width"
    features = ("covered", "bright")
    pixel_features = frozenset(("bright",))
    texts = {"wide": '"{word}" is everywhere.'}
    remedies = {"smaller": "write small {bare}"}

    def candidates(self, scene):
        for claim in scene.claims.of("entity"):
            features = {"covered": float(scene.region[claim.subject].mean()), "bright": 0.5}
            yield Candidate(self.name, claim, (claim.subject,), features, Facts())

    def sentence(self, candidate):
        return Sentence("wide", {"word": candidate.words[0].label})

    def outline(self, words, facts, regions):
        return Outline(found=regions.of(words[0]), label="WIDE")


def test_a_kind_of_ones_own_is_looked_for_told_drawn_and_kept():
    plain = (0.0,) * 2, (1.0,) * 2
    model = KindModel(TooWide.features, *plain, (10.0, 0.0), 0.0, ((0.0, 1.0), (0.0, 1.0)), 0.5, 0.2)
    judged = Calibration({**CALIBRATION.kinds, "too_wide": model}, "tests")
    found = diagnose_run(view(), calibration=judged, kinds=(*KINDS, TooWide()))
    mine = [f for f in found.report.pictures[0].findings if f.kind == "too_wide"]
    assert {f.message for f in mine} == {'"circle" is everywhere.', '"square" is everywhere.'}
    assert mine[0].suggestion == f"write small {mine[0].words[0].text}."
    assert set(mine[0].evidence) == {"covered"} and set(mine[0].pixels) == {"bright"}
    assert {c.kind for c in found.report.pictures[0].checks} >= {"too_wide", "neglected"}
    usual = diagnose_run(view(), calibration=judged)
    assert (found.annotated[0][:512] != usual.annotated[0][:512]).any()
    again = Report.from_json(found.report.to_json())
    assert again == found.report


def test_every_feature_belongs_to_one_kind_and_those_of_pixels_come_last():
    for kind in KINDS:
        of_pixels = [name in kind.pixel_features for name in kind.features]
        assert of_pixels == sorted(of_pixels) and kind.pixel_features <= set(kind.features)
        assert FEATURES[kind.name] == kind.features and kind.pixel_features <= PIXEL_FEATURES


def test_all_that_is_said_is_in_the_catalogue_and_can_be_said_otherwise():
    keys = catalogue()
    assert {"leaked.taken", "neglected.try.seed", "general.weak"} <= set(keys)
    claim = Claim("pair", CAT, words=CAT, other=DOG)
    candidate = Candidate("blended", claim, (CAT, DOG), {"overlap": 0.9}, Facts())
    other = Sentences({"blended.shared": "{other} + {one}", "general.weak": "Wer weiss."})
    said = finding_of(candidate, 0.4, "unsure", True, sentences=other)
    assert (said.message, said.reason) == ("dog + cat", "Wer weiss.")
    assert "raise the weight" in said.suggestion  # not translated: English


SAID = [
    Candidate("neglected", Claim("entity", CAT), (CAT,), {"weak": 2.0, "colour_nowhere": 0.9}, Facts()),
    Candidate("neglected", Claim("entity", CAT), (CAT,), {}, Facts()),
    Candidate("leaked", Claim("attribute", CAT, "red", DOG), (DOG, CAT), {}, Leak(DOG)),
    Candidate("blended", Claim("pair", CAT, words=CAT, other=DOG), (CAT, DOG), {"overlap": 0.1}, Facts()),
    Candidate("misplaced", Claim("place", CAT, "top left"), (CAT,), {}, Places("top left", ((0.9, 0.9),))),
    Candidate("wrong_sense", Claim("sense", CAT), (CAT,), {}, Meanings(("Color", "Mine"), ("Animals",))),
]


@pytest.mark.parametrize("candidate", SAID, ids=lambda candidate: candidate.kind)
@pytest.mark.parametrize("level", ["warning", "unsure", "information"])
def test_findings_carry_what_another_language_needs_to_say_them(candidate, level):
    """The English of a finding is what its keys and values say, as a viewer says it by texts of its own."""
    found = finding_of(candidate, 0.4, level, True)
    told = json.loads(json.dumps(found.said))
    assert again(told["message"]) == found.message and again(told["suggestion"]) == found.suggestion
    assert again(told["title"]) == found.title and again(told.get("reason")) == found.reason
    assert all(len(counts) == 2 for counts in told["helped"])
    assert not set("0123456789") & set(found.message + found.reason)


def again(told: dict | None) -> str:
    if told is None:
        return ""
    values = {name: again(v) if isinstance(v, dict) else v for name, v in told["values"].items()}
    return catalogue()[told["key"]].format(**values)


def test_a_title_says_what_bled():
    for word, title in (("red", "Colour bled"), ("striped", "Look bled")):
        of = WordGroup(word, (3,))
        claim = Claim("attribute", CAT, word, of)
        candidate = Candidate("leaked", claim, (of, CAT), {}, Leak(DOG))
        assert finding_of(candidate, 0.9, "warning", True).title == title


def relation(turned: float, by_colour: float, at_map: tuple, at_colour: tuple, value: str = "left of") -> str:
    claim = Claim("relation", CAT, value, None, DOG)
    decides = by_colour > turned
    features = {"turned": turned, "turned_by_colour": by_colour}
    facts = Places(value, at_map, at_colour, decides)
    return finding_of(
        Candidate("misplaced", claim, (CAT, DOG), features, facts), 0.9, "warning", True
    ).message


LEFT, RIGHT, TOP = (0.2, 0.5), (0.8, 0.5), (0.3, 0.1)


@pytest.mark.parametrize(
    ("turned", "by_colour", "at_map", "at_colour", "told"),
    [
        (0.1, 0.9, (LEFT, RIGHT), (RIGHT, LEFT), "but it is right of it"),
        (0.9, 0.1, (RIGHT, LEFT), (LEFT, RIGHT), "but it is right of it"),
        (0.9, float("nan"), (RIGHT, LEFT), (), "but it is right of it"),
        (0.4, 0.5, (TOP, LEFT), (TOP, LEFT), "but it is above it"),
        (0.1, 0.2, (LEFT, RIGHT), (LEFT, RIGHT), "cannot be seen clearly"),
    ],
)
def test_a_relation_is_told_from_what_speaks_against_it(turned, by_colour, at_map, at_colour, told):
    message = relation(turned, by_colour, at_map, at_colour)
    assert told in message and "it is left of" not in message


def test_a_place_and_a_leak_do_not_contradict_themselves():
    place = Claim("place", CAT, "left")
    features = {"turned": 0.1, "turned_by_colour": 0.2}
    facts = Places("left", (LEFT,), (LEFT,), True)
    message = finding_of(Candidate("misplaced", place, (CAT,), features, facts), 0.4, "unsure", True).message
    assert "is on the left" not in message
    claim = Claim("attribute", CAT, "red", DOG)
    for taken, told in ((True, "it bled onto"), (False, "some of it bled onto")):
        candidate = Candidate("leaked", claim, (DOG, CAT), {}, Leak(DOG, taken))
        assert told in finding_of(candidate, 0.9, "warning", True).message


def test_names_of_kinds_are_their_own():
    assert len(BY_NAME) == len(KINDS) == len({kind.thing for kind in KINDS})
