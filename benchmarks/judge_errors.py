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
    low, high = bootstrap(lambda i: calibration_error(confidence[i], truth[i]), prompts)
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
    """By share of planted errors: the figures of all kinds together, and of each."""
    result: dict[str, Any] = {}
    for share in ERRORS:
        confidence: list[np.ndarray] = []
        rows: list[Labelled] = []
        by_kind: dict[str, Any] = {}
        for kind, features in FEATURES.items():
            own, other = labelled(fitted, kind, METHOD), labelled(tested, kind, METHOD)
            if not other:
                continue
            found = [_fitted(own, features, share, draw) for draw in range(draws if share else 1)]
            models = [model for model in found if model is not None]
            if models:
                mean = np.mean([confidences(model, other) for model in models], axis=0)
                errors = [calibration_error(confidences(model, other), _truth(other)) for model in models]
                by_kind[kind] = {**figures(mean, other), "ece_of_a_draw": round(float(np.mean(errors)), 4)}
                confidence.append(confidences(models[0], other))
                rows += other
        result[f"{share:.0%}"] = {"all": figures(np.concatenate(confidence), rows), "kinds": by_kind}
    return result


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


def _truth(rows: Sequence[Labelled]) -> np.ndarray:
    return np.array([row.wrong for row in rows])


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
