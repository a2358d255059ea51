"""A spot check: some of the labels that judges gave are asked of the artist, who is not told them.

An outline of a thing says that a judge saw it: where the claim is that it is there, the picture is shown
without.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..diagnosis.examine import Check
from ..drawing.colours import EXPECTED, FOUND, INK
from ..drawing.pictures import png_bytes, reduced
from ..drawing.strokes import Colour, draw_line, outer_contours
from ..files.append import append_lines
from ..files.text import read_text
from ..files.versioned import parse_json
from ..files.write import write_file
from ..prompt.groups import WordGroup
from ..prompt.messages import Message, message
from ..prompt.quoted import short
from ..report.report import Report
from .finding_truth import check_verdicts
from .rows import Rows, Taken
from .statistics import wilson
from .truth import RIGHT, WRONG, NounTruth, PictureTruth

SHARE = 0.05
"""Of the labels, drawn by chance."""
MOST = 400
"""Claims that are kept with their pictures for one file of scores: more than anybody looks at."""
ENOUGH = 20
"""Answers below which nothing is said: even if all agree, the interval is wider than .16."""
UNCLEAR = "unclear"
ANSWERS = (RIGHT, WRONG, UNCLEAR)
LONGEST_SIDE = 1024
"""Of a picture that is kept, in px."""
CLAIMS, GIVEN = "claims.jsonl", "answers.jsonl"
SCHEMA, VERSION = "selagg-spot-check", 1
_COLOURS: tuple[Colour, ...] = (FOUND, EXPECTED)
_NAMES = tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in _COLOURS)


@dataclass(frozen=True)
class SpotClaim:
    """A label that was drawn. names: the words that its sentence is about.

    things: name and colour "#rrggbb" of each thing that is outlined in its picture.
    """

    taken: Taken
    claim: str
    kind: str
    names: tuple[str, ...]
    things: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """What tells it from all others; also the name of its picture."""
        own = json.dumps([*asdict(self.taken).values(), self.kind, self.claim])
        return hashlib.sha256(own.encode()).hexdigest()[:32]

    @property
    def sentence(self) -> Message:
        """What the artist is asked: right or wrong where the label is right or wrong."""
        named = [short(name) for name in self.names]
        if self.kind == "neglected":
            return message("spot_there", thing=named[0])
        if self.kind == "leaked":
            return message("spot_leaked", value=named[0])
        if self.kind == "blended":
            return message("spot_two", one=named[0], other=named[1])
        return message("spot_claim", claim=short(self.claim))


@dataclass(frozen=True)
class Agreement:
    """How the artist's answers go with the judges' labels.

    asked: all claims of the check. answered: by right or wrong; agree: as many of them as the judges say.
    judges_too_kind: they say right, the artist wrong; judges_too_strict: the other way round.
    """

    asked: int
    answered: int
    agree: int
    unclear: int
    judges_too_kind: int
    judges_too_strict: int

    @property
    def enough(self) -> bool:
        return self.answered >= ENOUGH

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share that agrees (Wilson 1927)."""
        return wilson(self.agree, self.answered)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {**asdict(self), "low": round(low, 4), "high": round(high, 4), "enough": self.enough}

    @property
    def told(self) -> str:
        """A sentence for the summary."""
        if not self.asked:
            return "Spot check: no claim was kept for one (spot_check of SelAgg Score)."
        left = self.asked - self.answered - self.unclear
        rest = f"{self.unclear} unclear, {left} not answered"
        if not self.answered:
            return f"Spot check: {self.asked} claims wait for your eye; {rest}."
        low, high = self.interval
        said = (
            f"Spot check: you agree with the judges on {self.agree} of {self.answered} claims "
            f"({self.agree / self.answered:.0%}, 95 % interval {low:.0%} to {high:.0%}); {rest}."
        )
        if not self.enough:
            return f"{said} Too few to say how good the judges are: {ENOUGH} answers are needed."
        return f"{said} Judges too kind in {self.judges_too_kind}, too strict in {self.judges_too_strict}."


# -- drawing claims ---------------------------------------------------------------------------


def is_drawn(claim: SpotClaim) -> bool:
    """Whether chance takes it: always the same for the same label of the same picture."""
    return int(hashlib.sha256(claim.key.encode()).hexdigest()[:8], 16) < SHARE * 2**32


def drawn_claims(
    checks: Sequence[Check], truth: PictureTruth, taken: Taken, picture: np.ndarray
) -> Iterator[tuple[SpotClaim, np.ndarray]]:
    """The labels of one picture (h, w, 3) uint8 that chance takes, each with the picture to be shown."""
    for check, verdict in check_verdicts(checks, truth):
        if verdict not in (RIGHT, WRONG):
            continue
        names = tuple(group.label for group in check.words) or (check.claim,)
        if is_drawn(SpotClaim(taken, check.claim, check.kind, names)):
            marked = [] if check.kind == "neglected" else list(_things(check, truth))[: len(_COLOURS)]
            things = tuple((own.noun.label, name) for own, name in zip(marked, _NAMES, strict=False))
            yield SpotClaim(taken, check.claim, check.kind, names, things), outlined(picture, marked)


def drawn_of_run(
    pictures: Sequence[np.ndarray],
    truths: Sequence[PictureTruth],
    report: Report,
    first: Taken,
) -> Iterator[tuple[SpotClaim, np.ndarray]]:
    """The labels of all pictures of a run that chance takes. first: as in the rows of the first picture."""
    for index, (picture, truth) in enumerate(zip(pictures, truths, strict=True)):
        taken = replace(first, seed=first.seed + index, picture=truth.mark)
        checks = report.pictures[index].checks if index < len(report.pictures) else ()
        yield from drawn_claims(checks, truth, taken, picture)


