"""Colours of everything drawn, RGB."""

from __future__ import annotations

PAPER = (250, 250, 248)
INK = (28, 30, 36)
MUTED = (98, 104, 114)
LINE = (222, 223, 220)
EXPECTED = (86, 180, 233)
FOUND = (230, 159, 0)
"""Sky blue and orange of Okabe and Ito's set: apart for every common kind of colour blindness."""
ALERT = (213, 94, 0)
CALM = (0, 158, 115)
