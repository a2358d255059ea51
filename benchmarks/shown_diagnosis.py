"""How far warnings can be trusted where no reader judges: on noised scenes that contradict their caption.

Each seed's scene is shown to a model at several levels of noise with its own caption, as it is and changed in
a known way (a thing is missing, a surface is on another thing too, two things are one, places are exchanged,
a word is taken in its other sense; see `contradictions`). So truth is known exactly, in both worlds and for
both models.

What this is not: nothing is sampled. The contradiction was painted, not made by the model, and is as plain in
every step as in the last; how often the model errs, and what maps look like while it does, is not seen
(`diagnosis` samples). Changes are as frequent here as scenes as they are, so shares of wrong claims, and with
them precision and calibration, are those of this mix. In a scene where a thing is missing no leak is judged.

`python -m benchmarks.shown_diagnosis --model twin --world hard --seeds 5000:5128 --json -` gives figures with
the confidences that ship, which were fitted on pictures that the demo model sampled of the plain world, and
with ones fitted anew on the development seeds. Heads of the UNets are chosen by their relevance files (the
one that ships for the plain world, the one beside this file for the hard one). The twin has none, and no wins
can be counted for it: its heads are chosen by agreement, measured on the scenes of the seeds `--heads`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.relevance import HARD_RELEVANCE
from demo.result_file import write_line
from demo.scenes import render, scene_from_seed
from demo.vocabulary import WORLDS
from selagg_core.calibrate import with_thresholds
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.diagnose import observe
from selagg_core.diagnosis.calibration import Calibration, KindModel, fit_kind, shipped_calibration
from selagg_core.diagnosis.features import FEATURES, Observed, candidates
from selagg_core.proof.statistics import wilson
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.choose_heads import HeadSettings, ranked_by
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.relevance.run_view import RunView
from selagg_core.relevance.shipped import load_preset

from .calibrate import OTHERS, labelled
from .contradictions import CHANGES, Shown, changed
from .diagnosis import against_all_heads, false_alarms, kind_figures, plain
from .joint_maps import measured_agreement
from .labelled import Row, key_of
from .map_sources import NOISE_STEPS, DemoModel
from .maps import seed_range
from .prompts import LeftOut
from .statistics import calibration_error, coverage_and_risk

METHODS = {"selective": "selective", "daam": "all"}
"""Ways to make maps that are compared -> mode of choosing heads."""
OF_ALL_HEADS = ("auroc", "auroc_low", "auroc_high", "ap", "ece")
"""Figures that are given of maps of all heads."""


class ShownScenes:
    """Rows of scenes that are shown with a caption. The host must be prepared.

    model: "unet" or "twin". heads: seeds of the scenes on which the twin's agreement is measured.
    """

    def __init__(self, model: str = "unet", world: str = "plain", heads: Sequence[int] = ()) -> None:
        self.world = world
        self.model = DemoModel(CaptureSettings(step_bins=len(NOISE_STEPS)), world=world, twin=model == "twin")
        self.relevance = self._relevance(model, heads)
        self.lexicon = general_lexicon(self.relevance.concepts)
        self.left_out = LeftOut()

    def _relevance(self, model: str, heads: Sequence[int]) -> HeadRelevance:
        if model == "twin":
            return measured_agreement(self.model, heads)
        return load_preset("demo") if self.world == "plain" else HeadRelevance.load(HARD_RELEVANCE)

    @property
    def chosen_by(self) -> str:
        """What heads are ranked by, and the model that was measured."""
        return f"{ranked_by(self.relevance, HeadSettings().recipe).score_kind} of {self.relevance.base_model}"

    def rows(self, seeds: Sequence[int]) -> list[Row]:
        """Of every seed the candidates of its scene as it is, and of one change that fits it, in turn."""
        found: list[Row] = []
        for done, seed in enumerate(seeds, 1):
            for shown in self._shown(seed):
                found.extend(self._of_scene(shown, seed))
            if done % 16 == 0 or done == len(seeds):
                sys.stderr.write(f"{done}/{len(seeds)} scenes, {len(found)} candidates\n")
        return found

    def _shown(self, seed: int) -> Iterator[Shown]:
        scene, caption = scene_from_seed(seed, world=self.world)
        yield changed(scene, caption, "faithful", np.random.default_rng(seed))
        kinds = CHANGES[1:]
        for turn in range(len(kinds)):
            try:
                yield changed(scene, caption, kinds[(seed + turn) % len(kinds)], np.random.default_rng(seed))
            except ValueError:
                continue
            return
        self.left_out.add(caption.text, ValueError("no change fits this scene"))

    def _of_scene(self, shown: Shown, seed: int) -> Iterator[Row]:
        picture = render(shown.scene)[0]
        recording = self.model.shown(picture, shown.caption.text, seed)
        view = RunView(recording, (recording.positive(),), (picture,))
        claims = read_claims(view.prompts, self.lexicon)
        found = {method: self._features(view, claims, mode) for method, mode in METHODS.items()}
        for key, wrong in shown.truths().items():
            features = {method: own[key] for method, own in found.items() if key in own}
            if len(features) == len(METHODS):
                yield Row(
                    key[0], key, shown.change, shown.caption.text, f"{seed} {shown.change}", wrong,
                    shown.change == "faithful", features,
                )  # fmt: skip

    def _features(self, view: RunView, claims: Any, mode: str) -> dict[tuple, Any]:
        settings = HeadSettings(mode, relevance=self.relevance)
        chosen = view.choose(claims.groups, settings)
        seen = observe(view, 0, claims.groups, claims, chosen, settings)
        if mode == "all":
            seen = Observed(seen.common, seen.common, view.pictures[0])
        return {key_of(candidate): candidate.features for candidate in candidates(claims, seen)}


def figures(rows: Sequence[Row], models: dict[str, dict[str, KindModel]]) -> dict[str, Any]:
    """AUROC and calibration by kind, selective against all heads, false alarms; models by method and kind."""
    kinds, all_heads, less = {}, {}, {}
    daam = models["daam"]
    for kind, model in models["selective"].items():
        own = [row for row in rows if row.kind == kind]
        if {row.wrong for row in own} >= {True, False}:
            kinds[kind] = kind_figures(own, model)
            if kind in daam:
                all_heads[kind] = kind_figures(own, daam[kind], "daam")
                less[kind] = against_all_heads(own, model, daam[kind])
    confidence, truth = _answers(rows, models["selective"])
    return {
        "kinds": kinds,
        "all_heads": {kind: {name: own[name] for name in OF_ALL_HEADS} for kind, own in all_heads.items()},
        "selective_less_all_heads": less,
        "ece": calibration_error(confidence, truth),
        "coverage_risk": coverage_and_risk(confidence, truth),
        **_alarms(rows, models["selective"]),
    }


def _answers(rows: Sequence[Row], models: Mapping[str, KindModel]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and truth of every claim of the kinds that have a model."""
    known = [row for row in rows if row.wrong is not None and row.kind in models]
    confidence = [models[row.kind].confidence(row.features["selective"]) for row in known]
    return np.array(confidence), np.array([bool(row.wrong) for row in known])


