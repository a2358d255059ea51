"""How far warnings can be trusted: on pictures of a demo model, against what the demo's reader sees in them.

`python -m benchmarks.diagnosis --prompts 144 --seeds 23000:23004 --json -` draws 144 prompts (of all groups,
see `pictures.GROUPS`; the first from seed 23000) and samples each with the seeds 23000 to 23003;
`--prompts FILE --seeds A:B` samples every line of a file with every seed, and once more from a start picture
that contradicts it (not with --no-starts). Claims that the reader is not sure of, and
prompts that cannot be drawn, are left out and counted. Models and thresholds are those that ship.

`--model twin` does the same on pictures of the demo model's twin, a Flux. No head relevance ships for it and
no wins can be counted: its heads are chosen by agreement, measured on noised scenes of the seeds `--heads`.
The confidences that ship were fitted on pictures of the UNet. So `--development N` (of either model) samples
N prompts more, with seeds that are not scored, and gives as `fitted` the same figures with confidences that
are fitted on these, by the rules of `calibrate`. There is no `--world`: the reader knows the plain one alone;
for scenes of the hard one, shown and not sampled, there is `shown_diagnosis`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.diagnosis.calibration import Calibration, KindModel, shipped_calibration
from selagg_core.proof.statistics import auroc, average_precision
from selagg_core.relevance.relevance import HeadRelevance

from .calibrate import OTHERS, fit_method
from .joint_maps import measured_agreement
from .labelled import METHODS, Row, collect
from .map_sources import DemoModel
from .maps import seed_range
from .pictures import Case, Sampler, drawn_cases, file_cases
from .prompts import LeftOut
from .statistics import (
    auroc_within,
    bootstrap,
    both_ways,
    calibration_error,
    coverage_and_risk,
    precision_at_recall,
)


def scored(rows: Sequence[Row], model: KindModel, method: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, confidences and truth of rows of one kind."""
    features = [row.features[method] for row in rows]
    return (
        np.array([model.score(f) for f in features]),
        np.array([model.confidence(f) for f in features]),
        np.array([bool(row.wrong) for row in rows], dtype=bool),
    )


def kind_figures(rows: Sequence[Row], model: KindModel, method: str = "selective") -> dict[str, Any]:
    """All figures of one kind on the rows that the reader is sure of."""
    known = [row for row in rows if row.wrong is not None]
    score, confidence, truth = scored(known, model, method)
    prompts = [row.prompt for row in known]
    low, high = bootstrap(lambda i: auroc(score[i], truth[i]), prompts)
    warned = confidence >= model.warn
    return {
        "n": len(known),
        "unsure": len(rows) - len(known),
        "wrong": int(truth.sum()),
        "base_rate": float(truth.mean()) if len(known) else math.nan,
        "auroc": auroc(score, truth),
        "auroc_low": low,
        "auroc_high": high,
        "auroc_within": auroc_within(score, truth, [row.claim for row in known]),
        "within": len(both_ways(truth, [row.claim for row in known])),
        "ap": average_precision(score, truth),
        "p_at_r50": precision_at_recall(score, truth, 0.5),
        "p_at_r80": precision_at_recall(score, truth, 0.8),
        "ece": calibration_error(confidence, truth),
        "warned": int(warned.sum()),
        "precision": float(truth[warned].mean()) if warned.any() else math.nan,
        "recall": float(warned[truth].mean()) if truth.any() else math.nan,
        "earned": model.earned,
    }


def false_alarms(rows: Sequence[Row], models: Mapping[str, KindModel]) -> dict[str, Any]:
    """Of pictures that match their prompt entirely the share with a warning, and of which kinds."""
    right = [row for row in rows if row.matches is True and row.kind in models]
    calm = [row for row in right if row.kind != "misplaced_region" or row.wrong is False]
    alarms: dict[str, set[str]] = {}
    for row in calm:
        model = models[row.kind]
        if model.earned and model.confidence(row.features["selective"]) >= model.warn:
            alarms.setdefault(row.kind, set()).add(row.picture)
    pictures = {row.picture for row in calm}
    warned = set().union(*alarms.values()) if alarms else set()
    share = len(warned) / len(pictures) if pictures else math.nan
    return {"share": share, "pictures": len(pictures), "by_kind": {k: len(v) for k, v in alarms.items()}}


def against_all_heads(rows: Sequence[Row], selective: KindModel, daam: KindModel) -> dict[str, float]:
    """Difference of AUROC, selective maps less maps of all heads, with its interval over prompts."""
    known = [row for row in rows if row.wrong is not None]
    one, _, truth = scored(known, selective, "selective")
    other, _, _ = scored(known, daam, "daam")
    low, high = bootstrap(
        lambda i: auroc(one[i], truth[i]) - auroc(other[i], truth[i]), [row.prompt for row in known]
    )
    return {"difference": auroc(one, truth) - auroc(other, truth), "low": low, "high": high}


