"""What a repair is worth on the demo model, judged by the reader of the demo world and not by attention.

`python -m benchmarks.repair --seeds 9000:9400 --fresh 4 --json -` draws a prompt a seed, kinds of faults
taking turns. Where its picture is wrong in that way, the operator of the kind is measured on the failing seed
and, which is what counts, on `--fresh` other seeds with the same plan: with all heads, and on words that the
fault is not about; on the first `--in-depth` failures of a kind also with the heads of the word's concept,
with random heads of the same grids, and at other strengths. `--checkpoint FILE` keeps what is done, so that a
run can be interrupted and goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from demo.scenes import caption_words
from selagg_core.claims.claim import Claims
from selagg_core.diagnose import diagnose_run
from selagg_core.prompt.groups import FUNCTION_WORDS, WordGroup
from selagg_core.recording.capture import Capture
from selagg_core.relevance.shipped import load_preset
from selagg_core.repair.plan import Adjusting, Operator, PictureRepair, RepairPlan
from selagg_core.repair.remedies import BY_KIND, Fault, Known
from selagg_core.view import open_run

from .maps import seed_range
from .pictures import Case, drawn_case, unweighted
from .prompts import LeftOut
from .statistics import mcnemar, wilson
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
ALWAYS = ("all", "wrong_word")
"""Arms of every failure; the others are those of the first ones of a kind."""
STRENGTHS = (0.5, 2.0)
FRACTION = 0.25
"""Of the heads that the arms "chosen" and "random" take."""
TOLD = ("pairs", "fresh_before", "fresh_after", "mcnemar_p", "broken")
"""Of the default arm, beside a kind's failures."""
FRESH = 100_000
"""Fresh seeds are so far from the failing one."""
SIZE = (128, 128)


@dataclass(frozen=True)
class Failure:
    """A claim that is wrong in the picture of the case's first seed, and what is known of that picture."""

    kind: str
    key: tuple
    case: Case
    known: Known
    fault: Fault


class RepairBench:
    """The demo model, ready to sample with a repair plan."""

    def __init__(self) -> None:
        from demo.studio import SamplingSettings, Studio
        from selagg_nodes.families import family_of
        from selagg_nodes.recording import encode, recorder
        from selagg_nodes.repairing import hooks

        self.studio, self._settings = Studio(), SamplingSettings
        self._encode, self._recorder, self._hooks = encode.encode_and_label, recorder, hooks
        self.relevance = load_preset("demo")
        _, sites = family_of(self.studio.model)
        cells = {site.layer: site.cell for site in sites}
        layout = self.relevance.layout
        self.grids = np.concatenate(
            [np.full(count, cells[layer]) for layer, count in zip(layout.layers, layout.heads, strict=True)]
        )

    def pictures(self, case: Case, seeds: Sequence[int], plan: RepairPlan | None = None) -> np.ndarray:
        """(n, 128, 128, 3) uint8 of a case with these seeds."""
        conditioning, _ = self._encode("benchmarks", self.studio.clip, case.text)
        model = self.studio.model
        if plan is not None and not plan.does_nothing:
            model = model.clone()
            self._hooks.install(model, plan)
            mark = self._hooks.RepairMark(plan.key, 0)
            conditioning = [[e, {**more, self._hooks.REPAIR_KEY: mark}] for e, more in conditioning]
        return self._sampled(case, seeds, conditioning, model)

    def _sampled(self, case: Case, seeds: Sequence[int], conditioning, model) -> np.ndarray:
        how = self._settings(steps=case.steps, cfg=case.cfg, denoise=case.denoise)
        start = case.start_picture()
        begun = None if start is None else self.studio.encode(start[None])
        self.latents = self.studio.sample(conditioning, list(seeds), how, model, start=begun)
        return self.studio.decode(self.latents)

    def failure(self, kind: str, case: Case) -> Failure | None:
        """The fault of this kind in the picture of the case's first seed; None if there is none."""
        conditioning, prompt = self._encode("benchmarks", self.studio.clip, case.text)
        if [word.text for word in prompt.words] != caption_words(unweighted(case.text)):
            raise ValueError("the words read back differ from the caption")
        capture = Capture(self._recorder.LABELS)
        model = self.studio.model.clone()
        self._recorder.install(model, capture)
        picture = self._sampled(case, case.seeds[:1], conditioning, model)
        wrong = [t.key for t in truth_of(picture[0], case.caption).claims if t.wrong and t.key[0] == kind]
        if not wrong:
            return None
        view = open_run(capture, self.latents, torch.from_numpy(picture.astype(np.float32) / 255))
        found = diagnose_run(view)
        measured = {seen.word: seen for seen in found.report.pictures[0].words}
        known = Known(view.prompts, found.read, SIZE, measured, {}, self.relevance)
        fault = fault_of(wrong[0], found.read)
        return None if fault is None else Failure(kind, wrong[0], case, known, fault)


