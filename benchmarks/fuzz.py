"""Fuzzing on a real host: hostile prompts, node inputs and requests, and what comes of them.

    python -m benchmarks.fuzz --prompts 200000 --nodes 5000 --requests 5000 --seeds 0:100 --json -

prompts: prompts and claims through all that reads texts, with the host's own tokenizers. nodes: calls of
every node class with values of every type, right and wrong. requests: paths, queries, bodies and headers
sent to the real server. Seeds spread the counts: the same seeds and counts give the same texts.

A fault is: an exception other than ValueError (of a viewer: any), more than a second a thousand words, a
message that is empty or longer than 300 characters, an answer of the server with status 500 or a fault of
ours in its log. Prints one JSON object last, also of what was reached when it is ended early (Ctrl+C).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from demo.host_path import prepare_host
from demo.result_file import write_line

from .fuzz_tally import Tally

SAID_EVERY = 60.0
"""Seconds between two lines of progress."""


def progress(name: str, count: int, tally: Tally) -> Callable[[int], None]:
    """Says now and then how far it is."""
    last = time.monotonic()

    def watch(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > SAID_EVERY:
            last = time.monotonic()
            sys.stderr.write(f"{name}: {done}/{count}, {sum(tally.faults.values())} faults\n")
            sys.stderr.writelines(
                f"    {times} {fault[:150]}\n" for fault, times in tally.faults.most_common(9)
            )
            sys.stderr.flush()

    return watch


def seeds_of(text: str) -> range:
    first, _, last = text.partition(":")
    return range(int(first), int(last) if last else int(first) + 1)


def main() -> None:
    """Fuzzes, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=0, help="prompts and claims")
    parser.add_argument("--nodes", type=int, default=0, help="calls of nodes")
    parser.add_argument("--requests", type=int, default=0, help="requests to a server that is started")
    parser.add_argument("--seeds", type=seeds_of, default=range(1), help="A:B, without B")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    found = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.redirect_stdout(sys.stderr),
        tempfile.TemporaryDirectory() as folder,
        contextlib.suppress(KeyboardInterrupt),  # what was reached by then is told
    ):
        if args.requests:
            from .fuzz_requests import fuzz_requests

            found["requests"] = tally = Tally()
            fuzz_requests(args.requests, args.seeds, tally, progress("requests", args.requests, tally))
        if args.prompts or args.nodes:
            prepare_host()
            sys.argv += ["--base-directory", folder]
            logging.getLogger().setLevel(logging.CRITICAL)
            warnings.simplefilter("ignore")
        if args.prompts:
            from .fuzz_prompts import fuzz_prompts

            found["prompts"] = tally = Tally()
            fuzz_prompts(args.prompts, args.seeds, tally, progress("prompts", args.prompts, tally))
        if args.nodes:
            from .fuzz_nodes import fuzz_nodes

            found["nodes"] = tally = Tally()
            fuzz_nodes(args.nodes, args.seeds, tally, progress("nodes", args.nodes, tally), Path(folder))
    seeds = [args.seeds.start, args.seeds.stop]
    told = {"seeds": seeds, **{name: tally.report() for name, tally in found.items()}}
    write_line(json.dumps(told), args.json)


if __name__ == "__main__":
    main()
