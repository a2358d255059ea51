"""Prompts -> claims: what the text says (see `reading`), then the artist's edits, which are final."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..prompt.lexicon import Concept, Lexicon, common_words
from ..prompt.words import Prompt
from .claim import Claims
from .contradictions import without_contradictions
from .edits import edited
from .english import NOTICE
from .reading.vocabulary import Vocabulary
from .text_claims import claims_of


def general_lexicon(concepts: Sequence[Concept] = ()) -> Lexicon:
    """The common words of all published concepts, and those of `concepts` beside."""
    known = {concept.name for concept in concepts}
    common = [Concept(name, words) for name, words in common_words().items() if name not in known]
    return Lexicon.of([*common, *concepts])


def read_claims(prompts: Sequence[Prompt], lexicon: Lexicon, edits: str = "") -> Claims:
    """The claims of the prompts of one or several conditioning entries, with the artist's edits applied.

    edits, one a line: `red > scarf`, `cat left of dog`, `cat: top left`, `orange = Color`,
    `thing: words`, `ignore: words`.
    A line that cannot be used becomes a problem; the others count.
    """
    vocabulary = Vocabulary(lexicon)
    read = [claims_of(prompt, entry, vocabulary) for entry, prompt in enumerate(prompts)]
    found = [claim for of_prompt in read for claim in of_prompt.claims]
    claims = edited(found, prompts, lexicon, edits)
    kept, problems = without_contradictions(claims)
    return replace(
        claims,
        all=kept,
        problems=(*claims.problems, *problems),
        silent=tuple(silent for of_prompt in read for silent in of_prompt.silent),
        notices=(NOTICE,) if any(of_prompt.foreign for of_prompt in read) else (),
    )
