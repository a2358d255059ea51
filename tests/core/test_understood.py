"""What a viewer is told of the reading of a prompt, and that its edits name the same words again."""

from __future__ import annotations

import json

import pytest
from synthetic import prompt_of

from selagg_core.claims.edits import can_be_named
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.report.understood import understood

TEXTS = (
    "a red cat left of a wooden table",
    "a cat and a cat, no dog, oil painting",
    "two green apples on the left of a blue bowl, masterpiece",
)


def told(text: str, edits: str = "") -> dict:
    prompts = (prompt_of(text),)
    return json.loads(json.dumps(understood(read_claims(prompts, general_lexicon(), edits), prompts)))


@pytest.mark.parametrize("text", TEXTS)
def test_claims_come_with_the_words_that_they_speak_of(text):
    words = prompt_of(text).words
    body = told(text)
    assert body["claims"]
    for claim in body["claims"]:
        subject = claim["subject"]
        spoken = " ".join(words[index].text for index in subject["words"])
        assert subject["label"].startswith(spoken) and subject["text"] == 0
    assert len(body["names"][0]) == len(words)


def test_kinds_and_what_is_said_of_nothing():
    body = told(TEXTS[1])
    assert {"not there"} <= {silent["reason"] for silent in body["silent"]}
    body = told(TEXTS[0])
    said = {(c["kind"], c["text"]) for c in body["claims"]}
    assert ("attribute", "red > cat") in said and ("relation", "cat left of table") in said
    assert all(claim["kind"] != "sense" for claim in body["claims"])


@pytest.mark.parametrize("text", TEXTS)
def test_every_name_can_be_used_in_an_edit(text):
    """Of each word of the prompt: ignored, no claim speaks of it; called a thing, it is one and checked."""
    names = [name for name in told(text)["names"][0] if name]
    assert names
    for name in names:
        assert not any(
            name in (part and part["name"] for part in (claim["subject"], claim["words"], claim["other"]))
            for claim in told(text, f"ignore: {name}")["claims"]
        )
        things = [c for c in told(text, f"thing: {name}")["claims"] if c["kind"] == "entity"]
        assert any(name.split(" (")[0] in c["subject"]["label"] and c["checked"] for c in things)


def test_an_attribute_is_moved_by_its_name():
    moved = told(TEXTS[0], "red > table")["claims"]
    (claim,) = [c for c in moved if c["kind"] == "attribute" and c["value"] == "red"]
    assert claim["subject"]["label"] == "table" and claim["source"] == "artist"


@pytest.mark.parametrize(
    ("label", "can"),
    [
        ("cat", True),
        ("cat (2)", True),
        ("a:b", False),
        ("x > y", False),
        ("k\uff1a1", False),
        (" ", False),
        ("1,5", False),
    ],
)
def test_labels_with_marks_of_edits_cannot_be_named(label, can):
    assert can_be_named(label) is can
