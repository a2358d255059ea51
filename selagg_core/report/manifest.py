"""What a viewer in a browser is told about a run: words, maps, heads and findings, as values for JSON.

Maps come packed (`packed_maps`).  With the manifest come only those that are looked at first; the others of
whole words are ready, and asked for one by one.  The maps of single heads and of single steps are large and
seldom looked at: they are packed when they are asked for, word by word.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from safetensors.numpy import save

from ..claims.claim import Claims
from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.landing import landing
from ..maps.arrays import resize_maps
from ..maps.heads import HeadSelection
from ..maps.recipe import MapRecipe
from ..maps.regions import Region
from ..maps.word_maps import finest_grid
from ..prompt.as_written import written_pieces
from ..prompt.groups import FUNCTION_WORDS, WordGroup
from ..prompt.messages import said_of
from ..recording.head_maps import EntryRecording
from ..relevance.choose_heads import ChosenHeads, sense_scores
from ..relevance.relevance import HeadRelevance
from .packed_maps import pack_maps
from .report import Report, plain
from .shares import attention_shares
from .shown import Shown, Text
from .understood import understood

FORMAT = 1
EXPECTED_SIDE = 128
"""Longest side in cells of an expected region as it is sent."""


def manifest(
    shown: Shown,
    report: Report | None = None,
    expected: Sequence[Mapping[WordGroup, Region]] = (),
    claims: Claims | None = None,
) -> dict[str, Any]:
    """All that is shown at once.

    expected: for each picture the regions where words should be. claims: what was understood of the prompts,
    checked or not; None where nothing was read.
    """
    view, chosen = shown.view, shown.chosen
    report = report or Report(view.text, {}, notices=view.notices(chosen[0]))
    layout = view.recording.layout
    return {
        "format": FORMAT,
        "size": list(view.size),
        "pictures": len(view.pictures),
        "frames": list(view.frames),
        "mode": shown.settings.mode,
        "fraction": shown.settings.fraction,
        "heads": chosen[0].summary,
        "layers": [
            [layer.block, layer.number, layer.depth, layout.heads_of(layer)] for layer in layout.layers
        ],
        "relevance": _relevance(chosen),
        "texts": [_text(text, choice) for text, choice in zip(shown.texts, chosen, strict=True)],
        "modes": [[*maps, "special"] for maps in shown.maps[0]],
        "maps": _first_maps(shown),
        "labels": _labels(report),
        "report": [_picture(picture) for picture in report.pictures],
        "understood": understood(claims, view.prompts) if claims is not None else None,
        "problems": list(report.problems),
        "notices": list(report.notices),
        "said": {
            "problems": [said_of(problem) for problem in report.problems],
            "notices": [said_of(notice) for notice in report.notices],
        },
        "from_picture": view.recording.from_picture,
        "coverage": None if view.recording.coverage is None else asdict(view.recording.coverage),
        "expected": [
            {group.label: _expected(region) for group, region in of_picture.items()}
            for of_picture in expected
        ],
    }


def _first_maps(shown: Shown) -> dict[str, Any]:
    """What is looked at first: of the first text in the first picture, see `word_sheets`."""
    mode = shown.settings.mode
    return {
        name: sheet for name, sheet in word_sheets(shown, 0, 0) if name.endswith((f"/{mode}", "/special"))
    }


def word_sheets(shown: Shown, picture: int, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """All maps of a text in a picture: ("picture/text/mode", packed maps of all words).

    The mode "special" is that of the one map of the marks that are no words.
    """
    for mode, values in shown.maps[picture][number].items():
        yield f"{picture}/{number}/{mode}", pack_maps(values).to_dict()
    special = _special(shown.texts[number], picture)[None]
    yield f"{picture}/{number}/special", pack_maps(special).to_dict()


def all_word_sheets(shown: Shown) -> Iterator[tuple[str, dict[str, Any]]]:
    """The maps of all texts in all pictures, see `word_sheets`."""
    for picture in range(len(shown.maps)):
        for number in range(len(shown.texts)):
            yield from word_sheets(shown, picture, number)


def _text(text: Text, chosen: ChosenHeads) -> dict[str, Any]:
    entry = text.entry
    prompt = entry.prompt
    return {
        "name": text.name,
        "kind": entry.kind,
        "steps": entry.steps,
        "bins": len(step_bins(entry)),
        "area": list(entry.area) if entry.area else None,
        "shares": [attention_shares(entry, text.recorded(n)) for n in range(text.pictures)],
        "pieces": [[piece.text, piece.word] for piece in written_pieces(prompt)] if prompt else [],
        "words": [
            {
                "text": word.text,
                "weight": word.weight,
                "concepts": list(assignment.concepts),
                "ambiguous": assignment.ambiguous,
                "function": word.text.lower() in FUNCTION_WORDS,
                "region": group.has_region,
                "heads": _base64(np.packbits(selection.mask, bitorder="little").tobytes()),
            }
            for word, group, assignment, selection in zip(
                prompt.words if prompt else (),
                text.groups,
                chosen.assignments,
                chosen.selections,
                strict=True,
            )
        ],
    }


def _special(text: Text, picture: int) -> np.ndarray:
    """Mean over all heads of the attention to begin, end and padding marks (h, w), on the finest grid."""
    recorded = text.recorded(picture)
    grid = finest_grid(text.entry.picture(recorded))
    maps = [resize_maps(values[recorded], grid) for values in text.entry.special.values()]
    return np.concatenate(maps).mean(axis=0)


def _relevance(chosen: Sequence[ChosenHeads]) -> dict[str, Any]:
    """By concepts of a word, as in `words`: all heads, the most relevant first, and their scores."""
    known: dict[str, Any] = {}
    for choice in chosen:
        if choice.relevance is None:
            continue
        for assignment in choice.assignments:
            name = " + ".join(assignment.concepts)
            if name and name not in known:
                known[name] = _ranking(choice.relevance, assignment.concepts)
    return known


def _ranking(relevance: HeadRelevance, concepts: Sequence[str]) -> dict[str, str]:
    scores = sense_scores(relevance, concepts)
    order = np.argsort(-scores, kind="stable").astype("<u2")
    spread = float(scores.max() - scores.min()) or 1.0
    levels = np.round((scores - scores.min()) / spread * 255).astype(np.uint8)
    return {"order": _base64(order.tobytes()), "scores": _base64(levels.tobytes())}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _picture(picture: PictureDiagnosis) -> dict[str, Any]:
    landed = landing(picture)
    return {
        "words": {word.label: {**plain(word), **landed[word.word]} for word in picture.words},
        "findings": [{**plain(finding), "title": finding.title} for finding in picture.findings],
        "checks": [[check.kind, check.claim, check.verdict] for check in picture.checks],
    }


def _labels(report: Report) -> dict[str, list[Any]]:
    """The words that a report's labels are about: label -> [text, [words of it]]."""
    words = [word.word for picture in report.pictures for word in picture.words]
    words += [word for picture in report.pictures for finding in picture.findings for word in finding.words]
    return {word.label: [word.entry, list(word.indices)] for word in words}


