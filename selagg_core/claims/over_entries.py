"""One thing that several conditioning entries speak of is one claim; others have labels of their own.

Regional prompts say a thing in the text of the whole picture and again in that of its region; schedules say
the same text for each range of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..prompt.groups import WordGroup, choose_groups
from ..prompt.words import Prompt
from .claim import Claim, Claims

_Place = tuple[int, tuple[int, ...]]
"""Entry, and words in its prompt: what a word or phrase is, whatever it is called."""


def over_entries(claims: Claims, prompts: Sequence[Prompt]) -> Claims:
    """The claims with one subject for each thing, each claim once, and no label twice.

    A thing is the same in another entry if it has the same noun there, and what is said of it in one of the
    two is all said in the other. Words bear the labels of `choose_groups`.
    """
    if len(prompts) < 2:
        return claims
    same = _same_things(claims)
    names = _labels(claims, prompts, same)
    kept: dict[tuple, Claim] = {}
    for claim in claims.all:
        renamed = replace(
            claim,
            subject=names[_place(same.get(claim.subject, claim.subject))],
            words=_named(claim.words, same, names),
            other=_named(claim.other, same, names),
        )
        said = (renamed.kind, _place(renamed.subject), renamed.value.casefold(), renamed.other)
        kept.setdefault(said, renamed)
    return replace(claims, all=tuple(kept.values()))


def _place(group: WordGroup) -> _Place:
    return group.entry, group.indices


def _named(
    group: WordGroup | None, same: Mapping[WordGroup, WordGroup], names: Mapping[_Place, WordGroup]
) -> WordGroup | None:
    return None if group is None else names[_place(same.get(group, group))]


def _same_things(claims: Claims) -> dict[WordGroup, WordGroup]:
    """Thing of a later entry -> the thing of an earlier one that it is."""
    said = {
        claim.subject: frozenset(own.value.casefold() for own in claims.attributes_of(claim.subject))
        for claim in claims.of("entity")
    }
    same: dict[WordGroup, WordGroup] = {}
    for thing, values in said.items():
        for first, of_first in said.items():
            if first.entry >= thing.entry or first in same or first.text.casefold() != thing.text.casefold():
                continue
            taken = any(to == first and own.entry == thing.entry for own, to in same.items())
            if not taken and (values <= of_first or of_first <= values):
                same[thing] = first
                break
    return same


def _labels(
    claims: Claims, prompts: Sequence[Prompt], same: Mapping[WordGroup, WordGroup]
) -> dict[_Place, WordGroup]:
    """Place -> the word or phrase with a label of its own."""
    known = choose_groups(prompts, "all") if any(prompt.words for prompt in prompts) else ()
    names = {_place(group): group for group in known}
    taken = {group.label for group in known}
    for group in claims.groups:
        place = _place(same.get(group, group))
        if place in names:
            names[place] = replace(names[place], weight=group.weight)
            continue
        label, count = group.label, 1
        while label in taken:
            count += 1
            label = f"{group.text} ({count})"
        taken.add(label)
        names[place] = replace(group, label=label)
    return names
