"""How far warnings can be trusted on the hard world: on noised scenes that contradict their caption.

Each seed's scene is shown to the model at several levels of noise with its own caption, as it is and changed
in a known way (a thing is missing, a surface is on the wrong thing, two things are one, places are exchanged,
a word is taken in its other sense), so that no reader has to judge. What the model would have drawn itself is
not seen: these are figures of the maps and the evidence, not of how often the model errs.

`python -m benchmarks.hard_diagnosis --seeds 5000:5128 --json -` gives figures with the confidences that ship,
which were fitted on pictures of the plain world, and with ones fitted anew on the development seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.relevance import HARD_RELEVANCE
from demo.result_file import write_line
from demo.scenes import render, scene_from_seed
from selagg_core.calibrate import with_thresholds
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.diagnose import observe
from selagg_core.diagnosis.calibration import Calibration, KindModel, fit_kind, shipped_calibration
from selagg_core.diagnosis.features import FEATURES, Observed, candidates
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.relevance.run_view import RunView

from .calibrate import OTHERS, labelled
from .contradictions import CHANGES, Shown, changed
from .diagnosis import against_all_heads, false_alarms, kind_figures, plain
from .labelled import Row, key_of
from .map_sources import NOISE_STEPS, DemoModel
from .maps import seed_range
from .prompts import LeftOut

METHODS = {"selective": "selective", "daam": "all"}
"""Ways to make maps that are compared -> mode of choosing heads."""


class ShownScenes:
    """Rows of scenes that are shown with a caption. The host must be prepared."""

    def __init__(self) -> None:
        self.model = DemoModel(CaptureSettings(step_bins=len(NOISE_STEPS)), world="hard")
        self.relevance = HeadRelevance.load(HARD_RELEVANCE)
        self.lexicon = general_lexicon(self.relevance.concepts)
        self.left_out = LeftOut()

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
        scene, caption = scene_from_seed(seed, world="hard")
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
                text = shown.caption.text
                yield Row(
                    key[0], key, shown.change, text, f"{text} {shown.change}", wrong,
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
    kinds, less = {}, {}
    daam = models["daam"]
    for kind, model in models["selective"].items():
        own = [row for row in rows if row.kind == kind]
        if {row.wrong for row in own} >= {True, False}:
            kinds[kind] = kind_figures(own, model)
            if kind in daam:
                less[kind] = against_all_heads(own, model, daam[kind])
    alarms = false_alarms(rows, models["selective"])
    return {
        "kinds": kinds,
        "selective_less_all_heads": less,
        "false_alarms": alarms["share"],
        "false_alarms_by_kind": alarms["by_kind"],
        "right_scenes": alarms["pictures"],
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


def main() -> None:
    """Shows the scenes, prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seed_range, default="5000:5128", help="A:B, of the scenes")
    parser.add_argument(
        "--development", type=seed_range, default="9100:9200", help="A:B, what confidences are fitted on anew"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if set(args.seeds) & set(args.development):
        parser.error(
            "the development seeds overlap the scored seeds: confidences would be fitted on the test"
        )
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            scenes = ShownScenes()
            rows = scenes.rows(args.seeds)
            development = scenes.rows(args.development)
    fitted = {method: fitted_models(development, method) for method in METHODS}
    result = {
        "world": "hard",
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "scenes": len({row.picture for row in rows}),
        "changes": {change: len({r.picture for r in rows if r.group == change}) for change in CHANGES},
        "shipped": figures(rows, _shipped()),
        "fitted": figures(rows, fitted),
        "left_out": scenes.left_out.to_json(),
    }
    write_line(json.dumps(plain(result), allow_nan=False), args.json)


if __name__ == "__main__":
    main()
