"""What to try for each kind of finding, and how often it helped where that could be counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

RATES_FILE = Path(__file__).resolve().parents[1] / "presets" / "suggestions_demo.json"
"""kind -> remedy -> {"helped", "tried"}: counted on the demo model by benchmarks/suggestions.py."""

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "neglected": {
        "weight": "raise the weight of {first}, such as ({bare}:{raised})",
        "seed": "try another seed",
        "order": "name {first} first in the prompt",
        "region": "give {first} its own region (Conditioning Set Area or Set Mask)",
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    },
    "leaked": {
        "seed": "try another seed",
        "weight": "bring the weight of {first} back to 1, if it has another",
        "order": "name {second} with {first} first in the prompt",
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    },
    "wrong_sense": {
        "rephrase": "say it in other words that have one meaning only",
        "weight": "bring the weights of {first} and its noun back to 1, if they have others",
        "seed": "try another seed",
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "order": "name the thing that it belongs to later, or earlier, in the prompt",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    },
    "misplaced": {
        "region": "give {first} its own region (Conditioning Set Area or Set Mask)",
        "seed": "try another seed",
        "order": "say the relation the other way round",
        "weight": "raise the weight of the words that say the place",
    },
    "blended": {
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "weight": "raise the weight of both words",
        "seed": "try another seed",
        "order": "name them in the other order",
        "tags": "write the prompt as tags",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    },
}
_DIFFUSE = "record more steps, or show single heads; a model that is hardly trained gives such maps."
SHOWN = 2
LOW, RAISED, HIGHEST = 0.85, 1.4, 2.0
"""A weight below the first is weak; words are raised to the second, and not beyond the third."""


def suggestion_for(
    kind: str, words: Sequence[str], weights: Mapping[str, float] = MappingProxyType({})
) -> str:
    """What to try, the remedies that helped most often first, with how often they did on the demo model.

    Those that never helped there are left out, unless nothing else is known. weights: label -> weight in the
    prompt: a word that the prompt itself makes weak is named first, with its weight.
    """
    if kind not in _TEXTS:
        return _DIFFUSE
    own = _weight_advice(kind, words, weights)
    if own:
        return f"{own}."
    counts = counted().get(kind, {})
    rates = {remedy: helped / tried for remedy, (helped, tried) in counts.items()}
    weight = weights.get(words[0], 1.0)
    named = {
        "first": f'"{words[0]}"',
        "second": f'"{words[-1]}"',
        "bare": bare(words[0]),
        "raised": f"{max(RAISED, weight + 0.2):.1f}",
    }
    ranked = sorted(_TEXTS[kind], key=lambda remedy: -rates.get(remedy, 0.0))
    useful = [remedy for remedy in ranked if rates.get(remedy, 1.0) > 0] or ranked
    if kind == "neglected" and weight + 0.2 > HIGHEST:  # no use in raising it further
        useful = [remedy for remedy in useful if remedy != "weight"]
    shown = useful[:SHOWN]
    told = ", or ".join(_TEXTS[kind][remedy].format(**named) for remedy in shown)
    times = ", ".join("{} of {}".format(*counts[remedy]) for remedy in shown if remedy in counts)
    return f"{told} (helped on the demo model: {times})." if times else f"{told}."


def bare(label: str) -> str:
    """A word without the count that tells its occurrences apart."""
    return label.split(" (")[0]


def _weight_advice(kind: str, words: Sequence[str], weights: Mapping[str, float]) -> str:
    """To bring the weight of a word back to 1, if that alone may be the cause; "" if no weight is.

    A thing is neglected, and a meaning or a place lost, by a low weight; an attribute goes astray by any.
    """
    for word in words:
        weight = weights.get(word, 1.0)
        low, high = weight < LOW, weight > HIGHEST - 0.6 and kind in ("leaked", "wrong_sense")
        if low or high:
            return f'bring the weight of "{word}", which is {weight:g}, back to 1, such as ({bare(word)}:1.0)'
    return ""


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
