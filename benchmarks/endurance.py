"""Whether memory grows over many sampling runs in one process: the slope, with capture and without.

Samples the demo model again and again with new seeds; every tenth run goes through a new SelAgg Capture, or
without capture through a new copy of the model.

`python -m benchmarks.endurance --runs 500 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
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


class _AllocatorState(ctypes.Structure):
    """`struct mallinfo2` of the C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
            "keepcost",
        )
    ]  # fmt: skip


def allocated_bytes() -> int | None:
    """Bytes that the C library's allocator has given out; None where it does not say (glibc before 2.33).

    Unlike resident memory this is free of the gaps that blocks of changing sizes leave in the heap (which
    MALLOC_MMAP_THRESHOLD_=262144 in the environment avoids).
    """
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return None
    ask.restype = _AllocatorState
    state = ask()
    return state.uordblks + state.hblkhd


def tensor_bytes() -> int:
    """Bytes of all tensors that are alive."""
    gc.collect()
    return sum(x.nbytes for x in gc.get_objects() if isinstance(x, torch.Tensor))


def slope(values: list[int | None]) -> float | None:
    """Growth a run, by least squares over what follows the warm-up; None where there are no values."""
    if None in values:
        return None
    kept = np.array(values[int(len(values) * WARM_UP) :], dtype=np.float64)
    return round(float(np.polyfit(np.arange(len(kept)), kept, 1)[0]), 2)


def measure(sample: Callable[[int], None], runs: int) -> dict[str, float | None]:
    """Growth a run, and the process's size at the end.

    resident: of the process, allocated: given out by the allocator, tensor: of tensors, all in bytes;
    block: Python's memory blocks.
    """
    meters = {
        "tensor": tensor_bytes,  # first: it collects garbage
        "allocated": allocated_bytes,
        "resident": resident_bytes,
        "block": sys.getallocatedblocks,
    }
    values: dict[str, list[int | None]] = {name: [] for name in meters}
    for number in range(runs):
        sample(number)
        for name, meter in meters.items():
            values[name].append(meter())
    slopes = {f"{name}_slope": slope(own) for name, own in values.items()}
    return {**slopes, "resident": values["resident"][-1]}


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
    from demo.studio import SamplingSettings, Studio

    studio = Studio()
    settings = SamplingSettings(steps=args.steps)
    from selagg_nodes.capture import SelAggCapture

    used, capture = SelAggCapture().capture(studio.model)
    # The host remembers each loading of a copy of a model (weakref.finalize), which any node that changes the
    # model costs.  So the plain runs go through copies too, as many as those with capture.
    copied = studio.model.clone()

    def plain(number: int) -> None:
        model = studio.model.clone() if number % 10 == 9 else copied
        studio.sample(args.prompt, [args.seed + number], settings, model)

    def captured(number: int) -> None:
        model = SelAggCapture().capture(studio.model)[0] if number % 10 == 9 else used
        latent = studio.sample(args.prompt, [args.seed + number], settings, model)
        if model is used:
            capture.recording_for(latent).positive()

    result = {"plain": measure(plain, args.runs), "capture": measure(captured, args.runs)}
    return {**result, "kept_by_capture": capture.get_ram_usage()}


if __name__ == "__main__":
    main()
