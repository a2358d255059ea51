"""What a proof writes down, one line of JSON each: a row a word, a row a claim, a row a picture.

Lines are whole by themselves, so that what was finished is kept whatever happens to the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..files.append import append_lines
from ..files.text import read_text
from ..files.versioned import parse_json
from .scoring import THRESHOLDS, WordScore

SCHEMA, VERSION = "selagg-score", 1
DIGITS = 7
"""After the point of what is written: enough to compare figures within 1e-6."""


@dataclass(frozen=True)
class Taken:
    """The picture that a row is of. picture: its mark (see `picture_mark`)."""

    checkpoint: str
    prompt: str
    seed: int
    picture: str


@dataclass(frozen=True)
class WordRow:
    """A word, its scores by method, and the AUC of every head (None: not recorded)."""

    taken: Taken
    word: str
    at: tuple[int, ...]
    kind: str
    concepts: tuple[str, ...]
    scores: Mapping[str, WordScore]
    aucs: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class ClaimRow:
    """A claim with the judges' verdict; `check`: the kind of finding that it is about, with its features.

    Rows without a check (`kind` "") count what is right, wrong and open.
    """

    taken: Taken
    claim: str
    verdict: str
    reason: str
    kind: str = ""
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PictureRow:
    """A picture: the heads of its model, who judged, what judges saw that is not in the prompt.

    layout: (block, number, depth, heads) of each layer. absent: (judge, noun, score). left_out: words of
    which no score could be made, and why.
    """

    taken: Taken
    layout: tuple[tuple[str, int, int, int], ...]
    context_width: int
    judges: tuple[str, ...]
    absent: tuple[tuple[str, str, float], ...]
    heads: str = ""
    left_out: tuple[str, ...] = ()


Row = WordRow | ClaimRow | PictureRow
_NAMES: Mapping[str, type] = {"word": WordRow, "claim": ClaimRow, "picture": PictureRow}


@dataclass(frozen=True)
class Rows:
    """What was read: each row once, the latest of each. damaged: lines that could not be read."""

    words: tuple[WordRow, ...] = ()
    claims: tuple[ClaimRow, ...] = ()
    pictures: tuple[PictureRow, ...] = ()
    damaged: int = 0

    @classmethod
    def of(cls, rows: Iterable[Row], damaged: int = 0) -> Rows:
        latest: dict[tuple, Row] = {}
        for row in rows:
            latest[_key(row)] = row
        kept = list(latest.values())
        return cls(
            tuple(row for row in kept if isinstance(row, WordRow)),
            tuple(row for row in kept if isinstance(row, ClaimRow)),
            tuple(row for row in kept if isinstance(row, PictureRow)),
            damaged,
        )


def to_line(row: Row) -> str:
    """A row as one line of JSON."""
    name = next(name for name, kind in _NAMES.items() if isinstance(row, kind))
    body = {key: value for key, value in vars(row).items() if key != "taken"}
    if isinstance(row, WordRow):
        body["scores"] = {method: _score_to_json(score) for method, score in row.scores.items()}
    head = {"schema": SCHEMA, "version": VERSION, "row": name, **asdict(row.taken)}
    return json.dumps({**head, **{key: _plain(value) for key, value in body.items()}}, allow_nan=False)


def from_line(line: str) -> Row:
    """The row of a line. Raises ValueError for anything else."""
    body = parse_json(line)
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise ValueError("this is no row of SelAgg Score")
    if body.get("version") != VERSION:
        raise ValueError(
            f"rows of version {str(body.get('version'))[:20]} cannot be read here: update SelAgg"
        )
    try:
        return _row(body)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError("a part of this row is missing or of the wrong kind") from error


def parse_rows(lines: Iterable[str]) -> Rows:
    """All rows of some lines; what cannot be read, as the half line of a run that was stopped, is counted."""
    rows, damaged = [], 0
    for line in lines:
        if line.strip():
            try:
                rows.append(from_line(line))
            except ValueError:
                damaged += 1
    return Rows.of(rows, damaged)


def read_rows(path: Path) -> Rows:
    """The rows of a file. Raises ValueError, with what to do, if it is not there or holds none."""
    if not path.is_file():
        raise ValueError(f"there is no {path.name}: make pictures with SelAgg Score first.")
    found = parse_rows(read_text(path).splitlines())
    if not found.words and not found.claims and not found.pictures:
        raise ValueError(f"{path.name} holds no rows of SelAgg Score.")
    return found


def append_rows(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows behind those that are there. Raises ValueError, with the cause, as `append_lines` does."""
    append_lines(path, [to_line(row) for row in rows])


def _key(row: Row) -> tuple:
    own = row.taken
    common = (type(row).__name__, own.checkpoint, own.prompt, own.seed, own.picture)
    if isinstance(row, WordRow):
        return (*common, row.at, row.kind)
    return (*common, row.claim, row.kind) if isinstance(row, ClaimRow) else common


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else value


def _score_to_json(score: WordScore) -> dict[str, Any]:
    return {
        "ious": [round(float(iou), DIGITS) for iou in score.ious],
        "otsu": score.iou_otsu,
        "hit": score.hit,
        "ap": score.ap,
    }


def _row(body: Mapping[str, Any]) -> Row:
    taken = Taken(str(body["checkpoint"]), str(body["prompt"]), int(body["seed"]), str(body["picture"]))
    if body["row"] == "word":
        kind = str(body["kind"])
        scores = {str(name): _score(own, kind, taken.prompt) for name, own in body["scores"].items()}
        aucs = tuple(None if auc is None else float(auc) for auc in body["aucs"])
        concepts = tuple(map(str, body["concepts"]))
        return WordRow(taken, str(body["word"]), tuple(map(int, body["at"])), kind, concepts, scores, aucs)
    if body["row"] == "claim":
        features = {str(name): float(value) for name, value in body["features"].items()}
        claim, verdict, reason, check = (str(body[key]) for key in ("claim", "verdict", "reason", "kind"))
        return ClaimRow(taken, claim, verdict, reason, check, features)
    return PictureRow(
        taken,
        tuple((str(b), int(n), int(d), int(h)) for b, n, d, h in body["layout"]),
        int(body["context_width"]),
        tuple(map(str, body["judges"])),
        tuple((str(judge), str(noun), float(score)) for judge, noun, score in body["absent"]),
        str(body["heads"]),
        tuple(map(str, body["left_out"])),
    )


def _score(body: Mapping[str, Any], kind: str, prompt: str) -> WordScore:
    ious = np.array([float(iou) for iou in body["ious"]])
    if ious.shape != THRESHOLDS.shape:
        raise ValueError("another list of thresholds")
    return WordScore(kind, prompt, ious, float(body["otsu"]), float(body["hit"]), float(body["ap"]))
