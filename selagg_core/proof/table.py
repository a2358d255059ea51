"""Rows of many pictures -> what each way of making maps is worth there, and whether that is more than DAAM.

Means are means of the kinds of words that occur; intervals draw prompts with replacement, for pictures of one
prompt are alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from .methods import DAAM, NAMES
from .rows import Rows, WordRow
from .scoring import THRESHOLDS, WordScore, chosen_thresholds, grouped_means, summary
from .truth import SURE

PUBLISHED_THRESHOLD = 0.4
"""Of DAAM's own evaluation (Tang et al. 2023, section 4)."""
AT_PUBLISHED = int(np.abs(THRESHOLDS - PUBLISHED_THRESHOLD).argmin())
SAME = 0.01
"""IoU within which a difference is none worth having."""
PUBLISHED = (
    ("DAAM, as this paper measured it", 0.7540),
    ("top 20 to 25 % of the heads (arXiv 2604.05906)", 0.7765),
)
"""Mean IoU as published; on which pictures and at which threshold is not known."""
VOC_SIM = 0.66
"""Mean IoU at .4 of DAAM on SD 1.5 for "A photograph of a {class}" (Marcos-Manchon et al. 2024)."""
VOC_SIM_RANGE = (0.63, 0.69)
MOST_MORE = 100_000
FEWEST_PROMPTS = 12
"""Below this an interval over prompts says nothing."""
DIGITS = 7


@dataclass(frozen=True)
class Change:
    """Mean difference to DAAM on the same words, with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MethodLine:
    """Figures of one method. iou_other: at the thresholds of the other half of the prompts; None for one
    prompt, which has no other half. against: measure -> change; {} for DAAM itself.
    """

    name: str
    iou_published: float
    iou_other: float | None
    iou_best: float
    ap: float
    hit: float
    against: Mapping[str, Change]
    verdict: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """Figures of all methods on the same words of the same pictures, and what was left out of them."""

    lines: tuple[MethodLine, ...]
    words: int
    pictures: int
    prompts: int
    kinds: Mapping[str, int]
    left_out: int
    claims: Mapping[str, int]
    false_alarms: Mapping[str, tuple[int, int]]
    judges: tuple[str, ...]
    checkpoints: tuple[str, ...]
    damaged: int = 0

    def line(self, name: str) -> MethodLine:
        return next(line for line in self.lines if line.name == name)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def score_table(rows: Rows) -> ScoreTable:
    """The table of all rows.

    Words that one of the methods could not be used on are left out of all, and counted. Raises ValueError if
    no word is left.
    """
    wanted = {name for row in rows.words for name in row.scores}
    names = [name for name in NAMES if name in wanted]
    words = [row for row in rows.words if wanted <= set(row.scores)]
    if not words:
        raise ValueError(
            "no word was scored yet: a word needs a judge that finds it and gives a mask. Connect one to "
            "SelAgg Truth, and make pictures."
        )
    halves = _halves(words)
    lines = [_line(name, words, halves) for name in names]
    claims = Counter(row.verdict for row in rows.claims if not row.kind)
    return ScoreTable(
        tuple(lines),
        len(words),
        len({row.taken for row in words}),
        len({row.taken.prompt for row in words}),
        dict(Counter(row.kind for row in words)),
        len(rows.words) - len(words),
        dict(claims),
        _false_alarms(rows),
        tuple(dict.fromkeys(judge for row in rows.pictures for judge in row.judges)),
        tuple(dict.fromkeys(row.taken.checkpoint for row in words)),
        rows.damaged,
    )


def _halves(words: Sequence[WordRow]) -> np.ndarray:
    """(words,) bool: whether the prompt of a word is an even one, in the order of all prompts."""
    number = {prompt: i for i, prompt in enumerate(sorted({row.taken.prompt for row in words}))}
    return np.array([number[row.taken.prompt] % 2 == 0 for row in words])


def _line(name: str, words: Sequence[WordRow], even: np.ndarray) -> MethodLine:
    own, base = ([row.scores[which] for row in words] for which in (name, DAAM))
    figures = summary(own, dict.fromkeys({row.kind for row in words}, AT_PUBLISHED), digits=DIGITS)["overall"]
    values = _values(own, even)
    other = None if values["other"] is None else _mean(values["other"], own)
    against = {}
    if name != DAAM:
        of_base = _values(base, even)
        for measure, ious in values.items():
            if ious is not None:
                change = grouped_means(ious - of_base[measure], [s.kind for s in own], [s.group for s in own])
                against[measure] = Change(**change["overall"])
    decides = against.get("other") or against.get("published")
    prompts, pictures = len({row.taken.prompt for row in words}), len({row.taken for row in words})
    return MethodLine(
        name,
        figures["iou"],
        other,
        figures["iou_best"],
        figures["ap"],
        figures["hit"],
        against,
        "" if decides is None else verdict(decides, prompts, pictures),
    )


def _values(scores: Sequence[WordScore], even: np.ndarray) -> dict[str, np.ndarray | None]:
    """IoU of every word at the published threshold, and at that of the other half of the prompts."""
    ious = np.array([score.ious for score in scores])
    published = ious[:, AT_PUBLISHED]
    if even.all() or not even.any():
        return {"published": published, "other": None}
    other = np.empty(len(scores))
    for half in (even, ~even):
        chosen = chosen_thresholds([score for score, own in zip(scores, half, strict=True) if own])
        for i in np.flatnonzero(~half).tolist():
            other[i] = ious[i, chosen[scores[i].kind]]
    return {"published": published, "other": other}


def _mean(values: np.ndarray, scores: Sequence[WordScore]) -> float:
    kinds = np.array([score.kind for score in scores])
    return round(float(np.mean([values[kinds == kind].mean() for kind in np.unique(kinds)])), DIGITS)


def verdict(change: Change, prompts: int, pictures: int) -> str:
    """A difference to DAAM in words: decided where its interval leaves no doubt, else what is missing."""
    if prompts < FEWEST_PROMPTS:
        return f"undecided: {FEWEST_PROMPTS - prompts} more prompts at least"
    if change.low > 0:
        return f"better than DAAM by {change.mean:.3f} ({change.low:.3f} to {change.high:.3f})"
    if change.high < 0:
        return f"worse than DAAM by {-change.mean:.3f} ({-change.high:.3f} to {-change.low:.3f})"
    if change.low > -SAME and change.high < SAME:
        return f"the same as DAAM within {SAME:.2f} ({change.low:+.3f} to {change.high:+.3f})"
    more = more_pictures(change, prompts, pictures)
    return f"undecided: {more} more pictures ({change.low:+.3f} to {change.high:+.3f})"


def more_pictures(change: Change, prompts: int, pictures: int) -> str:
    """How many more pictures of other prompts would decide, if they were like these: to tell the difference
    from none, or to bring the interval within SAME, whichever is less.
    """
    half = (change.high - change.low) / 2
    if not half or not math.isfinite(half):
        return "some"
    wanted = (half / max(abs(change.mean), SAME - min(SAME, abs(change.mean)), 1e-9)) ** 2
    return str(min(MOST_MORE, max(1, math.ceil((max(wanted, 1 + 1 / prompts) - 1) * pictures))))


def _false_alarms(rows: Rows) -> dict[str, tuple[int, int]]:
    """Judge -> how often it surely saw what is not in the prompt, of how many times it was asked."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows.pictures:
        for judge, _, score in row.absent:
            alarms, asked = found.get(judge, (0, 0))
            found[judge] = alarms + (score >= SURE), asked + 1
    return found


