"""Whether memory grows over many sampling runs in one process: the slope, with capture and without.

Samples the demo model again and again with new seeds; every tenth run goes through a new SelAgg Capture.

`python -m benchmarks.endurance --runs 500 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line

PROMPT = "a red circle left of a blue star"
WARM_UP = 0.2
"""Share of the runs before the slope is taken: caches of kernels and of the allocator fill first."""
STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory of this process (Linux)."""
    return int(STATM.read_text().split()[1]) * 4096


def tensor_bytes() -> int:
    """Bytes of all tensors that are alive."""
    gc.collect()
    return sum(x.nbytes for x in gc.get_objects() if isinstance(x, torch.Tensor))


def slope(values: list[int]) -> float:
    """Growth a run, by least squares over what follows the warm-up."""
    kept = np.array(values[int(len(values) * WARM_UP) :], dtype=np.float64)
    return float(np.polyfit(np.arange(len(kept)), kept, 1)[0])


def measure(sample: Callable[[int], None], runs: int) -> dict[str, float]:
    """Slopes in bytes a run of the memory of the process and of its tensors, and that memory at the end."""
    resident, tensors = [], []
    for number in range(runs):
        sample(number)
        tensors.append(tensor_bytes())
        resident.append(resident_bytes())
    return {
        "resident_slope": round(slope(resident), 1),
        "tensor_slope": round(slope(tensors), 1),
        "resident": resident[-1],
    }


def main() -> None:
    """Measures, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=9000, help="of the first run")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        result = run(args)
    text = json.dumps({"runs": args.runs, "steps": args.steps, **result})
    write_line(text, args.json)


def run(args: argparse.Namespace) -> dict:
    from demo.pack import part
    from demo.studio import SamplingSettings, Studio

    studio = Studio()
    settings = SamplingSettings(steps=args.steps)
    node = part("nodes.capture").SelAggCapture
    used, capture = node().capture(studio.model)

    def plain(number: int) -> None:
        studio.sample(args.prompt, [args.seed + number], settings)

    def captured(number: int) -> None:
        model = node().capture(studio.model)[0] if number % 10 == 9 else used
        latent = studio.sample(args.prompt, [args.seed + number], settings, model)
        if model is used:
            capture.recording_for(latent).positive()

    result = {"plain": measure(plain, args.runs), "capture": measure(captured, args.runs)}
    return {**result, "kept_by_capture": capture.get_ram_usage()}


if __name__ == "__main__":
    main()
