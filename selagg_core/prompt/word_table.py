"""What is known of English words without a model: a table distilled from WordNet 3.0 (see NOTICE).

The table and how it was made: `selagg_core/presets/build_words.py`.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from .lexicon import base_forms

TABLE_FILE = Path(__file__).resolve().parents[1] / "presets" / "words.txt.gz"


TRUSTED_CONCEPTS = frozenset(
    (
        "Animals",
        "Buildings",
        "Electronics",
        "Facial Features",
        "Fruits and Vegetables",
        "Furniture",
        "Musical Instruments",
        "Nature Scenes",
        "Sports Equipment",
        "Toys",
        "Vehicles",
        "Weather Conditions",
    )
)
"""Concepts for which the table is right for at least nine of ten words of the lexicon, which it has not seen
(`python -m benchmarks.claims --concepts`)."""
SURE_THING = 6
"""Of ten uses of a noun so many name something seen, from which on the table is believed."""


@dataclass(frozen=True)
class WordUse:
    """How usual a word is as noun, verb, adjective and adverb (0 never, to 9).

    thing: how much of its use as a noun names something that can be seen, 0 to 9. concept: what the noun
    speaks of, None if the table does not tell. plural: whether the form is one. given: whether people are
    called so.
    """

    noun: int = 0
    verb: int = 0
    adj: int = 0
    adv: int = 0
    thing: int = 0
    concept: str | None = None
    plural: bool = False
    given: bool = False

    @property
    def known(self) -> bool:
        return bool(self.noun or self.verb or self.adj or self.adv)


UNKNOWN = WordUse()


@cache
def _rows() -> Mapping[str, str]:
    """Word -> its row. The first line of the file names the concepts that rows give by number."""
    text = gzip.decompress(TABLE_FILE.read_bytes()).decode("ascii")
    return {word: rest for word, _, rest in (line.partition("\t") for line in text.splitlines())}


@cache
def _concept_names() -> tuple[str, ...]:
    return tuple(_rows()[""].split("\t"))


def _row(word: str) -> tuple[WordUse, str]:
    rest = _rows().get(word)
    if not word or rest is None:
        return UNKNOWN, ""
    classes, thing, concept, base = rest.split("\t")
    name = None if concept == "-" else _concept_names()[int(concept)]
    noun, verb, adj, adv = map(int, classes)
    return WordUse(noun, verb, adj, adv, int(thing), name), base


@lru_cache(maxsize=8192)
def use_of(word: str) -> WordUse:
    """What is known of a word or name in lower case, in any of its forms."""
    own, irregular = _row(word)
    kind, _, base = irregular.partition(":")
    noun, plural = own, False
    forms = (base,) if kind == "n" else base_forms(word)[1:]
    for form in () if kind == "given" and own.noun else forms:
        found = _row(form)[0]
        if found.noun > noun.noun:
            noun, plural = found, True
    forms = (*verb_bases(word), base) if kind == "v" else verb_bases(word)
    verb = max((_row(form)[0].verb for form in forms), default=0)
    return WordUse(
        noun.noun, max(own.verb, verb), own.adj, own.adv, noun.thing, noun.concept, plural, kind == "given"
    )


def trusted_concept(phrase: str) -> str | None:
    """The concept of a word or phrase, None where the table is not right often enough to say."""
    words = phrase.casefold().split()
    for name in (" ".join(words), words[-1]) if words else ():
        use = use_of(name)
        if use.noun:
            sure = use.thing >= SURE_THING and use.noun >= use.adj and use.concept in TRUSTED_CONCEPTS
            return use.concept if sure else None
    return None


def verb_bases(word: str) -> tuple[str, ...]:
    """What a verb form may come from: "sitting" -> "sit", "sitt", "sitte"."""
    for ending in ("ing", "ed", "es", "s"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            doubled = (stem[:-1],) if len(stem) > 2 and stem[-1] == stem[-2] else ()
            return (stem, *doubled, f"{stem}e", *((f"{stem[:-1]}y",) if stem.endswith("i") else ()))
    return ()


def is_name(words: tuple[str, ...]) -> bool:
    """Whether words together name a thing ("parking meter")."""
    text = " ".join(words)
    return any(form in _rows() for form in base_forms(text))
