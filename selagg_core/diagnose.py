"""A finished run -> what is wrong with its pictures: claims, maps, findings, picture by picture.

What concerns one word, box, mask or claim only becomes a problem of the report; the rest is diagnosed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .claims.claim import DIRECTIONS, Claims, claim_lines
from .claims.expectations import Expectations, expected_regions
from .claims.over_entries import over_entries
from .claims.read_claims import general_lexicon, read_claims
from .claims.weights import heed_weights
from .diagnosis.brief import left_out_notices
from .diagnosis.calibration import Calibration, shipped_calibration
from .diagnosis.examine import Judge, PictureDiagnosis, examine
from .diagnosis.kinds import KINDS
from .diagnosis.kinds.kind import FindingKind
from .diagnosis.reading_order import order_notices
from .diagnosis.scene import Observed
from .diagnosis.senses import head_responses, sense_contrast
from .maps.heads import HeadSelection, select_heads
from .maps.recipe import PAPER
from .maps.regions import Region
from .prompt.groups import WordGroup, choose_groups
from .prompt.messages import message, why
from .prompt.quoted import shortened
from .prompt.words import Prompt
from .relevance.choose_heads import ChosenHeads, HeadSettings
from .relevance.relevance import ARGMAX_WINS, HeadRelevance
from .relevance.run_view import MapSet, RunView, choose_or_all
from .repair.tries import with_tries
from .report.annotated import annotate
from .report.model_name import name_of_model
from .report.report import Report
from .report.shares import all_shares
from .report.shown import Planned, Shown


@dataclass(frozen=True)
class Diagnosis:
    """A report with all that it was made from, so that a viewer shows the very same.

    annotated: RGB uint8 (h, w, 3), one for each picture. expected: for each picture the regions where words
    were expected. groups, chosen: the words and phrases that were looked at, and the heads of each. shown:
    maps of all words of all texts; None if they were not asked for. read: all claims that were read, checked
    or not.
    """

    report: Report
    annotated: tuple[np.ndarray, ...]
    expected: tuple[Mapping[WordGroup, Region], ...]
    groups: tuple[WordGroup, ...]
    chosen: ChosenHeads
    shown: Shown | None = None
    read: Claims = Claims()


NOTHING_TO_CHECK = message("nothing_to_check")
MOST_NAMED = 180
"""Characters of the claims that a notice of what is not checked names."""


def diagnose_run(
    view: RunView,
    words: str = "all",
    expectations: Expectations | None = None,
    settings: HeadSettings | None = None,
    edits: str = "",
    calibration: Calibration | None = None,
    for_viewer: bool = False,
    kinds: tuple[FindingKind[Any], ...] = KINDS,
) -> Diagnosis:
    """Diagnoses all pictures of a run.

    words: whose maps are measured, see `choose_groups`; claims about other words are not checked. edits: the
    artist's claims, see `read_claims`. calibration: by default that of the demo model. for_viewer: whether
    the maps of all other words are made as well, for a viewer. kinds: of findings that are looked for.
    """
    expectations, settings = expectations or Expectations(), settings or HeadSettings()
    problems: list[str] = list(view.faults())
    groups = _groups(view, words, problems)
    expected = expected_regions(expectations, view.prompts, len(view.pictures), view.size, problems)
    chooser, problem = choose_or_all(view, settings)
    problems += [problem] if problem else []
    every = read_claims(view.prompts, _lexicon(chooser.relevance), "\n".join((edits, expectations.edits)))
    problems += every.problems
    asked = groups if words.strip().lower() not in ("", "all") else None
    absent = [view.made_without(index) for index in range(len(view.pictures))]
    said = {own: _said(every, view.prompts, own, asked) for own in dict.fromkeys([frozenset(), *absent])}
    read, weighed = said[frozenset()]
    claims = read.checked
    placed = [group for of_picture in expected for group in of_picture]
    measured = tuple(dict.fromkeys([*groups, *placed]))
    spoken_of = [group for own, _ in said.values() for group in own.checked.groups]
    checked = tuple(dict.fromkeys([*measured, *spoken_of]))
    chosen = chooser.choose([group.text for group in checked])
    planned = Planned.of(view, settings, chooser) if for_viewer else None
    judge = replace(_judge(calibration, chosen.relevance), kinds=kinds)
    start = view.recording.from_picture
    diagnoses, annotated = [], []
    for index, picture in enumerate(view.pictures):
        diagnosis = PictureDiagnosis(index, (), (), ())
        if checked and not view.fault_of(index):
            view.make(index, _wanted(view, checked, chosen, settings, planned))
            own, _ = said[absent[index]]
            here = {group: x for group, x in expected[index].items() if group.entry not in absent[index]}
            observed = observe(view, index, checked, own.checked, chosen, settings)
            diagnosis = examine(measured, own.checked, observed, here, judge, index)
            diagnosis = with_tries(diagnosis, view.prompts, own, view.size, here, chosen.relevance, start)
        diagnoses.append(diagnosis)
        annotated.append(annotate(picture, diagnosis, expected[index], problems, kinds))
    report = Report(
        prompt=view.text,
        settings=_settings(view, chosen, judge),
        pictures=tuple(diagnoses),
        problems=tuple(problems),
        notices=(
            *view.notices(chosen),
            *weighed,
            *read.notices,
            *_unchecked(read, expected),
            *order_notices([f for diagnosis in diagnoses for f in diagnosis.findings], view.prompts),
            *left_out_notices([len(diagnosis.left_out) for diagnosis in diagnoses]),
        ),
        claims=tuple(claim_lines(claims)),
        shares=all_shares(view.entries, len(view.pictures)),
        from_picture=start,
    )
    shown = planned.with_maps() if planned is not None else None
    return Diagnosis(report, tuple(annotated), tuple(expected), checked, chosen, shown, read)


def _wanted(
    view: RunView,
    groups: Sequence[WordGroup],
    chosen: ChosenHeads,
    settings: HeadSettings,
    planned: Planned | None,
) -> list[MapSet]:
    """All maps of one picture: what `observe` asks for, and what a viewer shows of the same entries."""
    every = every_head(view, groups)
    own = [MapSet(groups, chosen.selections, settings.recipe), MapSet(groups, every, PAPER)]
    return [*own, *(planned.map_sets() if planned is not None else ())]


def every_head(view: RunView, groups: Sequence[WordGroup]) -> tuple[HeadSelection, ...]:
    """All heads for each group: what all words have in common."""
    return (select_heads(view.recording.layout),) * len(groups)


def observe(
    view: RunView,
    index: int,
    groups: Sequence[WordGroup],
    claims: Claims,
    chosen: ChosenHeads,
    settings: HeadSettings,
) -> Observed:
    """Picture `index` with the maps of `groups`, of the heads `chosen` for each, and of all heads alike."""
    heats = view.maps(index, groups, chosen.selections, settings.recipe)
    common = view.maps(index, groups, every_head(view, groups), PAPER)
    senses = {} if chosen.relevance is None else sense_contrasts(view, index, claims, chosen.relevance)
    return Observed(
        dict(zip(groups, heats, strict=True)),
        dict(zip(groups, common, strict=True)),
        view.pictures[index],
        senses,
    )


def sense_contrasts(
    view: RunView, index: int, claims: Claims, relevance: HeadRelevance
) -> dict[WordGroup, float]:
    """For each word whose meaning is claimed, how much its unintended senses outweigh the intended ones."""
    if ARGMAX_WINS in relevance.score_kinds:  # which concept a head speaks for, not how good its maps are
        relevance = relevance.with_score(ARGMAX_WINS)
    found: dict[WordGroup, float] = {}
    responses: dict[int, np.ndarray] = {}
    for claim in claims.of("sense"):
        word = claim.words
        if word is None:
            continue
        if word.entry not in responses:
            entry = view.entries[word.entry]
            responses[word.entry] = head_responses(entry.picture(min(index, entry.batch - 1)))
        content = {i for group in claims.groups if group.entry == word.entry for i in group.indices}
        noun = claim.subject.indices if claim.subject != word else ()
        found[word] = sense_contrast(
            responses[word.entry],
            word.indices,
            noun or sorted(content - set(word.indices)),
            relevance,
            claim.intended,
            claim.unintended,
        )
    return found


def _groups(view: RunView, words: str, problems: list[str]) -> tuple[WordGroup, ...]:
    try:
        return choose_groups(view.prompts, words)
    except ValueError as error:
        problems.append(why(error))
        return choose_groups(view.prompts, "all") if any(p.words for p in view.prompts) else ()


def _lexicon(relevance: HeadRelevance | None):
    return general_lexicon(relevance.concepts if relevance is not None else ())


def _said(
    every: Claims, prompts: Sequence[Prompt], absent: frozenset[int], asked: Sequence[WordGroup] | None
) -> tuple[Claims, tuple[str, ...]]:
    """What all texts but the absent say together of the words asked for, and notices of their weights."""
    kept = tuple(claim for claim in every.all if not {group.entry for group in claim.groups} & absent)
    claims, weighed = heed_weights(over_entries(replace(every, all=kept), prompts), prompts)
    return (claims if asked is None else _about(claims, asked)), weighed


def _about(claims: Claims, groups: Sequence[WordGroup]) -> Claims:
    """The claims whose words are all among those that the artist asked for."""
    asked = {(group.entry, index) for group in groups for index in group.indices}

    def covered(group: WordGroup | None) -> bool:
        return group is None or any((group.entry, index) in asked for index in group.indices)

    kept = tuple(claim for claim in claims.all if covered(claim.subject) and covered(claim.other))
    return replace(claims, all=kept)


def _judge(calibration: Calibration | None, relevance: HeadRelevance | None) -> Judge:
    given = calibration or shipped_calibration()
    own = calibration is not None or (relevance is not None and relevance.base_model == given.base)
    return Judge(given, own)


def _unchecked(read: Claims, expected: Sequence[Mapping[WordGroup, Region]]) -> tuple[str, ...]:
    """Notices for the claims that are not checked, and why."""
    claims = read.checked
    if not claims.all and not any(expected):
        return (NOTHING_TO_CHECK,)
    lines = [claim.text for claim in claims.of("relation") if claim.value not in DIRECTIONS]
    lines += [claim.text for claim in claims.of("count")]
    unsure = [claim.text for claim in read.all if not claim.checked and claim.kind != "sense"]
    notices = []
    if lines:
        notices.append(message("maps_cannot_tell", claims=shortened(lines, MOST_NAMED, "; ")))
    if unsure:
        notices.append(message("read_unsure", claims=shortened(unsure, MOST_NAMED, "; ")))
    return tuple(notices)


def _settings(view: RunView, chosen: ChosenHeads, judge: Judge) -> dict[str, str | int | float]:
    concepts = {a.word: " + ".join(a.concepts) for a in chosen.assignments if a.concepts}
    base = judge.calibration.base
    measured = f"measured on {base}"
    return {
        "heads": chosen.summary,
        "concepts": "; ".join(f"{word}: {named}" for word, named in concepts.items()) or "none",
        "model": name_of_model(view.recording.layout),
        "layers": len(view.entries[0].maps),
        "steps": view.entries[0].steps,
        "recorded": str(view.recording.coverage or "unknown"),
        "width": view.size[1],
        "height": view.size[0],
        "confidence": measured if judge.own else f"{measured}, not on this model: a rank, not a probability",
    }
