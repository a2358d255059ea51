"""Which mentions of a prompt speak of one thing: "a dog ... the dog", "hair, black hair"."""

from __future__ import annotations

from collections.abc import Iterable

from ..prompt.lexicon import base_forms
from .reading.phrases import Phrase


def first_mentions(things: Iterable[Phrase]) -> dict[int, Phrase]:
    """id of each phrase -> the first phrase that speaks of the same thing.

    "The dog" is the last dog that was named. Bare tags of one name are one thing, unless their values exclude
    each other ("red hat, blue hat"). "A dog" is always another one.
    """
    first: dict[int, Phrase] = {}
    by_head: dict[str, Phrase] = {}
    concepts: dict[int, dict[str, set[int]]] = {}
    for phrase in things:
        head = base_forms(phrase.words[-1])[-1]
        earlier = by_head.get(head)
        same = earlier is not None and _same(phrase, earlier, concepts[id(earlier)])
        owner = earlier if same and earlier is not None else phrase
        first[id(phrase)] = owner
        by_head[head] = owner
        own = concepts.setdefault(id(owner), {})
        for index, kinds in phrase.values:
            for kind in kinds:
                own.setdefault(kind, set()).add(index)
    return first


def _same(phrase: Phrase, earlier: Phrase, known: dict[str, set[int]]) -> bool:
    if phrase.count and earlier.count and phrase.count[0] != earlier.count[0]:
        return False
    if phrase.definite:
        return len(phrase.words) == 1 or phrase.words == earlier.words
    bare = not phrase.determined and not earlier.determined and not phrase.count
    clash = any(kind in known for _, kinds in phrase.values for kind in kinds)
    return bare and phrase.words == earlier.words and not clash
