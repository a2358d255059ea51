"""Fits the confidences of findings on development pictures of the demo model.

`python -m benchmarks.calibrate --prompts 192 --seeds 9000:9004 --keep FOLDER` writes
selagg_core/presets/calibration_demo.json, and beside this file the models of the methods that it is compared
with. To be run again whenever maps or evidence change; what was sampled is kept in FOLDER.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from demo.host_path import prepare_host
from selagg_core.calibrate import FALSE_ALARMS, Labelled, with_thresholds
from selagg_core.diagnosis.calibration import LEAST_LABELS, PRESET, Calibration, KindModel, fit_kind
from selagg_core.diagnosis.features import FEATURES
from selagg_core.proof.statistics import auroc

from .labelled import METHODS, TEXT_FEATURES, Row, collect
from .maps import seed_range
from .pictures import Sampler, drawn_cases

BASE = "SelAgg demo model"
OTHERS = Path(__file__).resolve().parent / "diagnosis_methods.json"
UNPROVEN = ("wrong_sense",)
"""Kinds that did not earn warnings on the test split: figures in docs/diagnosis.md."""
EARNED_AUROC = 0.8
"""Below this on prompts that a fit has not seen a kind ships as information."""


def labelled(rows: Sequence[Row], kind: str, method: str) -> list[Labelled]:
    """What the fit needs of the rows of a kind that the reader is sure of."""
    return [
        Labelled(kind, row.features[method], row.wrong, row.prompt, row.picture, row.matches is True)
        for row in rows
        if row.kind == kind and row.wrong is not None and method in row.features
    ]


def fit_method(rows: Sequence[Row], method: str, unproven: Sequence[str] = UNPROVEN) -> dict[str, KindModel]:
    """A model of each kind that has labels enough, by one method. unproven: kinds that may not warn."""
    models = {}
    for kind, features in FEATURES.items():
        own = labelled(rows, kind, method)
        names = TEXT_FEATURES if method == "text" else features
        try:
            model = fit_kind(
                [r.features for r in own], [r.wrong for r in own], names, [r.prompt for r in own]
            )
        except ValueError as error:
            sys.stderr.write(f"{method} {kind}: {error}\n")
            continue
        unseen = unseen_auroc(own, names)
        proven = unseen >= EARNED_AUROC and kind not in unproven
        figures: dict[str, float] = {"labels": len(own), "wrong": sum(r.wrong for r in own)}
        if math.isfinite(unseen):
            figures["auroc"] = round(unseen, 4)
        model = replace(model, figures=figures, earned=model.earned and proven)
        models[kind] = with_thresholds(model, own)
    return models


def unseen_auroc(own: Sequence[Labelled], names: Sequence[str]) -> float:
    """AUROC on prompts that are left out of the fit, fold by fold; nan where a fold leaves too few labels."""
    prompts = list(dict.fromkeys(row.prompt for row in own))
    fold = np.array([prompts.index(row.prompt) % 4 for row in own])
    truth, scores = np.array([row.wrong for row in own]), np.zeros(len(own))
    for number in range(4):
        rest = [row for row, of in zip(own, fold, strict=True) if of != number]
        answers = [r.wrong for r in rest]
        if min(sum(answers), len(answers) - sum(answers)) < LEAST_LABELS:
            return math.nan
        model = fit_kind([r.features for r in rest], answers, names, [r.prompt for r in rest])
        for i in np.flatnonzero(fold == number):
            scores[i] = model.score(own[i].features)
    return auroc(scores, truth)


def main() -> None:
    """Samples what is not kept yet, fits every method, writes both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=192, help="how many are drawn")
    parser.add_argument("--seeds", type=seed_range, default="9000:9004", help="A:B, of development only")
    parser.add_argument("--keep", type=Path, help="folder for what is sampled")
    args = parser.parse_args()
    if args.seeds[0] < 9000 or args.seeds[-1] + args.prompts > 9999:
        parser.error("development seeds lie in 9000:9999; others are for tests.")
    prepare_host()
    with torch.inference_mode():
        sampler = Sampler(args.keep)
        rows = collect(sampler, drawn_cases(args.prompts, list(args.seeds)))
    data = {
        "pictures": len({row.picture for row in rows}),
        "prompts": args.prompts,
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "false_alarms_allowed": FALSE_ALARMS,
    }
    fitted = {method: fit_method(rows, method) for method in METHODS}
    PRESET.write_text(Calibration(fitted["selective"], BASE, data).to_json() + "\n", "utf-8")
    others = {f"{method}.{kind}": m for method in METHODS[1:] for kind, m in fitted[method].items()}
    OTHERS.write_text(Calibration(others, BASE, data).to_json() + "\n", "utf-8")
    for kind, model in fitted["selective"].items():
        sys.stderr.write(f"{kind}: {dict(model.figures)}, warn {model.warn:.2f}\n")


if __name__ == "__main__":
    main()
