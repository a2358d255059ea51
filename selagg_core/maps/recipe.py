"""How a word's heads are ranked and their maps put together: as published, and refinements, one switch each.

Each switch has its row in `benchmarks/maps.py`; the default is what paid on the development scenes there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MapRecipe:
    """Refinements of a word's map. All off (`PAPER`) is DAAM's mean of heads (Tang et al. 2023, section 3).

    Raises ValueError for a share outside [0, 1].
    """

    label_free_scores: bool = False
    """Rank heads by the agreement of their maps where the relevance holds it, not by counted wins."""
    by_resolution: bool = False
    """Take the top fraction of the heads on every grid by itself, not of all heads: published head relevance
    confounds a concept with a resolution."""
    normalise_heads: bool = False
    """Every head's map sums to one before the mean, so that heads of large attention do not rule it."""
    cap_borders: bool = False
    """The outer ring of cells is cut to the highest value inside: border cells see nothing."""
    late_steps: float = 0.0
    """Share of the run, from its start, that is left out (needs step bins): early steps are mostly noise."""
    competition: float = 0.0
    """Exponent of the word's share among all words of the prompt and the background, by which its map is
    multiplied (0: no competition). The background is what the special columns of a UNet see; in transformers
    these, and stop words, take no part."""
    propagation: float = 0.0
    """Share of the map that is passed on along self-attention once (Wang et al. 2023, arXiv 2309.02773)."""
    edge_aware: bool = False
    """Enlarge to the picture by a guided filter (He et al. 2010) that follows the picture's edges."""

    best_token: bool = False
    """Of a word of several tokens take the one whose map is most concentrated, not their mean (needs a
    recording of sub-tokens)."""

    def __post_init__(self) -> None:
        for name in ("late_steps", "competition", "propagation"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between 0 and 1.")


PAPER = MapRecipe()
"""Plain mean of the chosen heads, as in DAAM (arXiv 2210.04885) and Park et al. (arXiv 2604.05906)."""
DEFAULT = MapRecipe(label_free_scores=True, propagation=0.5, edge_aware=True)
