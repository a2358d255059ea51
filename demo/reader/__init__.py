"""Reads a picture of the demo world by classical vision: which objects are where, in what colour and pattern.

It knows the drawings, the colours and the patterns of the world, and nothing of how a picture was made, so
that it can judge what a diffusion model painted. Where a picture is unclear it says so rather than guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..caption_check import Verdict, check_caption, parse_caption
from ..reading import Reading, SeenObject
from ..scenes import SIDE
from ..silhouettes import Match, layers, match_silhouette
from ..surface import Surface, Thresholds, lab, read_surface
from ..vocabulary import BACKGROUNDS, COLOURS, WITHOUT_PATTERN

__all__ = ["Reading", "SeenObject", "Verdict", "check_caption", "parse_caption", "read_picture"]

_ALWAYS_PLAIN = Thresholds(explained=0.6, plain_explained=0.6)
"""A rose's spiral and the gaps between mint leaves are no pattern."""


@dataclass(frozen=True)
class Limits:
    """When a silhouette is clear; areas and gaps in pixels, distances in Lab units, scores from 0 to 1."""

    contrast: float = 14.0
    speck: int = 14
    litter: int = 30
    object_area: int = 150
    fragment_area: int = 260
    fragment_gap: float = 12.0
    joined_score: float = 0.68
    gap: int = 5
    score: float = 0.8
    lead: float = 0.03
    background: float = 14.0
    background_share: float = 0.6


@dataclass(frozen=True)
class _View:
    """A picture with its background told apart.

    `rgb` and `lab` are float32; `foreground`, the part of it that is `strong` against what is around, and the
    part that is stem `green` are bool masks.
    """

    rgb: np.ndarray
    lab: np.ndarray
    foreground: np.ndarray
    strong: np.ndarray
    green: np.ndarray


@dataclass(frozen=True)
class _Candidate:
    """Pixels that may be one object, with the drawings that fit them, best first."""

    mask: np.ndarray
    matches: tuple[Match, ...]

    @property
    def score(self) -> float:
        return self.matches[0].score


def read_picture(picture: np.ndarray, limits: Limits | None = None) -> Reading:
    """Reads a (128, 128, 3) uint8 sRGB picture; ValueError for another shape or type."""
    if picture.shape != (SIDE, SIDE, 3) or picture.dtype != np.uint8:
        raise ValueError(
            f"The reader reads ({SIDE}, {SIDE}, 3) uint8 pictures, not {picture.shape} {picture.dtype}."
        )
    limits = limits or Limits()
    name, tone, clear = _background(picture, limits)
    view = _view(picture, tone, limits)
    candidates = _candidates(view, limits)
    seen = [_describe(view, candidate, limits) for candidate in candidates]
    objects = tuple(sorted(seen, key=lambda item: item.box[0]))
    tidy = _litter(view, candidates) < limits.litter
    return Reading(objects, name if clear else None, clear and tidy and all(item.sure for item in objects))


def _litter(view: _View, candidates: list[_Candidate]) -> int:
    """Pixels that are neither background nor at an object."""
    near = np.zeros(view.foreground.shape, np.uint8)
    for candidate in candidates:
        near |= candidate.mask
    return int((view.foreground & (cv2.dilate(near, np.ones((9, 9), np.uint8)) == 0)).sum())


def _background(picture: np.ndarray, limits: Limits) -> tuple[str, np.ndarray, bool]:
    """The background's name, its tone in Lab, and whether both are clear.

    Objects stay clear of the rim, so the rim votes; the tone is then that of all pixels near the rim's.
    """
    colours = lab(cv2.GaussianBlur(picture, (0, 0), 1.0))
    sides = (colours[:3], colours[-3:], colours[:, :3], colours[:, -3:])
    rim = np.concatenate([side.reshape(-1, 3) for side in sides])
    tone = np.median(rim, 0)
    near = np.linalg.norm(colours - tone, axis=2) < limits.background
    tone = np.median(colours[near], 0) if near.any() else tone
    named = lab(np.array([list(BACKGROUNDS.values())], np.float32))[0]
    distances = np.linalg.norm(named - tone, axis=1)
    first, second = np.sort(distances)[:2]
    share = float((np.linalg.norm(rim - tone, axis=1) < limits.background).mean())
    clear = first < limits.background and first < 0.7 * second and share > limits.background_share
    return list(BACKGROUNDS)[int(np.argmin(distances))], tone, bool(clear)


