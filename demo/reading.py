"""What the reader saw in a picture, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class SeenObject:
    """One object found in a picture.

    Attributes:
        name: Word of `vocabulary.OBJECTS`, None where the silhouette is unclear.
        colour: Word of `vocabulary.COLOURS`, None where unclear.
        pattern: Word of `vocabulary.PATTERNS`, None where unclear.
        box: Bounding box (x0, y0, x1, y1) of the mask in pixels, x1 and y1 exclusive.
        sure: Whether name, colour and pattern are all clear.
        mask: (128, 128) bool, what was seen of the object, holes left out.
        scores: "name" and "name_margin" (overlap with the best silhouette, its lead over the next, 0 to 1),
            "colour" and "colour_margin" (distance in Lab to the nearest named colour, and its lead, 0 to 1),
            "pattern" and "pattern_margin" (share of the variation that the pattern explains, and its lead),
            "diameter" (of the fitted drawing, in pixels), "x" and "y" (its centre).
    """

    name: str | None
    colour: str | None
    pattern: str | None
    box: tuple[int, int, int, int]
    sure: bool
    mask: np.ndarray
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) of the fitted drawing in pixels; of the box where no drawing fits."""
        x0, y0, x1, y1 = self.box
        return self.scores.get("x", (x0 + x1) / 2), self.scores.get("y", (y0 + y1) / 2)

    @property
    def diameter(self) -> float:
        """Diameter in pixels as `vocabulary.SIZES` counts it; the box's longer side where no drawing fits."""
        x0, y0, x1, y1 = self.box
        return self.scores.get("diameter", float(max(x1 - x0, y1 - y0)))


@dataclass(frozen=True)
class Reading:
    """A picture as read: `sure` where background and objects are clear and there is nothing else in it."""

    objects: tuple[SeenObject, ...]
    background: str | None
    sure: bool
