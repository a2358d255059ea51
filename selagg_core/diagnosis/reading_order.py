"""What a text encoder that reads from left to right has to do with a fault: said once a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..prompt.groups import WordGroup
from ..prompt.messages import message
from ..prompt.quoted import short
from ..prompt.words import Prompt
from .findings import Finding


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
        yield _told("one_way_first", later, earlier)
        return
    if _place(second) < _place(first):  # the thing knows nothing of its attribute
        yield _told("one_way_before", first, second)
    for taker in finding.facts.others:
        if _place(first) < _place(taker):
            yield _told("one_way_before", taker, first)


def _told(key: str, later: WordGroup, earlier: WordGroup) -> str:
    return message(key, later=short(later.label), earlier=short(earlier.label))


def _place(word: WordGroup) -> tuple[int, int]:
    return word.entry, min(word.indices, default=0)