def fault_of(key: tuple, claims: Claims) -> Fault | None:
    """The fault that the reader saw, as a finding would tell it; None where no claim is about its words."""
    kind, *words = key
    entities = [claim.subject for claim in claims.of("entity")]

    def thing(index: int) -> WordGroup | None:
        return next((entity for entity in entities if index in entity.indices), None)

    if kind == "misplaced":
        told = [*claims.of("relation"), *claims.of("place")]
        return Fault(kind, (told[0].subject,), told[0]) if told else None
    if kind == "wrong_sense":
        told = [c for c in claims.of("sense") if c.words is not None and words[0] in c.words.indices]
        return Fault(kind, (told[0].words,), told[0]) if told else None
    if kind == "leaked":
        told = [c for c in claims.of("attribute") if c.words is not None and words[0] in c.words.indices]
        takers = [entity for entity in entities if told and entity != told[0].subject]
        if not takers:
            return None
        return Fault(kind, (told[0].words, told[0].subject), told[0], takers[0])
    things = [thing(index) for index in words]
    return None if None in things else Fault(kind, tuple(things))


# -- arms --------------------------------------------------------------------------------------------------


def arms_of(failure: Failure, bench: RepairBench) -> dict[str, tuple[Operator, ...]]:
    """Arm -> operators; () for a fault that this operator does not apply to."""
    own = BY_KIND[failure.kind](failure.fault, failure.known).operators
    if not own:
        return {}
    rng = np.random.default_rng(failure.case.seeds[0])
    return {
        "all": own,
        "chosen": tuple(_in_heads(each, failure, bench, None) for each in own),
        "random": tuple(_in_heads(each, failure, bench, rng) for each in own),
        "wrong_word": tuple(_on_other_words(each, failure) for each in own),
    }


def _in_heads(operator: Operator, failure: Failure, bench: RepairBench, rng) -> Operator:
    """The operator in the heads of its word's concept, or in random ones of the same grids."""
    relevance = bench.relevance.with_score("argmax wins")
    if isinstance(operator, Adjusting):
        strongest = np.argsort(-np.abs(operator.factors - 1), kind="stable")
        chosen = strongest[: round(FRACTION * len(strongest))]
        if rng is not None:  # the same factors on other heads
            factors = operator.factors.copy()
            for grid in np.unique(bench.grids):
                own = np.flatnonzero(bench.grids == grid)
                factors[own] = factors[rng.permutation(own)]
            return replace(operator, factors=factors)
        factors = np.ones_like(operator.factors)
        factors[chosen] = operator.factors[chosen]
        return replace(operator, factors=factors)
    chosen = relevance.top_heads("Objects", FRACTION)
    if rng is not None:
        chosen = np.concatenate(
            [
                rng.choice(
                    np.flatnonzero(bench.grids == grid), int((bench.grids[chosen] == grid).sum()), False
                )
                for grid in np.unique(bench.grids[chosen])
            ]
        )
    mask = np.zeros(relevance.layout.total, bool)
    mask[chosen] = True
    return replace(operator, heads=mask)


