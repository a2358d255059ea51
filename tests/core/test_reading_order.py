"""Where a text encoder reads from left to right: which word has read which, said once."""

from __future__ import annotations

import pytest

from selagg_core.claims.claim import Claim
from selagg_core.diagnosis.findings import finding_of
from selagg_core.diagnosis.kinds.blended import Pair
from selagg_core.diagnosis.kinds.kind import Candidate, Facts
from selagg_core.diagnosis.kinds.leaked import Leak
from selagg_core.diagnosis.reading_order import order_notices
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.words import Prompt, Word

CAT, RED, DOG = (WordGroup(name, (index,)) for index, name in enumerate(("cat", "red", "dog")))


def prompt(one_way: bool) -> Prompt:
    return Prompt("cat red dog", tuple(Word(w, (i,)) for i, w in enumerate(("cat", "red", "dog"))), 3, (),
                  one_way=one_way)  # fmt: skip


def finding(kind: str, words, facts: Facts):
    claim = Claim("entity", words[0], words=words[0])
    return finding_of(Candidate(kind, claim, words, {"overlap": 0.9}, facts), 0.9, "warning", True)


@pytest.mark.parametrize(
    ("kind", "words", "facts", "said"),
    [
        ("leaked", (RED, CAT), Leak(DOG), ('"red" has read "cat"', 'Write "red" before "cat"')),
        ("leaked", (RED, DOG), Leak(CAT), ()),
        ("leaked", (CAT, DOG), Leak(RED), ('"red" has read "cat"', 'Write "red" before "cat"')),
        ("blended", (DOG, CAT), Pair((0.1, 0.1)), ('"dog" has read "cat"', 'Name "dog" first')),
        ("blended", (CAT, DOG), Pair((0.1, 0.1)), ('"dog" has read "cat"', 'Name "dog" first')),
        ("neglected", (CAT, DOG), Leak(RED), ()),
    ],
)
def test_who_has_read_whom(kind, words, facts, said):
    found = [finding(kind, words, facts)]
    notices = order_notices(found * 3, [prompt(True)])
    assert len(notices) == (1 if said else 0)
    assert all(part in notices[0] for part in said)
    assert order_notices(found, [prompt(False)]) == ()


def test_the_notice_is_short():
    long = WordGroup("y" * 5000, (0,)), WordGroup("z" * 5000, (2,))
    (notice,) = order_notices([finding("blended", long, Pair((0.1, 0.1)))], [prompt(True)])
    assert len(notice) <= 300
