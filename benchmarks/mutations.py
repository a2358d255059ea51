"""Mutations: small faults put into the core one after the other, and whether its tests see them.

`python -m benchmarks.mutations --json -` mutates all of selagg_core with the tests of tests/core: hours, for
the night. `--files selagg_core/recording --sample 100 --seed 1` tries a part. Every fault is tried in a
process of its own, by the tests alone that run its line; none is ever written to a file. Needs a system with
fork.

score: share of the faults on lines that tests run which were seen; score_of_all: those on lines that no test
runs count as not seen. A survivor is a fault that no test saw:
a test is missing, or the fault changes nothing that matters (a tolerance, a size of buffers).
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo.result_file import write_line

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "core"
SLOW_SECONDS = 5.0
"""Tests that take longer are left to the suite itself."""
MOST_TESTS = 60
"""Tests that are tried on one fault, the fastest first."""
KILLED, SURVIVED, NOT_RUN, TOO_LONG = "killed", "survived", "not run", "too long"

Lines = Set[tuple[str, int]]
"""Lines of files: path, and number of the line."""
PASSED, FAILED, NOT_COLLECTED, NO_SUCH_TEST = 0, 1, 2, 4
"""Exit codes of pytest; the third where a fault breaks the import of a test."""

_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}


@dataclass(frozen=True)
class Mutant:
    """One fault: the `number`-th of its file, on a line, told as source before and after."""

    file: str
    number: int
    line: int
    change: str


def faults_of(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Every node that can be mutated, with what takes its place; always in the same order."""
    skipped = {id(node) for node in _texts_and_types(tree)}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            yield from ((node, changed) for changed in _changes(node))


