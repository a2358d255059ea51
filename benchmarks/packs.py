"""Other packs beside this one: what their nodes do to a recorded run, node by node, on the real host.

    python -m benchmarks.packs --packs FOLDER --json -

FOLDER holds checkouts of other packs, a folder each, which whoever runs this has fetched (a list with commits
is in docs/compatibility.md). The host itself loads each in a process of its own; what is not there or does
not import is skipped and counted. Every node that takes a MODEL and gives one, or makes a CONDITIONING of a
CLIP and a text, is tried with its default values on the demo model: sampled without capture, with capture
before the node, and with capture after it.

A node passes if the latents are bit-identical and the maps of both orders are equal within 1e-5 under a
complete coverage, or if the run says what was not recorded. Nodes of OWN_KEYS calculate attention with keys
that are not those of the prompt: there a complete coverage is a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.metadata
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.result_file import write_line

from .fuzz_tally import Hang, ended_after

PROMPT = "a red circle left of a blue star"
OTHER = "a green square"
SIDE, STEPS, CFG = 8, 2, 4.0
CLOSE = 1e-5
PACK_SECONDS, NODE_SECONDS = 1200, 120
OWN_KEYS = ("Attention couple", "AttentionCouplePPM", "AttentionCouple", "NAG", "PromptInjection")
"""Words in the names of nodes whose attention is not that between the picture and its prompt alone."""
GOOD = ("recorded", "reported")
_PLAIN = {"INT": 1, "FLOAT": 1.0, "BOOLEAN": True, "STRING": PROMPT}


class Unfit(Exception):
    """A node that cannot be tried here: it needs what is not there, or fails without capture too."""


@dataclass(frozen=True)
class Outcome:
    """Latents of one way to sample, and what was recorded; without a recording why there is none."""

    latent: torch.Tensor
    recording: Any = None
    refused: str = ""


# -- one pack ----------------------------------------------------------------------------------------------


def nodes_of(folder: Path) -> dict[str, type]:
    """The node classes that the host has after loading the pack and had not before. Raises Unfit."""
    host_nodes = importlib.import_module("nodes")
    before = dict(host_nodes.NODE_CLASS_MAPPINGS)
    with _heard() as said:
        loaded = host_nodes.load_custom_node(str(folder), module_parent="custom_nodes")
        if asyncio.iscoroutine(loaded):
            loaded = asyncio.get_event_loop().run_until_complete(loaded)
    if not loaded:
        why = next((line for line in reversed(said) if "Cannot import" in line), "no reason given")
        raise Unfit(f"the host cannot import it: {why.rpartition('custom nodes:')[2].strip()[:120]}")
    found = {n: k for n, k in host_nodes.NODE_CLASS_MAPPINGS.items() if before.get(n) is not k}
    if not found:
        raise Unfit("it has no nodes")
    return found


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """What the host logs meanwhile."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, listener = logging.getLogger(), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


