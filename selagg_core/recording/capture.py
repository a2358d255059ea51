"""The last runs of a SelAgg Capture node, found again by the latents that the sampler returned."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from ..prompt.known_texts import LabelCache
from ..prompt.messages import joined, message
from ..prompt.offered import OfferedText
from .head_maps import Recording
from .run import Run
from .settings import CaptureSettings

#: Enough for a picture and the tiles of its upscale.
KEPT_RUNS = 16
#: Memory that all kept runs of a capture may take, in budgets of one run.
KEPT_BUDGETS = 2

NO_RUN = message("no_run")
NOT_CONNECTED = message("not_connected")
WRONG_LATENT = message("wrong_latent")


def latent_hash(latent: torch.Tensor) -> str:
    """Identity of a latent: its shape and values in float32, wherever it lies."""
    values = latent.detach().to("cpu", torch.float32).contiguous()
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(tuple(values.shape)).encode())
    digest.update(values.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Origin:
    """Where a run was sampled: the request that the host worked on, and its node; None: not known."""

    request: str | None = None
    node: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True)
class _Kept:
    """A run, the latents by which it is found, and where it was sampled."""

    run: Run
    hashes: frozenset[str]
    origin: Origin

    @property
    def group(self) -> tuple[Origin, tuple[int, ...]]:
        """Runs of one kind: a node that samples many tiles or faces."""
        return self.origin, self.run.latent_shape if self.origin.node is None else ()


class Capture:
    """What the socket SELAGG_CAPTURE carries: the last runs of one SelAgg Capture node.

    A run is found by the latents that it gave out; maps of another run are never shown in its place.  When
    there are more than `kept_runs`, or they take more than two budgets, some go: first of those that no
    viewer has asked for, the oldest of the most of one kind (a node that samples many tiles or faces), but
    not the first since a viewer last asked, which is the picture that the others are made from.
    wanted: whether runs are recorded; a capture that no node is connected to waits until one asks for a run.
    As long as there is none, everyone who asks is told of the wait, not the first alone.
    Copies of a model share its capture, so a copy of a capture is the capture itself.
    """

    def __init__(
        self,
        labels: LabelCache,
        settings: CaptureSettings | None = None,
        unsupported: str | None = None,
        kept_runs: int = KEPT_RUNS,
        wanted: bool = True,
    ):
        self.labels, self.wanted, self._waited = labels, wanted, not wanted
        self.settings = settings or CaptureSettings()
        self.unsupported = unsupported
        self._kept = kept_runs
        self._runs: OrderedDict[int, _Kept] = OrderedDict()
        self._asked: set[int] = set()
        self._number = self._since = 0
        self._lock = threading.Lock()

    def __copy__(self) -> Capture:
        return self

    def __deepcopy__(self, memo) -> Capture:
        return self

    def get_ram_usage(self) -> int:
        """Bytes of maps held (asked for by hosts that evict outputs by size)."""
        with self._lock:
            return sum(kept.run.nbytes for kept in self._runs.values())

    def keep(self, run: Run, latents: tuple[torch.Tensor, ...] = (), origin: Origin = NOWHERE) -> None:
        """Keep a run and the latents it gave out, in place of an interrupted one; others go."""
        hashes = frozenset(latent_hash(latent) for latent in latents)
        with self._lock:
            for number in [n for n, x in self._runs.items() if x.hashes & hashes or not x.hashes]:
                del self._runs[number]
            self._runs[self._number] = _Kept(run, hashes, origin)
            self._number += 1
            limit = KEPT_BUDGETS * self.settings.budget
            sizes = {n: kept.run.nbytes for n, kept in self._runs.items()}
            while len(self._runs) > self._kept or (len(self._runs) > 1 and sum(sizes.values()) > limit):
                number = self._first_to_go()
                del self._runs[number], sizes[number]
            self._asked &= set(self._runs)

    def recording_for(self, latent: torch.Tensor, offers: Sequence[OfferedText] = ()) -> Recording:
        """The run that gave out this latent (batch, channels, h, w).

        offers: texts that it may have been made of; they hold for this run from now on.

        Raises ValueError if there is none, or if the model cannot be recorded, with what to do about it.
        """
        if self.unsupported:
            raise ValueError(self.unsupported)
        wanted = latent_hash(latent)
        run = self._find(lambda hashes: wanted in hashes)
        if offers:
            run = self._told(run, tuple(offers))
        return run.recording(self.labels)

    def last(self) -> Recording:
        """The newest run, whatever its latent."""
        if self.unsupported:
            raise ValueError(self.unsupported)
        return self._find(lambda _: True).recording(self.labels)

    def _told(self, run: Run, offers: tuple[OfferedText, ...]) -> Run:
        """The run with these texts, which is kept in its place."""
        told = replace(run, offers=offers)
        with self._lock:
            for number, kept in self._runs.items():
                if kept.run is run:
                    self._runs[number] = replace(kept, run=told)
        return told

    def _first_to_go(self) -> int:
        """The oldest of the largest group of those that nobody has looked at; else the oldest."""
        *older, newest = self._runs
        unseen = [number for number in (*older, newest) if number not in self._asked]
        request = self._runs[newest].origin.request
        here = [n for n in unseen if n >= self._since and self._runs[n].origin.request == request]
        sizes = Counter(self._runs[number].group for number in unseen)
        free = [number for number in unseen if number not in (*here[:1], newest)]
        # Of the largest group: what is one of many is missed least.
        return max(free, key=lambda number: (sizes[self._runs[number].group], -number), default=older[0])

    def _find(self, fits: Callable[[frozenset[str]], bool]) -> Run:
        with self._lock:
            runs = list(self._runs.items())
            found = next((number for number, kept in reversed(runs) if fits(kept.hashes)), None)
            if found is not None:
                self._asked.add(found)
                self._since = self._number
        self.wanted = True
        if found is not None:
            return dict(runs)[found].run
        if not runs:
            raise ValueError(NOT_CONNECTED if self._waited else NO_RUN)
        interrupted = [] if runs[-1][1].hashes else [message("interrupted")]
        raise ValueError(joined([WRONG_LATENT, *interrupted]))
