"""Mutations that once survived the suite, tried again by name, each with the tests that should see it.

    python -m benchmarks.named_mutations --json -
    python -m benchmarks.named_mutations --only "last view" "oldest view"

Each replaces a piece of a file by another in a process of its own and runs the tests named with it; those of
`tests/host` need a host (as `python dev.py test host`). Nothing is written to a file.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.result_file import write_line

from .mutations import NOT_COLLECTED, PASSED, ROOT, _in_child, _run_tests, _warm_up

SECONDS = 600


@dataclass(frozen=True)
class Named:
    """The file, what stands in it, and what takes its place; tests: files below `tests`, or single tests."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


SMALL = ("core/test_small_faults.py",)
STORE = ("host/test_viewer_store.py",)
FREED = (
    "host/test_capture.py::test_everything_is_freed_when_the_capture_goes",
    "host/test_capture.py::test_a_kept_model_holds_neither_capture_nor_recorder",
)
KNOWN = "selagg_core/prompt/known_texts.py"
FIT = "selagg_core/diagnosis/calibration.py"
STORED = "nodes/viewer/store.py"
ROUTES = "nodes/viewer/routes.py"

NAMED = (
    Named("chunk offsets of special columns, joined", KNOWN, "special.extend(moved.special)",
          "special.extend(part.prompt.special)", SMALL),
    Named("chunk offsets of special columns, parted", "selagg_core/prompt/words.py",
          "special[column // size].append(column % size)", "special[column // size].append(column)", SMALL),
    Named("label cache's order: asked for", KNOWN,
          "        if known is not None:\n            self._known.move_to_end(key)\n", "", SMALL),
    Named("label cache's order: registered", KNOWN,
          "        self._known[key] = known\n        self._known.move_to_end(key)",
          "        self._known[key] = known", SMALL),
    Named("weight of the last piece", "selagg_core/prompt/tokens.py",
          "self._end_embedding()\n        if not self._columns:",
          "self._end_embedding()\n        if True:", SMALL),
    Named("chance level of heads", "selagg_core/relevance/relevance.py", "self.win_share[row] > own.chance",
          "self.win_share[row] >= own.chance", SMALL),
    Named("atomic save", "selagg_core/files/write.py", "            _replace(partial, path)",
          "            path.write_bytes(content)\n            partial.unlink()", ("core/test_files.py",)),
    Named("save without sync", "selagg_core/files/write.py", "                os.fsync(file.fileno())\n",
          "", ("core/test_files.py",)),
    Named("mask at one half", "selagg_core/maps/regions.py", "Region(values > 0.5, label)",
          "Region(values >= 0.5, label)", SMALL),
    Named("calibration's threshold", FIT, "int(allowed * len(ranked) + 1e-9)",
          "int(allowed * len(ranked) + 1)", SMALL),
    Named("folds", FIT, "_fit(values[rest], truth[rest], ridge)", "_fit(values, truth, ridge)", SMALL),
    Named("missing features", FIT, "filled = np.where(known, values, mean)",
          "filled = np.where(known, values, 0.0)", SMALL),
    Named("thresholds over right pictures", "selagg_core/calibrate.py",
          "if row.right_picture and not row.wrong",
          "if not row.wrong", SMALL),
    Named("angle the shorter way", "selagg_core/diagnosis/scene.py", "min(turn, 2 * np.pi - turn)", "turn",
          SMALL),
    Named("word places: the end", "selagg_core/prompt/word_places.py",
          "self.pieces[first].start, self.pieces[last].stop",
          "self.pieces[first].start, self.pieces[first].stop", ("core/test_word_places.py",)),
    Named("word places: any later one", "selagg_core/prompt/word_places.py", "later - self.at <= _NEAR or",
          "True or",
          ("core/test_word_places.py",)),
    Named("last view", STORED, "last = {view.place: key for key, view in self._views.items()}",
          "last = {view.place: key for key, view in reversed(self._views.items())}", STORE),
    Named("oldest view", STORED, "if key not in shown), older[0])", "if key not in shown), older[-1])",
          STORE),
    Named("routes twice", ROUTES, '.startswith(f"{PREFIX}/") for route', '.startswith("never") for route',
          STORE),
    Named("cache headers", ROUTES, "private, max-age=86400", "public, max-age=86400", STORE),
    Named("no sniffing", ROUTES, ', "X-Content-Type-Options": "nosniff"', "", STORE),
    Named("id length", STORED, "token_hex(16)", "token_hex(4)", STORE),
    Named("model holding the capture", "nodes/recording/recorder.py", "held = weakref.ref(capture)",
          "held = lambda: capture", FREED),
    Named("recorder freed", "nodes/recording/recorder.py",
          "        recorder.finish(latent)\n        return latent",
          "        recorder.finish(latent)\n        record.kept = recorder\n        return latent", FREED),
)  # fmt: skip


def verdict(named: Named) -> str:
    """Whether its tests see it. Raises ValueError if the file is not as it says."""
    file = ROOT / named.file
    source = file.read_text("utf-8")
    if source.count(named.before) != 1:
        raise ValueError(f"{named.name}: {named.file} holds {source.count(named.before)} of the piece")

    def work() -> dict:
        code = compile(source.replace(named.before, named.after), str(file), "exec")
        usual = importlib.machinery.SourceFileLoader.get_code

        def get_code(self, fullname):
            return code if Path(self.path) == file else usual(self, fullname)

        importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
        return {"code": _run_tests(named.tests)}

    told = _in_child(work, SECONDS)
    if told is None:
        return "too long"
    if told["code"] > NOT_COLLECTED:
        return f"not run (pytest code {told['code']})"
    return "survived" if told["code"] == PASSED else "killed"


def _passes_without(tests: Sequence[str]) -> bool:
    told = _in_child(lambda: {"code": _run_tests(tests)}, SECONDS)
    return told is not None and told["code"] == PASSED


def chosen_of(parts: Sequence[str]) -> list[Named]:
    """Those with one of these parts in their names. Raises ValueError for a part that is in none."""
    for part in parts:
        if not any(part in named.name for named in NAMED):
            raise ValueError(f"no mutation is called {part!r}: {', '.join(named.name for named in NAMED)}")
    return [named for named in NAMED if any(part in named.name for part in parts)]


def main() -> None:
    """Tries every one, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", action="store_true", help="only those that need no host")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="only those of these names, or parts of names"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    try:
        chosen = chosen_of(args.only or ("",))
    except ValueError as error:
        parser.error(str(error))
    chosen = [named for named in chosen if not (args.core and named.tests[0].startswith("host"))]
    _warm_up()
    sound = {tests: _passes_without(tests) for tests in dict.fromkeys(named.tests for named in chosen)}
    found = {}
    for named in chosen:
        found[named.name] = verdict(named) if sound[named.tests] else "its tests fail without it"
        sys.stderr.write(f"{named.name}: {found[named.name]}\n")
        sys.stderr.flush()
    killed = sum(how == "killed" for how in found.values())
    write_line(json.dumps({"mutations": len(found), "killed": killed, "verdicts": found}), args.json)


if __name__ == "__main__":
    main()
