"""How long an artist waits for a viewer after sampling, and how many maps are made, against another checkout.

`python -m benchmarks.waiting --before PATH --json -` times SelAgg Diagnose and SelAgg Heatmaps of this
checkout and of the one in PATH (from a commit with rooms on), turn by turn in processes of
their own; each figure is the median over turns. The run that they look at is not sampled: it has the layers,
grids, precision and self-attention of an SDXL run of 1024 px, random numbers in them, so that the work is the
same as after sampling. `--size 512 --words 8` makes a smaller one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NODE = "7"
SPOKEN = (
    "a red fox and a blue cat left of a large wooden house under a dark stormy sky with one yellow moon "
    "above green hills beside a tall silver tower near small white flowers and an old stone bridge over water"
)
"""Words of the prompt, in this order; function words are not counted as words that have a map."""


class Run:
    """A finished SDXL run of random numbers, with the sockets that the viewers take."""

    def __init__(self, size: int, words: int, seed: int) -> None:
        import numpy as np
        import torch

        from selagg_core.prompt.words import Prompt, Word
        from selagg_core.recording.head_maps import EntryRecording, Recording
        from selagg_core.recording.layout import sdxl_layout
        from selagg_core.recording.self_attention import SelfAttention, layers_to_keep

        rng = np.random.default_rng(seed)
        latent = (size // 8, size // 8)
        layout = sdxl_layout()
        spoken = (SPOKEN.split() * (1 + words // len(SPOKEN.split())))[:words]
        columns = tuple(Word(word, (1 + i,)) for i, word in enumerate(spoken))
        prompt = Prompt(" ".join(spoken), columns, 77, (0, *range(1 + words, 77)))
        grids = {layer: _grid(layer, latent) for layer in layout.layers}
        maps, special, attention = {}, {}, {}
        for layer, heads in zip(layout.layers, layout.heads, strict=True):
            # As kept: float16, given out in float32. Smooth, as attention is: every map has a place.
            maps[layer] = _smooth(rng, (1, heads, words, *grids[layer])).astype(np.float16)
            special[layer] = _smooth(rng, (1, heads, *grids[layer]))
        for layer in layers_to_keep(grids, latent):
            height, width = grids[layer]
            shape = (1, layout.heads_of(layer), height * width, 64)
            q, k = (rng.standard_normal(shape, np.float32).astype(np.float16) for _ in range(2))
            attention[layer] = SelfAttention(q, k, grids[layer])
        self._make = lambda: Recording(
            (
                EntryRecording(
                    "positive", 0, prompt, None, 20,
                    {layer: values.astype(np.float32) for layer, values in maps.items()},
                    special, layout, (), attention,
                ),
            ),
            layout, (1, 4, *latent), (14.6, 0.0), True, (), 2048,
        )  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.rand(1, 3, 16, 16, generator=generator)
        image = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)
        self.image = image.movedim(1, -1).contiguous()
        self.latent = torch.zeros(1, 4, *latent)

    def recording_for(self, latent, *_offers) -> Any:
        """As a Capture gives it out: the kept precision becomes float32 each time it is asked for."""
        return self._make()

    @property
    def sockets(self) -> dict[str, Any]:
        return {"capture": self, "latent": {"samples": self.latent}, "image": self.image}


def _grid(layer, latent: tuple[int, int]) -> tuple[int, int]:
    """Half of the latent for SDXL's fine blocks, a quarter for the others."""
    fine = (layer.block == "input" and layer.number < 6) or (layer.block == "output" and layer.number > 2)
    return tuple(side // (2 if fine else 4) for side in latent)


def _smooth(rng, shape: tuple[int, ...]):
    import cv2
    import numpy as np

    flat = rng.random((int(np.prod(shape[:-2])), 6, 6), np.float32) ** 3
    return np.stack([cv2.resize(each, shape[:-3:-1]) for each in flat]).reshape(shape) / 20


def measure(size: int, words: int, seed: int, outputs: str) -> dict[str, Any]:
    """Seconds of one call of each node, and the maps made in it, in this process and checkout.

    outputs: numbers of the outputs of Heatmaps that are connected.
    """
    from selagg_nodes import diagnose, heatmaps, host

    host.server_routes = lambda: object()  # as if a browser could ask for the view
    host.temp_directory = lambda: os.environ["SELAGG_WAITING_TEMP"]
    run = Run(size, words, seed)
    graph = {NODE: {"class_type": "SelAggHeatmaps", "inputs": {"connected_outputs": outputs}}}
    place = {"unique_id": NODE, "graph": graph, "extra_pnginfo": {"workflow": {"id": "waiting"}}}
    drawing = {"words": "all", "mode": "selective", "top_fraction": 0.25, "threshold": 0.0}
    found: dict[str, Any] = {}
    count = _counter()
    for name, work in (
        ("diagnose", lambda: diagnose.SelAggDiagnose().diagnose(**run.sockets, **place)),
        ("heatmaps", lambda: heatmaps.SelAggHeatmaps().draw(**run.sockets, **drawing, **place)),
    ):
        count.clear()
        before, spent = time.perf_counter(), time.process_time()
        shown = work()["ui"].get("selagg") or [{}]
        seconds, processor = time.perf_counter() - before, time.process_time() - spent
        if not shown[0].get("id"):
            raise RuntimeError(f"{name} refused the run: there is nothing to time.")
        found[name] = {"seconds": seconds, "processor": processor, "maps": sum(count)}
    return found


def _counter() -> list[int]:
    """A list that grows by the number of word maps whenever some are made from the maps of heads."""
    import importlib

    made: list[int] = []
    # Before maps were shared, every call of word_maps made its own; now they are made by mean_maps.
    for place, name in (("made_maps", "mean_maps"), ("word_maps", "word_maps")):
        try:
            module = importlib.import_module(f"selagg_core.maps.{place}")
        except ModuleNotFoundError:
            continue
        setattr(module, name, _counting(getattr(module, name), made))
        break
    return made


def _counting(original: Callable[..., Any], made: list[int]) -> Callable[..., Any]:
    def counted(head_maps, *arguments, **named):
        maps = original(head_maps, *arguments, **named)
        made.append(len(maps) if maps.ndim == 3 else int(maps.any(axis=(2, 3)).sum()))
        return maps

    return counted


def _turn(root: Path, args: argparse.Namespace, temporary: str) -> dict[str, Any]:
    """One turn in a process of its own, with the checkout in `root`."""
    command = [sys.executable, str(Path(__file__).resolve()), "--child", "--root", str(root)]
    command += ["--size", str(args.size), "--words", str(args.words), "--seed", str(args.seed)]
    command += ["--outputs", args.outputs]
    environment = {**os.environ, "SELAGG_WAITING_TEMP": temporary}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"The checkout in {root} could not be measured: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(own: list[dict[str, Any]], before: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over turns, and the ratio to the other checkout; the ratio is that of the medians.

    processor: the same in seconds of the processor, which other work on the machine disturbs less.
    """
    result: dict[str, Any] = {}
    for name in ("diagnose", "heatmaps"):
        result[name] = _ratio(name, "seconds", own, before)
        result[name]["processor"] = _ratio(name, "processor", own, before)
    made = {name: own[-1][name]["maps"] for name in ("diagnose", "heatmaps")}
    result["maps_computed"] = made
    if before:
        result["maps_computed_before"] = {name: before[-1][name]["maps"] for name in made}
    return result


def _ratio(name: str, what: str, own: list[dict[str, Any]], before: list[dict[str, Any]]) -> dict[str, Any]:
    from statistics import median  # not at the top: a child starts in this folder, which has one of this name

    seconds = median(turn[name][what] for turn in own)
    found = {"seconds": round(seconds, 3)}
    if before:
        usual = median(turn[name][what] for turn in before)
        found |= {"before": round(usual, 3), "ratio": round(seconds / usual, 3)}
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="folder of the checkout to compare with")
    parser.add_argument("--size", type=int, default=1024, help="side of the picture in pixels")
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--outputs",
        default="0 2",
        help="outputs of Heatmaps that are connected; by default overlays and contact sheet, as in "
        "the example workflows. Before outputs were looked at, all were made.",
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(args: argparse.Namespace) -> None:
    own = str(Path(__file__).resolve().parent)
    sys.path[:] = [str(args.root), *(entry for entry in sys.path if entry not in ("", own, str(ROOT)))]
    from demo.host_path import prepare_host

    sys.stdout, shown = sys.stderr, sys.stdout
    prepare_host()
    sys.path.append(str(args.root))
    import torch

    with torch.inference_mode():
        found = measure(args.size, args.words, args.seed, args.outputs)
    shown.write(json.dumps(found) + "\n")


def main() -> None:
    """Measures turn by turn, and prints one JSON object last."""
    args = _arguments()
    if args.child:
        _child(args)
        return
    import tempfile

    from demo.result_file import write_line

    own, before = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for turn in range(args.turns):
            if args.before:
                before.append(_turn(args.before.resolve(), args, temporary))
            own.append(_turn(ROOT, args, temporary))
            sys.stderr.write(f"turn {turn + 1} of {args.turns}\n")
    result = {"size": args.size, "words": args.words, "turns": args.turns, "outputs": args.outputs}
    write_line(json.dumps({**result, **compare(own, before)}), args.json)


if __name__ == "__main__":
    main()
