"""What is said to the artist: findings with evidence, a confidence and something to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..claims.claim import Claim
from ..maps.regions import place_name
from .features import PIXEL_FEATURES, Candidate
from .suggestions import suggestion_for

LEVELS = ("warning", "unsure", "information")


@dataclass(frozen=True)
class Finding:
    """Something that went wrong (`sure`), or that may have gone wrong (not `sure`, with a `reason`).

    level: "warning" (sure), "unsure", or "information" for what has not earned to be a warning.
    """

    kind: str
    words: tuple[str, ...]
    severity: float
    """0 to 1: how far this matters, for the order of findings."""
    evidence: dict[str, float | bool | str]
    """What maps of attention say."""
    confidence: float
    """0 to 1: how often findings with such evidence were right where they could be checked."""
    suggestion: str
    message: str
    sure: bool = True
    reason: str = ""
    calibrated: bool = False
    """Whether the confidence was measured on this model, and not on another."""
    level: str = "warning"
    pixels: dict[str, float | bool | str] = field(default_factory=dict)
    """What the pixels of the picture say, apart from any map."""
    claim: str = ""
    """The claim that is contradicted, in the form in which it can be edited."""

    @property
    def line(self) -> str:
        """One line for a list of warnings."""
        verdict = self.kind if self.sure else f"{self.level} ({self.kind}?)"
        trust = f"confidence {self.confidence:.2f}" + ("" if self.calibrated else ", not of this model")
        reason = f" {self.reason}" if self.reason else ""
        return f"{verdict}: {self.message}{reason} Try: {self.suggestion} [{trust}]"

    def demoted(self, reason: str, level: str = "unsure") -> Finding:
        """The same as "unsure" or "information", with the reason."""
        return replace(self, sure=False, level=level, reason=reason)


def finding_of(candidate: Candidate, confidence: float, level: str, calibrated: bool) -> Finding:
    """The finding that a candidate makes at a level, in words."""
    maps = {k: v for k, v in candidate.features.items() if k not in PIXEL_FEATURES and v == v}
    pixels: dict[str, float | bool | str] = {
        k: v for k, v in candidate.features.items() if k in PIXEL_FEATURES and v == v
    }
    found = Finding(
        kind=candidate.kind,
        words=candidate.words,
        severity=confidence,
        evidence={**maps, **_told(candidate.facts)},
        confidence=confidence,
        suggestion=suggestion_for(candidate.kind, candidate.words, _weights(candidate.claim)),
        message=_SENTENCES[candidate.kind](candidate),
        calibrated=calibrated,
        pixels=pixels,
        claim=candidate.claim.text,
    )
    if level == "warning":
        return found
    reasons = {
        "unsure": f"The evidence is weak: of such cases {confidence:.0%} are right.",
        "information": "This kind of finding has not proved reliable enough to be a warning.",
    }
    return found.demoted(reasons[level], level)


def _weights(claim: Claim) -> dict[str, float]:
    """label -> weight in the prompt, of the words that a claim is about."""
    groups = (claim.subject, claim.other, claim.words)
    return {group.label: group.weight for group in groups if group is not None}


def diffuse_finding(words: tuple[str, ...], evidence: dict[str, float | bool | str], message: str) -> Finding:
    """No map of these words can be trusted."""
    return Finding(
        kind="diffuse",
        words=words,
        severity=0.0,
        evidence=evidence,
        confidence=0.0,
        suggestion=suggestion_for("diffuse", words),
        message=message,
        sure=False,
        reason="The maps cannot tell.",
        level="information",
    )


def _told(facts: Mapping[str, float | bool | str]) -> dict[str, float | bool | str]:
    """Places as names, besides what is there."""
    told = dict(facts)
    for name, key in (("subject", "found_at"), ("other", "other_found_at")):
        if f"{name}_x" in facts:
            told[key] = place_name(float(facts[f"{name}_x"]), float(facts[f"{name}_y"]))
    return told


def _neglected(candidate: Candidate) -> str:
    word, features = candidate.words[0], candidate.features
    signs = []
    for name, spoken in (("faint", "peak"), ("unfocused", "focus"), ("weak", "attention")):
        share = 2.718281828 ** -features.get(name, 0.0)
        if share < 0.85:
            signs.append((share, f"{share:.0%} of the {spoken} of the other things"))
    said = " and ".join(text for _, text in sorted(signs)[:2])
    seen = "its map lies where nothing stands out" if features.get("nothing_there", 0) > 0.6 else ""
    told = "; ".join(part for part in (said and f"its map has {said}", seen) if part)
    return f'no region holds "{word}"' + (f": {told}." if told else ".")


def _leaked(candidate: Candidate) -> str:
    attribute, entity = candidate.words
    taker = candidate.facts.get("taken_by", "something else")
    return f'"{attribute}" belongs to "{entity}", but it went to "{taker}".'


def _wrong_sense(candidate: Candidate) -> str:
    return (
        f'"{candidate.words[0]}" was meant as {candidate.facts["meant"]}, but the picture takes it as '
        f"{candidate.facts['instead']}."
    )


def _misplaced(candidate: Candidate) -> str:
    facts = candidate.facts
    if "expected_at" in facts:
        return (
            f'"{candidate.words[0]}" lies at the {facts["found_at"]}, not where it was expected '
            f"({facts['expected_at']}): {facts['mass_inside']:.0%} of its map is inside."
        )
    x, y = float(facts["subject_x"]), float(facts["subject_y"])
    if candidate.claim.kind == "place":
        word, place = candidate.words
        return f'"{word}" should be at the {place}; it lies at the {place_name(x, y)}.'
    dx, dy = float(facts["other_x"]) - x, float(facts["other_y"]) - y
    shown = ("left of" if dx > 0 else "right of") if abs(dx) >= abs(dy) else ("above" if dy > 0 else "below")
    subject, value, other = candidate.words
    return f'"{subject}" should be {value} "{other}", but it lies {shown} it.'


def _blended(candidate: Candidate) -> str:
    one, other = candidate.words
    return f'"{one}" and "{other}" share one region: they may have become one thing.'


_SENTENCES = {
    "neglected": _neglected,
    "leaked": _leaked,
    "wrong_sense": _wrong_sense,
    "misplaced": _misplaced,
    "blended": _blended,
}
