"""Concepts, the words that stand for them, and the lexicon: word -> the concepts that it can mean."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

LEXICON_FILE = Path(__file__).resolve().parents[1] / "presets" / "lexicon.json"

_SUFFIXES = {
    "Color": "color colour colored coloured hued tinted toned",
    "Shape": "shape shaped",
    "Size": "size sized",
    "Texture": "texture textured",
    "Image Style": "style styled",
    "Material": "material",
    "Geometric Patterns": "pattern patterned",
    "Lighting Conditions": "lit",
}
_SUFFIX_OF = {word: concept for concept, words in _SUFFIXES.items() for word in words.split()}

_IRREGULAR_PLURALS = """
    men/man women/woman children/child people/person mice/mouse geese/goose feet/foot teeth/tooth oxen/ox
    lice/louse dice/die leaves/leaf wolves/wolf knives/knife loaves/loaf shelves/shelf scarves/scarf
    halves/half calves/calf hooves/hoof wives/wife elves/elf dwarves/dwarf thieves/thief cacti/cactus
    fungi/fungus octopi/octopus firemen/fireman policemen/policeman policewomen/policewoman
    fishermen/fisherman businessmen/businessman snowmen/snowman gentlemen/gentleman movies/movie
    cookies/cookie zombies/zombie selfies/selfie ties/tie pies/pie
"""
_IRREGULAR = dict(pair.split("/") for pair in _IRREGULAR_PLURALS.split())


@dataclass(frozen=True)
class Lexicon:
    """senses: word or phrase in lower case -> its concepts. concepts: all that a word may have, in order."""

    senses: Mapping[str, tuple[str, ...]]
    concepts: tuple[str, ...]

    @classmethod
    def of(cls, concepts: Sequence[Concept]) -> Lexicon:
        """The words that came with these concepts, and the common words of those that bear a known name."""
        common = {name.casefold(): words for name, words in common_words().items()}
        senses: dict[str, list[str]] = {}
        for concept in concepts:
            for word in (*concept.words, *common.get(concept.name.casefold(), ())):
                own = senses.setdefault(plain_form(word), [])
                if concept.name not in own:
                    own.append(concept.name)
        frozen = MappingProxyType({word: tuple(own) for word, own in senses.items() if word})
        return cls(frozen, tuple(concept.name for concept in concepts))

    def lookup(self, word: str) -> tuple[str, ...]:
        """The concepts of a word or phrase, in their order; none for a word that is not there.

        Case, plural, possessive and hyphens do not matter. "olive-colored" is a Color; otherwise the last
        part decides for a phrase that is not there as a whole ("red circle": as "circle").
        """
        for form in (*base_forms(word), f"{plain_form(word)}s"):
            if form in self.senses:
                return self.senses[form]
        last = re.split(r"[\s-]+", plain_form(word))[-1]
        marked = [name for name in self.concepts if name.casefold() == _SUFFIX_OF.get(last, "").casefold()]
        if marked:
            return tuple(marked)
        return self.lookup(last) if last != plain_form(word) else ()


@cache
def common_words() -> Mapping[str, tuple[str, ...]]:
    """The lexicon that ships with the pack: concept -> English words, lower case, mostly singular."""
    listed = json.loads(LEXICON_FILE.read_text(encoding="utf-8"))["concepts"]
    return MappingProxyType({name: tuple(words) for name, words in listed.items()})


@lru_cache(maxsize=1 << 14)
def base_forms(word: str) -> tuple[str, ...]:
    """A word or phrase in lower case, then what it may be without possessive, plural and hyphens."""
    plain = plain_form(word)
    spellings = dict.fromkeys([plain, plain.replace("-", " "), plain.replace("-", "")])
    forms = {form: None for spelling in spellings for form in _singulars(spelling)}
    return (plain, *(form for form in forms if form and form != plain))


def plain_form(word: str) -> str:
    """Lower case, plain apostrophes and hyphens, single blanks, no marks around it."""
    text = unicodedata.normalize("NFKC", word).casefold()
    text = re.sub("[\u2018\u2019]", "'", re.sub("[\u2010-\u2013]", "-", text))
    return re.sub(r"\s+", " ", text).strip(" .,;:!?\"'()[]{}-_")


def _singulars(phrase: str) -> tuple[str, ...]:
    """The phrase, and with its last word in the forms that may be its singular."""
    start, blank, last = phrase.rpartition(" ")
    forms = [last]
    for owner in (last.removesuffix("'s"), last.removesuffix("'")):
        if owner != last:
            forms.append(owner)
    for form in tuple(forms):
        forms += _without_plural(form)
    return tuple(dict.fromkeys(start + blank + form for form in forms))


def _without_plural(word: str) -> list[str]:
    if word in _IRREGULAR:
        return [_IRREGULAR[word]]
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return []
    forms = [word[:-1]]
    if word.endswith("es"):
        forms.append(word[:-2])
    if word.endswith("ies"):
        forms.append(word[:-3] + "y")
    if word.endswith("zzes"):
        forms.append(word[:-3])
    return forms


@dataclass(frozen=True)
class Concept:
    """A visual concept and the words that stood for it.

    rivals: how many concepts competed, itself included; 0 where there was no competition.
    decisions: how often one head was asked (prompts x evaluations of the model).
    maps: how many word maps the scores of maps rest on.
    """

    name: str
    words: tuple[str, ...]
    rivals: int = 0
    decisions: int = 0
    maps: int = 0

    @property
    def chance(self) -> float:
        """The win share of a head that chooses blindly."""
        return 1.0 / self.rivals if self.rivals else 0.0
