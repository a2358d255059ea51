"""Many pictures over dask.distributed, an optional extra: one worker a server, named by the server's URL.

`dask scheduler`, and for each server, in the root of this repository,
`dask worker tcp://SCHEDULER:8786 --name http://SERVER:8188 --nthreads 1 --no-nanny`; then `--scheduler
tcp://SCHEDULER:8786`. Dask hands pictures to workers that are free, and starts those of a worker that is gone
anew elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .crew import TRIES, Crew, Done, PictureFailed, ServerLost, Work
from .workflow import Graph, Job


@dataclass
class DaskCrew(Crew):
    """A crew whose servers are the names of a scheduler's workers."""

    scheduler: str = ""

    def run(self, jobs: Sequence[Job]) -> Iterator[Done]:
        distributed = _distributed()
        with distributed.Client(self.scheduler) as client:
            named = {
                own["name"]: address
                for address, own in client.scheduler_info(n_workers=-1)["workers"].items()
            }
            self.servers = [name for name in map(str, named) if name.startswith(("http://", "https://"))]
            if not self.servers:
                raise ValueError(
                    "no dask worker is named by a server: start each with --name http://SERVER:8188 "
                    "--nthreads 1."
                )
            yield from self._run(client, distributed.as_completed, jobs)

    def _run(self, client: Any, as_completed: Any, jobs: Sequence[Job]) -> Iterator[Done]:
        tries: dict[Job, int] = dict.fromkeys(jobs, 1)

        def submit(job: Job) -> Any:
            return client.submit(at_own_server, self.work, self.graph, job, self.limit, pure=False)

        # Some at a time, so that a server that dies does not drag many along.
        waiting = list(jobs)
        running = as_completed(
            [submit(waiting.pop(0)) for _ in range(min(len(waiting), 2 * len(self.servers)))]
        )
        for future in running:
            worker, done, lost = future.result()
            if lost:
                self.lost[str(done.server)] = lost
                client.retire_workers([worker], close_workers=True)
                if len(self.lost) == len(self.servers):
                    return
                running.add(submit(done.job))
                continue
            if done.problem and tries[done.job] < TRIES:
                tries[done.job] += 1
                running.add(submit(done.job))
                continue
            yield done
            if waiting:
                running.add(submit(waiting.pop(0)))


def at_own_server(work: Work, graph: Graph, job: Job, limit: float) -> tuple[str, Done, str]:
    """On a worker: the picture by the server that the worker is named by; (worker, what came of it, lost)."""
    worker = _distributed().get_worker()
    server = str(worker.name)
    try:
        return worker.address, work(server, graph, job, limit), ""
    except ServerLost as error:
        return worker.address, Done(job, server, 0.0), str(error)
    except PictureFailed as error:
        return worker.address, Done(job, server, 0.0, problem=str(error)), ""


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ValueError(
            "--scheduler needs dask: pip install distributed, or name servers with --server."
        ) from error
    return distributed