def _on_other_words(operator: Operator, failure: Failure) -> Operator:
    """The operator on words that the fault is not about: for a sense another thing, else function words."""
    words = failure.known.prompts[0].words
    if isinstance(operator, Adjusting):
        claim = failure.fault.claim
        own = {*operator.words.indices, *(claim.subject.indices if claim else ())}
        others = [c.subject for c in failure.known.claims.of("entity") if not own & set(c.subject.indices)]
        return replace(operator, words=others[0] if others else WordGroup("a", (0,)))
    silent = tuple(i for i, word in enumerate(words) if word.text.casefold() in FUNCTION_WORDS)
    return replace(operator, words=WordGroup("other words", silent or (0,)))


# -- measuring ---------------------------------------------------------------------------------------------


def measure(bench: RepairBench, failure: Failure, fresh: int, in_depth: bool) -> dict[str, Any] | None:
    """What every arm does to a failure: rows for JSON; None where the operator does not apply."""
    arms = arms_of(failure, bench)
    if not arms:
        return None
    case = failure.case
    seeds = [case.seeds[0] + FRESH * (number + 1) for number in range(fresh)]
    before = bench.pictures(case, seeds)
    truths = [truth_of(picture, case.caption) for picture in before]
    row: dict[str, Any] = {"kind": failure.kind, "prompt": case.text, "group": case.group}
    row["weighted"] = "(" in case.text
    row["before"] = [_of(truth, failure.key) for truth in truths]
    row["things"] = [len(truth.reading.objects) for truth in truths]
    row["matches"] = [truth.matches for truth in truths]
    plans = {name: _plan(failure, arms[name], 1.0) for name in (arms if in_depth else ALWAYS)}
    if in_depth:
        plans |= {f"all x {s:g}": _plan(failure, arms["all"], s) for s in STRENGTHS}
    row["arms"] = {}
    for name, plan in plans.items():
        own = [*case.seeds[:1], *seeds] if name == "all" else seeds
        after = bench.pictures(case, own, plan)
        if name == "all":
            row["own"] = _of(truth_of(after[0], case.caption), failure.key)
            after = after[1:]
        row["arms"][name] = _compared(before, truths, after, case, failure.key)
    return row


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


# -- summary -----------------------------------------------------------------------------------------------


def pairs_of(rows: Sequence[Mapping], arm: str) -> list[tuple[bool, bool]]:
    """(wrong before, wrong after) of all fresh pictures that the reader could judge both times."""
    found = []
    for row in rows:
        if arm in row["arms"]:
            both = zip(row["before"], row["arms"][arm]["after"], strict=True)
            found += [(a, b) for a, b in both if a is not None and b is not None]
    return found


def arm_summary(rows: Sequence[Mapping], arm: str) -> dict[str, Any]:
    pairs = pairs_of(rows, arm)
    own = [row["arms"][arm] for row in rows if arm in row["arms"]]
    before, after = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    mended, spoiled = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    broken, of = (sum(each["broken"][i] for each in own) for i in (0, 1))
    outside = [each["outside"] for each in own if each["outside"] is not None]
    return {
        "pairs": len(pairs),
        "fresh_before": before,
        "fresh_after": after,
        "before_interval": [round(x, 3) for x in wilson(before, len(pairs))],
        "after_interval": [round(x, 3) for x in wilson(after, len(pairs))],
        "mended": mended,
        "spoiled": spoiled,
        "mcnemar_p": round(mcnemar(mended, spoiled), 6),
        "broken": [broken, of],
        "things": [
            sum(map(sum, ([row["things"] for row in rows if arm in row["arms"]]))),
            sum(map(sum, (each["things"] for each in own))),
        ],
        "matches": _matching(rows, arm),
        "outside": round(float(np.mean(outside)), 2) if outside else None,
    }


