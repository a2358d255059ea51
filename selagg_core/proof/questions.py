"""What judges are asked: yes/no questions for a model that sees, and a thing that is not in the picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from ..claims.claim import Claim, Claims
from ..prompt.lexicon import base_forms

ABSENT_NOUNS = ("giraffe", "submarine", "violin", "cactus", "typewriter", "lighthouse", "penguin", "tractor")
"""Things that a judge is asked for in vain, one a picture, so that its false alarms are known."""
MOST_QUESTIONS = 60
"""About one picture: a question is a call of a language model."""
_ANSWER = "Answer yes or no."


def absent_noun(prompt: str) -> str:
    """A thing that a prompt does not name, always the same for one prompt."""
    named = {form for word in prompt.split() for form in base_forms(word)}
    free = [noun for noun in ABSENT_NOUNS if noun not in named]
    mark = int(hashlib.sha256(prompt.encode()).hexdigest()[:8], 16)
    return free[mark % len(free)] if free else "zeppelin"


def questions(claims: Claims) -> Iterator[tuple[str, str]]:
    """(text of a claim, question) of every claim, and of whether other things of the prompt show it too."""
    asked = dict.fromkeys(claims.all)
    things = [claim.subject for claim in claims.of("entity")]
    for claim in claims.of("attribute"):
        asked |= dict.fromkeys(replace(claim, subject=thing) for thing in things)
    for claim in list(asked)[:MOST_QUESTIONS]:
        if question := _question(claim):
            yield claim.text, f"{question} {_ANSWER}"


def _question(claim: Claim) -> str:
    thing = claim.subject.text
    if claim.kind == "entity":
        return f"Is there any {thing} in this picture?"
    if claim.kind == "attribute":
        return f"Is the {thing} in this picture {claim.value}?"
    if claim.kind == "count":
        return f"Are there exactly {claim.value} {thing} in this picture?"
    if claim.kind == "relation" and claim.other is not None:
        return f"In this picture, is the {thing} {claim.value} the {claim.other.text}?"
    if claim.kind == "place":
        where = "in the center" if claim.value == "center" else f"at the {claim.value}"
        return f"Is the {thing} {where} of this picture?"
    if claim.kind == "sense" and claim.words is not None and claim.unintended:
        meant, not_meant = ("/".join(names).lower() for names in (claim.intended, claim.unintended))
        return f'In this picture, does "{claim.words.text}" show as {meant}, and not as {not_meant}?'
    return ""