def _expected(region: Region) -> dict[str, Any]:
    height, width = region.mask.shape
    scale = min(1.0, EXPECTED_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    rows = np.linspace(0, height - 1, size[0]).round().astype(int)
    columns = np.linspace(0, width - 1, size[1]).round().astype(int)
    return pack_maps(region.mask[np.ix_(rows, columns)][None].astype(np.float32)).to_dict()


def head_sheets(text: Text, picture: int, word: int) -> dict[str, Any]:
    """The maps of every head for one word, packed by grid: {"sheets": [{"heads": [...], ...}, ...]}.

    Heads are counted as in the layout. Raises ValueError for a word or picture that is not there.
    """
    if not 0 <= word < len(text.groups):
        raise ValueError(f"there is no word {word}: the text has {len(text.groups)}.")
    entry, layout = text.entry, text.layout
    recorded = text.recorded(picture)
    by_grid: dict[tuple[int, int], tuple[list[int], list[np.ndarray]]] = {}
    for layer, values in entry.maps.items():
        heads, maps = by_grid.setdefault(values.shape[-2:], ([], []))
        heads += range(layout.offset(layer), layout.offset(layer) + layout.heads_of(layer))
        maps.append(values[recorded, :, word])
    return {
        "sheets": [
            {"heads": heads, **pack_maps(np.concatenate(maps)).to_dict()} for heads, maps in by_grid.values()
        ]
    }


def step_bins(entry: EntryRecording) -> tuple[Mapping, ...]:
    """The maps of the entry by parts of the sampling run, the first steps first; () if not recorded."""
    return tuple(entry.step_maps)


def step_sheet(
    text: Text, picture: int, step: int, selections: Sequence[HeadSelection], recipe: MapRecipe
) -> dict[str, Any]:
    """The maps of all words in one part of the run, packed.

    Raises ValueError if there is no such part, or nothing was recorded in it.
    """
    return pack_maps(text.during(step).maps(picture, selections, recipe)).to_dict()


def maps_file(shown: Shown) -> bytes:
    """All word maps as a safetensors file: tensors "picture/text/mode" (words, h, w), attention probability.

    Metadata: "selagg" holds, as JSON, the words in order, the settings and the size of the pictures.
    """
    names = [f"{number}-{text.name}" for number, text in enumerate(shown.texts)]
    tensors = {
        f"{picture}/{name}/{mode}": np.ascontiguousarray(values, dtype=np.float32)
        for picture, of_picture in enumerate(shown.maps)
        for name, maps in zip(names, of_picture, strict=True)
        for mode, values in maps.items()
    }
    words = {name: [g.text for g in text.groups] for name, text in zip(names, shown.texts, strict=True)}
    about = {
        "format": FORMAT,
        "words": words,
        "size": list(shown.view.size),
        "fraction": shown.settings.fraction,
        "prompt": shown.view.text,
    }
    return save(tensors, metadata={"selagg": json.dumps(about)})
