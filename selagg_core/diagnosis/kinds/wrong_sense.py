"""A word that the picture takes in another of its meanings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...prompt.groups import WordGroup
from ..scene import Scene
from ..terms import either
from .kind import Candidate, Facts, FindingKind, Outline, Regions, Sentence


@dataclass(frozen=True)
class Meanings(Facts):
    """Concepts that the word was meant as, and those that it may have been taken as."""

    meant: tuple[str, ...]
    instead: tuple[str, ...]

    def told(self) -> dict[str, float | bool | str]:
        return {"meant": " or ".join(self.meant), "instead": " or ".join(self.instead)}


class WrongSense(FindingKind[Meanings]):
    name = "wrong_sense"
    thing = "meaning"
    features = ("other_heads", "noun_fainter")
    texts = {
        "title": "Wrong meaning",
        "taken": '"{word}" was meant as {meant}, but the picture seems to take it as {instead}.',
    }
    remedies = {
        "rephrase": "say it in other words that have one meaning only",
        "weight": 'bring the weights of "{first}" and its noun back to 1, if they have others',
        "seed": "try another seed",
        "region": "prompt each thing in a region of its own (Conditioning Set Area or Set Mask)",
        "order": "name the thing that it belongs to later, or earlier, in the prompt",
        "break": "encode each thing in a text of its own (BREAK, or Conditioning Concat)",
    }

    def candidates(self, scene: Scene) -> Iterator[Candidate[Meanings]]:
        for claim in scene.claims.of("sense"):
            if claim.words is None:
                continue
            features = {
                "other_heads": scene.observed.senses.get(claim.words, float("nan")),
                "noun_fainter": scene.fainter(claim.subject, claim.words),
            }
            facts = Meanings(claim.intended, claim.unintended)
            yield Candidate(self.name, claim, (claim.words,), features, facts)

    def sentence(self, candidate: Candidate[Meanings]) -> Sentence:
        facts = candidate.facts
        return self.say(
            "taken", word=candidate.words[0].label, meant=either(facts.meant), instead=either(facts.instead)
        )

    def outline(self, words: tuple[WordGroup, ...], facts: Facts, regions: Regions) -> Outline:
        return Outline(found=regions.of(words[0]), label=words[0].label)
