"""Calls of every node class of the pack with values of every type, right and wrong.

A viewer never raises, whatever it is given. Any other node may end in a ValueError that says what to do; it
is given right values, or none, in sockets whose kinds the host checks itself.
"""

from __future__ import annotations

import importlib
import inspect
import json
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from selagg_core.report.page import report_page
from selagg_core.report.report import Report

from .fuzz_prompts import shortened
from .fuzz_tally import Tally, clock, ended_after
from .fuzz_texts import Texts
from .fuzz_values import Run, Values

VIEWERS = (
    "SelAggDiagnose",
    "SelAggHeatmaps",
    "SelAggHeadRelevance",
    "SelAggExpect",
    "SelAggSave",
    "SelAggGraphWords",
    "SelAggNoCapture",
    "SelAggTruth",
    "SelAggScore",
    "SelAggCompare",
)
"""Nodes that never end the queue."""
CALLS_OF_A_RUN = 20
LAST_SECONDS = 60
SLOW_SECONDS = 10.0
"""Processor time of a call, beside what its texts are given."""
_WEIGHTS = {"SelAggDiagnose": 6, "SelAggHeatmaps": 4, "SelAggHeadRelevance": 3, "SelAggBuildRelevance": 1}


def fuzz_nodes(count: int, seeds: range, tally: Tally, watch: Callable[[int], None], folder: Path) -> None:
    """Calls nodes `count` times, spread over the seeds. folder: what the host may write to."""
    _let_a_browser_ask()
    importlib.import_module("nodes")
    pack = importlib.import_module("selagg_nodes")
    stray = folder / "output"
    stray.mkdir(parents=True, exist_ok=True)
    names = list(pack.NODE_CLASS_MAPPINGS)
    weights = [_WEIGHTS.get(name, 2) for name in names]
    values = Values()
    done = 0
    for seed in seeds:
        rng = random.Random(f"nodes {seed}")  # noqa: S311 - texts, no secrets
        while done * len(seeds) < count * (seed - seeds.start + 1):
            if done % CALLS_OF_A_RUN == 0:
                values.new_run(rng, tally)
            name = rng.choices(names, weights)[0]
            Call(name, pack.NODE_CLASS_MAPPINGS[name], values, rng, f"seed {seed}").make(tally)
            done += 1
            watch(done)


def _let_a_browser_ask() -> None:
    """Where there are routes of a server, viewers prepare all that a browser could ask for."""
    from aiohttp import web

    instance = SimpleNamespace(routes=web.RouteTableDef())
    sys.modules.setdefault("server", SimpleNamespace(PromptServer=SimpleNamespace(instance=instance)))  # type: ignore[arg-type]


