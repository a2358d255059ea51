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
from .sentence import Sentence, general
from .sentences import ENGLISH, Sentences
from .suggestions import Advice, advice_for, counts_of, first_remedy
from .tries import Try

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
    said: dict[str, Any] = field(default_factory=dict)
    """For other languages: "title", "message", "reason" and "suggestion" as `Sentence.to_dict` has them, and
    "helped": for each remedy that was counted how often it helped, and was tried."""
    tries: tuple[Try, ...] = ()
    """What the suggestion names, remedy by remedy, as far as a viewer can do it for the artist."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The words as people read them."""
        return tuple(word.label for word in self.words)

    @property
    def involved(self) -> frozenset[WordGroup]:
        """All words whose maps it rests on."""
        return frozenset((*self.words, *self.facts.others))

    @property
    def title(self) -> str:
        """What the fault is called, in English."""
        told = self.said.get("title")
        own = "general.diffuse_title" if self.kind == DIFFUSE else f"{self.kind}.title"
        key = told.get("key") if isinstance(told, dict) else own
        return ENGLISH.text(str(key)) or self.kind.replace("_", " ").capitalize()

    @property
    def heading(self) -> str:
        """The title, with a question mark if it is not sure."""
        told = "for your information" if self.level == "information" else "not sure"
        return self.title if self.sure else f"{self.title}? ({told})"

    @property
    def line(self) -> str:
        """One line for a list of warnings; of what would make it too long the first remedy alone is said."""
        trust = f"confidence {self.confidence:.2f}" + ("" if self.calibrated else ", not of this model")
        reason = f" {self.reason}" if self.reason else ""
        remedies = (self.suggestion, first_remedy(self.suggestion))
        lines = [
            f"{self.heading}: {self.message}{said} Try: {remedy} [{trust}]"
            for said in dict.fromkeys((reason, ""))
            for remedy in remedies
        ]
        return next((line for line in lines if len(line) <= LONGEST_LINE), lines[-1])

    def demoted(
        self, reason: str | Sentence, level: str = "unsure", sentences: Sentences = ENGLISH
    ) -> Finding:
        """The same as "unsure" or "information", with the reason."""
        if isinstance(reason, str):
            return replace(self, sure=False, level=level, reason=reason)
        said = {**self.said, "reason": reason.to_dict()}
        return replace(self, sure=False, level=level, reason=sentences.say(reason), said=said)


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
    sentences = sentences.with_texts(_texts_of(kind))
    known = {name: value for name, value in candidate.features.items() if value == value}
    labels = tuple(word.label for word in candidate.words)
    title, message = (_of_kind(kind, said) for said in (kind.title(candidate), kind.sentence(candidate)))
    advice = advice_for(kind, labels, _weights(candidate.claim))
    found = Finding(
        kind=kind.name,
        words=candidate.words,
        severity=confidence,
        evidence={
            **{name: value for name, value in known.items() if name not in kind.pixel_features},
            **candidate.facts.told(),
        },
        confidence=confidence,
        suggestion=sentences.say(advice.said),
        message=sentences.say(message),
        calibrated=calibrated,
        pixels={name: value for name, value in known.items() if name in kind.pixel_features},
        claim=candidate.claim.text,
        facts=candidate.facts,
        said=_said(title, message, advice),
        tries=_tries(kind, labels, advice, sentences),
    )
    if level == "warning":
        return found
    return found.demoted(general("weak" if level == "unsure" else "unproven"), level, sentences)


def _tries(
    kind: FindingKind[Any], labels: tuple[str, ...], advice: Advice, sentences: Sentences
) -> tuple[Try, ...]:
    """The remedies of an advice, of which nothing is known yet but what they are called."""
    counts = counts_of(kind)
    return tuple(
        Try("none", name, sentences.say(said), said.to_dict(), labels, helped=tuple(counts.get(name, ())))
        for name, said in advice.remedies
    )


def _said(title: Sentence, message: Sentence, advice: Advice) -> dict[str, Any]:
    return {
        "title": title.to_dict(),
        "message": message.to_dict(),
        "suggestion": advice.said.to_dict(),
        "helped": [list(counts) for counts in advice.helped],
    }


def _of_kind(kind: FindingKind[Any], said: Sentence) -> Sentence:
    """With the name of its kind before the key, where a kind leaves that out; long words are cut."""
    key = said.key if "." in said.key else f"{kind.name}.{said.key}"
    return Sentence(key, _quotable(said.values))


def _quotable(values: Mapping[str, str | float | Sentence]) -> dict[str, str | float | Sentence]:
    return {name: _cut(value) for name, value in values.items()}


def _cut(value: str | float | Sentence) -> str | float | Sentence:
    if isinstance(value, Sentence):
        return Sentence(value.key, _quotable(value.values))
    return short(value) if isinstance(value, str) else value


def _texts_of(kind: FindingKind[Any]) -> dict[str, str]:
    """The texts of a kind, also of one that is not among the known ones."""
    title = {f"{kind.name}.title": kind.name.replace("_", " ").capitalize()}
    own = {f"{kind.name}.{key}": text for key, text in kind.texts.items()}
    return title | own | {f"{kind.name}.try.{key}": text for key, text in kind.remedies.items()}


def _weights(claim: Claim) -> dict[str, float]:
    """label -> weight in the prompt, of the words that a claim is about."""
    groups = (claim.subject, claim.other, claim.words)
    return {group.label: group.weight for group in groups if group is not None}


def diffuse_finding(
    words: tuple[WordGroup, ...], evidence: dict[str, float | bool | str], message: Sentence | str
) -> Finding:
    """No map of these words can be trusted. message: a text of one's own is said as it is."""
    message = general("plain", text=message) if isinstance(message, str) else message
    advice = advice_for(DIFFUSE, [word.label for word in words])
    return Finding(
        kind=DIFFUSE,
        words=words,
        severity=0.0,
        evidence=evidence,
        confidence=0.0,
        suggestion=ENGLISH.say(advice.said),
        message=ENGLISH.say(message),
        said=_said(general("diffuse_title"), message, advice),
    ).demoted(general("cannot_tell"), "information")
