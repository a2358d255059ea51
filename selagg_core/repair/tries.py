"""What to try for a finding, worked out so far that a viewer can do it with one click."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ..claims.claim import PLACES, Claims
from ..claims.expectations import place_region
from ..diagnosis.examine import PictureDiagnosis
from ..diagnosis.findings import Finding
from ..diagnosis.sentence import Sentence, general
from ..diagnosis.sentences import ENGLISH
from ..diagnosis.suggestions import HIGHEST, OWN_WEIGHT, RAISED, bare
from ..diagnosis.tries import Area, Try
from ..maps.regions import Region
from ..prompt.groups import WordGroup
from ..prompt.quoted import short
from ..prompt.rewritten import with_weight, with_words
from ..prompt.words import Prompt
from ..relevance.relevance import HeadRelevance
from .counts import repair_counts
from .plan import Placing
from .remedies import BY_KIND, Fault, Known, Remedy, colour_word, fault_of, in_halves, remedy_for, spot

SIDE = 128
"""Longest side, in cells, of the regions that areas are made from."""
ARTICLES = ("a", "an", "the")
DENOISED = ("neglected", "leaked", "misplaced", "blended")
"""Kinds of faults that a start picture brings along: more denoise may help."""


def with_tries(
    diagnosis: PictureDiagnosis,
    prompts: Sequence[Prompt],
    claims: Claims,
    size: tuple[int, int],
    expected: Mapping[WordGroup, Region],
    relevance: HeadRelevance | None,
    from_picture: bool | None = None,
) -> PictureDiagnosis:
    """A diagnosis whose findings say what a viewer can do. size: (h, w) of the picture, and of `expected`.

    from_picture: whether the run started from a picture; None: not known.
    """
    if not diagnosis.findings:
        return diagnosis
    scale = min(1.0, SIDE / max(size))
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    places = {word: _resized(region, small) for word, region in expected.items()}
    measured = {seen.word: seen for seen in diagnosis.words}
    known = Known(tuple(prompts), claims, small, measured, places, relevance, from_picture)
    return replace(diagnosis, findings=tuple(_completed(finding, known) for finding in diagnosis.findings))


def _completed(finding: Finding, known: Known) -> Finding:
    """The finding with all that can be tried. One whose words stand nowhere keeps what is said of it."""
    try:
        fault = fault_of(finding, known)
    except ValueError:
        return finding
    remedy = remedy_for(fault, known)
    found = [MAKERS.get(each.remedy, _only_said)(each, fault, known) for each in finding.tries]
    own = any(each.remedy == OWN_WEIGHT for each in finding.tries)
    if not own:
        found += [*_reworded(fault, known), *_repaired(finding, remedy, known), *_denoised(finding)]
    return replace(finding, tries=tuple(found))


def _only_said(told: Try, fault: Fault, known: Known) -> Try:
    return told


def _seed(told: Try, fault: Fault, known: Known) -> Try:
    return replace(told, action="seed")


def _own_weight(told: Try, fault: Fault, known: Known) -> Try:
    """The first word whose weight is not usual back to 1, as the sentence says."""
    values = told.said.get("values", {})
    named = values.get("word")
    words = next((word for word in fault.words if short(word.label) == named), fault.words[0])
    return _weighted(told, words, 1.0, known)


def _weight(told: Try, fault: Fault, known: Known) -> Try:
    """Up for a thing that is missing or blended; back to 1 for an attribute or a sense that went astray."""
    first = fault.words[0]
    if fault.kind in ("leaked", "wrong_sense"):
        noun = () if fault.claim is None else (fault.claim.subject,)
        away = next((word for word in (*fault.words, *noun) if known.weight(word) != 1), None)
        return told if away is None else _weighted(told, away, 1.0, known)
    if fault.kind == "blended":
        return _all_raised(told, fault, known)
    raised = max(RAISED, known.weight(first) + 0.2)
    return told if raised > HIGHEST or fault.kind != "neglected" else _weighted(told, first, raised, known)


def _all_raised(told: Try, fault: Fault, known: Known) -> Try:
    """Both words of a blend, where they stand in one text."""
    if len({word.entry for word in fault.words}) > 1:
        return told
    entry = fault.words[0].entry
    indices = tuple(sorted({index for word in fault.words for index in word.indices}))
    both = WordGroup(" ".join(word.label for word in fault.words), indices, entry)
    raised = round(max(RAISED, known.weight(both) + 0.2), 2)
    if raised > HIGHEST:
        return told
    named = _weighted(told, both, raised, known)
    return replace(named, words=tuple(word.label for word in fault.words))


def _weighted(told: Try, words: WordGroup, weight: float, known: Known) -> Try:
    text = with_weight(known.prompts[words.entry], words.indices, weight)
    if text is None or text == known.prompts[words.entry].text:
        return told
    return replace(
        told, action="text", words=(words.label,), entry=words.entry, weight=round(weight, 2), text=text
    )


def _region(told: Try, fault: Fault, known: Known) -> Try:
    """The things of the fault once more, each where SelAgg Repair would draw it, or two in halves."""
    apart = {"wrong_sense": _apart, "blended": in_halves}
    own = apart.get(fault.kind, BY_KIND.get(fault.kind))
    remedy = Remedy() if own is None else own(fault, known)
    areas = tuple(_areas(remedy, known))
    return replace(told, action="region", areas=areas) if areas else told


def _apart(fault: Fault, known: Known) -> Remedy:
    """The thing of a word that was misread, apart from the first other thing."""
    thing = fault.claim.subject if fault.claim is not None else fault.words[0]
    others = [claim.subject for claim in known.claims.of("entity") if claim.subject != thing]
    if not others:
        return Remedy()
    return in_halves(Fault("blended", (thing, others[0])), known)


def _areas(remedy: Remedy, known: Known) -> Iterator[Area]:
    for placing in remedy.operators:
        if isinstance(placing, Placing):
            text = _spoken(placing.words, known.prompts[placing.words.entry])
            yield Area(text, _box(placing.region, known.size))


def _spoken(group: WordGroup, prompt: Prompt) -> str:
    """The words of a thing as a text of their own, with the article before them."""
    indices = sorted(group.indices)
    before = indices[0] - 1
    if before >= 0 and prompt.words[before].text.casefold() in ARTICLES:
        indices = [before, *indices]
    return " ".join(prompt.words[index].text for index in indices)


def _box(region: Region, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Of a spot the half or quarter that it is in the middle of; of another region what it spans."""
    for place in PLACES:
        if np.array_equal(spot(place, size).mask, region.mask):
            region = place_region(place, size)
            break
    rows, columns = (np.flatnonzero(region.mask.any(axis=axis)) for axis in (1, 0))
    height, width = region.mask.shape
    left, right = columns[0] / width, (columns[-1] + 1) / width
    top, bottom = rows[0] / height, (rows[-1] + 1) / height
    return round(float(left), 4), round(float(top), 4), round(float(right), 4), round(float(bottom), 4)


