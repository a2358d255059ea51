"""A repair of nothing: the same change on words that the fault is not about."""

from __future__ import annotations

from dataclasses import replace

from ..claims.claim import Claim, Claims
from ..prompt.groups import FUNCTION_WORDS, WordGroup
from ..prompt.words import Prompt
from .plan import Adjusting, Operator


def on_other_words(
    operator: Operator, prompt: Prompt, claims: Claims, claim: Claim | None = None
) -> Operator:
    """The operator on words that the fault is not about: for a sense on another thing, else function words.

    prompt: of the operator's conditioning entry; claim: that of the fault.
    """
    entry = operator.words.entry
    if isinstance(operator, Adjusting):
        own = {*operator.words.indices, *(claim.subject.indices if claim else ())}
        others = [
            thing
            for thing in (each.subject for each in claims.of("entity"))
            if thing.entry == entry and not own & set(thing.indices)
        ]
        return replace(operator, words=others[0] if others else _other(prompt, entry, own))
    silent = tuple(i for i, word in enumerate(prompt.words) if word.text.casefold() in FUNCTION_WORDS)
    if silent:
        return replace(operator, words=WordGroup("other words", silent, entry))
    return replace(operator, words=_other(prompt, entry, set(operator.words.indices)))


def _other(prompt: Prompt, entry: int, own: set[int]) -> WordGroup:
    """The first word that is none of `own`; without another one the first."""
    index = next((i for i in range(len(prompt.words)) if i not in own), 0)
    return WordGroup("other words", (index,), entry)