class Call:
    """One call of a node class with values drawn for all of its inputs."""

    def __init__(self, name: str, kind: type, values: Values, rng: random.Random, seed: str) -> None:
        self.name, self.kind, self.values, self.rng = name, kind, values, rng
        self.is_viewer = name in VIEWERS
        self.run: Run = rng.choice(values.runs)
        self.inputs = self._inputs()
        self.example = {
            "seed": seed,
            "node": name,
            "inputs": {k: described(v) for k, v in self.inputs.items()},
        }

    def _inputs(self) -> dict[str, Any]:
        declared = self.kind.INPUT_TYPES()  # type: ignore[attr-defined]
        hostility = self.rng.choice((0.05, 0.15, 0.4, 0.8))
        texts = Texts(self.rng)
        found: dict[str, Any] = {}
        for part in ("required", "optional", "hidden"):
            for name, definition in declared.get(part, {}).items():
                if part != "required" and self.rng.random() < 0.5:
                    continue
                hostile = self.rng.random() < hostility
                value = self.values.value(
                    name, definition, texts, self.run, hostile=hostile, any_type=self.is_viewer
                )
                listed = getattr(self.kind, "INPUT_IS_LIST", False)
                found[name] = [value] * self.rng.choice((1, 1, 1, 2, 0)) if listed else value
        return found

    def make(self, tally: Tally) -> None:
        tally.calls += 1
        for method in ("VALIDATE_INPUTS", "IS_CHANGED"):
            self._asked_before(method, tally)
        started = clock()
        try:
            with ended_after(LAST_SECONDS), torch.inference_mode():
                given = getattr(self.kind(), self.kind.FUNCTION)(**self.inputs)  # type: ignore[attr-defined]
            self._check(given, tally)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if self.is_viewer and isinstance(error, ValueError):
                tally.fault("crash", f"{self.name}, a viewer raised", [str(error)[:200], self.example])
            else:
                tally.raised(error, self.name, self.example)
        seconds = clock() - started
        tally.slowest = max(tally.slowest, seconds)
        if seconds > SLOW_SECONDS:
            tally.fault("hang", self.name, [round(seconds, 1), self.example])

    def _asked_before(self, method: str, tally: Tally) -> None:
        """What the host asks a class before it runs: never an exception; a refusal is a message."""
        ask = getattr(self.kind, method, None)
        if ask is None:
            return
        known = inspect.signature(ask).parameters
        inputs = {name: value for name, value in self.inputs.items() if name in known}
        needed = {name for name, one in known.items() if one.default is one.empty}
        if needed - set(inputs) or not all(_is_plain(value) for value in inputs.values()):
            return  # the host gives it constants only
        try:
            told = ask(**inputs)
        except Exception as error:
            tally.fault("crash", f"{self.name}.{method}", [repr(error)[:200], self.example])
            return
        if method == "VALIDATE_INPUTS" and told is not True:
            tally.said([told], f"{self.name}.{method}", self.example)

    def _check(self, given: Any, tally: Tally) -> None:
        ui = given.get("ui", {}) if isinstance(given, Mapping) else {}
        result = given.get("result") if isinstance(given, Mapping) else given
        kinds = self.kind.RETURN_TYPES  # type: ignore[attr-defined]
        if not isinstance(result, tuple) or len(result) != len(kinds):
            tally.fault("wrong result", self.name, self.example)
            return
        for kind, value in zip(kinds, result, strict=True):
            if kind in ("IMAGE", "MASK") and not _is_picture(value, kind):
                tally.fault("wrong picture", f"{self.name}, {kind}", [described(value), self.example])
            if kind == "STRING" and not isinstance(value, str):
                tally.fault("wrong text", self.name, [described(value), self.example])
        json.dumps(ui, allow_nan=False)
        self._check_view(ui, tally)
        if self.name == "SelAggDiagnose":
            self._check_report(result, tally)
        elif self.name == "SelAggHeatmaps":
            tally.said(result[3].splitlines() or [""], self.name, self.example)
        elif self.name in ("SelAggHeadRelevance", "SelAggSave"):
            tally.said(
                [result[-1 if self.name == "SelAggSave" else 1].split("\n")[0]], self.name, self.example
            )
        elif self.name in ("SelAggTruth", "SelAggScore", "SelAggCompare", "SelAggRepair"):
            tally.said(
                filter(None, result[2 if self.name == "SelAggRepair" else 1].splitlines()),
                self.name,
                self.example,
            )
        elif self.name == "SelAggExpect":
            tally.said(result[0].problems, self.name, self.example)

    def _check_report(self, result: tuple, tally: Tally) -> None:
        report = Report.from_json(result[2])
        json.loads(result[2], parse_constant=_no_number)
        report_page(report, [("a", b"x")]).encode("utf-8", errors="surrogatepass")
        tally.said((*report.problems, *report.notices), "problems and notices of a report", self.example)
        tally.said(filter(None, result[1].splitlines()), "warnings", self.example)

    def _check_view(self, ui: Mapping[str, Any], tally: Tally) -> None:
        """What the browser will ask for is JSON without what JSON does not know."""
        store = importlib.import_module("selagg_nodes.viewer.store").VIEWS
        for told in ui.get("selagg", ()):
            view = store.get(told["id"]) if told["id"] else None
            if view is None:
                continue
            for body in (view.manifest, view.workflow, *view.sheets.values(), view.report or b"{}"):
                json.loads(body, parse_constant=_no_number)
            tally.messages += 1


def _no_number(name: str) -> float:
    raise TypeError(f"{name} in JSON")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _is_picture(value: Any, kind: str) -> bool:
    wanted = 4 if kind == "IMAGE" else 3
    return (
        isinstance(value, torch.Tensor)
        and value.ndim == wanted
        and value.dtype == torch.float32
        and value.numel() > 0
        and bool(torch.isfinite(value).all())
        and (kind != "IMAGE" or value.shape[3] == 3)
    )


def described(value: Any) -> str:
    """A value in a few characters."""
    if isinstance(value, torch.Tensor):
        return f"tensor {tuple(value.shape)} {value.dtype}"
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, Mapping):
        return ascii({str(key)[:20]: described(each) for key, each in list(value.items())[:3]})
    return ascii(value)[:80]
