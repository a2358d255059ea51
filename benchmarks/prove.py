"""Whether selected heads find words better than DAAM on a checkpoint, on ComfyUI servers that run it.

`python -m benchmarks.prove --server http://127.0.0.1:8188 --checkpoint sd15.safetensors --sam3
sam3.safetensors --prompts objects --seeds 0:2 --out FOLDER` makes a picture a prompt and seed on the
servers that are named, has SAM3 say what is in it, and scores the maps. It can be stopped at any time and
goes on where it was; a server that dies is left out. `--prompts voc_sim` has a published figure for DAAM on
SD 1.5, which says whether the whole chain is right. `--demo` shows it all without weights: on two servers
of its own with the demo model, of which one is killed on the way.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from demo.client import Client
from demo.result_file import write_line
from selagg_core.proof.rows import Rows
from selagg_core.proof.table import VOC_SIM, VOC_SIM_RANGE, ScoreTable, markdown, score_table

from .maps import seed_range
from .proving import against_maps, demonstration, over_dask, workflow
from .proving.crew import UNREACHABLE, Crew, Done
from .proving.folder import Folder, mark
from .proving.prompt_sets import SETS, prompts_of
from .proving.workflow import Changes, Job

SCORE_NODES = ("SelAggTruth", "SelAggScore")


class Progress:
    """How far it is, on standard error."""

    def __init__(self, before: int, total: int) -> None:
        self._before, self._done, self._total, self._started = before, 0, total, time.monotonic()

    def note(self, done: Done, servers: int) -> None:
        self._done += 1
        rate = self._done / max(1e-9, time.monotonic() - self._started)
        left = (self._total - self._before - self._done) / rate
        sys.stderr.write(
            f"{self._before + self._done}/{self._total} pictures, {rate * 60:.1f} a minute, {left / 60:.1f} "
            f"minutes left, {servers} servers{f'; failed: {done.problem}' if done.problem else ''}\n"
        )


def prove(
    folder: Folder,
    jobs: Sequence[Job],
    crew: Crew,
    noted: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Makes what is not there yet and keeps it; gives what failed. Raises ValueError if no server is left."""
    finished = folder.finished()
    rest = [job for job in jobs if job not in finished]
    progress, failed, made = Progress(len(jobs) - len(rest), len(jobs)), [], 0
    for done in crew.run(rest):
        made += 1
        if done.problem:
            failed.append(done)
        else:
            folder.keep(done)
        noted(done)
        progress.note(done, len(crew.servers) - len(crew.lost))
    for server, why in crew.lost.items():
        sys.stderr.write(f"left out: {server}: {why}\n")
    if made < len(rest):
        raise ValueError(
            f"no server is left ({'; '.join(crew.lost.values())[:300]}). {len(rest) - made} pictures are "
            "still to be made: start a server, and this command again."
        )
    return failed


