"""A folder of kept reports and the artist's labels -> a calibration of his own.

labels.json: report file -> picture number (from 1, as text) -> {"wrong": [...], "right": [...]}, each a list
of claims as the report writes them ("red > scarf", "cat left of dog", "cat"). A claim in neither is not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .diagnosis.calibration import Calibration, KindModel, choose_threshold, fit_kind
from .diagnosis.features import FEATURES
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
        labels = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{LABELS_FILE} cannot be read: {error}.") from error
    if not isinstance(labels, dict) or not all(isinstance(value, dict) for value in labels.values()):
        raise ValueError(f"{LABELS_FILE} must name report files, and in each its pictures by number.")
    return [row for name, pictures in labels.items() for row in _of_report(folder, str(name), pictures)]


def _of_report(folder: Path, name: str, pictures: Mapping[str, Any]) -> Iterator[Labelled]:
    path = folder / Path(name).name
    if not path.is_file():
        raise ValueError(f'{LABELS_FILE} names "{name}", which is not in the folder.')
    report = Report.from_json(path.read_text(encoding="utf-8"))
    by_number = {str(picture.index + 1): picture for picture in report.pictures}
    for number, answers in pictures.items():
        if number not in by_number or not isinstance(answers, dict):
            raise ValueError(f'"{name}" has no picture {number}; it has {", ".join(by_number) or "none"}.')
        said = {str(c): True for c in answers.get("wrong", ())}
        said.update({str(c): False for c in answers.get("right", ())})
        checks = by_number[number].checks
        if unknown := set(said) - {check.claim for check in checks}:
            raise ValueError(f'"{sorted(unknown)[0]}" is no claim of picture {number} of "{name}".')
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
