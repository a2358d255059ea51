"""What to try for each kind of finding, and how often it helped where that could be counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .kinds import BY_NAME
from .kinds.kind import FindingKind
from .sentences import ENGLISH, Sentences

RATES_FILE = Path(__file__).resolve().parents[1] / "presets" / "suggestions_demo.json"
"""kind -> remedy -> {"helped", "tried"}: counted on the demo model by benchmarks/suggestions.py."""
SHOWN = 2


def suggestion_for(kind: str | FindingKind[Any], words: Sequence[str], sentences: Sentences = ENGLISH) -> str:
    """What to try, the remedies that helped most often first, with how often they did on the demo model.

    Those that never helped there are left out, unless nothing else is known. words: labels.
    """
    found = BY_NAME.get(kind) if isinstance(kind, str) else kind
    if found is None or not found.remedies:
        return sentences.general("diffuse")
    counts = counted().get(found.counted_as or found.name, {})
    rates = {remedy: helped / tried for remedy, (helped, tried) in counts.items()}
    named = {"first": f'"{words[0]}"', "second": f'"{words[-1]}"', "bare": words[0].split(" (")[0]}
    ranked = sorted(found.remedies, key=lambda remedy: -rates.get(remedy, 0.0))
    useful = [remedy for remedy in ranked if rates.get(remedy, 1.0) > 0] or ranked
    shown = useful[:SHOWN]
    told = sentences.general("or").join(
        sentences.say(f"{found.name}.try.{remedy}", found.remedies[remedy], named) for remedy in shown
    )
    tried = [counts[remedy] for remedy in shown if remedy in counts]
    if not tried:
        return sentences.general("untried", told=told)
    times = ", ".join(sentences.general("times", helped=helped, tried=of) for helped, of in tried)
    return sentences.general("tried", told=told, times=times)


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