def _things(check: Check, truth: PictureTruth) -> Iterator[NounTruth]:
    """The things that a claim is about, where a judge has shown where they are."""
    about: list[WordGroup | None] = list(check.words)
    for own in truth.claims:
        if own.claim.text == check.claim and own.claim.kind != "sense":
            about += [own.claim.subject, own.claim.other]
    for noun in truth.nouns:
        if noun.noun in about and (noun.mask is not None or noun.box is not None):
            yield noun


def outlined(picture: np.ndarray, things: Sequence[NounTruth]) -> np.ndarray:
    """The picture, at most LONGEST_SIDE px long, with outlines of the masks of things, or their boxes."""
    shown = np.ascontiguousarray(reduced(picture, LONGEST_SIDE)).copy()
    scale = shown.shape[1] / picture.shape[1], shown.shape[0] / picture.shape[0]
    thick = max(2, max(shown.shape[:2]) // 250)
    for thing, colour in zip(things, _COLOURS, strict=False):
        for border in _borders(thing):
            points = [(x * scale[0], y * scale[1]) for x, y in border]
            points.append(points[0])
            draw_line(shown, points, INK, thick + 2)
            draw_line(shown, points, colour, thick)
    return shown


def _borders(thing: NounTruth) -> list[Any]:
    if thing.mask is not None:
        return [border for border in outer_contours(thing.mask) if len(border) > 2]
    if thing.box is None:
        return []
    x0, y0, x1, y1 = thing.box
    return [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]]


# -- files ------------------------------------------------------------------------------------


def keep_claims(folder: Path, claims: Iterable[tuple[SpotClaim, np.ndarray]]) -> int:
    """Writes claims and their pictures into a folder, at most MOST in all; how many were written.

    Raises ValueError, with the cause, if the disk does not take them.
    """
    known = {claim.key for claim in kept_claims(folder)}
    written = 0
    for claim, picture in claims:
        if claim.key in known or len(known) >= MOST:
            continue
        write_file(folder / f"{claim.key}.png", png_bytes(picture))
        append_lines(folder / CLAIMS, [_to_line(claim)])
        known.add(claim.key)
        written += 1
    return written


def kept_claims(folder: Path) -> tuple[SpotClaim, ...]:
    """All claims of a folder in an order of chance; lines that cannot be read are left out."""
    found = {}
    for body in _bodies(folder / CLAIMS):
        try:
            claim = _claim(body)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        found[claim.key] = claim
    return tuple(found[key] for key in sorted(found)[:MOST])


def given_answers(folder: Path) -> dict[str, str]:
    """The last answer on each claim, by its key; what was taken back is left out."""
    found: dict[str, str] = {}
    for body in _bodies(folder / GIVEN):
        key, answer = str(body.get("key")), body.get("answer")
        if answer in ANSWERS:
            found[key] = answer
        else:
            found.pop(key, None)
    return found


def give_answer(folder: Path, claim: SpotClaim, answer: str | None) -> None:
    """Keeps the artist's answer on a claim; None takes it back. Raises ValueError for any other."""
    if answer is not None and answer not in ANSWERS:
        raise ValueError(f"an answer is one of {', '.join(ANSWERS)}.")
    body = {"schema": SCHEMA, "version": VERSION, "key": claim.key, "answer": answer}
    append_lines(folder / GIVEN, [json.dumps(body)])


def labels_of(rows: Rows) -> Mapping[str, str]:
    """The judges' labels, right or wrong, by the keys of their claims."""
    return {
        SpotClaim(row.taken, row.claim, row.kind, ()).key: row.verdict
        for row in rows.claims
        if row.kind and row.verdict in (RIGHT, WRONG)
    }


def asked_claims(folder: Path, rows: Rows) -> tuple[SpotClaim, ...]:
    """The claims of a folder that the scores have a label for (judges may have been asked again since)."""
    labels = labels_of(rows)
    return tuple(claim for claim in kept_claims(folder) if claim.key in labels)


def agreement(folder: Path, rows: Rows) -> Agreement:
    """How the answers of a folder go with the labels of the scores."""
    labels, answers = labels_of(rows), given_answers(folder)
    asked = [claim.key for claim in kept_claims(folder) if claim.key in labels]
    said = [(labels[key], answers[key]) for key in asked if key in answers]
    plain = [(label, answer) for label, answer in said if answer != UNCLEAR]
    return Agreement(
        len(asked),
        len(plain),
        sum(label == answer for label, answer in plain),
        len(said) - len(plain),
        sum((label, answer) == (RIGHT, WRONG) for label, answer in plain),
        sum((label, answer) == (WRONG, RIGHT) for label, answer in plain),
    )


def _to_line(claim: SpotClaim) -> str:
    return json.dumps({"schema": SCHEMA, "version": VERSION, **asdict(claim)})


def _bodies(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    for line in read_text(path).splitlines():
        try:
            body = parse_json(line)
        except ValueError:  # the half line of a program that was stopped
            continue
        if isinstance(body, dict) and body.get("schema") == SCHEMA and body.get("version") == VERSION:
            yield body


def _claim(body: Mapping[str, Any]) -> SpotClaim:
    own = body["taken"]
    taken = Taken(str(own["checkpoint"]), str(own["prompt"]), int(own["seed"]), str(own["picture"]))
    names = tuple(map(str, body["names"]))
    if len(names) < (2 if body["kind"] == "blended" else 1):
        raise ValueError("too few names")
    things = tuple((str(name), _colour(colour)) for name, colour in body["things"])
    return SpotClaim(taken, str(body["claim"]), str(body["kind"]), names, things)


def _colour(value: Any) -> str:
    """One of the colours of outlines: what a page is told is no style of somebody else's."""
    return value if value in _NAMES else _NAMES[0]
