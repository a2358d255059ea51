"""What to try for each kind of finding, and how often it helped where that could be counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..prompt.quoted import short
from .kinds import BY_NAME
from .kinds.kind import FindingKind
from .sentence import Sentence, general
from .sentences import ENGLISH, GENERAL

RATES_FILE = Path(__file__).resolve().parents[1] / "presets" / "suggestions_demo.json"
"""kind -> remedy -> {"helped", "tried"}: counted on the demo model by benchmarks/suggestions.py."""
SHOWN = 2
OWN_WEIGHT = "own weight"

LOW, RAISED, HIGHEST = 0.85, 1.4, 2.0
"""A weight below the first is weak; words are raised to the second, and not beyond the third."""


@dataclass(frozen=True)
class Advice:
    """What to try. helped: (how often it helped, was tried) of each remedy in it that was counted.

    remedies: name and sentence of each; the name "own weight" for that of a word that the prompt makes weak.
    """

    said: Sentence
    helped: tuple[tuple[int, int], ...] = ()
    remedies: tuple[tuple[str, Sentence], ...] = ()


def advice_for(
    kind: str | FindingKind[Any], words: Sequence[str], weights: Mapping[str, float] = MappingProxyType({})
) -> Advice:
    """What to try, the remedies that helped most often on the demo model first.

    Those that never helped there are left out, unless nothing else is known. words: labels. weights: label ->
    weight in the prompt: a word that the prompt itself makes weak is named first, with its weight.
    """
    found = BY_NAME.get(kind) if isinstance(kind, str) else kind
    if found is None or not found.remedies:
        return Advice(general("advice", told=general("diffuse")))
    own = _weight_advice(found.name, words, weights)
    if own is not None:
        return Advice(general("advice", told=own), remedies=((OWN_WEIGHT, own),))
    counts = counts_of(found)
    shown = _most_helpful(found, counts, weights.get(words[0], 1.0))
    values = {
        "first": short(words[0]),
        "second": short(words[-1]),
        "bare": short(bare(words[0])),
        "raised": f"{max(RAISED, weights.get(words[0], 1.0) + 0.2):.1f}",
    }
    remedies = [Sentence(f"{found.name}.try.{name}", _named(found.remedies[name], values)) for name in shown]
    told = reduce(lambda one, other: general("or", one=one, other=other), remedies)
    helped = tuple(counts[name] for name in shown if name in counts)
    return Advice(general("advice", told=told), helped, tuple(zip(shown, remedies, strict=True)))


def suggestion_for(
    kind: str | FindingKind[Any], words: Sequence[str], weights: Mapping[str, float] = MappingProxyType({})
) -> str:
    """The same in English, see `advice_for`."""
    return ENGLISH.say(advice_for(kind, words, weights).said)


def _named(text: str, values: Mapping[str, str]) -> dict[str, str]:
    """Those of the values that a text names."""
    return {name: value for name, value in values.items() if f"{{{name}}}" in text}


def first_remedy(suggestion: str) -> str:
    """The first remedy of a suggestion alone, without how often any helped."""
    first, more, _ = suggestion.partition(GENERAL["or"].format(one="", other=""))
    return f"{first}." if more else suggestion


def _most_helpful(
    kind: FindingKind[Any], counts: Mapping[str, tuple[int, int]], weight: float
) -> Sequence[str]:
    """The remedies to name, the one that helped most often first. weight: of the first word."""
    rates = {remedy: helped / tried for remedy, (helped, tried) in counts.items()}
    ranked = sorted(kind.remedies, key=lambda remedy: -rates.get(remedy, 0.0))
    useful = [remedy for remedy in ranked if rates.get(remedy, 1.0) > 0] or ranked
    if kind.name == "neglected" and weight + 0.2 > HIGHEST:  # no use in raising it further
        useful = [remedy for remedy in useful if remedy != "weight"]
    return useful[:SHOWN]


def bare(label: str) -> str:
    """A word without the count that tells its occurrences apart."""
    return label.split(" (")[0]


def _weight_advice(kind: str, words: Sequence[str], weights: Mapping[str, float]) -> Sentence | None:
    """To bring the weight of a word back to 1, if that alone may be the cause; None if no weight is.

    A thing is neglected, and a meaning or a place lost, by a low weight; an attribute goes astray by any.
    """
    for word in words:
        weight = weights.get(word, 1.0)
        low, high = weight < LOW, weight > HIGHEST - 0.6 and kind in ("leaked", "wrong_sense")
        if low or high:
            return general("weight", word=short(word), weight=weight, bare=short(bare(word)))
    return None


def counts_of(kind: FindingKind[Any]) -> Mapping[str, tuple[int, int]]:
    """remedy -> how often it helped findings of this kind, and was tried."""
    return counted().get(kind.counted_as or kind.name, {})


@cache
def counted() -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """kind -> remedy -> how often it helped, and was tried; empty without the file."""
    if not RATES_FILE.is_file():
        return MappingProxyType({})
    kinds = json.loads(RATES_FILE.read_text(encoding="utf-8"))["kinds"]
    return MappingProxyType(
        {
            kind: {name: (row["helped"], row["tried"]) for name, row in remedies.items() if row["tried"]}
            for kind, remedies in kinds.items()
        }
    )
