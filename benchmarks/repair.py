"""What a repair is worth on a demo model, judged by the reader of the demo world and not by attention.

`python -m benchmarks.repair --seeds 9000:9400 --fresh 4 --json -` draws a prompt a seed, kinds of faults
taking turns. Where its picture is wrong in that way, the operator of the kind is measured on the failing seed
and, which is what counts, on `--fresh` other seeds with the same plan: with all heads, and on words that the
fault is not about; on the first `--in-depth` failures of a kind also with the heads of the word's concept,
with random heads of the same grids, and at other strengths. Where the viewer's button applies strength 2, all
failures have that too. `--checkpoint FILE` keeps what is done, so that a run can be interrupted and goes on
where it was; a failure of before that lacks an arm which all failures have gets that one alone. `--count`
samples nothing, and counts what the checkpoint has.

`--model twin` does the same on the demo model's twin, a Flux. The heads of a word's concept are chosen by
agreement, measured on noised scenes of the seeds `--heads`; faults whose operator needs counted wins (senses)
are left out and counted. Findings quote counts of the demo model alone, so `--write` is refused. There is no
`--world`: pictures of the hard world have no reader that could say whether a repair helped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.repair.counts import COUNTS_FILE
from selagg_core.repair.plan import Operator, PictureRepair, RepairPlan

from .maps import seed_range
from .pictures import Case, drawn_case
from .prompts import LeftOut
from .repair_arms import Failure, RepairBench, arms_of
from .repair_counts import DEFAULT, applied_arm, kind_summary, quoted
from .truth import KINDS, PictureTruth, truth_of

GROUPS: Mapping[str, tuple[str, ...]] = {
    "misplaced": ("related", "start_moved"),
    "wrong_sense": ("homonym_weak", "homonym_heavy"),
    "leaked": ("start_recoloured", "bleed"),
    "neglected": ("start_absent", "weak"),
    "blended": ("start_merged", "merge"),
}
"""Kind of fault -> the groups of prompts in which it occurs (see `pictures.GROUPS`), taking turns."""
DENOISE = (0.3, 0.4, 0.55)
"""Of start pictures: with less nothing that attention does is seen."""
PLACEBO = "wrong_word"
STRENGTHS = (0.5, 2.0)
BASES = {"unet": "SelAgg demo model", "twin": "SelAgg twin"}
FRESH = 100_000
"""Fresh seeds are so far from the failing one."""


def always(kind: str, group: str) -> tuple[str, ...]:
    """Arms of every failure; the others are those of the first ones of a kind."""
    return tuple(dict.fromkeys((DEFAULT, PLACEBO, applied_arm(kind, group))))


def measure(bench: RepairBench, failure: Failure, fresh: int, in_depth: bool) -> dict[str, Any] | None:
    """What every arm does to a failure: rows for JSON; None where the operator does not apply."""
    plans = plans_of(failure, bench)
    if not plans:
        return None
    case = failure.case
    before = bench.pictures(case, fresh_seeds(case, fresh))
    truths = [truth_of(picture, case.caption) for picture in before]
    row: dict[str, Any] = {"kind": failure.kind, "prompt": case.text, "group": case.group}
    row["weighted"] = "(" in case.text
    row["before"] = [_of(truth, failure.key) for truth in truths]
    row["things"] = [len(truth.reading.objects) for truth in truths]
    row["matches"] = [truth.matches for truth in truths]
    chosen = plans if in_depth else always(failure.kind, case.group)
    return {**row, **_measured(bench, failure, before, {name: plans[name] for name in chosen})}


def completed(bench: RepairBench, failure: Failure, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the arms that are `missing`. Raises ValueError if its pictures do not come again."""
    case, plans = failure.case, plans_of(failure, bench)
    before = bench.pictures(case, fresh_seeds(case, len(row["before"])))
    if not plans or [_of(truth_of(p, case.caption), failure.key) for p in before] != row["before"]:
        raise ValueError(NOT_AGAIN)
    new = _measured(bench, failure, before, {name: plans[name] for name in missing(row)})
    return {**row, **new, "arms": {**row["arms"], **new["arms"]}}


NOT_AGAIN = "the pictures of this row are others now: it keeps the arms that it has"