def _view(picture: np.ndarray, tone: np.ndarray, limits: Limits) -> _View:
    colours = lab(picture)
    distance = np.linalg.norm(colours - tone, axis=2)
    smooth = cv2.GaussianBlur(distance, (0, 0), 0.6)
    # Half of the contrast nearby, so that a blurred edge falls where the sharp one was; away from the edge
    # less will do, or dark stripes on a dark ground would be lost.
    nearby = cv2.dilate(smooth, np.ones((5, 5), np.uint8))
    strong = smooth > np.clip(nearby * 0.5, limits.contrast, 1.6 * limits.contrast)
    inner = cv2.erode((smooth > 0.75 * limits.contrast).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    foreground = strong | inner
    _, redness, yellowness = np.moveaxis(colours, 2, 0)
    green = foreground & (redness < -8) & (yellowness > -0.5 * redness) & (colours[..., 0] < 60)
    return _View(picture.astype(np.float32), colours, foreground, strong, green)


def _candidates(view: _View, limits: Limits) -> list[_Candidate]:
    """The foreground in pieces that are one object each, as far as can be told."""
    pieces = _pieces(view.foreground, limits.speck)
    groups = [_candidate(view, mask) for mask in _grouped(pieces, limits.gap)]
    parts = [part for group in groups for part in _split(view, group, pieces, limits)]
    parts = _with_fragments(view, parts, limits)
    return [part for part in parts if part.mask.sum() >= limits.object_area]


def _with_fragments(view: _View, parts: list[_Candidate], limits: Limits) -> list[_Candidate]:
    """Parts too small for an object joined with the object close by, if the two make a drawing."""
    whole = [part for part in parts if part.mask.sum() >= limits.fragment_area]
    for fragment in (part for part in parts if part.mask.sum() < limits.fragment_area):
        away = cv2.distanceTransform((~fragment.mask).astype(np.uint8), cv2.DIST_L2, 3)
        gaps = [float(away[part.mask].min()) for part in whole]
        nearest = int(np.argmin(gaps)) if gaps else -1
        if gaps and gaps[nearest] <= limits.fragment_gap:
            joined = _candidate(view, fragment.mask | whole[nearest].mask)
            green = (view.green & fragment.mask).sum() > 0.4 * fragment.mask.sum()
            if joined.score > max(limits.joined_score, whole[nearest].score - (0.3 if green else 0.0)):
                whole[nearest] = joined
                continue
        whole.append(fragment)
    return whole


def _candidate(view: _View, mask: np.ndarray) -> _Candidate:
    """The pixels with or without their fainter inside, whichever is the better drawing."""
    whole = _Candidate(mask, tuple(match_silhouette(mask)))
    strict = mask & view.strong
    if strict.sum() > mask.sum() - 8 or strict.sum() < 0.5 * mask.sum():
        return whole
    strong = _Candidate(strict, tuple(match_silhouette(strict)))
    return strong if strong.score > whole.score else whole


def _pieces(foreground: np.ndarray, smallest: int) -> list[np.ndarray]:
    """Connected pieces of at least `smallest` pixels, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(foreground.astype(np.uint8), connectivity=8)
    order = sorted(range(1, count), key=lambda i: -stats[i, cv2.CC_STAT_AREA])
    return [labels == i for i in order if stats[i, cv2.CC_STAT_AREA] >= smallest]


def _grouped(pieces: list[np.ndarray], gap: int) -> list[np.ndarray]:
    """Unions of pieces that lie within `gap` pixels of each other."""
    if not pieces:
        return []
    everything = np.logical_or.reduce(pieces)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
    _, labels = cv2.connectedComponents(cv2.dilate(everything.astype(np.uint8), kernel), connectivity=8)
    groups = [everything & (labels == i) for i in range(1, labels.max() + 1)]
    return [group for group in groups if group.any()]


def _split(view: _View, whole: _Candidate, pieces: list[np.ndarray], limits: Limits) -> list[_Candidate]:
    """The group as one object, or as several if those fit drawings better."""
    best, best_score = [whole], whole.score
    if whole.score < 0.9:
        inside = [piece for piece in pieces if (piece & whole.mask).any()]
        for parts in (inside, _by_hue(view, whole.mask), _by_erosion(whole.mask)):
            large = [part for part in parts if part.sum() >= limits.object_area]
            if len(large) < 2 or sum(part.sum() for part in large) < 0.8 * whole.mask.sum():
                continue
            candidates = [_candidate(view, part) for part in large]
            score = min(candidate.score for candidate in candidates)
            if score > best_score + 0.03:
                best, best_score = candidates, score
    return best


def _by_hue(view: _View, mask: np.ndarray) -> list[np.ndarray]:
    """Parts of one hue each: what a named colour and its darker tones share is their direction in RGB."""
    named = np.array(list(COLOURS.values()), np.float32)
    named /= np.linalg.norm(named, axis=1, keepdims=True)
    hue = np.argmax(cv2.GaussianBlur(view.rgb, (0, 0), 0.8) @ named.T, axis=2)
    strong = [kind for kind in range(len(named)) if (mask & (hue == kind)).sum() > 0.1 * mask.sum()]
    return [piece for kind in strong for piece in _pieces(_filled(mask & (hue == kind), mask), 40)]


def _filled(part: np.ndarray, mask: np.ndarray) -> np.ndarray:
    closed = cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return (closed > 0) & mask


def _by_erosion(mask: np.ndarray) -> list[np.ndarray]:
    """Parts that hang together by a thin bridge only."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    cores = _pieces(cv2.erode(mask.astype(np.uint8), kernel) > 0, 30)
    if len(cores) < 2:
        return []
    away = np.stack([cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 3) for core in cores])
    nearest = np.argmin(away, 0)
    return [mask & (nearest == i) for i in range(len(cores))]


