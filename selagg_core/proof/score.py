"""A picture with its maps and the truth about it -> rows: what every way of making maps is worth on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..claims.read_claims import general_lexicon
from ..maps.resample import area_mean
from ..prompt.lexicon import Lexicon
from ..relevance.choose_heads import relevance_for
from ..relevance.concepts import assign_concepts
from ..relevance.relevance import HeadRelevance
from ..relevance.run_view import RunView
from ..relevance.shipped import preset_for
from ..report.report import Report
from .finding_truth import check_verdicts
from .head_quality import head_aucs
from .methods import methods_of, score_sample
from .rows import ClaimRow, PictureRow, Row, Taken, WordRow
from .target import Sample, Target
from .testimony import picture_mark
from .truth import PictureTruth

LONGEST_SIDE = 512
"""Of a picture in px at which maps are scored: IoU has no unit, and larger ones only take longer."""


@dataclass(frozen=True)
class Scored:
    """rows of all pictures; told: a sentence a picture, for the artist."""

    rows: tuple[Row, ...]
    told: tuple[str, ...]


def score_run(
    view: RunView,
    truths: Sequence[PictureTruth],
    checkpoint: str,
    seed: int,
    relevance: HeadRelevance | None = None,
    report: Report | None = None,
) -> Scored:
    """Rows of all pictures of a run.

    seed: of the first picture; the next ones count up. relevance: the connected one; None takes the published
    one of the model. report: of the same run, whose checks go beside the truth of their claims.
    Raises ValueError if the truth is of other pictures, or the relevance of another model.
    """
    if len(truths) != len(view.pictures):
        raise ValueError(
            f"the truth is about {len(truths)} pictures, this run made {len(view.pictures)}: connect the "
            "SelAgg Truth of this run."
        )
    layout = view.recording.layout
    width = view.recording.context_width
    chosen, _ = relevance_for(layout, width, relevance)
    used = tuple(own for own in dict.fromkeys((chosen, preset_for(layout, width))) if own is not None)
    rows: list[Row] = []
    told = []
    for index, truth in enumerate(truths):
        picture = view.pictures[index]
        if truth.mark != picture_mark(picture):
            raise ValueError(
                "the truth is about another picture: connect the SelAgg Truth of this very image."
            )
        taken = Taken(checkpoint, view.text, seed + index, truth.mark)
        targets, left_out = _known(truth, used)
        sample = _sample(view, index, seed + index, targets)
        words = _word_rows(sample, taken, used)
        checks = report.pictures[index].checks if report is not None and index < len(report.pictures) else ()
        claims = [ClaimRow(taken, own.claim.text, own.verdict, own.reason) for own in truth.claims]
        claims += [
            ClaimRow(taken, check.claim, verdict, "", check.kind, dict(check.features))
            for check, verdict in check_verdicts(checks, truth)
        ]
        about = PictureRow(
            taken,
            tuple(
                (layer.block, layer.number, layer.depth, heads)
                for layer, heads in zip(layout.layers, layout.heads, strict=True)
            ),
            width,
            truth.judges,
            tuple((own.judge, own.noun, own.score) for own in truth.absent),
            "; ".join(f"{own.base_model}: {', '.join(own.score_kinds)}" for own in used),
            left_out,
        )
        rows += [*words, *claims, about]  # the last line says that the others are all there
        told.append(_sentence(truth, words, left_out))
    return Scored(tuple(rows), tuple(told))


def _known(
    truth: PictureTruth, relevances: Sequence[HeadRelevance]
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """The words to be scored, and those that have no concept to choose heads by."""
    concepts = [concept for own in relevances for concept in own.concepts]
    targets = truth.targets(general_lexicon(concepts))
    lexicons = [(own, Lexicon.of(own.concepts)) for own in relevances]
    known, left_out = [], []
    for target in targets:
        lacking = [own for own, lexicon in lexicons if not assign_concepts(target.text, lexicon).concepts]
        if lacking:
            left_out.append(f"{target.text}: no concept of {lacking[0].base_model}")
        else:
            known.append(target)
    return tuple(known), tuple(left_out)


def _sample(view: RunView, index: int, number: int, targets: tuple[Target, ...]) -> Sample:
    """What is scored, at most LONGEST_SIDE px long: an entry of the whole picture, and its words."""
    entry = view.entries[0]
    if entry.area is not None:
        raise ValueError(
            "each part of this prompt rules an area of its own: score pictures with one prompt for all of "
            "them."
        )
    head_maps, picture = entry.picture(min(index, entry.batch - 1)), view.pictures[index]
    scale = LONGEST_SIDE / max(picture.shape[:2])
    if scale < 1:
        size = (max(1, round(picture.shape[0] * scale)), max(1, round(picture.shape[1] * scale)))
        picture = area_mean(picture, size)
        targets = tuple(replace(t, mask=area_mean(t.mask.astype(np.float32), size) > 0.5) for t in targets)
    return Sample(number, picture, head_maps, tuple(t for t in targets if t.mask.any()))


def _word_rows(sample: Sample, taken: Taken, relevances: Sequence[HeadRelevance]) -> list[WordRow]:
    scores = score_sample(sample, methods_of(*relevances), taken.prompt)
    # Of the published one: heads chosen by truth know the concepts alone that they were chosen for.
    lexicon = Lexicon.of(relevances[-1].concepts) if relevances else general_lexicon()
    return [
        WordRow(
            taken,
            target.text,
            target.words,
            target.kind,
            assign_concepts(target.text, lexicon).concepts,
            {name: own[number] for name, own in scores.items()},
            tuple(float(a) if np.isfinite(a) else None for a in head_aucs(sample.head_maps, target)),
        )
        for number, target in enumerate(sample.targets)
    ]


def _sentence(truth: PictureTruth, words: Sequence[WordRow], left_out: Sequence[str]) -> str:
    counts = {
        verdict: sum(c.verdict == verdict for c in truth.claims) for verdict in ("right", "wrong", "open")
    }
    claims = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    scored = ", ".join(f"{row.word} {row.scores['default'].ious.max():.2f}" for row in words) or "no word"
    beside = f"; left out: {'; '.join(left_out)}" if left_out else ""
    return f"claims: {claims}. Scored, with the best IoU of the default map: {scored}{beside}."
