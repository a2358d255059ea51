"""How well word maps find what the word names, against the exact masks of ground-truth scenes.

A scene is encoded by the demo VAE, noised to several levels, shown once to the model with its own caption at
each level, and the map of every object, colour and pattern word is compared with the mask of its object.

`python -m benchmarks.maps --seeds 5000:5064 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from demo.host_path import prepare_host
from demo.scenes import SIDE, caption_words, render, scene_from_seed

KINDS = ("object", "colour", "pattern")
THRESHOLDS = np.linspace(0.05, 0.95, 37)
NOISE_STEPS = (100, 250, 400, 550, 700)
DEVELOPMENT_SEEDS = "9000:9048"


@dataclass(frozen=True)
class WordScore:
    """One word map against its mask: IoU at each of THRESHOLDS and at Otsu's, hit of the peak, precision."""

    kind: str
    scene: int
    ious: np.ndarray
    iou_otsu: float
    hit: float
    ap: float


def score_map(kind: str, scene: int, heat: np.ndarray, mask: np.ndarray) -> WordScore:
    """Scores a map; `heat` (128, 128) float, `mask` (128, 128) bool."""
    spread = heat.max() - heat.min()
    unit = (heat - heat.min()) / spread if spread > 0 else np.zeros_like(heat)
    ious = np.array([_iou(unit > t, mask) for t in THRESHOLDS])
    otsu, _ = cv2.threshold((unit * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    peak = np.unravel_index(np.argmax(unit), unit.shape)
    return WordScore(
        kind, scene, ious, _iou(unit > otsu / 255, mask), float(mask[peak]), average_precision(unit, mask)
    )


def _iou(found: np.ndarray, mask: np.ndarray) -> float:
    return float((found & mask).sum() / max(1, (found | mask).sum()))


def average_precision(scores: np.ndarray, mask: np.ndarray) -> float:
    """Area under precision over recall of the pixels ranked by score; equal scores share their precision."""
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked, truth = scores.ravel()[order], mask.ravel()[order]
    last_of_ties = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    hits = np.cumsum(truth)[last_of_ties]
    gained = np.diff(np.append(0, hits)) / max(1, hits[-1])
    return float((hits / (last_of_ties + 1) * gained).sum())


class MapBench:
    """The demo model with capture, ready to give word maps of noised scenes."""

    def __init__(self) -> None:
        from demo.pack import part
        from demo.studio import Studio

        self.studio = Studio()
        self.maps = part("selagg_core.maps")
        self.prompts = part("nodes.prompt")
        self.recorder = part("nodes.recorder")
        sampling = self.studio.model.get_model_object("model_sampling")
        self.sigmas = [float(sampling.sigmas[step]) for step in NOISE_STEPS]

    def head_maps(self, seed: int, picture: np.ndarray, text: str):
        """HeadMaps of a picture noised to every level and read with a prompt."""
        conditioning, _ = self.prompts.encode_and_label("benchmarks.maps", self.studio.clip, text)
        clean = self.studio.model.model.process_latent_in(self.studio.encode(picture[None]))
        generator = torch.Generator().manual_seed(seed)
        noised = [clean + s * torch.randn(clean.shape, generator=generator) for s in self.sigmas]
        recording = self.recorder.record_evaluations(self.studio.model, conditioning, noised, self.sigmas)
        return recording.positive().picture(0)

    def scene_scores(self, seed: int) -> dict[str, list[WordScore]]:
        """Scores of every method on every object, colour and pattern word of a seed's scene."""
        scene, caption = scene_from_seed(seed)
        picture, masks = render(scene)
        head_maps = self.head_maps(seed, picture, caption.text)
        words = [w.text for w in head_maps.prompt.words]
        if words != caption_words(caption.text):
            raise RuntimeError(f"The words read back differ from the caption: {words} for {caption.text!r}")
        heats = {
            method: self.maps.word_maps(head_maps, selection, (SIDE, SIDE))
            for method, selection in self.selections(head_maps.layout).items()
        }
        claims = [c for c in caption.claims if c.kind in KINDS]
        return {
            method: [score_map(c.kind, seed, heat[c.words[-1]], masks[c.subject]) for c in claims]
            for method, heat in heats.items()
        }

    def selections(self, layout) -> dict:
        """The head selections that are compared."""
        return {"all": self.maps.select_heads(layout, "all")}


def measure(bench: MapBench, seeds: range) -> dict[str, list[WordScore]]:
    """Scores of all scenes by method, with progress on standard error."""
    scores: dict[str, list[WordScore]] = {}
    started = time.time()
    for count, seed in enumerate(seeds, 1):
        for method, found in bench.scene_scores(seed).items():
            scores.setdefault(method, []).extend(found)
        if count % 16 == 0 or count == len(seeds):
            rate = count / (time.time() - started) * 60
            sys.stderr.write(f"{count}/{len(seeds)} scenes, {rate:.0f} a minute\n")
    return scores


def best_threshold(scores: list[WordScore]) -> int:
    """Index into THRESHOLDS of the one with the highest mean IoU."""
    return int(np.mean([s.ious for s in scores], axis=0).argmax())


def summary(scores: list[WordScore], thresholds: dict[str, int]) -> dict[str, dict[str, float]]:
    """Means by kind of word; "overall" is the mean of the kinds that occur."""
    result = {}
    for kind in KINDS:
        of_kind = [s for s in scores if s.kind == kind]
        if of_kind:
            ious = np.mean([s.ious for s in of_kind], axis=0)
            result[kind] = {
                "iou": float(ious[thresholds[kind]]),
                "iou_otsu": float(np.mean([s.iou_otsu for s in of_kind])),
                "iou_best": float(ious.max()),
                "hit": float(np.mean([s.hit for s in of_kind])),
                "ap": float(np.mean([s.ap for s in of_kind])),
                "words": len(of_kind),
            }
    keys = ("iou", "iou_otsu", "iou_best", "hit", "ap")
    result["overall"] = {k: float(np.mean([result[kind][k] for kind in result])) for k in keys}
    return {kind: {k: round(v, 4) for k, v in values.items()} for kind, values in result.items()}


def seed_range(text: str) -> range:
    """ "A:B" -> range(A, B); ValueError where it is empty or no range."""
    first, colon, last = text.partition(":")
    if not colon or not (first.isdigit() and last.isdigit()) or int(first) >= int(last):
        raise ValueError(f"Seeds are written A:B with A below B, not {text!r}.")
    return range(int(first), int(last))


def main() -> None:
    """Chooses thresholds on the development seeds, scores the asked seeds, prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=seed_range, default="5000:5064", help="A:B, the scenes that are scored"
    )
    parser.add_argument(
        "--development", type=seed_range, default=DEVELOPMENT_SEEDS, help="A:B, for the thresholds"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.development):
        parser.error("the development seeds overlap the scored seeds: thresholds would be tuned on the test")
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            bench = MapBench()
            development = measure(bench, args.development)
            scored = measure(bench, args.seeds)
    result = {
        "scenes": len(args.seeds),
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "methods": {},
        "thresholds": {},
    }
    for method, scores in scored.items():
        chosen = {k: best_threshold([s for s in development[method] if s.kind == k]) for k in KINDS}
        result["methods"][method] = summary(scores, chosen)
        result["thresholds"][method] = {k: round(float(THRESHOLDS[i]), 3) for k, i in chosen.items()}
    text = json.dumps(result)
    if args.json == "-":
        sys.stdout.write(text + "\n")
    else:
        Path(args.json).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
