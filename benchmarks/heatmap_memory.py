"""What SelAgg Heatmaps takes of memory above the run that it shows.

`python -m benchmarks.heatmap_memory --words 60 --batch 2 --sizes 1024 2048` draws a run of random numbers
with the layers and grids of SDXL (see benchmarks.waiting), with nothing, masks or all connected, each in a
process of its own. A figure is the largest resident memory while the node works, less the memory before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEBIBYTE = 1024 * 1024
CONNECTED = {"nothing": "", "masks": "1", "all": "0 1 2 3"}


class Peak:
    """The largest resident memory of this process in a while, in bytes above that at its beginning."""

    def __enter__(self) -> Peak:
        self._end = threading.Event()
        self._first = self._most = resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._end.wait(0.005):
            self._most = max(self._most, resident())

    def __exit__(self, *_error) -> None:
        self._most = max(self._most, resident())
        self._end.set()
        self._thread.join()

    @property
    def above(self) -> int:
        return self._most - self._first


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def measure(size: int, words: int, batch: int, outputs: str, seed: int) -> dict[str, Any]:
    """One call of the node in this process."""
    import dataclasses

    import numpy as np

    from benchmarks import waiting
    from selagg_nodes import heatmaps, host
    from selagg_nodes.viewer.connected import INPUT

    host.server_routes = lambda: object()  # as if a browser could ask for the view
    temporary = tempfile.mkdtemp()
    host.temp_directory = lambda: temporary
    waiting.SPOKEN = " ".join(f"thing{number}" for number in range(words))
    run = waiting.Run(size, words, seed)
    one = run.recording_for(None)
    twice = {}
    for name in ("maps", "special"):
        twice[name] = {
            layer: np.repeat(maps, batch, 0) for layer, maps in getattr(one.entries[0], name).items()
        }
    entry = dataclasses.replace(one.entries[0], **twice, self_attention={})
    recording = dataclasses.replace(one, entries=(entry,), latent_shape=(batch, *one.latent_shape[1:]))
    run.recording_for = lambda *_: recording
    run.image, run.latent = run.image.repeat(batch, 1, 1, 1), run.latent.repeat(batch, 1, 1, 1)
    graph = {waiting.NODE: {"class_type": "SelAggHeatmaps", "inputs": {INPUT: CONNECTED[outputs]}}}
    place = {"unique_id": waiting.NODE, "graph": graph, "extra_pnginfo": {"workflow": {"id": "memory"}}}
    drawing = {"words": "all", "mode": "selective", "top_fraction": 0.25, "threshold": 0.0}
    with Peak() as peak:
        made = heatmaps.SelAggHeatmaps().draw(**run.sockets, **drawing, **place)
    overlays, masks, sheet, labels = made["result"]
    if len(overlays) < words * batch:
        raise RuntimeError(f"the run was refused: {labels}")
    shapes = {"overlays": list(overlays.shape), "masks": list(masks.shape), "sheet": list(sheet.shape)}
    return {"mib": round(peak.above / MEBIBYTE), "shapes": shapes}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048], help="sides in pixels")
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("SIZE", "OUTPUTS"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(args: argparse.Namespace) -> None:
    from demo.host_path import prepare_host

    sys.stdout, shown = sys.stderr, sys.stdout
    prepare_host()
    import torch

    with torch.inference_mode():
        found = measure(int(args.child[0]), args.words, args.batch, args.child[1], args.seed)
    shown.write(json.dumps(found) + "\n")


def main() -> None:
    args = _arguments()
    if args.child:
        _child(args)
        return
    found: dict[str, Any] = {"words": args.words, "batch": args.batch, "seed": args.seed}
    for size in args.sizes:
        for outputs in CONNECTED:
            command = [sys.executable, "-m", "benchmarks.heatmap_memory", "--child", str(size), outputs]
            command += ["--words", str(args.words), "--batch", str(args.batch), "--seed", str(args.seed)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            found[f"{size} px, {outputs} connected"] = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
