"""A proof without weights: two servers with the demo model, and the demo world's reader as the judge."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.background_server import Running, background_process
from demo.host_path import ROOT, prepare_host
from demo.host_server import link
from demo.scenes import scene_from_seed
from selagg_core.proof.methods import methods_of, score_sample
from selagg_core.proof.rows import Rows, WordRow
from selagg_core.proof.scoring import WordScore
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.shipped import load_preset

from .crew import Crew, Done
from .workflow import Job

FIRST_SCENE = 5000
"""Captions of scenes from here on are the prompts, as in `benchmarks.maps`."""
MEASURES = ("ious", "iou_otsu", "hit", "ap")
JUDGE = ROOT / "benchmarks" / "stand_in_judge"


def captions(count: int) -> list[str]:
    """Prompts of the demo world, each once."""
    found: dict[str, None] = {}
    seed = FIRST_SCENE
    while len(found) < count:
        found[scene_from_seed(seed)[1].text] = None
        seed += 1
    return list(found)


@contextlib.contextmanager
def two_servers(folder: Path) -> Iterator[list[Running]]:
    """Servers with the demo model and the stand-in judge, their files in `folder`."""
    with contextlib.ExitStack() as stack:
        running = []
        for number in (1, 2):
            base = (folder / f"server_{number}").resolve()
            (base / "custom_nodes").mkdir(parents=True, exist_ok=True)
            link(JUDGE, base / "custom_nodes" / "selagg_stand_in_judge")
            sys.stderr.write(f"starting server {number}\n")
            running.append(stack.enter_context(background_process(base, base / "server.log")))
        yield running


class Killing:
    """Ends one of the servers when so many pictures are done, as a machine that goes down would."""

    def __init__(self, running: Sequence[Running], after: int | None) -> None:
        self._victim, self._after, self._done = running[-1], after, 0
        self.times: list[tuple[float, int]] = []
        """When a picture was done, and how many servers were there then."""

    def note(self, done: Done, crew: Crew, now: float) -> None:
        self._done += 1
        self.times.append((now, len(crew.servers) - len(crew.lost)))
        if self._done == self._after:
            sys.stderr.write(f"killing {self._victim.client.address}\n")
            self._victim.process.kill()

    def throughput(self) -> dict[str, float | None]:
        """Pictures a minute of two servers and of one, and their ratio; the first pictures warm up."""
        rates = {
            name: _rate([now for now, there in self.times if there == n])
            for name, n in (("two", 2), ("one", 1))
        }
        two, one = rates["two"], rates["one"]
        return {**rates, "ratio": round(two / one, 2) if two and one else None}


def _rate(times: list[float]) -> float | None:
    kept = times[2:]
    return round((len(kept) - 1) / (kept[-1] - kept[0]) * 60, 2) if len(kept) > 2 else None


def compared_with_maps(rows: Rows, jobs: Sequence[Job]) -> dict[str, Any]:
    """The same pictures once more as `benchmarks.maps` makes and scores them, with the node's settings.

    largest_difference: of any figure of any method, of the words that both have. These are scored together,
    for random heads are drawn for all words of a picture, and sums over other words are rounded otherwise.
    """
    from ..map_sources import DemoModel

    prepare_host()
    ours: dict[Job, dict[tuple, WordRow]] = {}
    for row in rows.words:
        ours.setdefault(Job(row.taken.prompt, row.taken.seed), {})[row.at, row.kind] = row
    table = methods_of(load_preset("demo"))
    largest, both, only_maps, only_prove = 0.0, 0, 0, 0
    with torch.inference_mode():
        model = DemoModel(CaptureSettings())
        for job in jobs:
            own, sample = ours.get(job, {}), model.sampled(job.seed, job.prompt, job.seed)
            targets = {(target.words, target.kind): target for target in sample.targets}
            common = [key for key in own if key in targets]
            theirs = score_sample(replace(sample, targets=tuple(targets[key] for key in common)), table)
            random = () if len(common) == len(own) else ("matched",)
            for number, key in enumerate(common):
                for name, scores in theirs.items():
                    if name not in random:
                        largest = max(largest, _difference(own[key], name, scores[number]))
            both += len(common)
            only_maps += len(targets) - len(common)
            only_prove += len(own) - len(common)
    return {
        "words": both,
        "only_maps": only_maps,
        "only_prove": only_prove,
        "largest_difference": largest,
    }


def _difference(row: WordRow, name: str, theirs: WordScore) -> float:
    own = row.scores[name]
    return max(float(np.abs(np.subtract(getattr(own, m), getattr(theirs, m))).max()) for m in MEASURES)
