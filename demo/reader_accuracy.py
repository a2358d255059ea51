"""Measures the reader on known scenes, as painted or passed through the demo model's autoencoder."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .caption_check import check_caption
from .reader import read_picture
from .reading import Reading, SeenObject
from .result_file import write_line
from .scenes import Scene, SceneObject, render, scene_from_seed

Spoil = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """`python -m demo.reader --seeds A:B [--raw] --json -`"""
    parser = argparse.ArgumentParser(prog="python -m demo.reader", description=__doc__)
    parser.add_argument("--seeds", default="5000:5200", help="scenes A up to B, B left out")
    parser.add_argument(
        "--raw", action="store_true", help="read the scenes as painted, not through the autoencoder"
    )
    parser.add_argument(
        "--weights", type=Path, help="the demo model or an autoencoder checkpoint; the shipped model"
    )
    parser.add_argument("--mistakes", action="store_true", help="list every object that was not read right")
    parser.add_argument(
        "--json", default="-", metavar="FILE", help="where the figures go, - for the terminal"
    )
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split(":"))
    spoil = _as_painted if args.raw else autoencoder(args.weights)
    counts, seconds, mistakes = measure(range(first, last), spoil)
    if args.mistakes:
        sys.stdout.writelines(f"{line}\n" for line in mistakes)
    text = json.dumps(figures(counts, seconds))
    write_line(text, args.json)


def _as_painted(picture: np.ndarray) -> np.ndarray:
    return picture


def autoencoder(weights: Path | None = None) -> Spoil:
    """A function that passes a (128, 128, 3) uint8 picture through the demo model's autoencoder.

    Raises:
        ValueError: no such weights. RuntimeError: no ComfyUI, whose classes the autoencoder is of.
    """
    from .host_path import prepare_host

    prepare_host()
    import torch
    from safetensors.torch import load_file

    from .model import WEIGHTS, load_weights
    from .training.autoencoder import new_autoencoder

    path = weights or WEIGHTS
    state = load_file(path) if path.is_file() else {}
    if not any(key.startswith("taesd_encoder") for key in state):
        state = {key: value for key, value in load_weights(path).vae.items() if key.startswith("taesd")}
    model = new_autoencoder().eval()
    model.load_state_dict(state)

    @torch.inference_mode()
    def spoil(picture: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        output = model["taesd_decoder"](model["taesd_encoder"](pixels)).clamp(0, 1)
        return (output[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)

    return spoil


def measure(seeds: range, spoil: Spoil) -> tuple[Counter[str], float, list[str]]:
    """Reads the scenes of `seeds`, held-out pairs included: counts, seconds, and mistakes in words."""
    counts: Counter[str] = Counter()
    mistakes: list[str] = []
    seconds = 0.0
    for seed in seeds:
        scene, caption = scene_from_seed(seed, held_out=None)
        picture = spoil(render(scene)[0])
        start = time.process_time()
        reading = read_picture(picture)
        seconds += time.process_time() - start
        verdict = check_caption(reading, caption).matches
        counts["scenes"] += 1
        counts[f"background_{_outcome(reading.background, scene.background)}"] += 1
        counts[f"caption_{_outcome(verdict, True)}"] += 1
        counts["extra"] += max(0, len(reading.objects) - len(scene.objects))
        mistakes += (f"{seed}: {line}" for line in _compare(scene, reading, counts))
    return counts, seconds, mistakes


def _outcome(seen: object, truth: object) -> str:
    return "unsure" if seen is None else "right" if seen == truth else "wrong"


def _compare(scene: Scene, reading: Reading, counts: Counter[str]) -> Iterator[str]:
    for item in scene.objects:
        counts["objects"] += 1
        found = _at(item, reading)
        if found is None:
            yield f"{item.pattern} {item.colour} {item.name} ({item.size}) on {scene.background} not found"
            continue
        counts["found"] += 1
        for kind in ("name", "colour", "pattern"):
            seen, truth = getattr(found, kind), getattr(item, kind)
            outcome = _outcome(seen, truth)
            counts[f"{kind}_{outcome}"] += 1
            if outcome != "right":
                scores = {key: round(float(value), 2) for key, value in found.scores.items()}
                yield (
                    f"{item.pattern} {item.colour} {item.name} ({item.size}) on {scene.background}: "
                    f"{kind} read as {seen} {scores}"
                )


def _at(item: SceneObject, reading: Reading) -> SeenObject | None:
    """The seen object whose mask lies around the item's centre, the nearest if there are several."""
    x0, y0, x1, y1 = item.box
    near = [
        seen
        for seen in reading.objects
        if x0 < (seen.box[0] + seen.box[2]) / 2 < x1 and y0 < (seen.box[1] + seen.box[3]) / 2 < y1
    ]
    return min(near, key=lambda seen: np.hypot(*np.subtract(seen.centre, item.centre)), default=None)


def figures(counts: Counter[str], seconds: float) -> dict[str, object]:
    """The counts as shares: "right" of those answered, "unsure" of all found."""

    def share(kind: str, of: tuple[str, ...] = ("right", "wrong")) -> float:
        return round(counts[f"{kind}_right"] / max(1, sum(counts[f"{kind}_{outcome}"] for outcome in of)), 4)

    def unsure(kind: str) -> float:
        answered = ("right", "wrong", "unsure")
        return round(
            counts[f"{kind}_unsure"] / max(1, sum(counts[f"{kind}_{outcome}"] for outcome in answered)), 4
        )

    return {
        "scenes": counts["scenes"],
        "objects": {
            "n": counts["objects"],
            "found": counts["found"],
            "extra": counts["extra"],
            "name_right": counts["name_right"],
            "name_wrong": counts["name_wrong"],
            "unsure": counts["name_unsure"],
        },
        "name_right": share("name"),
        "colour_right": share("colour"),
        "pattern_right": share("pattern"),
        "background_right": share("background"),
        "unsure": {kind: unsure(kind) for kind in ("name", "colour", "pattern", "background")},
        "all_right": {
            kind: share(kind, ("right", "wrong", "unsure")) for kind in ("name", "colour", "pattern")
        },
        "caption_matches": {
            outcome: counts[f"caption_{outcome}"] for outcome in ("right", "wrong", "unsure")
        },
        "ms_per_picture": round(1000 * seconds / max(1, counts["scenes"]), 1),
    }