def evaluate(rows: Sequence[Row], shipped: Calibration, others: Calibration) -> dict[str, Any]:
    """The whole result, for JSON."""
    of_kind = {kind: [row for row in rows if row.kind == kind] for kind in shipped.kinds}
    known = [
        (model.confidence(row.features["selective"]), bool(row.wrong))
        for kind, model in shipped.kinds.items()
        for row in of_kind[kind]
        if row.wrong is not None
    ]
    confidence, truth = (
        (np.array(column) for column in zip(*known, strict=True)) if known else (np.zeros(0),) * 2
    )
    alarms = false_alarms(rows, shipped.kinds)
    return {
        "pictures": len({row.picture for row in rows}),
        "prompts": len({row.prompt for row in rows}),
        "kinds": {kind: kind_figures(of_kind[kind], model) for kind, model in shipped.kinds.items()},
        "false_alarms": alarms["share"],
        "right_pictures": alarms["pictures"],
        "false_alarms_by_kind": alarms["by_kind"],
        "ece": calibration_error(confidence, truth),
        "coverage_risk": coverage_and_risk(confidence, truth),
        "baselines": {
            method: {
                kind: _few(kind_figures(of_kind[kind], others.kinds[f"{method}.{kind}"], method))
                for kind in shipped.kinds
                if f"{method}.{kind}" in others.kinds
            }
            for method in METHODS[1:]
        },
        "selective_less_daam": {
            kind: against_all_heads(of_kind[kind], shipped.kinds[kind], others.kinds[f"daam.{kind}"])
            for kind in shipped.kinds
            if f"daam.{kind}" in others.kinds
        },
        "groups": {group: _group_figures(rows, group, shipped) for group in sorted({r.group for r in rows})},
        "calibration": {"base": shipped.base, **shipped.data},
    }


def _few(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: figures[key] for key in ("n", "auroc", "auroc_low", "auroc_high", "auroc_within", "ap")}


def _group_figures(rows: Sequence[Row], group: str, shipped: Calibration) -> dict[str, Any]:
    own = [row for row in rows if row.group == group]
    kinds = {}
    for kind, model in shipped.kinds.items():
        known = [row for row in own if row.kind == kind and row.wrong is not None]
        if known:
            score, _, truth = scored(known, model, "selective")
            kinds[kind] = {"n": len(known), "wrong": int(truth.sum()), "auroc": auroc(score, truth)}
    alarms = false_alarms(own, shipped.kinds)
    return {"false_alarms": alarms["share"], "right_pictures": alarms["pictures"], "kinds": kinds}


def plain(value: Any) -> Any:
    """Numbers rounded, what is not a number as null: JSON has no nan."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value


class Pictures:
    """Where rows come from: a model that samples, and what its heads are chosen by.

    model: "unet" or "twin". heads: seeds of the scenes on which the twin's agreement is measured.
    """

    def __init__(self, model: str, keep: Path | None, heads: Sequence[int]) -> None:
        self.relevance: HeadRelevance | None = None
        if model == "unet":
            self.sampler = Sampler(keep)
            return
        twin = DemoModel(twin=True)
        self.relevance = measured_agreement(twin, heads)
        self.sampler = Sampler(keep and keep / model, twin.studio)

    def rows(self, cases: Sequence[Case]) -> list[Row]:
        """The candidates of all pictures of these cases."""
        return collect(self.sampler, cases, relevance=self.relevance)


def fitted(rows: Sequence[Row], data: Mapping[str, Any], base: str) -> tuple[Calibration, Calibration]:
    """Confidences by the rules of `calibrate`: of selective maps, and of what they are compared with.

    Every kind may earn its warnings: the one that did not on the demo model's test split may here.
    """
    models = {method: fit_method(rows, method, unproven=()) for method in METHODS}
    others = {f"{method}.{kind}": m for method in METHODS[1:] for kind, m in models[method].items()}
    return Calibration(models["selective"], base, data), Calibration(others, base, data)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=["unet", "twin"], default="unet")
    parser.add_argument(
        "--prompts", default="144", help="how many prompts to draw, or a text file of prompts"
    )
    parser.add_argument("--seeds", type=seed_range, default="23000:23004", help="A:B, of the pictures")
    parser.add_argument(
        "--no-starts", dest="starts", action="store_false", help="prompts of a file without image-to-image"
    )
    parser.add_argument(
        "--development", type=int, default=0, help="prompts to fit confidences on anew; 0: none are fitted"
    )
    parser.add_argument(
        "--development-seeds", type=seed_range, default="9000:9002", help="A:B, of their pictures"
    )
    parser.add_argument(
        "--heads", type=seed_range, default="9500:9548", help="A:B, what the twin's heads are chosen by"
    )
    parser.add_argument("--keep", type=Path, help="folder for what is sampled, to score it again")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    fitted_on = set(args.development_seeds) if args.development else set()
    chosen_on = set(args.heads) if args.model == "twin" else set()
    if set(args.seeds) & (fitted_on | chosen_on):
        parser.error(
            "the scored seeds overlap those of development or heads: both would be fitted on the test"
        )
    return args


def main() -> None:
    """Samples, judges, and prints one JSON object last."""
    args = _arguments()
    seeds, left_out = list(args.seeds), LeftOut()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        number = args.prompts.isdigit()
        if number:
            cases = drawn_cases(int(args.prompts), seeds)
        else:
            cases = file_cases(Path(args.prompts), seeds, args.starts, left_out)
        with torch.inference_mode():
            pictures = Pictures(args.model, args.keep, args.heads)
            rows = pictures.rows(cases)
            left_out.reasons.update(pictures.sampler.left_out.reasons)
            own = list(args.development_seeds)
            development = pictures.rows(drawn_cases(args.development, own)) if args.development else []
        others = Calibration.from_json(OTHERS.read_text("utf-8"))
        result = {
            "seeds": f"{seeds[0]}:{seeds[-1] + 1}",
            **evaluate(rows, shipped_calibration(), others),
            "left_out": left_out.to_json(),
        }
        if args.model != "unet":
            result = {"model": args.model, **result}
        if development:
            data = {
                "pictures": len({row.picture for row in development}),
                "prompts": args.development,
                "seeds": f"{own[0]}:{own[-1] + 1}",
            }
            result["fitted"] = evaluate(rows, *fitted(development, data, f"SelAgg demo {args.model}"))
    text = json.dumps(plain(result), allow_nan=False)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