def _describe(view: _View, candidate: _Candidate, limits: Limits) -> SeenObject:
    matches = _with_colour_cues(view, candidate)
    best = matches[0]
    lead = best.score - matches[1].score
    named = best.score + 0.3 * min(lead, 0.3) > limits.score and lead > limits.lead
    surface = _surface(view, candidate.mask, best)
    ys, xs = np.nonzero(candidate.mask)
    scores = {"name": best.score, "name_margin": lead, **surface.scores, "diameter": best.diameter,
              "x": best.centre[0], "y": best.centre[1]}  # fmt: skip
    sure = bool(named and surface.colour and surface.pattern)
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    name = best.name if named else None
    return SeenObject(name, surface.colour, surface.pattern, box, sure, candidate.mask, scores)


def _with_colour_cues(view: _View, candidate: _Candidate) -> list[Match]:
    """Matches with the score lowered where stem green is missing, or is where the drawing has none."""
    mask = candidate.mask
    seen = view.green & mask
    if seen.sum() > 0.6 * mask.sum():
        return list(candidate.matches)
    judged = []
    for match in candidate.matches[:5]:
        expected = layers(match.name, match.centre, match.diameter, match.turn, SIDE).green > 0.5
        missing = 1 - (expected & seen).sum() / expected.sum() if expected.any() else 0.0
        strange = min(
            1.0, (seen & ~cv2.dilate(expected.astype(np.uint8), np.ones((5, 5))).astype(bool)).sum() / 30
        )
        fine = 0.08 * (missing + strange)
        judged.append(Match(match.name, match.score - float(fine), match.centre, match.diameter, match.turn))
    return sorted(judged, key=lambda match: -match.score)


def _surface(view: _View, mask: np.ndarray, match: Match) -> Surface:
    """Colour and pattern from the pixels well inside the body, off its ink and its green."""
    parts = layers(match.name, match.centre, match.diameter, match.turn, SIDE)
    spoiled = cv2.dilate(np.maximum(parts.ink, parts.green), np.ones((3, 3), np.uint8)) > 0.3
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    inside = cv2.erode((mask & (parts.body > 0.5)).astype(np.uint8), kernel) > 0
    paint = inside & ~spoiled
    if paint.sum() < 60:
        paint = _deepest(mask & ~spoiled, 60)
    return read_surface(
        view.rgb, paint, match.centre, _ALWAYS_PLAIN if match.name in WITHOUT_PATTERN else None
    )


def _deepest(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The pixels of a thin mask that are least mixed with what is around it."""
    depth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) * mask
    floor = np.sort(depth, axis=None)[-pixels]
    return mask & (depth >= floor)