class Bench:
    """The demo model, and what it makes with a node in its way."""

    def __init__(self) -> None:
        from demo.studio import Studio
        from selagg_nodes.capture import SelAggCapture
        from selagg_nodes.prompt import SelAggTextEncode

        self.studio, self.capture = Studio(), SelAggCapture
        with torch.inference_mode():
            self.positive, self.offered = SelAggTextEncode().encode(PROMPT, self.studio.clip)
            self.other = SelAggTextEncode().encode(OTHER, self.studio.clip)[0]
            self.negative = self.studio.conditioning("")
        self.untouched = self.sample(lambda model, positive: (model, positive), "plain").latent

    def sample(self, change: Callable[[Any, list], tuple[Any, list]], order: str) -> Outcome:
        """order: "plain", or where the capture is: "before" or "after" the node."""
        from demo.studio import SamplingSettings

        model, capture = self.studio.model.clone(), None
        settings = SamplingSettings(steps=STEPS, cfg=CFG)
        torch.manual_seed(0)
        with torch.inference_mode():
            if order == "before":
                model, capture = self.capture().capture(model)
            model, positive = change(model, self.positive)
            if order == "after":
                model, capture = self.capture().capture(model)
            latent = self.studio.sample(positive, [11], settings, model, side=SIDE)
        if capture is None:
            return Outcome(latent)
        try:
            return Outcome(latent, capture.recording_for(latent, getattr(self.offered, "offers", ())))
        except ValueError as error:  # a node that takes the capture out of the model again
            return Outcome(latent, refused=str(error))

    def inputs(self, kind: type, model: Any) -> dict[str, Any]:
        """Default values of the required inputs. Raises Unfit if one is of a kind that is not there."""
        declared = kind.INPUT_TYPES()  # type: ignore[attr-defined]
        socket = {
            "MODEL": model, "CLIP": self.studio.clip, "VAE": self.studio.vae, "CONDITIONING": self.other,
            "LATENT": {"samples": torch.zeros(1, 4, SIDE, SIDE)}, "MASK": left_half(),
            "IMAGE": torch.rand(1, 8 * SIDE, 8 * SIDE, 3),
        }  # fmt: skip
        found = {}
        for name, definition in declared.get("required", {}).items():
            found[name] = default_of(definition, socket)
        for name, definition in declared.get("optional", {}).items():
            with contextlib.suppress(Unfit):
                found[name] = default_of(definition, {k: v for k, v in socket.items() if k != "VAE"})
        return found


def left_half() -> torch.Tensor:
    mask = torch.zeros(1, 8 * SIDE, 8 * SIDE)
    mask[:, :, : 4 * SIDE] = 1
    return mask


def default_of(definition: Any, sockets: Mapping[str, Any]) -> Any:
    """The value that an input has in a fresh node, or what is connected. Raises Unfit."""
    kind = definition[0]
    options = definition[1] if len(definition) > 1 and isinstance(definition[1], Mapping) else {}
    if isinstance(kind, list | tuple) or kind == "COMBO":
        choices = list(options.get("options", ()) if kind == "COMBO" else kind)
        if "default" not in options and not choices:
            raise Unfit("it has an empty list to choose from (files of models)")
        return options.get("default", choices[0] if choices else None)
    if kind in sockets:
        return sockets[kind]
    if kind in _PLAIN:
        written = kind == "STRING" and (options.get("multiline") or not options.get("default"))
        return PROMPT if written else options.get("default", _PLAIN[kind])
    raise Unfit(f"it needs a {kind}")


def called(kind: type, inputs: dict[str, Any]) -> tuple:
    """What a node class gives, as the host calls it."""
    made = kind() if not hasattr(kind, "PREPARE_CLASS_CLONE") else kind.PREPARE_CLASS_CLONE({})  # type: ignore[attr-defined]
    given = getattr(made, kind.FUNCTION)(**inputs)  # type: ignore[attr-defined]
    if asyncio.iscoroutine(given):
        given = asyncio.get_event_loop().run_until_complete(given)
    result = getattr(given, "result", None) or (given.get("result") if isinstance(given, dict) else given)
    return tuple(result)


def changes_of(bench: Bench, kind: type) -> Callable[[Any, list], tuple[Any, list]] | None:
    """How a node changes a run: its model, or the conditioning of the same text; None for any other node."""
    declared = kind.INPUT_TYPES()  # type: ignore[attr-defined]
    known = {**declared.get("required", {}), **declared.get("optional", {})}
    takes = {definition[0] for definition in known.values() if isinstance(definition[0], str)}
    gives = [str(output) for output in getattr(kind, "RETURN_TYPES", ())]
    if "MODEL" in takes and "MODEL" in gives:

        def change(model: Any, positive: list) -> tuple[Any, list]:
            return called(kind, bench.inputs(kind, model))[gives.index("MODEL")], positive

        return change
    if "CLIP" in takes and "CONDITIONING" in gives and "STRING" in takes:

        def encode(model: Any, positive: list) -> tuple[Any, list]:
            return model, called(kind, bench.inputs(kind, model))[gives.index("CONDITIONING")]

        return encode
    return None