# --------------------------------------------------------------------------------------------- Markdown


def markdown(table: ScoreTable) -> str:
    """The table, the published figures, and what was left out."""
    rows = [
        f"| {NAMES[line.name]} | {line.iou_published:.3f} | {_figure(line.iou_other)} | "
        f"{line.iou_best:.3f} | {line.ap:.3f} | {line.hit:.2f} | {line.verdict or '-'} |"
        for line in table.lines
    ]
    return "\n".join(
        [
            f"**{_safe(', '.join(table.checkpoints))}**: {about(table)}",
            "",
            "| map | IoU at .4 | IoU at the other half's threshold | best IoU | AP | hit | against DAAM |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "Published, on pictures that are not known: "
            + "; ".join(f"{name} {value:.4f}" for name, value in PUBLISHED)
            + ".",
            "",
            *(f"- {line}" for line in notes(table)),
            "",
        ]
    )


def about(table: ScoreTable) -> str:
    """How much the figures rest on."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in table.kinds.items())
    return f"{table.words} words ({kinds}) in {table.pictures} pictures of {table.prompts} prompts"


def notes(table: ScoreTable) -> list[str]:
    """What a reader must know of the figures."""
    claims = ", ".join(f"{table.claims.get(verdict, 0)} {verdict}" for verdict in ("right", "wrong", "open"))
    judges = ", ".join(table.judges) or "none"
    told = [f"Claims in the light of the judges ({judges}): {claims}; open ones are left out."]
    told += [
        f"{judge} surely saw {alarms} of {asked} things that no prompt names."
        for judge, (alarms, asked) in table.false_alarms.items()
    ]
    if table.left_out:
        told.append(f"{table.left_out} words are left out, for not all maps of them could be made.")
    if table.damaged:
        told.append(f"{table.damaged} lines could not be read and are left out.")
    if len(table.checkpoints) > 1:
        told.append(
            "The rows are of several checkpoints: keep them in files of their own to tell them apart."
        )
    return told


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _safe(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ").replace("<", "(").replace(">", ")")[:200]
