"""Samples pictures with the demo model and says what the reader sees in them.

`python -m demo.sample --prompt "a red circle and a blue star" --seed 1 --out DIR --json -`
`python -m demo.sample --prompts FILE --seeds 0:4 --out DIR --json -` prints one JSON line a picture.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .host_path import prepare_host
from .reader import Reading, check_caption, parse_caption, read_picture


def describe(picture: np.ndarray, prompt: str) -> dict[str, Any]:
    """The reader's parse of a picture and whether it matches the prompt (None where the reader is unsure)."""
    reading = read_picture(picture)
    try:
        verdict = check_caption(reading, parse_caption(prompt))
    except ValueError as error:
        return {**_seen(reading), "matches_prompt": None, "reason": str(error)}
    wrong = [f"{claim.kind}: {claim.value}" for claim in verdict.wrong]
    unsure = [f"{claim.kind}: {claim.value}" for claim in verdict.unsure]
    return {**_seen(reading), "matches_prompt": verdict.matches, "wrong": wrong, "unsure": unsure}


def _seen(reading: Reading) -> dict[str, Any]:
    objects = [
        {
            "name": o.name,
            "colour": o.colour,
            "pattern": o.pattern,
            "box": [int(v) for v in o.box],
            "sure": bool(o.sure),
        }
        for o in reading.objects
    ]
    return {"objects": objects, "background": reading.background}


def file_name(prompt: str, seed: int) -> str:
    """A file name that no prompt can steer: the digest of the prompt and the seed."""
    return f"{hashlib.sha256(prompt.encode()).hexdigest()[:12]}_{seed}.png"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prompt")
    source.add_argument("--prompts", type=Path, help="a text file, one prompt a line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", help="A:B, every prompt with each of these seeds")
    parser.add_argument("--out", type=Path, required=True, help="folder for the PNG files")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--cfg", type=float, default=None)
    parser.add_argument("--json", default="-", help="file for the JSON lines, - for standard output")
    return parser.parse_args()


def main() -> None:
    """Samples every prompt with every seed and writes pictures and JSON lines."""
    args = _arguments()
    prompts = [args.prompt] if args.prompt is not None else args.prompts.read_text("utf-8").splitlines()
    prompts = [p.strip() for p in prompts if p.strip()]
    if not prompts:
        raise SystemExit("No prompt given: every line of the prompts file is empty.")
    first, _, last = (args.seeds or f"{args.seed}:{args.seed + 1}").partition(":")
    seeds = list(range(int(first), int(last)))
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        from .studio import SamplingSettings, Studio

        studio = Studio()
    chosen = {k: v for k, v in {"steps": args.steps, "cfg": args.cfg}.items() if v is not None}
    settings = SamplingSettings(**chosen)
    args.out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stream = (
            sys.stdout
            if args.json == "-"
            else stack.enter_context(Path(args.json).open("w", encoding="utf-8"))
        )
        for prompt in prompts:
            with contextlib.redirect_stdout(sys.stderr):
                pictures = studio.decode(studio.sample(prompt, seeds, settings))
            for seed, picture in zip(seeds, pictures, strict=True):
                path = args.out / file_name(prompt, seed)
                cv2.imwrite(str(path), picture[..., ::-1])
                line = {"picture": str(path), "prompt": prompt, "seed": seed, **describe(picture, prompt)}
                stream.write(json.dumps(line) + "\n")
                stream.flush()


if __name__ == "__main__":
    main()
