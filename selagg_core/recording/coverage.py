"""How much of a run was recorded, and why the rest was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from ..prompt.messages import message
from ..prompt.quoted import shortened
from .layout import HeadLayout, LayerId

#: Letters of layers' names in a sentence: large models have hundreds.
MOST_NAMES = 40
#: Layers recorded for each conditioning entry, by its name.
Recorded = Mapping[str, Container[LayerId]]


@dataclass(frozen=True)
class Coverage:
    """How much of a run was recorded, as (seen, expected).

    layers, heads: recorded for every prompt.  steps: that were due and in which a prompt was recorded.
    rows: pictures under a prompt in those steps, of all that could be wanted.
    """

    layers: tuple[int, int]
    heads: tuple[int, int]
    steps: tuple[int, int]
    rows: tuple[int, int]

    @property
    def complete(self) -> bool:
        return all(seen >= expected for seen, expected in (self.layers, self.heads, self.steps, self.rows))

    def __str__(self) -> str:
        parts = {"layers": self.layers, "heads": self.heads, "steps": self.steps, "rows": self.rows}
        return ", ".join(f"{seen} of {expected} {name}" for name, (seen, expected) in parts.items())


@dataclass
class Tally:
    """What was seen of a run and what was not, and why."""

    layers: dict[str, dict[LayerId, None]] = field(default_factory=dict)
    rows_now: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    steps_due: int = 0
    steps_seen: int = 0

    def end_step(self, due: bool, seen: bool) -> None:
        if due:
            self.steps_due += 1
            self.steps_seen += seen
            self.rows.update(self.rows_now)

    def coverage(self, layout: HeadLayout, recorded: Recorded) -> Coverage:
        common = [x for x in layout.layers if recorded and all(x in layers for layers in recorded.values())]
        return Coverage(
            (len(common), len(layout.layers)),
            (sum(layout.heads_of(layer) for layer in common), layout.total),
            (self.steps_seen, self.steps_due),
            (self.rows[""], self.rows.total()),
        )

    def shortages(self, layout: HeadLayout, recorded: Recorded) -> list[str]:
        """What was not recorded, with its cause, in words."""
        texts, explained = [], {layer for own in self.layers.values() for layer in own}
        every = len(layout.layers)
        for cause, layers in self.layers.items():
            texts.append(_missing_layers(list(layers), every, "", cause))
        for name, seen in recorded.items():
            missing = [x for x in layout.layers if x not in seen and x not in explained]
            if missing:
                texts.append(_missing_layers(missing, every, name, message("not_called")))
        for cause, count in self.rows.items():
            if cause:
                texts.append(message("rows_missing", count=count, every=self.rows.total(), cause=cause))
        if recorded and self.steps_seen < self.steps_due:
            missed = self.steps_due - self.steps_seen
            texts.append(message("steps_missing", count=missed, every=self.steps_due))
        return texts


def _missing_layers(layers: Sequence[LayerId], every: int, entry: str, cause: str) -> str:
    """In a sentence; what a cause says after a full stop, such as what to do, comes last in English."""
    names = shortened(map(str, layers), MOST_NAMES)
    short, stop, remedy = cause.partition(". ")
    whose = f" for {entry}" if entry else ""
    told = f"{len(layers)} of {every} attention layers were not recorded{whose}: {short} ({names})."
    english = f"{told} {remedy}." if stop else told
    values: dict[str, str | int] = {"count": len(layers), "every": every, "names": names, "cause": cause}
    if entry:
        return message("layers_missing_of", english, entry=entry, **values)
    return message("layers_missing", english, **values)
