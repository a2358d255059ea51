"""Heads chosen by truth against agreement and the oracle, on scenes of the demo world that were left out.

`python -m benchmarks.truth_heads --learn 9000:9100 --seeds 5000:5128 --json -`: heads are ranked by their own
AUC on the first 25, 50 and 100 scenes to learn from, the oracle by their AUC on the very scenes that are
scored. Thresholds come from the scenes to learn from.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.maps.recipe import DEFAULT
from selagg_core.prompt.lexicon import Lexicon
from selagg_core.proof.head_quality import head_aucs
from selagg_core.proof.methods import Method, Scorer, by_concept, compared
from selagg_core.proof.scoring import chosen_thresholds, iou_difference, summary
from selagg_core.proof.target import Sample
from selagg_core.relevance.concepts import assign_concepts
from selagg_core.relevance.relevance import AGREEMENT, ARGMAX_WINS
from selagg_core.relevance.shipped import load_preset

from .map_sources import DemoModel, scenes
from .maps import measure, seed_range

COUNTS = (25, 50, 100)
DELTAS = ("all", "agreement25", "matched", "oracle25")


def by_truth(samples: Sequence[Sample], lexicon: Lexicon) -> Scorer:
    """Mean AUC of every head on the words of a concept in these samples."""
    found: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        for target in sample.targets:
            for concept in assign_concepts(target.text, lexicon).concepts:
                found.setdefault(concept, []).append(head_aucs(sample.head_maps, target))
    means = {concept: np.mean(rows, axis=0) for concept, rows in found.items()}

    def score(target) -> np.ndarray:
        own = [means[name] for name in assign_concepts(target.text, lexicon).concepts if name in means]
        return np.max(own, axis=0) if own else np.zeros_like(next(iter(means.values())))

    return score


def compare(learn: Sequence[int], seeds: Sequence[int]) -> dict[str, Any]:
    """Means of every method at thresholds of the scenes to learn from, and differences with intervals."""
    model = DemoModel()
    learned, left_out = list(scenes(model, learn)), list(scenes(model, seeds))
    relevance = load_preset("demo")
    lexicon = Lexicon.of(relevance.concepts)
    table = compared(
        by_concept(relevance.with_score(ARGMAX_WINS)), by_concept(relevance.with_score(AGREEMENT))
    )
    table = {name: table[name] for name in ("all", "paper25", "matched", "agreement25", "default")}
    counts = [count for count in COUNTS if count <= len(learned)]
    for count in counts:
        scorer = by_truth(learned[:count], lexicon)
        table[f"truth25_{count}"] = Method(scores=scorer)
        table[f"default_truth_{count}"] = Method(DEFAULT, scorer)
    oracle = by_truth(left_out, lexicon)
    table |= {"oracle25": Method(scores=oracle), "default_oracle": Method(DEFAULT, oracle)}
    tuned = measure(learned[: max(counts)], table, max(counts), "learning")
    scored = measure(left_out, table, len(left_out), "left out")
    chosen = {name: chosen_thresholds(own) for name, own in tuned.items()}

    def change(one: str, other: str) -> dict[str, Any]:
        return iou_difference(scored[one], scored[other], (chosen[one], chosen[other]))

    deltas = {f"truth25_{c}-{other}": change(f"truth25_{c}", other) for c in counts for other in DELTAS}
    for count in counts:
        deltas |= {
            f"default_truth_{count}-{other}": change(f"default_truth_{count}", other)
            for other in ("default", "default_oracle")
        }
    return {"methods": {name: summary(own, chosen[name]) for name, own in scored.items()}, "deltas": deltas}


def main() -> None:
    """Learns, scores what was left out, prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--learn", type=seed_range, default="9000:9100", help="A:B, scenes to choose heads on"
    )
    parser.add_argument("--seeds", type=seed_range, default="5000:5064", help="A:B, scenes that are left out")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.learn):
        parser.error("scenes to learn from are among those that are left out")
    if len(args.learn) < COUNTS[0]:
        parser.error(f"give at least {COUNTS[0]} scenes to learn from")
    result: dict[str, Any] = {"learn": len(args.learn), "scenes": len(args.seeds)}
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            result |= compare(args.learn, args.seeds)
    write_line(json.dumps(result), args.json)


if __name__ == "__main__":
    main()