MAKERS: Mapping[str, Callable[[Try, Fault, Known], Try]] = MappingProxyType(
    {OWN_WEIGHT: _own_weight, "weight": _weight, "region": _region, "seed": _seed}
)
"""Remedies that a viewer can do; others are only said."""


def _reworded(fault: Fault, known: Known) -> Iterator[Try]:
    """A colour that is a thing too, written so that it is a colour alone."""
    word = fault.words[0]
    new = colour_word(fault.claim, word) if fault.kind == "wrong_sense" else ""
    text = with_words(known.prompts[word.entry], word.indices, new) if new else None
    if text is not None:
        said = general("reword", word=short(bare(word.label)), new=short(new))
        own = _told("text", "rephrase", said)
        yield replace(own, words=(word.label,), entry=word.entry, text=text)


def _repaired(finding: Finding, remedy: Remedy, known: Known) -> Iterator[Try]:
    if remedy.operators:
        counts = repair_counts(finding.kind, known.from_picture)
        spoils = finding.kind == "blended" and any(count.broken for count in counts)
        own = _told("repair", "repair", general("part" if spoils else "repair"))
        yield replace(own, words=finding.labels, by_start=counts)


def _denoised(finding: Finding) -> Iterator[Try]:
    if finding.kind in DENOISED:
        yield replace(_told("denoise", "denoise", general("denoise")), words=finding.labels)


def _told(action: str, remedy: str, said: Sentence) -> Try:
    return Try(action, remedy, ENGLISH.say(said), said.to_dict())


def _resized(region: Region, size: tuple[int, int]) -> Region:
    """A region on a coarser grid; what is smaller than a cell of it fills one."""
    rows = (np.arange(region.mask.shape[0]) * size[0]) // region.mask.shape[0]
    columns = (np.arange(region.mask.shape[1]) * size[1]) // region.mask.shape[1]
    mask = np.zeros(size, bool)
    inside = np.argwhere(region.mask)
    mask[rows[inside[:, 0]], columns[inside[:, 1]]] = True
    return Region(mask, region.label)
