"""A folder of kept reports and the artist's labels, or rows that judges have labelled -> a calibration.

labels.json: report file -> picture number (from 1, as text) -> {"wrong": [...], "right": [...]}, each a list
of claims as the report writes them ("red > scarf", "cat left of dog", "cat"). A claim in neither is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .diagnosis.calibration import Calibration, KindModel, choose_threshold, fit_kind
from .diagnosis.features import FEATURES
from .files.text import read_text
from .files.versioned import parse_json
from .proof.rows import Rows
from .proof.truth import RIGHT, WRONG
from .report.report import Report

LABELS_FILE = "labels.json"
FALSE_ALARMS = 0.02
"""Share of entirely right pictures that one kind may give a warning on."""


@dataclass(frozen=True)
class Labelled:
    """A checked claim with the artist's, or the reader's, word on it."""

    kind: str
    features: Mapping[str, float]
    wrong: bool
    prompt: str
    picture: str
    right_picture: bool
    """Whether nothing at all is wrong with the picture."""


def read_folder(folder: Path) -> list[Labelled]:
    """All labelled claims of a folder.

    Raises ValueError if the folder or its labels are missing, cannot be read, or name what is not there.
    """
    path = folder / LABELS_FILE
    if not path.is_file():
        raise ValueError(
            f"there is no {LABELS_FILE} in {folder.name}: write which claims of the kept reports are right "
            'and wrong, such as {"report.json": {"1": {"wrong": ["red > scarf"], "right": ["scarf"]}}}.'
        )
    try:
        labels = parse_json(read_text(path))
    except ValueError as error:
        raise ValueError(f"{LABELS_FILE} cannot be read: {error}".rstrip(".") + ".") from error
    if not isinstance(labels, dict) or not all(isinstance(value, dict) for value in labels.values()):
        raise ValueError(f"{LABELS_FILE} must name report files, and in each its pictures by number.")
    return [row for name, pictures in labels.items() for row in _of_report(folder, str(name), pictures)]


@dataclass(frozen=True)
class ByJudges:
    """Claims that judges have labelled. open: claims that they left open, which are not used."""

    rows: tuple[Labelled, ...]
    open: int
    judges: tuple[str, ...]


def read_scores(rows: Rows) -> ByJudges:
    """The checks in rows of SelAgg Score with the judges' verdicts. Raises ValueError if there are none."""
    checks = [row for row in rows.claims if row.kind]
    if not checks:
        raise ValueError(
            "these scores hold no checks: connect the report of SelAgg Diagnose to SelAgg Score, and make "
            "pictures again."
        )
    wrong_pictures = {row.taken for row in rows.claims if row.verdict == WRONG}
    decided = [row for row in checks if row.verdict in (RIGHT, WRONG)]
    labelled = tuple(
        Labelled(
            row.kind,
            row.features,
            row.verdict == WRONG,
            row.taken.prompt,
            f"{row.taken.picture} {row.taken.seed}",
            row.taken not in wrong_pictures,
        )
        for row in decided
    )
    judges = tuple(dict.fromkeys(judge for row in rows.pictures for judge in row.judges))
    return ByJudges(labelled, len(checks) - len(decided), judges)


def _of_report(folder: Path, name: str, pictures: Mapping[str, Any]) -> Iterator[Labelled]:
    path, shown = folder / Path(name).name, name[:60]
    try:
        there = path.is_file()
    except (OSError, ValueError):  # longer than a file system takes, or with marks that no name may have
        there = False
    if not there:
        raise ValueError(f'{LABELS_FILE} names "{shown}", which is not in the folder.')
    try:
        report = Report.from_json(read_text(path))
    except ValueError as error:
        raise ValueError(f'"{path.name}": {error}') from error
    by_number = {str(picture.index + 1): picture for picture in report.pictures}
    for number, answers in pictures.items():
        if number not in by_number or not isinstance(answers, dict):
            there_are = ", ".join(list(by_number)[:20]) or "none"
            raise ValueError(f'"{shown}" has no picture {number[:20]}; it has {there_are}.')
        said = {claim: True for claim in _listed(answers, "wrong", name, number)}
        said.update(dict.fromkeys(_listed(answers, "right", name, number), False))
        checks = by_number[number].checks
        if unknown := set(said) - {check.claim for check in checks}:
            raise ValueError(f'"{sorted(unknown)[0][:80]}" is no claim of picture {number} of "{shown}".')
        for check in checks:
            if check.claim in said:
                yield Labelled(
                    check.kind,
                    check.features,
                    said[check.claim],
                    report.prompt,
                    f"{name} {number}",
                    not any(said.values()),
                )


def _listed(answers: Mapping[str, Any], key: str, name: str, number: str) -> list[str]:
    """The claims under "wrong" or "right". Raises ValueError unless they are a list of texts, or one text."""
    claims = answers.get(key, [])
    claims = [claims] if isinstance(claims, str) else claims
    if not isinstance(claims, list) or not all(isinstance(claim, str) for claim in claims):
        raise ValueError(f'{LABELS_FILE}: "{key}" of picture {number} of "{name}" must be a list of claims.')
    return claims


def fit(rows: Sequence[Labelled], base: str, data: Mapping[str, Any]) -> tuple[Calibration, tuple[str, ...]]:
    """A calibration of all kinds that have labels enough, and a sentence on each kind.

    Raises ValueError if no kind has.
    """
    models, told = {}, []
    for kind, features in FEATURES.items():
        own = [row for row in rows if row.kind == kind]
        count = sum(row.wrong for row in own)
        try:
            model = fit_kind(
                [row.features for row in own],
                [row.wrong for row in own],
                features,
                [row.prompt for row in own],
            )
        except ValueError as error:
            told.append(f"{kind}: not fitted, {error}")
            continue
        models[kind] = with_thresholds(model, own)
        told.append(f"{kind}: fitted on {len(own)} labels, {count} of them wrong.")
    if not models:
        raise ValueError(f"no kind of finding has labels enough. {' '.join(told)}")
    return Calibration(models, base, data), tuple(told)


def with_thresholds(model: KindModel, rows: Sequence[Labelled], allowed: float = FALSE_ALARMS) -> KindModel:
    """The model with the lowest warning threshold that seldom warns on pictures that are entirely right."""
    calm = [row for row in rows if row.right_picture and not row.wrong]
    confidence = np.array([model.confidence(row.features) for row in calm])
    warn = max(0.5, choose_threshold(confidence, np.array([row.picture for row in calm]), allowed))
    return replace(model, warn=warn, unsure=min(0.3, warn))
