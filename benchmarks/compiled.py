"""Compiled models: maps as without torch.compile, or a run that says that it was not recorded.

    python -m benchmarks.compiled --layouts sd15 sdxl --backends eager inductor --seeds 0:2 --json -

Random models of the host's layouts, small ones or of full size (--full), are compiled in the ways that
artists and packs have, before or after SelAgg Capture, and sampled twice with two prompts: a graph that holds
on to what it saw first would give the first run's maps in the second. A row is wrong if a run is neither
refused nor recorded with maps as those of the model that is not compiled; the difference that compiling makes
to the latent is told beside it. Prints one JSON object last.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line

from .full_size import ARCHITECTURES, Architecture, random_conditioning, random_model
from .fuzz import seeds_of

CLOSE = 1e-5
"""How far maps, which lie from 0 to 1, may be from those of the model that is not compiled."""
COLUMNS = 77
SMALL: dict[str, dict[str, Any]] = {
    "sd15": {
        "num_res_blocks": [1, 1], "channel_mult": [1, 2], "transformer_depth": [1, 1],
        "transformer_depth_output": [1, 1, 1, 1], "model_channels": 64, "context_dim": 32,
    },
    "sdxl": {
        "num_res_blocks": [1, 1, 1], "transformer_depth": [0, 1, 2], "transformer_depth_middle": 2,
        "transformer_depth_output": [0, 0, 1, 1, 2, 2], "model_channels": 64, "context_dim": 32,
    },
}  # fmt: skip
"""Of each layout's settings those that make it small; it keeps its kinds of layers."""


def architecture_of(layout: str, full: bool) -> Architecture:
    """A layout of the host, as it is or small."""
    whole = ARCHITECTURES[layout]
    return whole if full else dataclasses.replace(whole, unet={**whole.unet, **SMALL[layout]})


# -- ways to compile ---------------------------------------------------------------------------------------


def by_node(model: Any, backend: str) -> Any:
    """The host's own node, Torch Compile Model."""
    from comfy_extras.nodes_torch_compile import TorchCompileModel

    run = getattr(TorchCompileModel, "execute", None) or TorchCompileModel().patch
    given = run(model, backend=backend)
    return getattr(given, "result", given)[0]


def whole(model: Any, backend: str) -> Any:
    """The whole network, with all guards of torch, as packs do."""
    return _compiled(model, backend, ["diffusion_model"])


def by_block(model: Any, backend: str) -> Any:
    """Each transformer block by itself, with all guards of torch, as packs do to save time."""
    from selagg_nodes.families.unet import cross_attention_sites

    names = {module: name for name, module in model.model.named_modules()}
    blocks = {names[site.module].rpartition(".")[0]: None for site in cross_attention_sites(model)}
    return _compiled(model, backend, list(blocks))


def _compiled(model: Any, backend: str, keys: list[str]) -> Any:
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    model = model.clone()
    set_torch_compile_wrapper(model, backend=backend, keys=keys)
    return model


WAYS: dict[str, Callable[[Any, str], Any]] = {"node": by_node, "whole": whole, "blocks": by_block}


# -- one row -----------------------------------------------------------------------------------------------


