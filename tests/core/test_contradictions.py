"""Scenes that contradict their caption, in both worlds: what is changed is true of the scene itself."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.contradictions import CHANGES, SURFACES, changed
from demo.scenes import Scene, SceneObject, render, scene_from_seed
from demo.vocabulary import BACKGROUNDS, COLOURS, NATURAL_COLOUR, WORLDS

IMPLIED = {"pattern": "solid", "material": "painted"}


@pytest.fixture(scope="module", params=WORLDS)
def shown(request):
    """All scenes of the seeds as they are changed in every way that fits them."""
    found = []
    for seed in range(60):
        scene, caption = scene_from_seed(seed, world=request.param)
        for change in CHANGES:
            try:
                found.append(changed(scene, caption, change, np.random.default_rng(seed)))
            except ValueError:
                continue
    return found


def said(caption, subject: int) -> dict[str, str]:
    return {claim.kind: claim.value for claim in caption.claims if claim.subject == subject}


def test_every_change_is_made_and_makes_a_finding_right(shown):
    count = {change: sum(each.change == change for each in shown) for change in CHANGES}
    assert min(count.values()) >= 5, count
    of_change = {
        "absent": "neglected",
        "leaking": "leaked",
        "merged": "blended",
        "moved": "misplaced",
        "misread": "wrong_sense",
    }
    for each in shown:
        right = {key[0] for key, wrong in each.truths().items() if wrong}
        assert right >= {of_change[each.change]} if each.change != "faithful" else not right, each


def test_the_scene_is_still_of_its_world_and_can_be_painted(shown):
    for each in shown[::9]:
        picture, masks = render(each.scene)
        assert picture.shape == (128, 128, 3) and masks.any(axis=(1, 2)).all()
        if each.scene.world == "plain":
            assert not (masks.sum(0) > 1).any(), "things of the plain world stand apart"


def test_missing_things_are_not_in_the_scene(shown):
    for each in shown:
        names = {item.name for item in each.scene.objects}
        truths = each.truths()
        for claim in each.caption.claims:
            if claim.kind == "object":
                assert truths["neglected", claim.words[-1]] == (claim.value not in names)


def test_a_leak_is_of_the_word_that_another_thing_shows_too(shown):
    """Not of the word whose thing has lost its own surface: nothing shows that."""
    leaks = 0
    for each in shown:
        truths, things = each.truths(), each.scene.objects
        for claim in each.caption.claims:
            if claim.kind not in SURFACES or claim.value == "solid":
                continue
            wrong = truths["leaked", claim.words[-1]]
            if None in each.sources:
                assert wrong is None
                continue
            own = things[claim.subject]
            takers = [
                item
                for place, item in enumerate(things)
                if getattr(item, claim.kind) == claim.value
                and item.name != claim.value
                and _meant(each.caption, place, claim.kind) != claim.value
            ]
            assert wrong == bool(takers), (each.caption.text, claim)
            if wrong:
                leaks += 1
                assert getattr(own, claim.kind) == claim.value, "its own thing has it as well"
    assert leaks > 10


def _meant(caption, subject: int, kind: str) -> str | None:
    own = said(caption, subject)
    return own.get(kind, NATURAL_COLOUR.get(own["object"]) if kind == "colour" else IMPLIED[kind])


def painted(*things: tuple[str, str, float]) -> Scene:
    items = tuple(
        SceneObject(name, colour, "solid", "medium", (x, 64.0), 48, 0.0, COLOURS[colour])
        for name, colour, x in things
    )
    return Scene(items, "white", BACKGROUNDS["white"])


def test_labels_by_hand():
    """A red circle and a blue square, of which one takes the other's colour."""
    from demo.caption_check import parse_caption

    caption = parse_caption("a red circle left of a blue square")
    scene = painted(("circle", "red", 32.0), ("square", "blue", 96.0))
    red, circle, blue, square = (1,), (2,), (6,), (7,)
    seen = set()
    for seed in range(8):
        truths = changed(scene, caption, "leaking", np.random.default_rng(seed)).truths()
        right = {key for key, wrong in truths.items() if wrong}
        assert right in ({("leaked", *red)}, {("leaked", *blue)})
        seen |= right
    assert len(seen) == 2
    moved = changed(scene, caption, "moved", np.random.default_rng(0)).truths()
    assert {key for key, wrong in moved.items() if wrong} == {("misplaced", 3, 4)}
    absent = changed(scene, caption, "absent", np.random.default_rng(0)).truths()
    assert [key for key, wrong in absent.items() if wrong] in (
        [("neglected", *circle)],
        [("neglected", *square)],
    )
    with pytest.raises(ValueError, match="two senses"):
        changed(scene, caption, "misread", np.random.default_rng(0))


def test_a_scene_of_one_thing_can_only_be_shown_as_it_is():
    scene, caption = scene_from_seed(3, objects=1)
    for change in ("leaking", "absent", "merged", "moved"):
        with pytest.raises(ValueError):
            changed(scene, caption, change, np.random.default_rng(0))
    assert not any(changed(scene, caption, "faithful", np.random.default_rng(0)).truths().values())
