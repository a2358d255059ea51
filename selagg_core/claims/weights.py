"""What the weights of a prompt say: a word that is weighed below 0 is meant to stay away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..prompt.groups import WordGroup
from ..prompt.messages import message
from ..prompt.quoted import shortened
from ..prompt.words import Prompt
from .claim import Claim, Claims


def heed_weights(claims: Claims, prompts: Sequence[Prompt]) -> tuple[Claims, tuple[str, ...]]:
    """The claims with the weights of their words, without those of words below 0, and notices about these.

    What the artist claims himself stays, whatever its weight.
    """
    kept: list[Claim] = []
    unwanted: dict[str, None] = {}
    for claim in map(lambda each: _weighed(each, prompts), claims.all):
        below = [group for group in (claim.subject, claim.other, claim.words) if _is_unwanted(group)]
        if below and claim.source != "artist":
            unwanted.update({group.text: None for group in below if group is not None})
        else:
            kept.append(claim)
    if not unwanted:
        return replace(claims, all=tuple(kept)), ()
    names = shortened(f'"{name}"' for name in unwanted)
    return replace(claims, all=tuple(kept)), (message("below_zero", words=names),)


def _is_unwanted(group: WordGroup | None) -> bool:
    return group is not None and group.weight < 0


def _weighed(claim: Claim, prompts: Sequence[Prompt]) -> Claim:
    def of(group: WordGroup) -> WordGroup:
        if group.entry >= len(prompts):
            return group
        words = prompts[group.entry].words
        weights = [words[i].weight for i in group.indices if i < len(words)]
        return replace(group, weight=min(weights, key=lambda weight: (weight >= 0, -abs(weight - 1))))

    other, words = (None if group is None else of(group) for group in (claim.other, claim.words))
    return replace(claim, subject=of(claim.subject), other=other, words=words)
