import numpy as np
import pytest
from synthetic import blob, painted, prompt_of

from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.diagnosis.features import FEATURES, Observed, candidates, overlap, unit_mass
from selagg_core.diagnosis.pixels import COLOURS, colour_share, colour_word, lab, salience
from selagg_core.drawing.pictures import rgb_picture
from selagg_core.prompt.groups import WordGroup

LEFT, RIGHT = (0.25, 0.5, 0.1), (0.75, 0.5, 0.1)
TEXT = "a red circle left of a blue square"
USUAL = {"red": LEFT, "circle": LEFT, "left of": (0.5, 0.5, 0.3), "blue": RIGHT, "square": RIGHT}


def found(text: str = TEXT, paint: dict | None = None, senses: dict | None = None, **moved) -> dict:
    """Candidates by kind and first word."""
    claims = read_claims([prompt_of(text)], general_lexicon())
    places = {**USUAL, **moved}
    heats = {g: 0.02 + 0.3 * blob((16, 16), *places[g.text]) for g in claims.groups}
    picture = rgb_picture(painted(paint or {"red": LEFT, "blue": RIGHT})[0].numpy())
    observed = Observed(heats, heats, picture, senses or {})
    return {(c.kind, c.words[0].label): c.features for c in candidates(claims, observed)}


def test_every_candidate_has_the_features_of_its_kind():
    for (kind, _), features in found().items():
        assert set(features) <= set(FEATURES[kind]) and features
    assert {kind for kind, _ in found()} == {"neglected", "leaked", "misplaced", "blended"}


def test_an_attribute_with_another_thing_speaks_for_leaking():
    usual, leaked = found()["leaked", "red"], found(red=RIGHT)["leaked", "red"]
    assert leaked["map_elsewhere"] > 0.9 > 0.1 > usual["map_elsewhere"]
    assert leaked["map_not_own"] > usual["map_not_own"]


def test_sizes_and_plain_surfaces_cannot_leak():
    made = found("a small solid red circle left of a blue square", small=LEFT, solid=LEFT)
    assert {word for kind, word in made if kind == "leaked"} == {"red", "blue"}


@pytest.mark.parametrize(
    ("red", "taken"), [((0.40, 0.5, 0.22), False), ((0.60, 0.5, 0.22), True)], ids=["own", "other"]
)
def test_a_colour_on_both_things_is_taken_if_the_other_has_more_of_it(red, taken):
    claims = read_claims([prompt_of(TEXT)], general_lexicon())
    heats = {g: 0.02 + 0.3 * blob((16, 16), *USUAL[g.text]) for g in claims.groups}
    observed = Observed(heats, heats, rgb_picture(painted({"red": red})[0].numpy()), {})
    leak = next(c for c in candidates(claims, observed) if c.kind == "leaked" and c.words[0].label == "red")
    assert leak.features["colour_elsewhere"] > 0.3 and leak.facts.taken is taken


def test_colours_are_looked_for_inside_the_entity_whatever_the_map_of_the_colour_says():
    usual, swapped = found()["leaked", "red"], found(paint={"blue": LEFT, "red": RIGHT})["leaked", "red"]
    assert usual["colour_not_own"] < -0.8 and usual["colour_elsewhere"] < 0.1
    assert swapped["colour_not_own"] > -0.1 and swapped["colour_elsewhere"] > 0.8


def test_the_angle_to_where_it_should_be():
    assert found()["misplaced", "circle"]["turned"] < 0.05
    assert found(circle=RIGHT, square=LEFT)["misplaced", "circle"]["turned"] > 0.95
    above = found(circle=(0.5, 0.2, 0.1), square=(0.5, 0.8, 0.1))["misplaced", "circle"]
    assert above["turned"] == pytest.approx(0.5, abs=0.05)
    assert above["turned_by_colour"] < 0.05


def test_a_place_in_the_picture():
    text = "a red circle on the right"
    places = {"on the right": (0.5, 0.5, 0.3)}
    assert found(text, circle=LEFT, **places)["misplaced", "circle"]["turned"] > 0.95
    assert found(text, circle=RIGHT, **places)["misplaced", "circle"]["turned"] < 0.05