def missing(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Arms of every failure that a row lacks; none of a row that is no failure."""
    if "arms" not in row:
        return ()
    return tuple(name for name in always(row["kind"], row["group"]) if name not in row["arms"])


def fresh_seeds(case: Case, count: int) -> list[int]:
    return [case.seeds[0] + FRESH * (number + 1) for number in range(count)]


def plans_of(failure: Failure, bench: RepairBench) -> dict[str, RepairPlan]:
    """Arm -> what it changes; empty where the operator does not apply."""
    arms = arms_of(failure, bench)
    if not arms:
        return {}
    plans = {name: _plan(failure, operators, 1.0) for name, operators in arms.items()}
    return plans | {f"{DEFAULT} x {s:g}": _plan(failure, arms[DEFAULT], s) for s in STRENGTHS}


def _measured(
    bench: RepairBench, failure: Failure, before, plans: Mapping[str, RepairPlan]
) -> dict[str, Any]:
    """{"arms": ...} of these plans, and with the default one what became of the failing seed ("own")."""
    case = failure.case
    seeds = fresh_seeds(case, len(before))
    truths = [truth_of(picture, case.caption) for picture in before]
    found: dict[str, Any] = {"arms": {}}
    for name, plan in plans.items():
        own = [*case.seeds[:1], *seeds] if name == DEFAULT else seeds
        after = bench.pictures(case, own, plan)
        if name == DEFAULT:
            found["own"] = _of(truth_of(after[0], case.caption), failure.key)
            after = after[1:]
        found["arms"][name] = _compared(before, truths, after, case, failure.key)
    return found


def _plan(failure: Failure, operators: tuple[Operator, ...], strength: float) -> RepairPlan:
    return RepairPlan(failure.known.prompts, (PictureRepair(operators),), strength)


def _of(truth: PictureTruth, key: tuple) -> bool | None:
    """Whether the claim is wrong; None: the reader cannot tell."""
    return next((told.wrong for told in truth.claims if told.key == key), None)


def _compared(before, truths: Sequence[PictureTruth], after, case: Case, key: tuple) -> dict[str, Any]:
    new = [truth_of(picture, case.caption) for picture in after]
    broken = judged = 0
    outside = []
    for old_picture, picture, old, now in zip(before, after, truths, new, strict=True):
        verdicts = {told.key: told.wrong for told in now.claims}
        for told in old.claims:
            if told.key != key and told.wrong is False and verdicts.get(told.key) is not None:
                judged += 1
                broken += int(verdicts[told.key])
        outside.append(_outside(old_picture, picture, (old, now)))
    known = [value for value in outside if value is not None]
    return {
        "after": [_of(truth, key) for truth in new],
        "broken": [broken, judged],
        "things": [len(truth.reading.objects) for truth in new],
        "matches": [truth.matches for truth in new],
        "outside": round(float(np.mean(known)), 3) if known else None,
    }


def _outside(old: np.ndarray, new: np.ndarray, truths: Sequence[PictureTruth]) -> float | None:
    """Mean difference (of 255) of two pictures where neither shows a thing."""
    free = np.ones(old.shape[:2], bool)
    for truth in truths:
        for item in truth.reading.objects:
            x0, y0, x1, y1 = (int(v) for v in item.box)
            free[max(0, y0 - 3) : y1 + 3, max(0, x0 - 3) : x1 + 3] = False
    if not free.any():
        return None
    return float(np.abs(old.astype(np.float32) - new.astype(np.float32))[free].mean())


def candidates(seeds: Sequence[int]) -> Iterator[tuple[str, Case]]:
    """A prompt a seed, kinds taking turns, and in each kind its groups."""
    kinds = list(GROUPS)
    for number, seed in enumerate(seeds):
        kind, turn = kinds[number % len(kinds)], number // len(kinds)
        groups = GROUPS[kind]
        case = drawn_case(groups[turn % len(groups)], seed, (seed,))
        if case.start:
            denoise = float(np.random.default_rng(seed).choice(DENOISE))
            case = replace(case, denoise=denoise)
        yield kind, case


class Checkpoint:
    """Rows that are done, by seed; a line each in a file, if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.rows: dict[int, dict[str, Any]] = {}
        if path is not None and path.is_file():
            for line in path.read_text("utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["seed"]] = row

    def add(self, seed: int, row: Mapping[str, Any]) -> None:
        self.rows[seed] = {"seed": seed, **row}
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.rows[seed]) + "\n")

    def change(self, seed: int, row: Mapping[str, Any]) -> None:
        """Another row for a seed that is done, in its place in the file."""
        self.rows[seed] = {**row, "seed": seed}
        if self._path is not None:
            part = self._path.with_name(self._path.name + ".part")
            part.write_text("".join(json.dumps(own) + "\n" for own in self.rows.values()), "utf-8")
            part.replace(self._path)