def tried(bench: Bench, name: str, change: Callable[[Any, list], tuple[Any, list]]) -> dict[str, Any]:
    """What capture makes of a node. Raises Unfit if the node fails, or is not repeatable, without capture."""
    try:
        plain, again = bench.sample(change, "plain"), bench.sample(change, "plain")
    except Unfit:
        raise
    except Exception as error:  # another pack's code
        raise Unfit(f"it fails without capture too ({type(error).__name__}: {str(error)[:80]})") from error
    if not torch.equal(plain.latent, again.latent):
        raise Unfit("it gives another latent each time")
    found: dict[str, Any] = {"node": name}
    try:
        ways = {order: bench.sample(change, order) for order in ("before", "after")}
    except Exception as error:  # a fault of ours: without capture it runs
        return {
            **found,
            "verdict": "fails with capture",
            "why": f"{type(error).__name__}: {str(error)[:160]}",
        }
    found["identical"] = all(torch.equal(way.latent, plain.latent) for way in ways.values())
    found["changes_the_picture"] = not torch.equal(plain.latent, bench.untouched)
    told = {order: way.refused or reported(way.recording) for order, way in ways.items()}
    found["reported"] = {order: why[:200] for order, why in told.items() if why}
    complete = {order: way.recording for order, way in ways.items() if not told[order]}
    found["difference"] = difference(*complete.values()) if len(complete) == 2 else None
    named = any(word.casefold() in name.casefold() for word in OWN_KEYS)
    own = named and found["changes_the_picture"]  # by its defaults a node may do nothing
    return {**found, "own_keys": own, "verdict": _verdict(found, own, complete)}


def _verdict(found: Mapping[str, Any], own: bool, complete: Mapping[str, Any]) -> str:
    if not found["identical"]:
        return "latent changed"
    if own and complete:
        return "own keys not reported"
    if found["difference"] is not None and not found["difference"] < CLOSE:
        return "maps differ"
    return "reported" if found["reported"] else "recorded"


def reported(recording: Any) -> str:
    """Why a recording does not hold everything, as it says itself; "" for a whole one."""
    if recording.coverage.complete and not recording.notices:
        return ""
    told = "; ".join(recording.notices) or f"recorded {recording.coverage}"
    return told if not recording.coverage.complete else f"(complete) {told}"


def difference(one: Any, other: Any) -> float:
    """The largest difference of maps between two recordings; infinite if they hold other maps."""
    try:
        first, second = one.positive(), other.positive()
    except ValueError:
        return float("inf")
    pairs = list(zip(first.maps.values(), second.maps.values(), strict=False))
    if len(first.maps) != len(second.maps) or any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max((float(np.abs(a - b).max()) for a, b in pairs), default=float("inf"))


def try_pack(folder: Path, bench: Bench) -> dict[str, Any]:
    """All nodes of one pack that fit."""
    try:
        nodes = nodes_of(folder)
    except Unfit as error:
        return {"skipped": str(error)}
    found: list[dict[str, Any]] = []
    unfit = Counter[str]()
    for name, kind in nodes.items():
        try:
            change = changes_of(bench, kind)
            if change is not None:
                with ended_after(NODE_SECONDS):
                    found.append(tried(bench, name, change))
        except Unfit as error:
            unfit[str(error)[:120]] += 1
        except Hang:
            unfit[f"it takes more than {NODE_SECONDS} s"] += 1
        except Exception as error:  # noqa: BLE001 - a declaration that cannot be read: another pack's code
            unfit[f"its inputs cannot be read ({type(error).__name__})"] += 1
    return {"nodes": len(nodes), "tried": found, "unfit": dict(unfit)}


