"""How calibration by judges degrades with their errors, on pictures of the demo model.

`python -m benchmarks.judge_errors --fit 96 --test 48 --keep FOLDER --json -`: confidences are fitted on
labels of which 0, 5, 10 and 20 % were turned around, as judges that err would give them, and tested on
other prompts with true labels. What the reader of the demo world leaves open is left out, as it is of
judges.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.calibrate import Labelled, with_thresholds
from selagg_core.diagnosis.calibration import KindModel, fit_kind
from selagg_core.diagnosis.features import FEATURES
from selagg_core.proof.statistics import auroc

from .calibrate import labelled
from .labelled import collect
from .maps import seed_range
from .pictures import Sampler, drawn_cases
from .statistics import bootstrap, calibration_error

ERRORS = (0.0, 0.05, 0.1, 0.2)
METHOD = "selective"
RESAMPLES = 200


def planted(rows: Sequence[Labelled], share: float, rng: np.random.Generator) -> list[Labelled]:
    """The rows with so many of their labels turned around, drawn by chance."""
    turned = rng.random(len(rows)) < share
    return [replace(row, wrong=row.wrong != turn) for row, turn in zip(rows, turned, strict=True)]


def confidences(model: KindModel, rows: Sequence[Labelled]) -> np.ndarray:
    return np.array([model.confidence(row.features) for row in rows])


def figures(confidence: np.ndarray, rows: Sequence[Labelled]) -> dict[str, Any]:
    """Calibration error with its interval over prompts, Brier score and AUROC, on true labels."""
    truth = np.array([row.wrong for row in rows])
    prompts = [row.prompt for row in rows]
    low, high = bootstrap(lambda i: calibration_error(confidence[i], truth[i]), prompts, RESAMPLES)
    return {
        "ece": round(calibration_error(confidence, truth), 4),
        "ece_low": round(low, 4),
        "ece_high": round(high, 4),
        "brier": round(float(((confidence - truth) ** 2).mean()), 4),
        "auroc": round(auroc(confidence, truth), 4),
        "claims": len(rows),
        "wrong": int(truth.sum()),
    }


def measure(fitted: Sequence, tested: Sequence, draws: int) -> dict[str, Any]:
    """By share of planted errors: means over draws of errors, of all kinds together and of each.

    Only kinds that could be fitted in every draw of every share, so that the same claims are compared.
    """
    labels = {kind: (labelled(fitted, kind, METHOD), labelled(tested, kind, METHOD)) for kind in FEATURES}
    models = {
        (kind, share): [_fitted(own, FEATURES[kind], share, draw) for draw in range(draws if share else 1)]
        for kind, (own, other) in labels.items()
        for share in ERRORS
        if other
    }
    left_out = {kind for (kind, _), found in models.items() if None in found}
    kinds = [kind for kind, (_, other) in labels.items() if other and kind not in left_out]
    result: dict[str, Any] = {"kinds left out": sorted(left_out)}
    for share in ERRORS:
        by_kind = {
            kind: [confidences(m, labels[kind][1]) for m in models[kind, share] if m] for kind in kinds
        }
        together = [np.concatenate(own) for own in zip(*by_kind.values(), strict=True)]
        rows = [row for kind in kinds for row in labels[kind][1]]
        result[f"{share:.0%}"] = {
            "all": mean_figures(together, rows),
            "kinds": {kind: mean_figures(own, labels[kind][1]) for kind, own in by_kind.items()},
        }
    return result


def mean_figures(draws: Sequence[np.ndarray], rows: Sequence[Labelled]) -> dict[str, Any]:
    """Means of `figures` over draws."""
    found = [figures(own, rows) for own in draws]
    return {name: round(float(np.mean([one[name] for one in found])), 4) for name in found[0]}


def _fitted(rows: Sequence[Labelled], features: Sequence[str], share: float, draw: int) -> KindModel | None:
    """The model of a kind on labels with errors; None where there are too few labels."""
    noisy = planted(rows, share, np.random.default_rng(draw))
    try:
        model = fit_kind(
            [row.features for row in noisy],
            [row.wrong for row in noisy],
            features,
            [row.prompt for row in noisy],
        )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return None
    return with_thresholds(model, noisy)


def main() -> None:
    """Samples what is not kept yet, plants errors, fits, tests; prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fit", type=int, default=96, help="prompts to fit on")
    parser.add_argument("--test", type=int, default=48, help="prompts to test on")
    parser.add_argument("--seeds", type=seed_range, default="9000:9002", help="A:B, of the prompts to fit on")
    parser.add_argument("--test-seeds", type=seed_range, default="5000:5002", help="A:B, of those to test on")
    parser.add_argument("--draws", type=int, default=5, help="draws of errors")
    parser.add_argument("--keep", type=Path, help="folder for what is sampled")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.test_seeds):
        parser.error("the seeds to fit on overlap those to test on")
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            sampler = Sampler(args.keep)
            fitted = collect(sampler, drawn_cases(args.fit, list(args.seeds)), (METHOD,))
            tested = collect(sampler, drawn_cases(args.test, list(args.test_seeds)), (METHOD,))
    opened = sum(row.wrong is None for row in fitted)
    result = {"labels": len(fitted) - opened, "open": opened, "errors": measure(fitted, tested, args.draws)}
    write_line(json.dumps(result), args.json)


if __name__ == "__main__":
    main()
