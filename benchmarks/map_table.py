"""The results of the map benchmark as a Markdown table and as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from selagg_core.proof.methods import NAMES as METHODS
from selagg_core.proof.scoring import KINDS

from .joint_maps import table_names

NAMES = {
    **{name: METHODS[name] for name in ("all", "paper20", "paper25", "least20")},
    "random": "random 25 % (20 draws)",
    "matched": METHODS["matched"],
    "wrong_concept": "counted wins of a wrong concept, top 25 %",
    "agreement25": METHODS["agreement25"],
    "agreement_matched": "random 25 %, grids as in agreement25 (20 draws)",
    "oracle": "oracle heads, top 25 % (ceiling of any choice)",
    "by_resolution": METHODS["by_resolution"],
    "normalise_heads": "agreement + heads normalised",
    "cap_borders": "agreement + borders capped",
    "late_steps": "agreement + last 60 % of the steps",
    "competition": "agreement + competition",
    "propagation": "agreement + self-attention",
    "best_token": "agreement + best sub-token",
    "edge_aware": "agreement + edge-aware enlargement",
    "default": "**default**: agreement, self-attention, edge-aware",
    "default_late_steps": "default + last 60 % of the steps",
    "default_all_heads": "default, but all heads",
    "default_paper25": "default, but counted wins",
    "default_matched": "default, but random heads, grids matched",
    "default_oracle": "default, but oracle heads",
}
NAMES |= table_names()
_BARS = ("all", "paper25", "matched", "agreement25", "oracle", "default_all_heads", "default")


def markdown(result: dict[str, Any]) -> str:
    """Tables of IoU by kind of word, and of the differences with their intervals."""
    parts = []
    for title, source in _sources(result):
        parts.append(f"**{title}**, IoU at the threshold of the development split\n")
        found = source["methods"]
        columns = [kind for kind in KINDS if any(kind in means for means in found.values())] + ["overall"]
        parts.append(f"| map | {' | '.join(columns)} | hit | AP |")
        parts.append("|---" * (len(columns) + 3) + "|")
        parts += [_row(name, found[name], columns) for name in NAMES if name in found]
        parts += ["", "| difference | overall, 95 % interval |", "|---|---|"]
        for name, change in source["deltas"].items():
            whole = change["overall"]
            parts.append(f"| {name} | {whole['mean']:+.3f} ({whole['low']:+.3f} to {whole['high']:+.3f}) |")
        parts.append("")
    return "\n".join(parts)


def _sources(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [("Noised ground-truth scenes", result)] if "methods" in result else []
    return found + ([("Sampled pictures", result["pictures"])] if "pictures" in result else [])


def _row(name: str, means: dict[str, dict[str, float]], columns: list[str]) -> str:
    ious = [f"{means[kind]['iou']:.3f}" if kind in means else "-" for kind in columns]
    whole = means["overall"]
    return f"| {NAMES[name]} | {' | '.join(ious)} | {whole['hit']:.2f} | {whole['ap']:.2f} |"


def write_figure(result: dict[str, Any], path: Path) -> None:
    """Horizontal bars of overall IoU of the main methods, one panel a source."""
    from selagg_core.drawing.colours import INK, MUTED
    from selagg_core.drawing.pictures import blank_sheet
    from selagg_core.drawing.text import BOLD, draw_text

    sources = _sources(result)
    width, line, left, panel = 980, 34, 400, 60 + 34 * len(_BARS)
    sheet = blank_sheet(panel * len(sources) + 20, width)
    for number, (title, source) in enumerate(sources):
        top = 20 + number * panel
        draw_text(sheet, f"{title}: mean IoU of word maps", (20, top + 18), 17, INK, BOLD)
        for row, name in enumerate(name for name in _BARS if name in source["methods"]):
            value = source["methods"][name]["overall"]["iou"]
            y = top + 36 + row * line
            chosen = name == "default"
            draw_text(sheet, NAMES[name].replace("**", ""), (20, y + 19), 15, INK, BOLD if chosen else 400)
            end = left + int((width - left - 90) * value)
            colour = (0, 114, 178) if chosen else (150, 160, 172)
            cv2.rectangle(sheet, (left, y + 4), (end, y + line - 8), colour, -1)
            draw_text(sheet, f"{value:.3f}", (end + 10, y + 19), 15, INK if chosen else MUTED)
    cv2.imwrite(str(path), np.ascontiguousarray(sheet[..., ::-1]))