def ready_servers(addresses: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What each server says of itself, and which cannot be used and why. Raises ValueError if none can."""
    about, left_out = {}, {}
    for address in addresses:
        client = Client(address.rstrip("/"))
        try:
            missing = [name for name in SCORE_NODES if name not in client.object_info()]
            if missing:
                left_out[address] = f"it has no node {missing[0]}: install this version of SelAgg there"
                continue
            about[client.address] = client.system()
        except (*UNREACHABLE, ValueError) as error:
            left_out[address] = f"it does not answer: {error}"
    if not about:
        told = "; ".join(f"{address}: {why}" for address, why in left_out.items())
        raise ValueError(
            f"no server can be used ({told}). Start ComfyUI with SelAgg, and name it with --server."
        )
    return about, left_out


def voc_verdict(table: ScoreTable) -> dict[str, Any]:
    """Whether DAAM is where it was published to be: if not, nothing else may be claimed."""
    found = table.line("all").iou_published
    low, high = VOC_SIM_RANGE
    inside = low <= found <= high
    told = (
        f"DAAM at .4 is {found:.3f}; published {VOC_SIM} on SD 1.5."
        if inside
        else f"DAAM at .4 is {found:.3f}, published {VOC_SIM} on SD 1.5: outside of {low} to {high} "
        "something is wrong (judge, size, steps, another model). Claim nothing before it is found."
    )
    return {"daam": found, "published": VOC_SIM, "as_published": inside, "told": told}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--server", action="append", default=[], help="URL of a ComfyUI; once or several times"
    )
    parser.add_argument("--scheduler", help="address of a dask scheduler, with one worker a server")
    parser.add_argument("--demo", action="store_true", help="start two servers with the demo model")
    parser.add_argument(
        "--workflow",
        default="sd15",
        help=f"{', '.join(workflow.READY)}, or a file in the API's format with a SelAgg Score",
    )
    parser.add_argument("--checkpoint", help="name of the checkpoint on the servers")
    parser.add_argument("--sam3", help="name of the SAM3 checkpoint on the servers")
    parser.add_argument(
        "--prompts", default="voc_sim", help=f"{', '.join(SETS)}, or a file; with --demo a number"
    )
    parser.add_argument("--seeds", type=seed_range, default="0:2", help="A:B, of every prompt")
    parser.add_argument("--steps", type=int, help="sampling steps, if not those of the workflow")
    parser.add_argument("--cfg", type=float, help="guidance, if not that of the workflow")
    parser.add_argument("--size", type=int, help="side of the pictures in px, if not that of the workflow")
    parser.add_argument("--limit", type=float, default=900, help="seconds a picture may take")
    parser.add_argument("--out", type=Path, help="folder of this proof; goes on in it if it is there")
    parser.add_argument("--pictures", action="store_true", help="keep the pictures, too")
    parser.add_argument(
        "--against-maps",
        action="store_true",
        help="with --demo and --out: only compare the rows that are kept there with benchmarks.maps",
    )
    parser.add_argument(
        "--kill", type=int, help="with --demo: pictures after which a server is killed; 0: never"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if not args.demo and not args.server and not args.scheduler:
        parser.error("name a server with --server, such as http://127.0.0.1:8188, or use --demo")
    if not args.demo and args.out is None:
        parser.error("name a folder with --out: rows are kept there as they come")
    if args.against_maps and not (args.demo and args.out):
        parser.error("--against-maps is of the demo world: add --demo, and --out with the folder of its rows")
    if args.demo and args.prompts in ("voc_sim", *SETS):
        args.prompts = "24"
    return args


def main() -> None:
    """Makes, scores, tells; the last line is one JSON object."""
    args = _arguments()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = _demonstrated(args) if args.demo else _proven(args)
    except ValueError as error:
        raise SystemExit(f"prove: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("prove: stopped; the same command goes on where it was.") from None
    write_line(json.dumps(result), args.json)


def _proven(args: argparse.Namespace) -> dict[str, Any]:
    prompts = prompts_of(args.prompts)
    changes = Changes(args.checkpoint, args.sam3, args.steps, args.cfg, args.size, args.pictures)
    graph = workflow.prepared(workflow.load(args.workflow), changes)
    about, left_out = ready_servers(args.server) if args.server else ({}, {})
    for address, why in left_out.items():
        sys.stderr.write(f"left out: {address}: {why}\n")
    folder = Folder(args.out, _settings(args, graph, prompts))
    crew: Crew = Crew(list(about), graph, args.limit)
    if args.scheduler:
        crew = over_dask.DaskCrew(list(about), graph, args.limit, scheduler=args.scheduler)
    jobs = [Job(prompt, seed) for prompt in prompts for seed in args.seeds]
    with folder.claimed():
        failed = prove(folder, jobs, crew)
        return _told(args, folder, jobs, failed, crew, {"servers": about})


def _settings(args: argparse.Namespace, graph: workflow.Graph, prompts: Sequence[str]) -> dict[str, Any]:
    return {
        "checkpoint": args.checkpoint,
        "sam3": args.sam3,
        "prompts": args.prompts,
        "sha256 of the prompts": mark(list(prompts)),
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "sha256 of the workflow": mark({k: v for k, v in graph.items() if k != workflow.PICTURE}),
    }


def _demonstrated(args: argparse.Namespace) -> dict[str, Any]:
    if args.prompts.isdigit() and int(args.prompts):
        prompts = demonstration.captions(int(args.prompts))
    else:
        prompts = prompts_of(args.prompts)
    base = Path(tempfile.mkdtemp(prefix="selagg_prove_"))
    try:
        folder = Folder(args.out or base / "proof", {"demo": True, "prompts": mark(prompts)})
        jobs = [Job(prompt, seed) for prompt in prompts for seed in args.seeds]
        graph = workflow.prepared(workflow.demo_graph(), Changes(steps=args.steps, pictures=args.pictures))
        kill = len(jobs) // 2 if args.kill is None else args.kill or None
        with folder.claimed():
            if args.against_maps:
                return _against_maps(folder, jobs)
            with demonstration.two_servers(base) as running:
                crew = Crew([own.client.address for own in running], graph, args.limit)
                about = {own.client.address: own.client.system() for own in running}
                killing = demonstration.Killing(running, kill)
                failed = prove(folder, jobs, crew, lambda done: killing.note(done, crew, time.monotonic()))
            result = _told(args, folder, jobs, failed, crew, {"servers": about})
            result["throughput"] = killing.throughput()
            result["against_maps"] = against_maps.compared_with_maps(folder.rows(), jobs)
            return result
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _against_maps(folder: Folder, jobs: Sequence[Job]) -> dict[str, Any]:
    """What kept rows and `benchmarks.maps` say of the same pictures. Raises ValueError if none is kept."""
    rows = _of_jobs(folder.rows(), jobs)
    finished = folder.finished()
    made = [job for job in jobs if job in finished]
    if not made:
        raise ValueError(f"{folder.path} holds no picture of these prompts and seeds: make them first.")
    return {"pictures": len(made), "against_maps": against_maps.compared_with_maps(rows, made)}


def _told(
    args: argparse.Namespace,
    folder: Folder,
    jobs: Sequence[Job],
    failed: Sequence[Done],
    crew: Crew,
    about: dict[str, Any],
) -> dict[str, Any]:
    rows = _of_jobs(folder.rows(), jobs)
    table = score_table(rows)
    voc = {"voc_sim": voc_verdict(table)} if args.prompts == "voc_sim" else {}
    folder.publish(table, {**about, **voc, "lost": crew.lost})
    sys.stderr.write(f"\n{markdown(table)}\n")
    for own in voc.values():
        sys.stderr.write(f"{own['told']}\n")
    made = [(row.taken.prompt, row.taken.seed) for row in rows.pictures]
    return {
        "pictures": len(made),
        "each_once": sorted(made) == sorted((job.prompt, job.seed) for job in jobs),
        "failed": [{"prompt": d.job.prompt, "seed": d.job.seed, "why": d.problem} for d in failed],
        "lost": crew.lost,
        **voc,
        "table": table.to_json(),
    }


def _of_jobs(rows: Rows, jobs: Sequence[Job]) -> Rows:
    """The rows of these pictures: a folder may hold more seeds."""
    wanted = {(job.prompt, job.seed) for job in jobs}

    def kept(own: Sequence) -> tuple:
        return tuple(row for row in own if (row.taken.prompt, row.taken.seed) in wanted)

    return Rows(kept(rows.words), kept(rows.claims), kept(rows.pictures), rows.damaged)


if __name__ == "__main__":
    main()
