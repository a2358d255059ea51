"""A proof without weights: two servers with the demo model, and the demo world's reader as the judge."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.background_server import Running, background_process
from demo.host_path import ROOT
from demo.host_server import link
from demo.scenes import scene_from_seed

from .crew import Crew, Done

FIRST_SCENE = 5000
"""Captions of scenes from here on are the prompts, as in `benchmarks.maps`."""
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