def _texts_and_types(tree: ast.Module) -> Iterator[ast.AST]:
    """Annotations, and what only makes messages."""
    for node in ast.walk(tree):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.JoinedStr):
            parts.append(node)
        if isinstance(node, ast.Raise):
            parts.append(node)
        for part in filter(None, parts):
            yield from ast.walk(part)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        yield _with(node, ops=[_COMPARED[type(node.ops[0])](), *node.ops[1:]])
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _CALCULATED:
        yield _with(node, op=_CALCULATED[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield _with(node, value=not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield _with(node, value=node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 0.1)
    elif isinstance(node, ast.Name) and node.id in _NAMES and isinstance(node.ctx, ast.Load):
        yield _with(node, id=_NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield _with(node, attr=_NAMES[node.attr])
    elif _is_dropped(node):
        yield ast.Pass()
    elif isinstance(node, ast.IfExp):
        yield _with(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield _with(node, value=ast.Constant(None))


def _is_dropped(node: ast.AST) -> bool:
    """A call for its effect alone, or a jump."""
    return isinstance(node, ast.Break | ast.Continue) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )


def _with(node: ast.AST, **fields) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


class _Exchange(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return ast.copy_location(self._new, node)
        return self.generic_visit(node)


def mutants_of(file: Path) -> list[Mutant]:
    """All faults of a file."""
    found = []
    for number, (old, new) in enumerate(faults_of(ast.parse(file.read_text("utf-8")))):
        before, after = (_source(node) for node in (old, new))
        name = file.relative_to(ROOT).as_posix()
        found.append(Mutant(name, number, old.lineno, f"{before} -> {after}"))
    return found


def _source(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())[:100]


def mutated(file: Path, number: int) -> ast.Module:
    """The tree of a file with its `number`-th fault."""
    tree = ast.parse(file.read_text("utf-8"))
    old, new = list(faults_of(tree))[number]
    return ast.fix_missing_locations(_Exchange(old, new).visit(tree))


# -------------------------------------------------------------------------------- tests, each in its process


class _Lines:
    """A pytest plugin: which lines of the core each test runs, and how long it takes."""

    def __init__(self, core: str) -> None:
        self._core = core
        self.lines: dict[str, list[tuple[str, int]]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._now: set[tuple[str, int]] = set()

    def _trace(self, frame, event, argument):
        name = frame.f_code.co_filename
        if not name.startswith(self._core):
            return None
        seen = self._now

        def local(frame, event, argument):
            seen.add((name, frame.f_lineno))
            return local

        seen.add((name, frame.f_lineno))
        return local

    def pytest_runtest_protocol(self, item, nextitem):
        self._now = set()
        self._started = time.monotonic()
        sys.settrace(self._trace)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid, location):
        sys.settrace(None)
        self.lines[nodeid] = sorted(self._now)
        self.seconds[nodeid] = time.monotonic() - self._started


def _in_child(work, seconds: float) -> dict | None:
    """What `work` gives, in a process of its own; None if it takes too long or dies."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                told = json.dumps(work()).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(told)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    timer = _Alarm(child, seconds)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    timer.stop()
    os.waitpid(child, 0)
    return json.loads(told) if told else None


class _Alarm:
    """Ends a child that takes too long."""

    def __init__(self, child: int, seconds: float) -> None:
        def end(*_) -> None:
            os.kill(child, signal.SIGKILL)

        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run_tests(tests: Sequence[str], plugins: Sequence[object] = ()) -> int:
    import pytest

    os.chdir(TESTS.parent)  # names of tests are relative to it
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--no-header"]
    return int(pytest.main([*options, *tests], plugins=list(plugins)))


def lines_by_test(tests: Sequence[str]) -> tuple[dict[str, Lines], dict[str, float]]:
    """test -> lines of the core that it runs, and test -> seconds. Raises RuntimeError if a test fails."""

    def work():
        plugin = _Lines(str(ROOT / "selagg_core"))
        code = _run_tests(tests, [plugin])
        return {"lines": plugin.lines, "seconds": plugin.seconds, "code": code, "failed": plugin.failed}

    told = _in_child(work, 3600)
    if told is None or told["code"] != PASSED:
        raise RuntimeError(f"The tests fail without any fault: {(told or {}).get('failed')}.")
    return {test: {(name, line) for name, line in own} for test, own in told["lines"].items()}, told[
        "seconds"
    ]


def verdict(mutant: Mutant, tests: Sequence[str], seconds: float) -> str:
    """Whether these tests see a fault."""
    if not tests:
        return NOT_RUN

    def work():
        if mutant.number >= 0:
            _install(ROOT / mutant.file, mutant.number)
        return {"code": _run_tests(tests)}

    told = _in_child(work, 60 + 20 * seconds)
    if told is None:
        return TOO_LONG
    if told["code"] == NO_SUCH_TEST:  # a fault that changes the names of tests: their files are run whole
        files = sorted({test.partition("::")[0] for test in tests})
        return verdict(mutant, files, seconds) if files != sorted(tests) else KILLED
    if told["code"] not in (PASSED, FAILED, NOT_COLLECTED):
        raise RuntimeError(f"pytest ended with code {told['code']} on {', '.join(tests[:3])}.")
    return SURVIVED if told["code"] == PASSED else KILLED


def _install(file: Path, number: int) -> None:
    """From here on the import of this file gives it with its fault."""
    code = compile(mutated(file, number), str(file), "exec")
    usual = importlib.machinery.SourceFileLoader.get_code

    def get_code(self, fullname):
        return code if Path(self.path) == file else usual(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code


def tests_of(mutant: Mutant, lines: Mapping[str, Lines], seconds: Mapping[str, float]) -> list[str]:
    """The tests that run the line of a fault; of a line that is run on import, those that use the file."""
    path = str(ROOT / mutant.file)
    of_line = [test for test, own in lines.items() if (path, mutant.line) in own]
    of_file = [test for test, own in lines.items() if any(name == path for name, _ in own)]
    found = of_line or of_file
    return sorted((t for t in found if seconds[t] < SLOW_SECONDS), key=seconds.__getitem__)[:MOST_TESTS]


# ------------------------------------------------------------------------------------------------- command


def summary(found: Sequence[tuple[Mutant, str]]) -> dict:
    """Counts, score, and the survivors, for JSON."""
    by_file: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for mutant, how in found:
        by_file[mutant.file][how] += 1
    counts = {how: sum(own == how for _, own in found) for how in (KILLED, SURVIVED, NOT_RUN, TOO_LONG)}
    tried = counts[KILLED] + counts[SURVIVED] + counts[TOO_LONG]
    return {
        "mutants": len(found),
        **{how.replace(" ", "_"): count for how, count in counts.items()},
        "score": round((counts[KILLED] + counts[TOO_LONG]) / tried, 4) if tried else None,
        "score_of_all": round((counts[KILLED] + counts[TOO_LONG]) / len(found), 4) if found else None,
        "files": {name: dict(own) for name, own in sorted(by_file.items())},
        "survivors": [f"{m.file}:{m.line}: {m.change}" for m, how in found if how == SURVIVED],
        "unrun": [f"{m.file}:{m.line}: {m.change}" for m, how in found if how == NOT_RUN],
    }


def _name(mutant: Mutant) -> str:
    return f"{mutant.file} {mutant.number} {mutant.line}: {mutant.change}"


def kept_verdicts(file: Path | None) -> dict[str, str]:
    """Verdicts of an earlier command, by the fault; {} without a file."""
    if file is None or not file.is_file():
        return {}
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return {line["fault"]: line["how"] for line in lines}


def keep_verdict(file: Path | None, mutant: Mutant, how: str) -> None:
    """Adds a verdict to the file, from which a command that was ended goes on."""
    if file is not None:
        with file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps({"fault": _name(mutant), "how": how}) + "\n")


def core_files(names: Sequence[str]) -> list[Path]:
    """The Python files named, and those of the folders named."""
    found = []
    for name in names:
        path = (ROOT / name).resolve()
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [path for path in found if path.name != "__init__.py" and path.parent.name != "presets"]


def main() -> None:
    """Tries every fault, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", nargs="+", default=["selagg_core"], help="files or folders to mutate")
    parser.add_argument("--tests", nargs="+", default=[str(TESTS)], help="test files or folders to run")
    parser.add_argument("--sample", type=int, help="so many faults, drawn; all without it")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--keep", type=Path, help="file of verdicts, from which the same command goes on")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if not hasattr(os, "fork"):
        parser.error("this system cannot fork: run it on Linux or macOS.")
    _warm_up()
    mutants = [mutant for file in core_files(args.files) for mutant in mutants_of(file)]
    if args.sample is not None and args.sample < len(mutants):
        picks = np.random.default_rng(args.seed).choice(len(mutants), args.sample, replace=False)
        mutants = [mutants[i] for i in sorted(picks)]
    sys.stderr.write(f"{len(mutants)} faults; first the tests without any\n")
    lines, seconds = lines_by_test([str(Path(name).resolve()) for name in args.tests])
    for file in {mutant.file for mutant in mutants}:
        control = Mutant(file, -1, 0, "none")
        tests = tests_of(control, lines, seconds)
        if tests and verdict(control, tests, sum(seconds[test] for test in tests)) != SURVIVED:
            raise RuntimeError(f"The tests of {file} fail without any fault when they are run alone.")
    found: list[tuple[Mutant, str]] = []
    known = kept_verdicts(args.keep)
    started = time.monotonic()
    for count, mutant in enumerate(mutants, 1):
        how = known.get(_name(mutant))
        if how is None:
            tests = tests_of(mutant, lines, seconds)
            how = verdict(mutant, tests, sum(seconds[test] for test in tests))
            keep_verdict(args.keep, mutant, how)
        found.append((mutant, how))
        if count % 20 == 0 or count == len(mutants):
            gone = time.monotonic() - started
            survivors = sum(how == SURVIVED for _, how in found)
            sys.stderr.write(f"{count}/{len(mutants)}, {survivors} survived, {gone:.0f} s\n")
            sys.stderr.flush()
    write_line(json.dumps({"seed": args.seed, **summary(found)}), args.json)


def _warm_up() -> None:
    """Imports what every child needs and no fault is put into."""
    import cv2  # noqa: F401
    import hypothesis  # noqa: F401
    import pytest  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import scipy.optimize  # noqa: F401
    import torch

    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
