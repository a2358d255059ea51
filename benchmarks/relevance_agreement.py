"""Whether head relevance depends on the prompts it was measured on: builds from disjoint prompts compared.

Both are built from captions of demo scenes as the shipped one is. For every concept the rank correlation over
heads says how far they agree, for each kind of score.

`python -m benchmarks.relevance_agreement --seeds 31000:31120 --other 32000:32120 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from demo.host_path import prepare_host
from demo.result_file import write_line

from .maps import seed_range

ENOUGH = 0.8
"""Rank correlation from which on two builds count as the same."""


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts + 1) / 2)[group]


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation; 0 where one of both is constant."""
    a, b = ranks(a), ranks(b)
    a, b = a - a.mean(), b - b.mean()
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / scale) if scale > 0 else 0.0


def compare(one, other, fraction: float = 0.25) -> dict:
    """Agreement of two HeadRelevance of the same model, by kind of score and concept.

    spearman: over heads. overlap: share of the top heads that both choose (by chance `fraction`).
    reliable: whether both call the concept reliable. enough: whether all reliable concepts reach ENOUGH.
    """
    result = {}
    for kind in one.score_kinds:
        a, b = one.with_score(kind), other.with_score(kind)
        concepts = {}
        for name in a.names:
            top = [set(x.top_heads(name, fraction).tolist()) for x in (a, b)]
            concepts[name] = {
                "spearman": round(spearman(a.scores_of(name), b.scores_of(name)), 4),
                "overlap": round(len(top[0] & top[1]) / len(top[0]), 4),
                "reliable": a.reliability(name).reliable and b.reliability(name).reliable,
            }
        reliable = [values["spearman"] for values in concepts.values() if values["reliable"]]
        result[kind] = {
            "concepts": concepts,
            "lowest_reliable": min(reliable, default=None),
            "enough": bool(reliable) and min(reliable) >= ENOUGH,
        }
    return result


def main() -> None:
    """Builds twice, compares, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seed_range, default="31000:31120", help="A:B, scenes of one build")
    parser.add_argument("--other", type=seed_range, default="32000:32120", help="C:D, scenes of the other")
    parser.add_argument("--keep", type=Path, help="folder for both relevance files; unfinished builds go on")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.other):
        parser.error("the two sets of seeds overlap: they must be disjoint")
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        from demo.relevance import measure
        from demo.studio import Studio

        studio = Studio()
        built = []
        for seeds in (args.seeds, args.other):
            stem = f"{seeds[0]}_{seeds[-1] + 1}"
            state = None
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                state = args.keep / f"{stem}.building"
            built.append(measure(studio, seeds, state))
            if args.keep:
                built[-1].save(args.keep / f"{stem}.safetensors")
    result = {
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "other": f"{args.other[0]}:{args.other[-1] + 1}",
        "scores": compare(*built),
    }
    text = json.dumps(result)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
