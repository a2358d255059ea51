"""A file of scores with labels of judges, and the claims that chance takes of them for a spot check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from selagg_core.claims.claim import Claim
from selagg_core.diagnosis.examine import Check
from selagg_core.diagnosis.features import FEATURES
from selagg_core.drawing.strokes import draw_disc
from selagg_core.prompt.groups import WordGroup
from selagg_core.proof.rows import ClaimRow, PictureRow, Rows, Taken, append_rows
from selagg_core.proof.spot_check import SpotClaim, drawn_claims, keep_claims
from selagg_core.proof.truth import RIGHT, WRONG, ClaimTruth, NounTruth, PictureTruth

CIRCLE, STAR = WordGroup("circle", (2,)), WordGroup("star", (7,))
SIZE = 128
COUNT = 400


def disc(x: float, radius: float = 0.15) -> np.ndarray:
    rows = columns = (np.arange(SIZE) + 0.5) / SIZE
    return (columns[None] - x) ** 2 + (rows[:, None] - 0.5) ** 2 < radius**2


def picture(missing: bool) -> np.ndarray:
    shown = np.full((SIZE, SIZE, 3), 235, np.uint8)
    draw_disc(shown, (32, 64), 19, (200, 40, 40))
    if not missing:
        draw_disc(shown, (96, 64), 19, (40, 60, 200))
    return shown


def judged_picture(number: int) -> tuple[Taken, PictureTruth, list[Check], bool]:
    """In every third picture the star is missing; every fifth is left open."""
    missing, opened = number % 3 == 0, number % 5 == 0
    verdict = "open" if opened else WRONG if missing else RIGHT
    taken = Taken("tests", f"a red circle left of a blue star, picture {number}", 0, f"mark{number}")
    nouns = (
        NounTruth(CIRCLE, RIGHT, "score 1.00", disc(0.25)),
        NounTruth(STAR, verdict, "", disc(0.75) if verdict == RIGHT else None),
    )
    left_of = Claim("relation", CIRCLE, "left of", other=STAR)
    claims = (
        ClaimTruth(Claim("entity", CIRCLE), RIGHT, ""),
        ClaimTruth(Claim("entity", STAR), verdict, ""),
        ClaimTruth(left_of, RIGHT if verdict == RIGHT else "open", ""),
    )
    features = dict.fromkeys(FEATURES["neglected"], 1.0 if missing else 0.0)
    checks = [
        Check("neglected", "circle", (CIRCLE,), 0.1, RIGHT, dict.fromkeys(FEATURES["neglected"], 0.0)),
        Check("neglected", "star", (STAR,), 0.5, RIGHT, features),
        Check("misplaced", "circle left of star", (CIRCLE, STAR), 0.1, RIGHT, {}),
    ]
    return taken, PictureTruth(taken.picture, nouns, claims, (), ("SAM3",), ()), checks, missing


def write_scores(path: Path, folder: Path, count: int = COUNT) -> tuple[Rows, int]:
    """Rows of so many pictures in `path`, and their spot check in `folder`; how many claims it has."""
    from selagg_core.proof.finding_truth import check_verdicts

    rows: list = []
    kept = 0
    for number in range(count):
        taken, truth, checks, missing = judged_picture(number)
        rows += [
            ClaimRow(taken, check.claim, verdict, "", check.kind, dict(check.features))
            for check, verdict in check_verdicts(checks, truth)
        ]
        rows.append(PictureRow(taken, (), 0, ("SAM3",), ()))
        kept += keep_claims(folder, drawn_claims(checks, truth, taken, picture(missing)))
    append_rows(path, rows)
    return Rows.of(rows), kept


def labels(claims: Sequence[SpotClaim], rows: Rows) -> list[str]:
    """The judges' verdicts on these claims, in their order."""
    by_claim = {(row.taken, row.claim, row.kind): row.verdict for row in rows.claims}
    return [by_claim[own.taken, own.claim, own.kind] for own in claims]