NO_INSTALLING = {
    "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_DRY_RUN": "1",
    "UV_OFFLINE": "1", "UV_NO_INDEX": "1",
}  # fmt: skip
"""Some packs install what they need when they are imported, and change what others need."""


def prepare(base: str) -> None:
    """The host with its own nodes, as it is before it loads packs; none of them may install anything."""
    os.environ.update(NO_INSTALLING)
    prepare_host()
    sys.argv += ["--base-directory", base]
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with contextlib.suppress(Exception):  # packs add routes to it when they are imported
        importlib.import_module("server").PromptServer(loop)
    host_nodes = importlib.import_module("nodes")
    loop.run_until_complete(host_nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))


# -- all packs ---------------------------------------------------------------------------------------------


def installed() -> frozenset[str]:
    """Names and versions of all packages of this environment."""
    return frozenset(f"{own.name} {own.version}" for own in importlib.metadata.distributions())


def commit_of(folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        ["git", "-C", str(folder), "log", "-1", "--format=%h %cs"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def every_pack(folders: list[Path], bench: Bench) -> Iterator[tuple[str, dict[str, Any]]]:
    """What came of each pack, each loaded by a copy of this process: it changes nothing for the others."""
    for folder in folders:
        started = time.monotonic()
        with tempfile.NamedTemporaryFile("w+", suffix=".json") as result:
            child = os.fork()
            if child == 0:
                _in_child(folder, bench, Path(result.name))
            code = _waited(child)
            told = json.loads(Path(result.name).read_text("utf-8") or "null")
        told = told or {"skipped": f"its process ended with code {code}"}
        sys.stderr.write(
            f"{folder.name}: {time.monotonic() - started:.0f} s, {told.get('skipped', 'done')}\n"
        )
        for node in told.get("tried", ()):
            told_of = node.get("reported") or node.get("why") or ""
            sys.stderr.write(f"    {node['node']}: {node['verdict']} {told_of}"[:220] + "\n")
        sys.stderr.flush()
        yield folder.name, {"commit": commit_of(folder), **told}


def _in_child(folder: Path, bench: Bench, result: Path) -> None:
    code = 1
    try:
        result.write_text(json.dumps(try_pack(folder, bench)), encoding="utf-8")
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _waited(child: int) -> int:
    """The exit code of a process, which is ended if it takes too long."""
    last = time.monotonic() + PACK_SECONDS
    while time.monotonic() < last:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    """Tries all packs, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packs", type=Path, help="folder with a folder for each pack")
    parser.add_argument("--only", nargs="+", default=[], help="names of packs; all without it")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if args.packs is None or not args.packs.is_dir():
        parser.error("--packs: name a folder with checkouts of other packs.")
    missing = [name for name in args.only if not (args.packs / name).is_dir()]
    names = args.only or sorted(folder.name for folder in args.packs.iterdir() if folder.is_dir())
    folders = [args.packs.resolve() / name for name in names if name not in missing]
    found: dict[str, dict[str, Any]] = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.redirect_stdout(sys.stderr),
        tempfile.TemporaryDirectory() as base,
        contextlib.suppress(KeyboardInterrupt),  # what was reached by then is told
    ):
        prepare(base)
        before = installed()
        for name, told in every_pack(folders, Bench()):
            found[name] = told
            if installed() != before:
                found[name]["skipped"] = "it installed packages: nothing after it was tried"
                break
    found |= {name: {"skipped": "it is not there"} for name in missing}
    verdicts = Counter(node["verdict"] for pack in found.values() for node in pack.get("tried", ()))
    result = {
        "packs": len(found),
        "skipped": sum("skipped" in pack for pack in found.values()),
        "nodes_tried": sum(verdicts.values()),
        "verdicts": dict(verdicts),
        "faults": sum(count for verdict, count in verdicts.items() if verdict not in GOOD),
        "by_pack": found,
    }
    write_line(json.dumps(result), args.json)


if __name__ == "__main__":
    main()
