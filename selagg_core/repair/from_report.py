"""A report of SelAgg Diagnose and the prompt that is to be sampled again -> a repair plan.

Raises ValueError, with what to do, where the two do not belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..claims.claim import Claims
from ..claims.expectations import Expectations, expected_regions
from ..claims.over_entries import over_entries
from ..claims.read_claims import general_lexicon, read_claims
from ..diagnosis.brief import rank
from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.findings import Finding
from ..diagnosis.tries import StartCount
from ..maps.regions import Region
from ..prompt.groups import WordGroup
from ..prompt.quoted import reasons, short
from ..prompt.words import Prompt
from ..recording.layout import HeadLayout
from ..relevance.relevance import HeadRelevance
from ..report.model_name import name_of_model
from ..report.report import Report
from .counts import breaks
from .placebo import on_other_words
from .plan import UNTIL, Operator, PictureRepair, RepairPlan
from .remedies import Fault, Known, Remedy, fault_of, remedy_for

ALL = "all warnings"
NOTHING = "Nothing was changed: the report has no warning."
_USUAL_SIZE = (512, 512)


@dataclass(frozen=True)
class Asked:
    """What the artist asks for.

    finding: ALL, or the number of one in the report's list, from 1.  strength: 0 to 2.  until: share of the
    run, above 0 to 1.  placebo: whether the same is done to words that the finding is not about.
    """

    finding: str = ALL
    strength: float = 1.0
    until: float = UNTIL
    expectations: Expectations = Expectations()
    relevance: HeadRelevance | None = None
    placebo: bool = False


def read_report(text: str) -> Report:
    """The report that a node was given. Raises ValueError for anything else."""
    if not text or not text.strip():
        raise ValueError(
            "there is no report: connect the report output of SelAgg Diagnose, or of SelAgg Load."
        )
    return Report.from_json(text)


def of_one_finding(report: Report, picture: int, number: int) -> Report:
    """A report of one finding of a picture alone, with what a repair must know: small enough for a workflow.

    Raises ValueError if there is no such finding.
    """
    if not (0 <= picture < len(report.pictures) and 0 <= number < len(report.pictures[picture].findings)):
        raise ValueError(f"the report has no finding {number + 1} of picture {picture + 1}.")
    found = report.pictures[picture]
    own = PictureDiagnosis(found.index, found.words, (), (replace(found.findings[number], tries=()),))
    empty = [PictureDiagnosis(each.index, (), (), ()) for each in report.pictures]
    pictures = (*empty[:picture], own, *empty[picture + 1 :])
    return replace(report, pictures=pictures, problems=(), notices=())


def plan_from_report(
    report: Report, prompts: Sequence[Prompt], layout: HeadLayout, asked: Asked
) -> RepairPlan:
    """What is changed so that the chosen findings of a report do not come again.

    prompts: of the conditioning entries, in the order in which reports count them. layout: of the model.
    """
    _check(report, prompts, layout)
    chosen = list(_chosen(report, asked.finding))
    if not chosen:
        return _plan(prompts, (PictureRepair(),), asked, (NOTHING,), ())
    problems: list[str] = []
    expected = expected_regions(asked.expectations, prompts, len(report.pictures), _size(report), problems)
    if problems:
        raise ValueError(reasons(problems))
    claims = _claims(report, prompts, asked)
    repaired, changes, advice = [], [], []
    for number, picture in enumerate(report.pictures):
        known = _known(picture, prompts, claims, expected[number], report, asked)
        operators: list[Operator] = []
        for finding in (own for own, index in chosen if index == number):
            if _is_all(asked.finding) and (spoiling := breaks(finding.kind, report.from_picture)):
                told = _asked_for(finding, spoiling, report)
                advice.append(f"{_of(number, report)}{finding.kind}: {told}")
                continue
            fault = fault_of(finding, known)
            remedy = remedy_for(fault, known)
            if asked.placebo and remedy.operators:
                remedy = _placebo(remedy, fault, known)
            operators += remedy.operators
            changes += [f"{_of(number, report)}{finding.kind}: {remedy.said}"] if remedy.operators else []
            advice += [f"{_of(number, report)}{finding.kind}: {told}" for told in remedy.advice]
        repaired.append(PictureRepair(tuple(operators)))
    notes = tuple(note for prompt in prompts for note in prompt.notes)
    return _plan(
        prompts, tuple(repaired), asked, tuple(dict.fromkeys(changes)), (*dict.fromkeys(advice), *notes)
    )


def _asked_for(finding: Finding, count: StartCount, report: Report) -> str:
    """What is said instead of a remedy that breaks too much to be done unasked."""
    number = next(n for n, (own, _) in enumerate(listed(report), 1) if own is finding)
    where = "from a start picture" if count.from_picture else "from an empty latent"
    broken, right = count.broken
    helped, tried = count.helped
    return (
        f"nothing was changed for it. On the demo model, {where}, it helped {helped} of {tried} times, but "
        f"{broken} of {right} claims that were right became wrong. To try it, set finding to {number}, and "
        "compare both pictures."
    )


def _placebo(remedy: Remedy, fault: Fault, known: Known) -> Remedy:
    """The same on other words, and what is said of it."""
    operators = tuple(
        on_other_words(own, known.prompts[own.words.entry], known.claims, fault.claim)
        for own in remedy.operators
    )
    return Remedy(operators, f"A placebo, done to other words than these: {remedy.said}", remedy.advice)


def _plan(prompts, pictures, asked: Asked, changes: tuple[str, ...], advice: tuple[str, ...]) -> RepairPlan:
    return RepairPlan(tuple(prompts), pictures, asked.strength, asked.until, changes, advice)


def _of(number: int, report: Report) -> str:
    return f"picture {number + 1}, " if len(report.pictures) > 1 else ""


# -- whether they belong together --------------------------------------------------------------------------


def _check(report: Report, prompts: Sequence[Prompt], layout: HeadLayout) -> None:
    text = " | ".join(dict.fromkeys(prompt.text for prompt in prompts))
    if report.prompt != text:
        raise ValueError(
            f'the report is of another prompt ("{short(report.prompt)}") than the conditioning '
            f'("{short(text)}"): diagnose a picture of this prompt first.'
        )
    told, own = report.settings.get("model"), name_of_model(layout)
    if told is not None and told != own:
        raise ValueError(
            f"the report is of another model ({told}) than the one connected ({own}): diagnose a picture of "
            "this model first."
        )


def _size(report: Report) -> tuple[int, int]:
    """(h, w) px of the pictures of a report."""
    sides = [report.settings.get(name) for name in ("height", "width")]
    height, width = (int(s) if isinstance(s, int | float) and 1 <= s <= 65536 else 0 for s in sides)
    return (height, width) if height and width else _USUAL_SIZE


# -- which findings ------------------------------------------------------------------------------------------


def listed(report: Report) -> list[tuple[Finding, int]]:
    """All findings with the number of their picture, in the order in which they are told."""
    found = [(f, number) for number, picture in enumerate(report.pictures) for f in picture.findings]
    return sorted(found, key=lambda item: (*rank(item[0]), item[1]))


def _is_all(asked: str) -> bool:
    return asked.strip().casefold() in ("", "all", ALL)


def _chosen(report: Report, asked: str) -> Iterator[tuple[Finding, int]]:
    found = listed(report)
    wanted = asked.strip().casefold()
    if _is_all(asked):
        yield from ((finding, number) for finding, number in found if finding.level == "warning")
        return
    match = re.fullmatch(r"#?\s*(\d{1,4})", wanted)
    if match is None:
        raise ValueError(f'finding is "{short(asked)}": write "{ALL}", or the number of one, such as 1.')
    number = int(match[1])
    if not 1 <= number <= len(found):
        there = f"it has {len(found)}" if found else "it has none"
        raise ValueError(
            f"the report has no finding {number}: {there}. Write a number of its list, or {ALL}."
        )
    yield found[number - 1]


# -- what is known of them -----------------------------------------------------------------------------------


def _claims(report: Report, prompts: Sequence[Prompt], asked: Asked) -> Claims:
    """The claims that the report was made by: those of the prompt, and what the artist changed in them."""
    lexicon = general_lexicon(asked.relevance.concepts if asked.relevance is not None else ())
    read = read_claims(prompts, lexicon)
    known = {claim.text for claim in read.all}
    edits = [line for line in report.claims if line not in known]
    edited = read_claims(prompts, lexicon, "\n".join((*edits, asked.expectations.edits))) if edits else read
    return over_entries(edited, prompts)


def _known(
    picture: PictureDiagnosis,
    prompts: Sequence[Prompt],
    claims: Claims,
    expected: Mapping[WordGroup, Region],
    report: Report,
    asked: Asked,
) -> Known:
    measured = {seen.word: seen for seen in picture.words}
    size, start = _size(report), report.from_picture
    return Known(tuple(prompts), claims, size, measured, expected, asked.relevance, start, asked.strength)
