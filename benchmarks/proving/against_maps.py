"""A proof of the demo world against `benchmarks.maps`: the same pictures, words and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from demo.host_path import prepare_host
from selagg_core.proof.methods import methods_of, score_sample
from selagg_core.proof.rows import Rows, WordRow
from selagg_core.proof.scoring import KINDS, WordScore, summary
from selagg_core.proof.table import AT_PUBLISHED, score_table
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.shipped import load_preset

from ..maps import Scores, compare
from .workflow import Job

MEASURES = ("ious", "iou_otsu", "hit", "ap")
COLUMNS = ("iou_published", "iou_other", "iou_best", "ap", "hit")
"""Of the table of a proof."""
EQUAL = 1e-6


def compared_with_maps(rows: Rows, jobs: Sequence[Job]) -> dict[str, Any]:
    """The same pictures once more as `benchmarks.maps` makes and scores them, with the node's settings.

    largest_difference: of any figure of any method, of the words that both have. These are scored together,
    for random heads are drawn for all words of a picture, and sums over other words are rounded otherwise.
    columns: the whole table by `benchmarks.maps` against that of the proof (see `compared_columns`), of the
    pictures of whose words both have all.
    """
    from ..map_sources import DemoModel

    prepare_host()
    ours: dict[Job, dict[tuple, WordRow]] = {}
    for row in rows.words:
        ours.setdefault(Job(row.taken.prompt, row.taken.seed), {})[row.at, row.kind] = row
    table = methods_of(load_preset("demo"))
    largest, both, only_maps, only_prove = 0.0, 0, 0, 0
    whole: list[WordRow] = []
    of_maps: Scores = {name: [] for name in table}
    with torch.inference_mode():
        model = DemoModel(CaptureSettings())
        for job in jobs:
            own, sample = ours.get(job, {}), model.sampled(job.seed, job.prompt, job.seed)
            targets = {(target.words, target.kind): target for target in sample.targets}
            common = [key for key in own if key in targets]
            same = replace(sample, targets=tuple(targets[key] for key in common))
            theirs = score_sample(same, table, job.prompt)
            random = () if len(common) == len(own) else ("matched",)
            for number, key in enumerate(common):
                for name, scores in theirs.items():
                    if name not in random:
                        largest = max(largest, _difference(own[key], name, scores[number]))
            if not random:
                whole += [own[key] for key in common]
                for name, scores in theirs.items():
                    of_maps[name] += scores
            both += len(common)
            only_maps += len(targets) - len(common)
            only_prove += len(own) - len(common)
    return {
        "words": both,
        "only_maps": only_maps,
        "only_prove": only_prove,
        "largest_difference": largest,
        "columns": compared_columns(whole, of_maps),
    }


def _difference(row: WordRow, name: str, theirs: WordScore) -> float:
    own = row.scores[name]
    return max(float(np.abs(np.subtract(getattr(own, m), getattr(theirs, m))).max()) for m in MEASURES)


def compared_columns(rows: Sequence[WordRow], scores: Scores) -> dict[str, Any]:
    """Every figure of a proof's table on these words against the same figure by `benchmarks.maps`.

    rows, scores: of the same words in one order. Gives how many words and figures, the largest difference by
    column, and whether all are equal within EQUAL. Raises ValueError for no word, or other methods.
    """
    of_table = table_columns(rows)
    of_maps = map_columns(scores)
    if of_table.keys() != of_maps.keys():
        raise ValueError(f"the table has {', '.join(of_table)}, the map benchmark {', '.join(of_maps)}.")
    largest, figures = dict.fromkeys(COLUMNS, 0.0), 0
    for name, own in of_table.items():
        for column in COLUMNS:
            one, other = own[column], of_maps[name][column]
            if (one is None) != (other is None):
                raise ValueError(f"only one of both has {column} of {name}.")
            if one is not None and other is not None:
                largest[column] = max(largest[column], abs(one - other))
                figures += 1
    return {
        "words": len(rows),
        "methods": list(of_table),
        "figures": figures,
        "largest_difference": largest,
        "equal": all(value < EQUAL for value in largest.values()),
    }


def table_columns(rows: Sequence[WordRow]) -> dict[str, dict[str, float | None]]:
    """The figures of a proof's table by method and column."""
    table = score_table(Rows(words=tuple(rows)))
    return {line.name: {column: getattr(line, column) for column in COLUMNS} for line in table.lines}


def map_columns(scores: Mapping[str, Sequence[WordScore]]) -> dict[str, dict[str, float | None]]:
    """The same figures as `benchmarks.maps` makes them: of its scores, by its functions."""
    published = dict.fromkeys(KINDS, AT_PUBLISHED)
    other = _at_other_half(scores)
    found = {}
    for name, own in scores.items():
        whole = summary(own, published, digits=9)["overall"]
        found[name] = {
            "iou_published": whole["iou"],
            "iou_other": other.get(name),
            **{column: whole[column] for column in ("iou_best", "ap", "hit")},
        }
    return found


def _at_other_half(scores: Mapping[str, Sequence[WordScore]]) -> dict[str, float]:
    """Mean IoU by method where each half of the prompts is the development split of the other; {} for one."""
    groups = next(iter(scores.values()), ())
    names = sorted({str(score.group) for score in groups})
    if len(names) < 2:
        return {}
    halves = [
        {name: [s for s in own if names.index(str(s.group)) % 2 == part] for name, own in scores.items()}
        for part in (0, 1)
    ]
    found = [compare(halves[1 - part], halves[part], digits=9)["methods"] for part in (0, 1)]
    means = {}
    for name in scores:
        of_kinds = []
        for kind in KINDS:
            parts = [own[name][kind] for own in found if kind in own[name]]
            if parts:
                words = sum(part["words"] for part in parts)
                of_kinds.append(sum(part["iou"] * part["words"] for part in parts) / words)
        means[name] = float(np.mean(of_kinds))
    return means
