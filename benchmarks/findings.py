"""How many findings an artist is shown for a picture, on any prompts: `python -m benchmarks.findings FILE`.

The prompts of a text file, one a line, or of a JSON-lines file with "prompt" in each, are sampled by the demo
model and diagnosed as SelAgg Diagnose does. The demo model can draw hardly any of them, so nearly every thing
is missing: this measures how short a diagnosis stays, not whether it is right (`benchmarks.diagnosis`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.diagnose import diagnose_run
from selagg_core.files.text import read_text
from selagg_core.relevance.run_view import RunView
from selagg_core.report.report import Report

from .maps import seed_range
from .pictures import Case, Sampler
from .prompts import LeftOut

OPEN = 5
"""Findings that a viewer opens; the others are folded."""


def prompts_of(path: Path) -> list[str]:
    """One prompt a line; of a .jsonl file what stands under "prompt". Raises ValueError if there is none."""
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    texts = [json.loads(line)["prompt"] if path.suffix == ".jsonl" else line.strip() for line in lines]
    if not texts:
        raise ValueError(f"{path.name} is empty: write one prompt a line.")
    return texts


def reports(sampler: Sampler, cases: Sequence[Case]) -> list[Report]:
    """A report of each case."""
    made = []
    for found in sampler.all(cases):
        view = RunView(found.recording, (found.recording.positive(),), tuple(found.pictures))
        made.append(diagnose_run(view).report)
    return made


def counted(made: Sequence[Report]) -> dict[str, object]:
    """Findings a picture: shown, open at first, and left out of the list; kinds; reports without a claim."""
    pictures = [picture for report in made for picture in report.pictures]
    shown = [len(picture.findings) for picture in pictures]
    kinds = Counter(
        f"{finding.kind} ({finding.level})" for picture in pictures for finding in picture.findings
    )
    return {
        "prompts": len(made),
        "pictures": len(pictures),
        "shown": spread(shown),
        "open": spread([min(count, OPEN) for count in shown]),
        "left_out_of_the_list": spread([len(picture.left_out) for picture in pictures]),
        "by_kind": dict(kinds.most_common()),
        "prompts_without_a_claim": sum(not report.claims for report in made),
        "findings_without_a_claim": sum(
            len(picture.findings) for report in made if not report.claims for picture in report.pictures
        ),
    }


def spread(counts: Sequence[int]) -> dict[str, float]:
    """Median and most of some counts."""
    return {"median": statistics.median(counts), "most": max(counts)} if counts else {}


def main() -> None:
    """Samples, diagnoses, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prompts", type=Path, help="a prompt a line, or .jsonl with prompt in each")
    parser.add_argument("--seeds", type=seed_range, default="7:8", help="A:B, of the pictures")
    parser.add_argument("--steps", type=int, default=12, help="steps of a picture")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    left_out = LeftOut()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        cases = [Case("file", text, tuple(args.seeds), args.steps) for text in prompts_of(args.prompts)]
        with torch.inference_mode():
            sampler = Sampler()
            made = reports(sampler, cases)
        left_out.reasons.update(sampler.left_out.reasons)
        result = {"benchmark": "findings", **counted(made), "left_out": left_out.to_json()}
    write_line(json.dumps(result, allow_nan=False), args.json)


if __name__ == "__main__":
    main()
