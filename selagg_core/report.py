"""The diagnosis of a run as JSON with a version, and as one HTML file that needs nothing else.

Prompts are not trusted: all that is shown is escaped, and the page forbids scripts and foreign sources.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import Any

from .annotation import checked_text
from .diagnosis import Check, PictureDiagnosis, PlaceEvidence, WordEvidence
from .findings import LEVELS, Finding

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
        try:
            body = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"this is not a SelAgg report: {error}.") from error
        if not isinstance(body, dict) or body.get("schema") != SCHEMA:
            raise ValueError("this JSON is not a SelAgg report.")
        if body.get("version") != VERSION:
            raise ValueError(f"this report has version {body.get('version')}; only {VERSION} can be read.")
        try:
            return cls(
                prompt=str(body["prompt"]),
                settings=dict(body["settings"]),
                pictures=tuple(_picture_from_dict(picture) for picture in body["pictures"]),
                problems=tuple(body["problems"]),
                notices=tuple(body["notices"]),
                claims=tuple(body["claims"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"this SelAgg report is damaged: {error}.") from error

    def to_html(self, pictures: Sequence[tuple[str, bytes]] = ()) -> str:
        """A self-contained page; `pictures` are captions and PNG bytes, shown in order."""
        return _PAGE.format(
            style=_STYLE,
            prompt=escape(self.prompt) or "(no prompt)",
            warnings=self._warnings_html(),
            pictures="".join(_figure(caption, png) for caption, png in pictures),
            evidence="".join(_evidence_html(picture, len(self.pictures)) for picture in self.pictures),
            settings="".join(
                f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
                for name, value in self.settings.items()
            ),
            notices=_list_html(self.notices, "Notes on the recording"),
            claims=_list_html(self.claims, "What the prompt claims"),
            json=escape(self.to_json()),
        )

    def _warnings_html(self) -> str:
        cards = [_card("problem", "could not be done", problem, "") for problem in self.problems]
        many = len(self.pictures) > 1
        for picture in self.pictures:
            where = f"picture {picture.index + 1}: " if many else ""
            for finding in picture.findings:
                cards.append(_finding_card(finding, where))
        if not cards:
            cards = [_card("calm", "no warning", self._checked(), "")]
        return "".join(cards)

    def _checked(self) -> str:
        return " ".join(dict.fromkeys(checked_text(picture) for picture in self.pictures))


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
        raise KeyError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in body.items()})


def _finding_card(finding: Finding, where: str) -> str:
    kind = finding.kind.replace("_", " ")
    title = kind if finding.sure else f"{finding.level}: {kind}?"
    trust = "measured on this model" if finding.calibrated else "not measured on this model: a rank"
    detail = (
        f"<p>Try: {escape(finding.suggestion)}</p>"
        f"<details><summary>evidence; confidence {finding.confidence:.2f} ({trust})</summary>"
        f"{_numbers('What the maps say', finding.evidence)}{_numbers('What the pixels say', finding.pixels)}"
        f"</details>"
    )
    reason = f" {finding.reason}" if finding.reason else ""
    return _card("sure" if finding.sure else "unsure", where + title, finding.message + reason, detail)


def _numbers(title: str, values: Mapping[str, float | bool | str]) -> str:
    if not values:
        return ""
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(_shown(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<p>{escape(title)}</p><table>{rows}</table>"


def _card(kind: str, title: str, text: str, detail: str) -> str:
    return f'<article class="{kind}"><h3>{escape(title)}</h3><p>{escape(text)}</p>{detail}</article>'


def _figure(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption)
    image = f'<img src="data:image/png;base64,{data}" alt="{text}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def _evidence_html(picture: PictureDiagnosis, count: int) -> str:
    title = f"Words of picture {picture.index + 1}" if count > 1 else "Words"
    head = "".join(
        f"<th>{name}</th>"
        for name in ("word", "mean attention", "peak", "peak / mean", "focus", "largest part", "spread")
    )
    rows = "".join(
        f"<tr><td>{escape(word.label)}</td><td>{word.strength:.4f}</td><td>{word.peak:.4f}</td>"
        f"<td>{word.peak_ratio:.2f}</td><td>{word.focus:.3f}</td><td>{word.component_share:.0%}</td>"
        f"<td>{word.spread:.0%}</td></tr>"
        for word in picture.words
    )
    return f'<h2>{title}</h2><div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _list_html(items: Sequence[str], title: str) -> str:
    if not items:
        return ""
    return f"<h2>{title}</h2><ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _shown(value: float | bool | str) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


_STYLE = """
:root { color-scheme: light dark; --paper: #fafaf8; --ink: #1c1e24; --soft: #5f656f; --line: #dedfdc;
  --card: #ffffff; --sure: #b34e00; --unsure: #5f656f; --calm: #00734f; --problem: #a3195b; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181d; --ink: #e9eaec; --soft: #a2a8b3;
  --line: #333842; --card: #1f2229; --sure: #ff9a4d; --unsure: #a2a8b3; --calm: #4dd0a5;
  --problem: #ff8abf; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; } p { margin: .25rem 0; }
.prompt { color: var(--soft); font-size: 1.1rem; white-space: pre-wrap; }
article { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--soft);
  border-radius: 6px; padding: .75rem 1rem; margin: .75rem 0; }
.sure { border-left-color: var(--sure); } .sure h3 { color: var(--sure); }
.unsure h3 { color: var(--unsure); }
.calm { border-left-color: var(--calm); } .calm h3 { color: var(--calm); }
.problem { border-left-color: var(--problem); } .problem h3 { color: var(--problem); }
figure { margin: 1rem 0; } img { max-width: 100%; border-radius: 6px; border: 1px solid var(--line); }
figcaption, summary, dt { color: var(--soft); }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
td, th { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; }
td + td { font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dd { margin: 0; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1rem;
  overflow-x: auto; font-size: .8rem; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>SelAgg diagnosis</title>
<style>{style}</style>
</head>
<body>
<h1>SelAgg diagnosis</h1>
<p class="prompt">{prompt}</p>
<h2>Findings</h2>
{warnings}
{pictures}
{evidence}
{claims}
{notices}
<h2>How the maps were made</h2>
<dl>{settings}</dl>
<details><summary>report.json</summary><pre>{json}</pre></details>
</body>
</html>
"""
