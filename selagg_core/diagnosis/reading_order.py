"""What a text encoder that reads from left to right has to do with a fault: said once a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..prompt.groups import WordGroup
from ..prompt.quoted import short
from ..prompt.words import Prompt
from .findings import Finding

ONE_WAY = (
    'This text encoder reads from left to right: "{later}" has read "{earlier}", and not the other way '
    "round. {cure}"
)
BEFORE = 'Write "{later}" before "{earlier}".'
FIRST = 'Name "{later}" first, or in a text of its own.'


def order_notices(findings: Sequence[Finding], prompts: Sequence[Prompt]) -> tuple[str, ...]:
    """A notice for the first finding that hangs on the order in which its words are read; mostly none."""
    return next(((notice,) for finding in findings for notice in _notices(finding, prompts)), ())


def _notices(finding: Finding, prompts: Sequence[Prompt]) -> Iterator[str]:
    if finding.kind not in ("leaked", "blended") or len(finding.words) < 2:
        return
    first, second = finding.words[:2]
    if not all(prompts[word.entry].one_way for word in (first, second)):
        return
    if finding.kind == "blended":
        earlier, later = sorted((first, second), key=_place)
        yield _told(later, earlier, FIRST)
        return
    if _place(second) < _place(first):  # the thing knows nothing of its attribute
        yield _told(first, second, BEFORE)
    for taker in finding.facts.others:
        if _place(first) < _place(taker):
            yield _told(taker, first, BEFORE)


def _told(later: WordGroup, earlier: WordGroup, cure: str) -> str:
    words = {"later": short(later.label), "earlier": short(earlier.label)}
    return ONE_WAY.format(cure=cure.format(**words), **words)


def _place(word: WordGroup) -> tuple[int, int]:
    return word.entry, min(word.indices, default=0)