def _matching(rows: Sequence[Mapping], arm: str) -> list[int]:
    """[before, after, of]: pictures that show what the prompt says and nothing else, judged twice."""
    both = [
        (a, b)
        for row in rows
        if arm in row["arms"]
        for a, b in zip(row["matches"], row["arms"][arm]["matches"], strict=True)
        if a is not None and b is not None
    ]
    return [sum(a for a, _ in both), sum(b for _, b in both), len(both)]


def kind_summary(rows: Sequence[Mapping]) -> dict[str, Any]:
    """What the default arm did, and beside it every other one."""
    judged = [row["own"] for row in rows if row["own"] is not None]
    arms = {arm: arm_summary(rows, arm) for arm in dict.fromkeys(a for row in rows for a in row["arms"])}
    default = arms.get("all", {})
    return {
        "failures": len(rows),
        "prompts": len({row["prompt"] for row in rows}),
        "weighted": sum(row["weighted"] for row in rows),
        "fixed_own": [sum(not wrong for wrong in judged), len(judged)],
        **{
            name: default.get(name)
            for name in ("pairs", "fresh_before", "fresh_after", "mcnemar_p", "broken")
        },
        "placebo_after": {arm: arms[arm]["fresh_after"] for arm in ("random", "wrong_word") if arm in arms},
        "groups": {
            group: arm_summary([row for row in rows if row["group"] == group], "all")
            for group in dict.fromkeys(row["group"] for row in rows)
        },
        "arms": arms,
    }


# -- command -----------------------------------------------------------------------------------------------


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


def run(args: argparse.Namespace, done: Checkpoint, left_out: LeftOut) -> None:
    bench = RepairBench()
    started = time.monotonic()
    counts = {kind: sum(row.get("kind") == kind for row in done.rows.values()) for kind in args.kinds}
    for kind, case in candidates(args.seeds):
        seed = case.seeds[0]
        asked = kind in counts and (not args.groups or case.group in args.groups)
        if not asked or seed in done.rows or counts[kind] >= args.most:
            continue
        if args.minutes and time.monotonic() - started > 60 * args.minutes:
            break
        try:
            failure = bench.failure(kind, case)
            deep = counts[kind] < args.in_depth
            row = None if failure is None else measure(bench, failure, args.fresh, deep)
        except (ValueError, RuntimeError) as error:
            left_out.add(case.text, error)
            done.add(seed, {"left_out": str(error)[:200]})
            continue
        done.add(seed, row or {"right": kind} if failure is None else row or {"no_operator": kind})
        if row is not None:
            counts[kind] += 1
            told = {name: own["after"] for name, own in row["arms"].items()}
            sys.stderr.write(
                f"{time.monotonic() - started:.0f} s {counts} {case.text} {row['before']} {told}\n"
            )


def main() -> None:
    """Samples, counts, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seed_range, default="9000:9400", help="A:B, a prompt each")
    parser.add_argument("--fresh", type=int, default=4, help="seeds apart from the failing one")
    parser.add_argument("--most", type=int, default=50, help="failures of a kind")
    parser.add_argument("--in-depth", type=int, default=10, help="failures with all arms")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(GROUPS), help="of faults")
    parser.add_argument("--groups", nargs="+", default=[], help="of prompts; by default all of the kinds")
    parser.add_argument("--minutes", type=float, default=0, help="look for no more after; 0: all seeds")
    parser.add_argument("--checkpoint", type=Path, help="file that keeps what is done")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    left_out, done = LeftOut(), Checkpoint(args.checkpoint)
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            run(args, done, left_out)
    rows = [row for seed, row in sorted(done.rows.items()) if "arms" in row]
    result = {
        "base": "SelAgg demo model",
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "fresh": args.fresh,
        "looked_at": len(done.rows),
        "kinds": {kind: kind_summary([r for r in rows if r["kind"] == kind]) for kind in args.kinds},
        "left_out": left_out.to_json(),
    }
    write_line(json.dumps(result), args.json)


if __name__ == "__main__":
    main()
