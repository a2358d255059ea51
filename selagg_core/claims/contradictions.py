"""Claims that cannot both be true: one of them goes, and the artist is told."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from ..prompt.messages import message
from ..prompt.quoted import short
from .claim import PLACES, Claim, Claims

_OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def without_contradictions(claims: Claims) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """The claims that are left, in their order, and what to tell. The artist's own stay, else the earlier."""
    ordered = sorted(range(len(claims.all)), key=lambda number: claims.all[number].source != "artist")
    kept: list[int] = []
    about: dict[Hashable, list[Claim]] = {}
    problems: list[str] = []
    for number in ordered:
        claim = claims.all[number]
        same = about.setdefault(_about(claim), []) if _about(claim) is not None else []
        against = next((other for other in same if _contradict(claim, other)), None)
        if against is None:
            kept.append(number)
            if claim not in same:
                same.append(claim)
        else:
            problems.append(message("contradiction", one=_quoted(claim), other=_quoted(against)))
    return tuple(claims.all[number] for number in sorted(kept)), tuple(problems)


def _quoted(claim: Claim) -> str:
    """As it can be edited, with words cut as in any message: what is claimed of them stays to be read."""
    cut = {
        name: replace(word, label=short(word.label))
        for name in ("subject", "other")
        if (word := getattr(claim, name)) is not None
    }
    return replace(claim, **cut).text


def _about(claim: Claim) -> Hashable:
    """What two claims must share to contradict each other; None for a claim that contradicts none."""
    if claim.kind == "place":
        return "place", claim.subject
    if claim.kind == "relation" and claim.value in _OPPOSITE:
        return "relation", frozenset((claim.subject, claim.other))
    return None


def _contradict(one: Claim, other: Claim) -> bool:
    if one.kind == "place":
        return one.value != other.value and _apart(one.value, other.value)
    same = (one.subject, one.other) == (other.subject, other.other)
    return (one.value == _OPPOSITE[other.value]) if same else one.value == other.value


def _apart(one: str, other: str) -> bool:
    """Whether two places exclude each other: "left" and "top" do not, "left" and "right" do."""
    (x, y), (u, v) = PLACES[one], PLACES[other]
    return x * u < 0 or y * v < 0 or (one == "center") != (other == "center")