def test_two_maps_in_one_place_overlap():
    assert found(square=LEFT)["blended", "circle"]["overlap"] > 0.9
    assert found()["blended", "circle"]["overlap"] < 0.1
    assert found(square=LEFT)["blended", "circle"]["close"] > found()["blended", "circle"]["close"]


def test_a_weak_and_spread_map_speaks_for_neglect():
    claims = read_claims([prompt_of(TEXT)], general_lexicon())
    heats = {g: 0.02 + 0.3 * blob((16, 16), *USUAL[g.text]) for g in claims.groups}
    square = next(g for g in claims.groups if g.text == "square")
    heats[square] = 0.02 + 0.02 * blob((16, 16), 0.6, 0.2, 0.5)
    picture = rgb_picture(painted({"red": LEFT})[0].numpy())
    features = {
        c.words[0].label: c.features
        for c in candidates(claims, Observed(heats, heats, picture))
        if c.kind == "neglected"
    }
    for name in ("unfocused", "faint", "nothing_there", "colour_missing"):
        assert features["square"][name] > features["circle"][name], name


def test_senses_are_evidence_of_a_wrong_sense():
    text = "an orange star left of a blue square"
    word = WordGroup("orange", (1,))
    senses = {word: 1.5}
    features = found(text, senses=senses, orange=LEFT, star=LEFT)["wrong_sense", "orange"]
    assert features["other_heads"] == 1.5
    assert np.isnan(found(text, orange=LEFT, star=LEFT)["wrong_sense", "orange"]["other_heads"])


def test_mass_of_flat_and_empty_maps_is_spread_evenly():
    for heat in (np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32)):
        assert unit_mass(heat).sum() == pytest.approx(1) and np.ptp(unit_mass(heat)) == 0
    assert overlap(unit_mass(blob((16, 16), 0.2, 0.2, 0.1)), unit_mass(blob((16, 16), 0.2, 0.2, 0.1))) > 0.99


@pytest.mark.parametrize("name", ["red", "blue", "green", "orange", "yellow", "purple", "black", "white"])
def test_a_colour_is_known_when_shaded_and_is_not_another(name):
    patch = cv_from(name)
    assert colour_share(lab(patch), name).mean() > 0.9
    shaded = (patch * 0.8).astype(np.uint8)
    if name != "white":
        assert colour_share(lab(shaded), name).mean() > 0.5
    others = [other for other in ("red", "blue", "green", "yellow", "white") if other != name]
    assert all(colour_share(lab(patch), other).mean() < 0.3 for other in others)


def cv_from(name: str) -> np.ndarray:
    import cv2

    rgb = cv2.cvtColor(COLOURS[name][:1][None].astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8).repeat(8, 0).repeat(8, 1)


def test_colour_words_as_prompts_have_them():
    assert colour_word("Red") == "red" and colour_word("grey") == "gray"
    assert colour_word("olive-colored") == "olive" and colour_word("cat") is None


def test_salience_marks_what_is_not_background():
    values, calm = salience(lab(rgb_picture(painted({"red": LEFT})[0].numpy())))
    assert values[64, 32] == 1 and values[64, 100] == 0 and calm


def test_a_ground_that_is_not_calm_says_nothing_about_what_is_there():
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    assert not salience(lab(noise))[1]
    claims = read_claims([prompt_of(TEXT)], general_lexicon())
    heats = {g: 0.02 + 0.3 * blob((16, 16), *USUAL[g.text]) for g in claims.groups}
    made = {c.kind: c.features for c in candidates(claims, Observed(heats, heats, noise))}
    for kind, name in (
        ("neglected", "nothing_there"),
        ("neglected", "too_few_things"),
        ("neglected", "not_alone"),
        ("blended", "one_thing"),
    ):
        assert np.isnan(made[kind][name]), name


def test_of_an_uneven_rim_only_what_lies_far_off_its_spread_stands_out():
    """Tones of the rim itself, two of its spreads away and less, are background."""
    values = np.zeros((64, 64, 3), np.float32)
    values[..., 0] = 50 + np.random.default_rng(0).uniform(-8, 8, (64, 64))
    values[20:30, 20:30, 0] = 50 + 14.0
    values[40:50, 40:50, 0] = 50 + 60.0
    found, _calm = salience(values)
    assert found[40:50, 40:50].min() > 0.9
    assert found[20:30, 20:30].max() == 0 and found[:18].max() == 0
