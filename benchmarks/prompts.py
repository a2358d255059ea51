"""Prompts of a text file: those that the demo world can draw; the others are counted, with the reason."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from demo.caption_check import parse_caption
from selagg_core.files.text import read_text


@dataclass
class LeftOut:
    """What a benchmark could not use: reason -> how often. A line on standard error for each."""

    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, reason: Exception | str) -> None:
        told = " ".join(str(reason).split())[:200]
        self.reasons[told] += 1
        sys.stderr.write(f"left out: {what[:100]}: {told}\n")

    def to_json(self) -> dict[str, object]:
        return {"count": self.reasons.total(), "reasons": dict(self.reasons)}


def prompt_lines(path: Path, left_out: LeftOut, text_of=lambda line: line) -> list[str]:
    """The lines of a file that the demo grammar reads. text_of: what of a line is read (weights left out).

    Raises ValueError if the file cannot be read, or no line is left.
    """
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    kept = []
    for line in lines:
        try:
            parse_caption(text_of(line))
        except ValueError as error:
            left_out.add(line, error)
        else:
            kept.append(line)
    if not kept:
        why = next(iter(left_out.reasons), "it is empty")
        raise ValueError(
            f"{path.name} holds no prompt that the demo model can draw ({why}): write one a line."
        )
    return kept
