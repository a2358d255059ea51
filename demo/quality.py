"""How often the demo model paints what a prompt says, as the reader sees it.

`python -m demo.quality --seeds 20000:20200 --json -` : one picture for each of 200 prompts of two objects
that the training never drew; `--held-out`: prompts with a colour-object pair kept out of training.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from .host_path import prepare_host
from .reader import check_caption, read_picture
from .result_file import write_line
from .scenes import scene_from_seed


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson score)."""
    if n == 0:
        return (0.0, 1.0)
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (round(max(float(middle - half), 0.0), 4), round(min(float(middle + half), 1.0), 4))


def measure(seeds: range, objects: int, held_out: bool, settings: dict, keep: Path | None) -> dict:
    """Samples one picture a seed and counts the verdicts of the reader."""
    from .studio import SamplingSettings, Studio

    studio = Studio()
    chosen = SamplingSettings(**settings)
    verdicts: collections.Counter = collections.Counter()
    wrong: collections.Counter = collections.Counter()
    claims: collections.Counter = collections.Counter()
    pictures = []
    for count, seed in enumerate(seeds, 1):
        _, caption = scene_from_seed(seed, objects, held_out)
        picture = studio.decode(studio.sample(caption.text, [seed], chosen))[0]
        verdict = check_caption(read_picture(picture), caption)
        verdicts[{True: "match", False: "wrong", None: "unsure"}[verdict.matches]] += 1
        wrong.update(c.kind for c in verdict.wrong)
        claims.update(c.kind for c in caption.claims)
        pictures.append(picture)
        if count % 20 == 0:
            sys.stderr.write(f"{count}/{len(seeds)} {dict(verdicts)}\n")
    if keep:
        rows = [np.hstack(pictures[i : i + 10]) for i in range(0, len(pictures) - len(pictures) % 10, 10)]
        cv2.imwrite(str(keep), np.vstack(rows)[..., ::-1])
    total = len(pictures)
    return {
        "pictures": total,
        "match": round(verdicts["match"] / total, 4),
        "match_95": wilson(verdicts["match"], total),
        "wrong": round(verdicts["wrong"] / total, 4),
        "unsure": round(verdicts["unsure"] / total, 4),
        "wrong_claims": {kind: f"{wrong[kind]}/{claims[kind]}" for kind in sorted(claims)},
    }


def main() -> None:
    """Samples, reads, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", default="20000:20200", help="A:B, of scenes; their captions are the prompts"
    )
    parser.add_argument("--objects", type=int, default=2)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--cfg", type=float)
    parser.add_argument("--sheet", type=Path, help="PNG of all pictures")
    parser.add_argument("--json", default="-")
    args = parser.parse_args()
    first, _, last = args.seeds.partition(":")
    settings = {k: v for k, v in {"steps": args.steps, "cfg": args.cfg}.items() if v is not None}
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        seeds = range(int(first), int(last))
        result = measure(seeds, args.objects, args.held_out, settings, args.sheet)
    text = json.dumps(result)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