def run(args: argparse.Namespace, done: Checkpoint, left_out: LeftOut) -> None:
    bench = RepairBench(args.model, args.heads)
    started = time.monotonic()
    counts = {kind: sum(row.get("kind") == kind for row in done.rows.values()) for kind in args.kinds}
    for kind, case in candidates(args.seeds):
        seed = case.seeds[0]
        asked = kind in counts and (not args.groups or case.group in args.groups)
        new = seed not in done.rows and kind in counts and counts[kind] < args.most
        if not asked or not (new or missing(done.rows.get(seed, {}))):
            continue
        if reason := bench.cannot(kind):
            left_out.add(case.text, reason)
            continue
        if args.minutes and time.monotonic() - started > 60 * args.minutes:
            break
        if new:
            row = _new(bench, kind, case, args.fresh, counts[kind] < args.in_depth, left_out)
            done.add(seed, row)
            counts[kind] += "arms" in row
        else:
            row = _completed(bench, kind, case, done.rows[seed], left_out)
            done.change(seed, row)
        if "arms" in row:
            told = {name: own["after"] for name, own in row["arms"].items()}
            sys.stderr.write(
                f"{time.monotonic() - started:.0f} s {counts} {case.text} {row['before']} {told}\n"
            )


def _new(
    bench: RepairBench, kind: str, case: Case, fresh: int, in_depth: bool, left_out: LeftOut
) -> dict[str, Any]:
    """The row of a case that was not looked at before."""
    try:
        failure = bench.failure(kind, case)
        if failure is None:
            return {"right": kind}
        return measure(bench, failure, fresh, in_depth) or {"no_operator": kind}
    except (ValueError, RuntimeError) as error:
        left_out.add(case.text, error)
        return {"left_out": str(error)[:200]}


def _completed(
    bench: RepairBench, kind: str, case: Case, row: Mapping[str, Any], left_out: LeftOut
) -> dict[str, Any]:
    """The row with what it lacked; as it was where it does not come again."""
    try:
        failure = bench.failure(kind, case)
        if failure is None:
            raise ValueError(NOT_AGAIN)
        return completed(bench, failure, row)
    except (ValueError, RuntimeError) as error:
        left_out.add(case.text, error)
        return dict(row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=["unet", "twin"], default="unet")
    parser.add_argument("--seeds", type=seed_range, default="9000:9400", help="A:B, a prompt each")
    parser.add_argument("--fresh", type=int, default=4, help="seeds apart from the failing one")
    parser.add_argument("--most", type=int, default=50, help="failures of a kind")
    parser.add_argument("--in-depth", type=int, default=10, help="failures with all arms")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(GROUPS), help="of faults")
    parser.add_argument("--groups", nargs="+", default=[], help="of prompts; by default all of the kinds")
    parser.add_argument(
        "--heads", type=seed_range, default="9500:9548", help="A:B, what the twin's heads are chosen by"
    )
    parser.add_argument("--minutes", type=float, default=0, help="look for no more after; 0: all seeds")
    parser.add_argument("--checkpoint", type=Path, help="file that keeps what is done")
    parser.add_argument("--count", action="store_true", help="sample nothing: count what is done")
    parser.add_argument(
        "--write", action="store_true", help="keep the counts of all kinds for findings to quote"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if args.model != "unet" and args.write:
        parser.error("findings quote counts of the demo model alone: leave out --write")
    if args.model == "twin" and set(args.seeds) & set(args.heads):
        parser.error("the seeds overlap those of the heads: heads would be chosen on the test")
    return args


def main() -> None:
    """Samples, counts, and prints one JSON object last."""
    args = _arguments()
    left_out, done = LeftOut(), Checkpoint(args.checkpoint)
    if not args.count:
        with contextlib.redirect_stdout(sys.stderr):
            prepare_host()
            with torch.inference_mode():
                run(args, done, left_out)
    rows = [row for seed, row in sorted(done.rows.items()) if "arms" in row]
    lacking = {kind: sum(bool(missing(row)) for row in rows if row["kind"] == kind) for kind in args.kinds}
    result = {
        "base": BASES[args.model],
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "fresh": args.fresh,
        "looked_at": len(done.rows),
        "kinds": _summaries(rows, args.kinds),
        "lacking_arms": lacking,
        "left_out": left_out.to_json(),
    }
    if args.write:
        every = {**result, "kinds": _summaries(rows, tuple(GROUPS))}
        COUNTS_FILE.write_text(json.dumps(quoted(every), indent=1) + "\n", "utf-8")
    write_line(json.dumps(result), args.json)


def _summaries(rows: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {kind: kind_summary([row for row in rows if row["kind"] == kind]) for kind in kinds}


if __name__ == "__main__":
    main()
