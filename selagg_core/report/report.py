"""The diagnosis of a run as JSON with a version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..diagnosis.brief import rank
from ..diagnosis.examine import Check, PictureDiagnosis
from ..diagnosis.findings import Finding
from ..diagnosis.measure import PlaceEvidence, WordEvidence
from ..diagnosis.tries import Try
from ..files.checked import check_fields, fits, mapping, whole
from ..files.versioned import damage_of, read_versioned
from ..prompt.groups import WordGroup

SCHEMA = "selagg-report"
VERSION = 2
"""2 says where words are (`at`) and gives expected regions a kind of their own."""
_INSIDE = frozenset(("heats", "facts", "left_out"))
"""Fields that are not kept."""


@dataclass(frozen=True)
class Report:
    """What was measured and found on the pictures of one sampling run.

    `settings`: how the maps were made (mode, heads, steps, ...). `problems`: what could not be done, and the
    cure. `notices`: fallbacks and gaps of the recording. `claims`: what was checked, as lines to edit.
    `shares`: of every text in every picture, where the attention went (`all_shares`). `from_picture`: whether
    the run started from a picture that shows through the noise; None where that is not known.
    The JSON is described in report.schema.json.
    """

    prompt: str
    settings: Mapping[str, str | int | float]
    pictures: tuple[PictureDiagnosis, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    shares: tuple[Mapping[str, Any], ...] = ()
    version: int = VERSION
    from_picture: bool | None = None

    def warnings(self) -> list[str]:
        """One line each, worst first: problems, then warnings, then "unsure"; notices last."""
        many = len(self.pictures) > 1
        ranked = sorted(
            ((finding, picture.index) for picture in self.pictures for finding in picture.findings),
            key=lambda item: (*rank(item[0]), item[1]),
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
            "from_picture": self.from_picture,
            "problems": list(self.problems),
            "notices": list(self.notices),
            "claims": list(self.claims),
            "shares": [dict(own) for own in self.shares],
            "pictures": [_picture_to_dict(picture) for picture in self.pictures],
        }
        return json.dumps(body, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Reads a report, also one of version 1. Raises ValueError for anything else."""
        body = read_versioned(text, SCHEMA, (1, VERSION), "report")
        try:
            body = _from_version_1(body) if body["version"] == 1 else body
            check_fields(cls, body)
            return cls(
                prompt=str(body["prompt"]),
                settings=dict(body["settings"]),
                pictures=tuple(_picture_from_dict(picture) for picture in body["pictures"]),
                problems=tuple(body["problems"]),
                notices=tuple(body["notices"]),
                claims=tuple(body["claims"]),
                shares=tuple(map(_checked_shares, body.get("shares", ()))),
                from_picture=body.get("from_picture"),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this SelAgg report is damaged: {damage_of(error)}.") from error


def plain(item: Any) -> dict[str, Any]:
    """A finding, check or piece of evidence for JSON: words by their labels, and where they are (`at`)."""
    body = {field.name: getattr(item, field.name) for field in fields(item) if field.name not in _INSIDE}
    if "tries" in body:
        body["tries"] = [each.to_dict() for each in body["tries"]]
    if "word" in body:
        word = body.pop("word")
        return {"label": word.label, "at": _at(word), **body}
    return {
        **body,
        "words": [word.label for word in body["words"]],
        "at": [_at(word) for word in body["words"]],
    }


def _at(word: WordGroup) -> list[Any]:
    """The conditioning entry of a word or phrase, and its words in the prompt of that entry."""
    return [word.entry, list(word.indices)]


def _checked_shares(body: Any) -> dict[str, Any]:
    if not fits(body, Mapping[str, Any]) or not fits(body["shares"], Mapping[str, float]):
        raise ValueError("its shares of attention are no numbers")
    shares = {str(kind): float(share) for kind, share in body["shares"].items()}
    return {"text": whole(body["text"]), "picture": whole(body["picture"]), "shares": shares}


def _picture_to_dict(picture: PictureDiagnosis) -> dict[str, Any]:
    return {
        "index": picture.index,
        "words": [plain(word) for word in picture.words],
        "places": [plain(place) for place in picture.places],
        "findings": [plain(finding) for finding in picture.findings],
        "checks": [plain(check) for check in picture.checks],
    }


def _picture_from_dict(body: Mapping[str, Any]) -> PictureDiagnosis:
    return PictureDiagnosis(
        index=whole(body["index"]),
        words=tuple(_read(WordEvidence, word) for word in body["words"]),
        places=tuple(_read(PlaceEvidence, place) for place in body["places"]),
        findings=tuple(_read(Finding, finding) for finding in body["findings"]),
        checks=tuple(_read(Check, check) for check in body["checks"]),
    )


def _read(kind: type, body: Mapping[str, Any]) -> Any:
    """A dataclass from its JSON form; unknown keys are an error, and lists become tuples again."""
    values = dict(mapping(body))
    if "label" in values:
        values["word"] = _word(values.pop("label"), values.pop("at"))
    else:
        values["words"] = tuple(map(_word, values["words"], values.pop("at")))
    if "tries" in values:
        values["tries"] = tuple(map(Try.from_dict, values["tries"]))
    known = {field.name for field in fields(kind)} - _INSIDE
    if unknown := set(values) - known:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    check_fields(kind, values)
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )


def _word(label: str, at: list[Any]) -> WordGroup:
    entry, indices = at
    return WordGroup(str(label), tuple(map(whole, indices)), whole(entry))


# ------------------------------------------------------------------------------------------- version 1

_NOWHERE = [0, []]
"""Where a word is in a report that does not say."""
_COORDINATES = frozenset(f"{name}_{axis}" for name in ("subject", "other") for axis in "xy")


def _from_version_1(body: Mapping[str, Any]) -> dict[str, Any]:
    """A report of version 1 as version 2 would have it; where words are it does not know."""
    pictures = [
        {
            **picture,
            "words": [{**word, "at": _NOWHERE} for word in picture["words"]],
            "places": [{**place, "at": _NOWHERE} for place in picture["places"]],
            "findings": [_finding_from_1(finding) for finding in picture["findings"]],
            "checks": [_words_from_1(check) for check in picture["checks"]],
        }
        for picture in body["pictures"]
    ]
    return {**body, "version": VERSION, "pictures": pictures}


def _finding_from_1(body: Mapping[str, Any]) -> dict[str, Any]:
    evidence = {key: value for key, value in body["evidence"].items() if key not in _COORDINATES}
    region = body["kind"] == "misplaced" and "expected_at" in evidence
    return {
        **_words_from_1(body),
        "kind": "misplaced_region" if region else body["kind"],
        "evidence": evidence,
    }


def _words_from_1(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of a relation the words that say it stood between the two things, of a place after the thing."""
    labels = list(body["words"])
    if body["kind"] == "misplaced":
        labels = [labels[0], labels[2]] if len(labels) == 3 else labels[:1]
    return {**body, "words": labels, "at": [_NOWHERE] * len(labels)}