def _alarms(rows: Sequence[Row], models: Mapping[str, KindModel]) -> dict[str, Any]:
    """Of scenes as they are the share with a warning, its interval (Wilson), and of which kinds."""
    alarms = false_alarms(rows, models)
    share, right = alarms["share"], alarms["pictures"]
    low, high = wilson(round(share * right), right) if right else (math.nan, math.nan)
    return {
        "false_alarms": share,
        "false_alarms_low": low,
        "false_alarms_high": high,
        "false_alarms_by_kind": alarms["by_kind"],
        "right_scenes": right,
    }


def fitted_models(rows: Sequence[Row], method: str) -> dict[str, KindModel]:
    """A model of each kind that the rows have labels enough for."""
    models = {}
    for kind, features in FEATURES.items():
        own = labelled(rows, kind, method)
        try:
            model = fit_kind(
                [r.features for r in own], [r.wrong for r in own], features, [r.prompt for r in own]
            )
            models[kind] = with_thresholds(model, own)
        except ValueError as error:
            sys.stderr.write(f"{method} {kind} is not fitted: {error}\n")
    return models


def _shipped() -> dict[str, dict[str, KindModel]]:
    others = Calibration.from_json(OTHERS.read_text("utf-8")).kinds
    of_all = {name.removeprefix("daam."): own for name, own in others.items() if name.startswith("daam.")}
    return {"selective": dict(shipped_calibration().kinds), "daam": of_all}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=["unet", "twin"], default="unet")
    parser.add_argument("--world", choices=WORLDS, default="plain")
    parser.add_argument("--seeds", type=seed_range, default="5000:5128", help="A:B, of the scenes")
    parser.add_argument(
        "--development", type=seed_range, default="9100:9200", help="A:B, what confidences are fitted on anew"
    )
    parser.add_argument(
        "--heads", type=seed_range, default="9500:9548", help="A:B, what the twin's heads are chosen by"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & {*args.development, *args.heads}:
        parser.error(
            "the scored seeds overlap those of development or heads: both would be fitted on the test"
        )
    return args


def main() -> None:
    """Shows the scenes, prints one JSON object last."""
    args = _arguments()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            scenes = ShownScenes(args.model, args.world, args.heads)
            rows = scenes.rows(args.seeds)
            development = scenes.rows(args.development)
    fitted = {method: fitted_models(development, method) for method in METHODS}
    result = {
        "model": args.model,
        "world": args.world,
        "seeds": span(args.seeds),
        "heads": scenes.chosen_by,
        "scenes": len({row.picture for row in rows}),
        "changes": {change: len({r.picture for r in rows if r.group == change}) for change in CHANGES},
        "development": {"seeds": span(args.development), "candidates": len(development)},
        "shipped": figures(rows, _shipped()),
        "fitted": figures(rows, fitted),
        "left_out": scenes.left_out.to_json(),
    }
    write_line(json.dumps(plain(result), allow_nan=False), args.json)


def span(seeds: range) -> str:
    """As it is written: A:B."""
    return f"{seeds[0]}:{seeds[-1] + 1}"


if __name__ == "__main__":
    main()
