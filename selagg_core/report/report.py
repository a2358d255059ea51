"""The diagnosis of a run as JSON with a version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..diagnosis.examine import Check, PictureDiagnosis
from ..diagnosis.findings import LEVELS, Finding
from ..diagnosis.measure import PlaceEvidence, WordEvidence
from ..files.versioned import damage_of, read_versioned

SCHEMA = "selagg-report"
VERSION = 1


@dataclass(frozen=True)
class Report:
    """What was measured and found on the pictures of one sampling run.

    `settings`: how the maps were made (mode, heads, steps, ...). `problems`: what could not be done, and the
    cure. `notices`: fallbacks and gaps of the recording. `claims`: what was checked, as lines to edit.
    The JSON is described in report.schema.json.
    """

    prompt: str
    settings: Mapping[str, str | int | float]
    pictures: tuple[PictureDiagnosis, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    version: int = VERSION

    def warnings(self) -> list[str]:
        """One line each, worst first: problems, then warnings, then "unsure"; notices last."""
        many = len(self.pictures) > 1
        ranked = sorted(
            ((finding, picture.index) for picture in self.pictures for finding in picture.findings),
            key=lambda item: (LEVELS.index(item[0].level), -item[0].severity, item[1]),
        )
        found = [
            (f"picture {index + 1}: " if many else "") + " ".join(finding.line.split())
            for finding, index in ranked
        ]
        problems = ["problem: " + " ".join(problem.split()) for problem in self.problems]
        return problems + found + ["note: " + " ".join(notice.split()) for notice in self.notices]

    def to_json(self) -> str:
        """JSON text; `from_json` gives an equal report back."""
        body = {
            "schema": SCHEMA,
            "version": self.version,
            "prompt": self.prompt,
            "settings": dict(self.settings),
            "problems": list(self.problems),
            "notices": list(self.notices),
            "claims": list(self.claims),
            "pictures": [_picture_to_dict(picture) for picture in self.pictures],
        }
        return json.dumps(body, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Reads a report. Raises ValueError for anything but a report of this version."""
        body = read_versioned(text, SCHEMA, (VERSION,), "report")
        try:
            return cls(
                prompt=str(body["prompt"]),
                settings=dict(body["settings"]),
                pictures=tuple(_picture_from_dict(picture) for picture in body["pictures"]),
                problems=tuple(body["problems"]),
                notices=tuple(body["notices"]),
                claims=tuple(body["claims"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this SelAgg report is damaged: {damage_of(error)}.") from error


def _picture_to_dict(picture: PictureDiagnosis) -> dict[str, Any]:
    return {
        "index": picture.index,
        "words": [asdict(word) for word in picture.words],
        "places": [asdict(place) for place in picture.places],
        "findings": [asdict(finding) for finding in picture.findings],
        "checks": [asdict(check) for check in picture.checks],
    }


def _picture_from_dict(body: Mapping[str, Any]) -> PictureDiagnosis:
    return PictureDiagnosis(
        index=int(body["index"]),
        words=tuple(_read(WordEvidence, word) for word in body["words"]),
        places=tuple(_read(PlaceEvidence, place) for place in body["places"]),
        findings=tuple(_read(Finding, finding) for finding in body["findings"]),
        checks=tuple(_read(Check, check) for check in body["checks"]),
    )


def _read(kind: type, body: Mapping[str, Any]) -> Any:
    """A dataclass from its JSON form; unknown keys are an error, and lists become tuples again."""
    known = {field.name for field in fields(kind)}
    if unknown := set(body) - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in body.items()})
