"""Claims and maps of one picture -> candidates of all kinds, each with its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..claims.claim import Claims
from ..prompt.groups import WordGroup
from .kinds import KINDS
from .kinds.kind import Candidate, FindingKind
from .measure import PlaceEvidence
from .scene import Observed, Scene, overlap, unit_mass

__all__ = ["FEATURES", "PIXEL_FEATURES", "Candidate", "Observed", "candidates", "overlap", "unit_mass"]

FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType({kind.name: kind.features for kind in KINDS})
"""Kind -> names of its features, those of maps first."""
PIXEL_FEATURES = frozenset(name for kind in KINDS for name in kind.pixel_features)
"""Features that come from the picture and not from attention."""


def candidates(
    claims: Claims,
    observed: Observed,
    places: Mapping[WordGroup, PlaceEvidence] = MappingProxyType({}),
    kinds: Sequence[FindingKind[Any]] = KINDS,
) -> list[Candidate[Any]]:
    """All candidates of one picture, of every kind that its claims, and the places expected, allow."""
    scene = Scene(claims, observed, places)
    return [candidate for kind in kinds for candidate in kind.candidates(scene)]
