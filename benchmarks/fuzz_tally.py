"""What fuzzing counts: calls, and faults with the first examples of each."""

from __future__ import annotations

import re
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_QUOTED = re.compile('".*"', re.DOTALL)
LONGEST_MESSAGE = 300
"""Characters of a message that a person still reads."""
SECONDS_A_THOUSAND_WORDS = 1.0
LAST_SECONDS = 120
"""A call that takes so long is ended."""
WAITS = 10
"""How many times longer than that a call may take by the clock."""
MOST_EXAMPLES = 3
"""Examples that are kept of each fault."""


class Hang(BaseException):
    """A call was ended because it took too long; no `except Exception` holds it up."""


@dataclass
class Tally:
    """Counts of one kind of fuzzing.

    calls: how often something was called. skipped: what the host itself refused. words: of all texts. faults:
    kind and place -> how often; examples: of each the first few. refused: calls that ended in a message.
    """

    calls: int = 0
    skipped: int = 0
    refused: int = 0
    words: int = 0
    messages: int = 0
    longest_message: int = 0
    slowest: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Any]] = field(default_factory=dict)

    def fault(self, kind: str, where: str, example: Any) -> None:
        key = f"{kind}: {where}"
        self.faults[key] += 1
        kept = self.examples.setdefault(key, [])
        if len(kept) < MOST_EXAMPLES:
            kept.append(example)

    def said(self, messages: Iterable[Any], where: str, example: Any) -> None:
        """Messages to a person: neither empty nor too long."""
        for message in messages:
            self.messages += 1
            self.longest_message = max(self.longest_message, len(str(message)))
            if not isinstance(message, str) or not message.strip():
                self.fault("empty message", where, example)
            elif len(message) > LONGEST_MESSAGE:
                self.fault(
                    "long message", f"{where}, {kind_of(message)}", [len(message), message[:400], example]
                )

    def raised(self, error: BaseException, where: str, example: Any) -> None:
        """Anything that was raised: a ValueError is a message, all else a crash."""
        if isinstance(error, Hang):
            self.fault("hang", where, example)
        elif isinstance(error, ValueError) and not isinstance(error, UnicodeError):
            self.refused += 1
            self.said([str(error)], where, example)
        else:
            self.fault(
                "crash", f"{where}, {type(error).__name__} at {place_of(error)}", [str(error)[:200], example]
            )

    def took(self, seconds: float, words: int, where: str, example: Any) -> None:
        """Processor time of a call on a text of so many words."""
        self.words += words
        share = seconds / max(1.0, words / 1000)
        self.slowest = max(self.slowest, share)
        if share > SECONDS_A_THOUSAND_WORDS:
            self.fault("hang", where, [round(seconds, 2), words, example])

    def report(self) -> dict[str, Any]:
        """Values for JSON."""
        kinds = Counter[str]()
        for key, count in self.faults.items():
            kinds[key.partition(":")[0]] += count
        return {
            "calls": self.calls,
            "skipped": self.skipped,
            "refused": self.refused,
            "words": self.words,
            "messages": self.messages,
            "longest_message": self.longest_message,
            "slowest_seconds_a_thousand_words": round(self.slowest, 3),
            "crashes": kinds["crash"],
            "hangs": kinds["hang"],
            "empty_messages": kinds["empty message"],
            "long_messages": kinds["long message"],
            "other": sum(kinds.values())
            - sum(kinds[k] for k in ("crash", "hang", "empty message", "long message")),
            "faults": dict(self.faults.most_common()),
            "examples": self.examples,
        }


def kind_of(message: str) -> str:
    """A message without what it quotes."""
    return ascii(_QUOTED.sub('"..."', message)[:80])


def place_of(error: BaseException) -> str:
    """File and line where an exception came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else "?"


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Raises `Hang` in what takes more processor time, or WAITS times as long by the clock.

    By the clock alone, a busy machine would make a hang of any call. Only where the system has such signals,
    in the main thread.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        raise Hang

    limits = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, WAITS * seconds),
    )
    before = [signal.signal(own, end) for own, _, _ in limits]
    for _, timer, most in limits:
        signal.setitimer(timer, most)
    try:
        yield
    finally:
        for (own, timer, _), handler in zip(limits, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(own, handler)


def clock() -> float:
    """Processor time of this thread, which other programs do not lengthen."""
    return time.thread_time()
