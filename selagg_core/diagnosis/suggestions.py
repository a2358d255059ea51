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
        "weight": "raise the weight of {first}, such as ({bare}:1.4)",
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


def suggestion_for(kind: str, words: Sequence[str]) -> str:
    """What to try, the remedies that helped most often first, with how often they did on the demo model.

    Those that never helped there are left out, unless nothing else is known.
    """
    if kind not in _TEXTS:
        return _DIFFUSE
    counts = counted().get(kind, {})
    rates = {remedy: helped / tried for remedy, (helped, tried) in counts.items()}
    named = {
        "first": f'"{words[0]}"',
        "second": f'"{words[-1]}"',
        "bare": words[0].split(" (")[0],
    }
    ranked = sorted(_TEXTS[kind], key=lambda remedy: -rates.get(remedy, 0.0))
    useful = [remedy for remedy in ranked if rates.get(remedy, 1.0) > 0] or ranked
    shown = useful[:SHOWN]
    told = ", or ".join(_TEXTS[kind][remedy].format(**named) for remedy in shown)
    times = ", ".join("{} of {}".format(*counts[remedy]) for remedy in shown if remedy in counts)
    return f"{told} (helped on the demo model: {times})." if times else f"{told}."


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