class Bench:
    """One random model, and the runs that all ways are compared with."""

    def __init__(self, architecture: Architecture, seed: int, side: int, steps: int) -> None:
        self.seed, self.side, self.steps = seed, side, steps
        self.model = random_model(architecture, torch.device("cpu"), torch.float32, seed)
        self.texts = [
            random_conditioning(architecture, COLUMNS, 8 * side, 1000 * seed + number) for number in range(3)
        ]
        captured, capture = self._capturing(self.model)
        self.latents = [self.sample(captured, number) for number in (0, 1)]
        self.wanted = [capture.recording_for(latent).positive().maps for latent in self.latents]
        self._alone: dict[tuple[str, str], list[torch.Tensor]] = {}

    @staticmethod
    def _capturing(model: Any) -> tuple[Any, Any]:
        from selagg_nodes.capture import SelAggCapture

        return SelAggCapture().capture(model)

    def sample(self, model: Any, number: int) -> torch.Tensor:
        """number: of the positive prompt; the third text is the negative of all."""
        import comfy.sample

        latent = torch.zeros(1, 4, self.side, self.side)
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(self.seed))
        with torch.inference_mode():
            return comfy.sample.sample(
                model, noise, self.steps, 7.0, "euler", "normal", self.texts[number], self.texts[2], latent,
                seed=self.seed, disable_pbar=True,
            )  # fmt: skip

    def row(self, way: str, backend: str, capture_first: bool) -> dict[str, Any]:
        """Two runs through one compiled model, beside the same not compiled, and without capture."""
        started = time.monotonic()
        alone = self._compiled_alone(way, backend)
        torch.compiler.reset()
        if capture_first:
            model, capture = self._capturing(self.model)
            model = WAYS[way](model, backend)
        else:
            model, capture = self._capturing(WAYS[way](self.model, backend))
        found: dict[str, Any] = {
            "way": way,
            "backend": backend,
            "capture": "first" if capture_first else "last",
        }
        latents = [self.sample(model, number) for number in (0, 1)]
        found["latent_with_capture"] = _apart(latents, alone)
        found["latent_not_compiled"] = _apart(latents, self.latents)
        runs = [
            self._run(capture, latent, wanted) for latent, wanted in zip(latents, self.wanted, strict=True)
        ]
        found["runs"] = runs
        found["verdict"] = _verdict(runs, found["latent_with_capture"])
        return {**found, "seconds": round(time.monotonic() - started, 1)}

    def _compiled_alone(self, way: str, backend: str) -> list[torch.Tensor]:
        """Latents of the compiled model without capture."""
        if (way, backend) not in self._alone:
            torch.compiler.reset()
            model = WAYS[way](self.model, backend)
            self._alone[way, backend] = [self.sample(model, number) for number in (0, 1)]
        return self._alone[way, backend]

    def _run(self, capture: Any, latent: torch.Tensor, wanted: dict[Any, np.ndarray]) -> dict[str, Any]:
        recording = capture.recording_for(latent)
        if not recording.entries:
            return {"refused": " ".join(recording.notices)[:160]}
        maps = recording.positive().maps
        errors = [float(np.abs(maps[layer] - wanted[layer]).max()) for layer in maps]
        return {
            "layers": f"{len(maps)} of {len(wanted)}",
            "complete": bool(recording.coverage.complete),
            "map_error": max(errors),
            "notices": [said[:160] for said in recording.notices if "words" not in said],
        }


def _apart(some: list[torch.Tensor], others: list[torch.Tensor]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(some, others, strict=True))


def _verdict(runs: list[dict[str, Any]], latent: float) -> str:
    """recorded, refused (each run says why), or what is wrong."""
    if all(run.get("refused") for run in runs):
        return "refused"
    if any("refused" in run or not run["complete"] and not run["notices"] for run in runs):
        return "WRONG: partly, and not said"
    worst = max(run["map_error"] for run in runs)
    if worst > CLOSE:
        return "WRONG: maps differ" if latent == 0 else "maps differ, and so does the latent"
    return "recorded" if all(run["complete"] for run in runs) else "recorded in part, as it says"


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for layout in args.layouts:
        architecture = architecture_of(layout, args.full)
        for seed in args.seeds:
            bench = Bench(architecture, seed, args.side, args.steps)
            for backend in args.backends:
                for way in args.ways:
                    for first in [order == "first" for order in args.captures]:
                        own = {"layout": layout, "full": args.full, "seed": seed}
                        try:
                            yield {**own, **bench.row(way, backend, first)}
                        except Exception as error:  # noqa: BLE001 - the compiler's own failures are told
                            why = f"{type(error).__name__}: {str(error)[:200]}"
                            yield {
                                **own,
                                "way": way,
                                "backend": backend,
                                "capture": "first" if first else "last",
                                "verdict": "skipped",
                                "why": why,
                            }


def main() -> None:
    """Measures, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layouts", nargs="+", choices=ARCHITECTURES, default=[*ARCHITECTURES])
    parser.add_argument("--backends", nargs="+", default=["eager", "inductor"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=[*WAYS])
    parser.add_argument("--captures", nargs="+", choices=("first", "last"), default=["first", "last"])
    parser.add_argument("--full", action="store_true", help="models of full size")
    parser.add_argument("--side", type=int, default=16, help="of the latent")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--seeds", type=seeds_of, default=range(1), help="A:B, without B")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    found = []
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        for row in rows(args):
            found.append(row)
            sys.stderr.write(json.dumps(row) + "\n")
            sys.stderr.flush()
    told = {"torch": torch.__version__, "close": CLOSE, "rows": found}
    wrong = sum(row["verdict"].startswith("WRONG") for row in found)
    write_line(json.dumps({**told, "wrong": wrong}), args.json)


if __name__ == "__main__":
    main()
