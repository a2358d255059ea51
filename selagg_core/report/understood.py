"""What was understood of the prompts, for a viewer: each claim with its words, and how edits name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..claims.claim import Claim, Claims
from ..claims.edits import can_be_named
from ..prompt.groups import WordGroup, choose_groups
from ..prompt.words import Prompt

SHOWN_KINDS = ("entity", "attribute", "relation", "place", "count")
"""Not "sense": which meaning of a word is meant is told with its concepts."""


def understood(claims: Claims, prompts: Sequence[Prompt]) -> dict[str, Any]:
    """As values for JSON: {"claims": [...], "silent": [...], "names": [[...], ...]}.

    claims: kind, text, value, checked, source, and `subject`, `words`, `other` as `_group` has them, or None.
    silent: parts of the prompts that speak of no thing, each with its reason. names: for each prompt what an
    edit calls each of its words, None for a word that no edit can name.
    """
    return {
        "claims": [_claim(claim) for claim in claims.all if claim.kind in SHOWN_KINDS],
        "silent": [{**_group(silent.words), "reason": silent.reason} for silent in claims.silent],
        "names": _names(prompts),
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "kind": claim.kind,
        "text": claim.text,
        "value": claim.value,
        "checked": claim.checked,
        "source": claim.source,
        "subject": _group(claim.subject),
        "words": None if claim.words is None else _group(claim.words),
        "other": None if claim.other is None else _group(claim.other),
    }


def _group(group: WordGroup) -> dict[str, Any]:
    """name: what an edit calls the words; None if none can."""
    name = group.label if can_be_named(group.label) else None
    return {"label": group.label, "name": name, "text": group.entry, "words": list(group.indices)}


def _names(prompts: Sequence[Prompt]) -> list[list[str | None]]:
    names: list[list[str | None]] = [[None] * len(prompt.words) for prompt in prompts]
    if not any(names):
        return names
    for group in choose_groups(prompts, "all"):
        for index in group.indices:
            names[group.entry][index] = group.label if can_be_named(group.label) else None
    return names
