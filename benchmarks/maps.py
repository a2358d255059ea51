"""How well word maps find what the word names, for every way of making them.

Scored on noised ground-truth scenes, where the masks are exact: a scene is encoded by the demo VAE, noised to
several levels and shown to the model with its own caption. And on freshly sampled pictures, where the reader
says where things are. Thresholds and oracle heads come from the development seeds.

`python -m benchmarks.maps --seeds 5000:5128 --json -` (`--source scenes` for the scenes alone)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from demo.host_path import prepare_host
from demo.relevance import HARD_RELEVANCE
from demo.result_file import write_line
from demo.vocabulary import WORLDS
from selagg_core.proof.methods import Method, by_concept, score_sample
from selagg_core.proof.scoring import (
    WordScore,
    chosen_thresholds,
    iou_difference,
    summary,
)
from selagg_core.proof.target import Sample

from .joint_maps import TwinBenchmark
from .map_methods import Relevances, by_oracle, by_wrong_concept, methods
from .map_sources import DemoModel, pictures, scenes
from .map_table import markdown, write_figure
from .prompts import LeftOut, prompt_lines

DEVELOPMENT_SEEDS = "9000:9048"
DELTAS = (
    ("default", "all"),
    ("default", "matched"),
    ("default", "default_matched"),
    ("default", "default_all_heads"),
    ("paper25", "all"),
    ("paper25", "matched"),
    ("paper25", "random"),
    ("agreement25", "all"),
    ("agreement25", "agreement_matched"),
    ("agreement25", "paper25"),
    ("oracle", "all"),
)
Scores = dict[str, list[WordScore]]


def measure(samples: Iterable[Sample], table: dict[str, Method], count: int, what: str) -> Scores:
    """Scores of all samples by method, with progress on standard error."""
    scores: Scores = {name: [] for name in table}
    started = time.monotonic()
    for done, sample in enumerate(samples, 1):
        for name, found in score_sample(sample, table).items():
            scores[name] += found
        if done % 16 == 0 or done == count:
            rate = done / (time.monotonic() - started) * 60
            sys.stderr.write(f"{what}: {done}/{count}, {rate:.0f} a minute\n")
    return scores


def compare(
    development: Scores, scored: Scores, pairs: Sequence[tuple[str, str]] = DELTAS, digits: int = 4
) -> dict[str, Any]:
    """Means of every method at the thresholds of its development scores, and differences with intervals."""
    chosen = {name: chosen_thresholds(own) for name, own in development.items()}
    deltas = {
        f"{one}-{other}": iou_difference(scored[one], scored[other], (chosen[one], chosen[other]))
        for one, other in pairs
        if one in scored and other in scored
    }
    means = {name: summary(own, chosen[name], digits) for name, own in scored.items()}
    return {"methods": means, "deltas": deltas}


class MapBenchmark:
    """The demo model, its relevance, and the methods with oracle heads of the development scenes."""

    def __init__(self, development: Sequence[int], world: str = "plain") -> None:
        from selagg_core.relevance.relevance import AGREEMENT, ARGMAX_WINS, HeadRelevance
        from selagg_core.relevance.shipped import load_preset

        self.model = DemoModel(world=world)
        self.development = list(scenes(self.model, development))
        relevance = load_preset("demo") if world == "plain" else HeadRelevance.load(HARD_RELEVANCE)
        self.table = methods(
            Relevances(
                by_concept(relevance.with_score(ARGMAX_WINS)),
                by_wrong_concept(relevance.with_score(ARGMAX_WINS)),
                by_concept(relevance.with_score(AGREEMENT)),
                by_oracle(self.development),
            )
        )

    def on_scenes(self, seeds: Sequence[int]) -> dict[str, Any]:
        """The comparison on noised scenes."""
        development = measure(self.development, self.table, len(self.development), "development scenes")
        return compare(development, measure(scenes(self.model, seeds), self.table, len(seeds), "scenes"))

    def on_pictures(
        self, seeds: Sequence[int], development: Sequence[int], prompts: Sequence[str] | None
    ) -> dict[str, Any]:
        """The comparison on sampled pictures; thresholds from pictures of the development seeds."""
        tuned = pictures(self.model, development)
        tuned_scores = measure(tuned, self.table, len(development), "development pictures")
        scored = measure(pictures(self.model, seeds, prompts), self.table, len(seeds), "pictures")
        return compare(tuned_scores, scored)


def seed_range(text: str) -> range:
    """ "A:B" -> range(A, B); ValueError where it is empty or no range."""
    first, colon, last = text.partition(":")
    if not colon or not (first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise ValueError(f"Seeds are written A:B with A below B, not {text!r}.")
    return range(int(first), int(last))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seed_range, default="5000:5064", help="A:B, what is scored")
    parser.add_argument(
        "--development", type=seed_range, default=DEVELOPMENT_SEEDS, help="A:B, for thresholds and oracle"
    )
    parser.add_argument("--model", choices=["unet", "twin"], default="unet")
    parser.add_argument("--source", choices=["both", "scenes", "pictures"])
    parser.add_argument(
        "--world", choices=WORLDS, default="plain", help="the hard one has no reader: --source scenes alone"
    )
    parser.add_argument("--prompts", type=Path, help="prompts of the sampled pictures, one a line")
    parser.add_argument("--table", type=Path, help="file for a Markdown table")
    parser.add_argument("--figure", type=Path, help="PNG file for a figure")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.development):
        parser.error("the development seeds overlap the scored seeds: thresholds would be tuned on the test")
    if args.source is None:
        args.source = "both" if args.world == "plain" else "scenes"
    if args.world != "plain" and args.source != "scenes":
        parser.error("no reader judges sampled pictures of the hard world: use --source scenes")
    return args


def main() -> None:
    """Tunes on the development seeds, scores the asked seeds, prints one JSON object last."""
    args = _arguments()
    left_out = LeftOut()
    prompts = prompt_lines(args.prompts, left_out) if args.prompts else None
    result: dict[str, Any] = {
        "model": args.model,
        "scenes": len(args.seeds),
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "world": args.world,
    }
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            kind = TwinBenchmark if args.model == "twin" else MapBenchmark
            bench = kind(args.development, args.world)
            if args.source != "pictures":
                result |= bench.on_scenes(args.seeds)
            if args.source != "scenes":
                result["pictures"] = bench.on_pictures(args.seeds, args.development, prompts)
    if args.table:
        args.table.write_text(markdown(result), "utf-8")
    if args.figure:
        write_figure(result, args.figure)
    if prompts:
        result["left_out"] = left_out.to_json()
    text = json.dumps(result)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
