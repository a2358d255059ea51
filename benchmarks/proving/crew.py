"""Servers at work on the pictures of a proof: what one of them cannot do any more, the others do."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Queue

from demo.client import Client, WorkflowError

from .workflow import PICTURE, SCORE, Graph, Job, for_job, one_of

ROWS = "selagg_rows"
TRIES = 2
"""Of a picture that a server refuses or fails at; the second at the end, by whichever server is free."""
UNREACHABLE = (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException, OSError)


class ServerLost(RuntimeError):
    """A server does not answer any more."""


class PictureFailed(RuntimeError):
    """A server could not make or score a picture; the message says why."""


@dataclass(frozen=True)
class Done:
    """What came of a picture: its rows, or why there are none. picture: PNG, if it was asked for."""

    job: Job
    server: str
    seconds: float
    lines: tuple[str, ...] = ()
    picture: bytes | None = None
    problem: str = ""


def make_picture(address: str, graph: Graph, job: Job, limit: float) -> Done:
    """Has a server make and score one picture.

    Raises ServerLost or PictureFailed.
    """
    client, own, started = Client(address), for_job(graph, job), time.monotonic()
    try:
        queued = client.queue(own)
        if queued.errors:
            raise PictureFailed(_reason(str(queued.errors)))
        shown = client.wait(queued.id, limit)
        score = shown.get(one_of(own, SCORE), {})
        lines = tuple(score.get(ROWS, ()))
        if not lines:
            raise PictureFailed(_reason(" ".join(score.get("text", ("the score gave no rows.",)))))
        image = shown.get(PICTURE, {}).get("images")
        picture = client.image(image[0]) if image else None
    except WorkflowError as error:
        raise PictureFailed(_reason(str(error))) from error
    except UNREACHABLE as error:
        raise ServerLost(f"{address} does not answer any more: {error}") from error
    return Done(job, address, time.monotonic() - started, lines, picture)


def _reason(text: str) -> str:
    """What a server says of a failure, in one line: of its list of messages that of the node that failed."""
    try:
        said = json.loads(text)
        failed = [data for name, data in said if name == "execution_error"]
        text = f"{failed[0]['node_type']}: {failed[0]['exception_message']}"
    except (ValueError, TypeError, KeyError, IndexError):
        pass  # it is plain text, or of another form
    return " ".join(text.split())[:400]


Work = Callable[[str, Graph, Job, float], Done]


@dataclass
class Crew:
    """Several servers, each with a thread that takes the next picture when it is free.

    lost: servers that are left out, and why.
    """

    servers: Sequence[str]
    graph: Graph
    limit: float = 900.0
    work: Work = make_picture
    lost: dict[str, str] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """Every job once, in the order in which they are finished; what failed twice has a `problem`.

        Ends early if no server is left.
        """
        waiting, tries = deque(jobs), dict.fromkeys(jobs, 0)
        ready = threading.Condition()
        finished: Queue[Done | None] = Queue()
        open_jobs = len(jobs)

        def serve(server: str) -> None:
            nonlocal open_jobs
            while True:
                with ready:
                    while not waiting and open_jobs:
                        ready.wait()
                    if not open_jobs:
                        break
                    job = waiting.popleft()
                    tries[job] += 1
                try:
                    done = self.work(server, self.graph, job, self.limit)
                except ServerLost as error:
                    with ready:
                        self.lost[server] = str(error)
                        tries[job] -= 1  # it was not the picture's fault
                        waiting.appendleft(job)
                        ready.notify_all()
                    break
                except Exception as error:  # noqa: BLE001 - one picture must not lose the others
                    done = Done(job, server, 0.0, problem=str(error) or type(error).__name__)
                with ready:
                    if done.problem and tries[job] < TRIES:
                        waiting.append(job)
                    else:
                        open_jobs -= 1
                        finished.put(done)
                    ready.notify_all()
            finished.put(None)

        for server in self.servers:
            threading.Thread(target=serve, args=(server,), daemon=True).start()
        at_work = len(self.servers)
        while at_work:
            done = finished.get()
            if done is None:
                at_work -= 1
            else:
                yield done
