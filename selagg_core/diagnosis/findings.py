"""What is said to the artist: findings with evidence, a confidence and something to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..claims.claim import Claim
from ..prompt.groups import WordGroup
from ..prompt.quoted import short
from .kinds import BY_NAME
from .kinds.kind import Candidate, Facts, FindingKind
from .sentences import ENGLISH, Sentences
from .suggestions import first_remedy, suggestion_for

LEVELS = ("warning", "unsure", "information")
LONGEST_LINE = 280
"""Characters of a line: with the number of its picture it stays below 300."""
DIFFUSE = "diffuse"
"""Name of the finding that maps cannot be trusted: it is about maps, no kind of fault of the picture."""


@dataclass(frozen=True)
class Finding:
    """Something that went wrong (`sure`), or that may have gone wrong (not `sure`, with a `reason`).

    words: those that it is about, the subject first.
    level: "warning" (sure), "unsure", or "information" for what has not earned to be a warning.
    """

    kind: str
    words: tuple[WordGroup, ...]
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
    facts: Facts = field(default_factory=Facts, compare=False)
    """What its kind knows beside; not kept in reports."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The words as people read them."""
        return tuple(word.label for word in self.words)

    @property
    def involved(self) -> frozenset[WordGroup]:
        """All words whose maps it rests on."""
        return frozenset((*self.words, *self.facts.others))

    @property
    def line(self) -> str:
        """One line for a list of warnings; of what would make it too long the first remedy alone is said."""
        verdict = self.kind if self.sure else f"{self.level} ({self.kind}?)"
        trust = f"confidence {self.confidence:.2f}" + ("" if self.calibrated else ", not of this model")
        reason = f" {self.reason}" if self.reason else ""
        remedies = (self.suggestion, first_remedy(self.suggestion))
        lines = [
            f"{verdict}: {self.message}{said} Try: {remedy} [{trust}]"
            for said in dict.fromkeys((reason, ""))
            for remedy in remedies
        ]
        return next((line for line in lines if len(line) <= LONGEST_LINE), lines[-1])

    def demoted(self, reason: str, level: str = "unsure") -> Finding:
        """The same as "unsure" or "information", with the reason."""
        return replace(self, sure=False, level=level, reason=reason)


def finding_of(
    candidate: Candidate[Any],
    confidence: float,
    level: str,
    calibrated: bool,
    kind: FindingKind[Any] | None = None,
    sentences: Sentences = ENGLISH,
) -> Finding:
    """The finding that a candidate makes at a level, in words. kind: by default that of its name."""
    kind = kind or BY_NAME[candidate.kind]
    known = {name: value for name, value in candidate.features.items() if value == value}
    labels = tuple(word.label for word in candidate.words)
    said = kind.sentence(candidate)
    found = Finding(
        kind=kind.name,
        words=candidate.words,
        severity=confidence,
        evidence={
            **{name: value for name, value in known.items() if name not in kind.pixel_features},
            **candidate.facts.told(),
        },
        confidence=confidence,
        suggestion=suggestion_for(kind, labels, _weights(candidate.claim), sentences),
        message=sentences.say(f"{kind.name}.{said.key}", kind.texts[said.key], _quotable(said.values)),
        calibrated=calibrated,
        pixels={name: value for name, value in known.items() if name in kind.pixel_features},
        claim=candidate.claim.text,
        facts=candidate.facts,
    )
    if level == "warning":
        return found
    weak = level == "unsure"
    reason = sentences.general("weak", share=confidence) if weak else sentences.general("unproven")
    return found.demoted(reason, level)


def _quotable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: short(value) if isinstance(value, str) else value for name, value in values.items()}


def _weights(claim: Claim) -> dict[str, float]:
    """label -> weight in the prompt, of the words that a claim is about."""
    groups = (claim.subject, claim.other, claim.words)
    return {group.label: group.weight for group in groups if group is not None}


def diffuse_finding(
    words: tuple[WordGroup, ...],
    evidence: dict[str, float | bool | str],
    message: str,
    sentences: Sentences = ENGLISH,
) -> Finding:
    """No map of these words can be trusted."""
    return Finding(
        kind=DIFFUSE,
        words=words,
        severity=0.0,
        evidence=evidence,
        confidence=0.0,
        suggestion=sentences.general("diffuse"),
        message=message,
        sure=False,
        reason=sentences.general("cannot_tell"),
        level="information",
    )
