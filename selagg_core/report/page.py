"""A report as one HTML file that needs nothing else.

Prompts are not trusted: all that is shown is escaped, and the page forbids scripts and foreign sources.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.findings import Finding
from ..diagnosis.tries import StartCount
from .annotated import checked_text
from .report import Report


def report_page(report: Report, pictures: Sequence[tuple[str, bytes]] = ()) -> str:
    """A self-contained page; `pictures` are captions and PNG bytes, shown in order."""
    return _PAGE.format(
        style=_STYLE,
        prompt=escape(report.prompt) or "(no prompt)",
        warnings=_warnings_html(report),
        pictures="".join(_figure(caption, png) for caption, png in pictures),
        evidence="".join(_evidence_html(picture, len(report.pictures)) for picture in report.pictures),
        settings="".join(
            f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>"
            for name, value in report.settings.items()
        ),
        notices=_list_html(report.notices, "Notes on the recording"),
        claims=_list_html(report.claims, "What the prompt claims"),
        json=escape(report.to_json()),
    )


def _warnings_html(report: Report) -> str:
    cards = [_card("problem", "could not be done", problem, "") for problem in report.problems]
    many = len(report.pictures) > 1
    for picture in report.pictures:
        where = f"picture {picture.index + 1}: " if many else ""
        for finding in picture.findings:
            cards.append(_finding_card(finding, where))
    if not cards:
        cards = [_card("calm", "no warning", _checked(report), "")]
    return "".join(cards)


def _checked(report: Report) -> str:
    return " ".join(dict.fromkeys(checked_text(picture) for picture in report.pictures))


def _finding_card(finding: Finding, where: str) -> str:
    trust = "measured on this model" if finding.calibrated else "not measured on this model: a rank"
    detail = (
        f"<p>Try: {escape(finding.suggestion)}</p>"
        f"<details><summary>Numbers for experts</summary>"
        f"<p>confidence {finding.confidence:.2f} ({trust})</p>{_helped(finding)}{_repaired(finding)}"
        f"{_numbers('What the maps say', finding.evidence)}{_numbers('What the pixels say', finding.pixels)}"
        f"</details>"
    )
    reason = f" {finding.reason}" if finding.reason else ""
    return _card(
        "sure" if finding.sure else "unsure", where + finding.heading, finding.message + reason, detail
    )


def _helped(finding: Finding) -> str:
    """How often what is suggested helped."""
    counts = finding.said.get("helped")
    pairs = (
        [pair for pair in counts if isinstance(pair, list) and len(pair) == 2]
        if isinstance(counts, list)
        else []
    )
    told = ", ".join(f"{helped} of {tried}" for helped, tried in pairs)
    return f"<p>{escape(f'What to try helped on the demo model: {told}')}</p>" if told else ""


def _repaired(finding: Finding) -> str:
    """How often SelAgg Repair helped, and what it broke, by where a run starts."""
    told = [_count(count) for each in finding.tries for count in each.by_start]
    return f"<p>{escape('SelAgg Repair on the demo model: ' + '; '.join(told))}</p>" if told else ""


def _count(count: StartCount) -> str:
    where = "from a start picture" if count.from_picture else "from an empty latent"
    helped, tried = count.helped
    broken = ", but broke {} of {} right claims".format(*count.broken) if count.broken else ""
    return f"{where} it helped {helped} of {tried}{broken}"


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
    return f'<h3>{title}</h3><div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


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
{claims}
{notices}
<details><summary>Numbers for experts</summary>
{evidence}
<h3>How the maps were made</h3>
<dl>{settings}</dl>
</details>
<details><summary>report.json</summary><pre>{json}</pre></details>
</body>
</html>
"""
