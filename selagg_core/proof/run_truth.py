"""The truth about all pictures of a run: what its prompts claim, judged by what judges have said so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..claims.claim import Claims
from ..claims.over_entries import over_entries
from ..claims.read_claims import general_lexicon, read_claims
from ..claims.weights import heed_weights
from ..relevance.choose_heads import relevance_for
from ..relevance.run_view import RunView
from .testimony import Testimony, picture_mark
from .truth import PictureTruth, judged


@dataclass(frozen=True)
class RunTruth:
    """pictures: one for each of the run; testimonies: what they rest on. problems: what could not be used."""

    pictures: tuple[PictureTruth, ...] = ()
    testimonies: tuple[Testimony, ...] = ()
    problems: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """A line a claim, and what went wrong first."""
        yield from (f"problem: {problem}" for problem in self.problems)
        for number, picture in enumerate(self.pictures, start=1):
            before = f"picture {number}: " if len(self.pictures) > 1 else ""
            for own in picture.claims:
                yield f"{before}{own.verdict}: {own.claim.text} ({own.reason})"
            for absent in picture.absent:
                asked = f"{absent.judge} was asked for a {absent.noun} in vain"
                yield f"{before}{asked}: score {absent.score:.2f}"


def claims_of_run(view: RunView, edits: str = "") -> Claims:
    """The claims that a diagnosis of this run would check, in the same words.

    edits: the artist's claims, see `read_claims`; what cannot be used of them is in `problems`.
    """
    relevance, _ = relevance_for(view.recording.layout, view.recording.context_width)
    lexicon = general_lexicon(relevance.concepts if relevance is not None else ())
    read = over_entries(read_claims(view.prompts, lexicon, edits), view.prompts)
    return heed_weights(read, view.prompts)[0].checked


def judge_run(
    view: RunView, claims: Claims, testimonies: Sequence[Testimony], before: RunTruth | None = None
) -> RunTruth:
    """Every claim of every picture, by these testimonies and those of `before`.

    Raises ValueError if `before` is about other pictures.
    """
    marks = tuple(picture_mark(picture) for picture in view.pictures)
    if before is not None and before.pictures:
        if tuple(own.mark for own in before.pictures) != marks:
            raise ValueError("the truth that is connected is about other pictures: connect it to this run.")
        testimonies = [old + new for old, new in zip(before.testimonies, testimonies, strict=True)]
    pictures = tuple(
        judged(claims, testimony, picture, mark)
        for testimony, picture, mark in zip(testimonies, view.pictures, marks, strict=True)
    )
    problems = (*(before.problems if before is not None else ()), *claims.problems)
    return RunTruth(pictures, tuple(testimonies), problems)
