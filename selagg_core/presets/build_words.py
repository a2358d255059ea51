"""Remakes words.txt.gz, the table of English words, from the files of WordNet 3.0.

    python -m selagg_core.presets.build_words FOLDER [--out FOLDER]

FOLDER holds index.*, data.noun, cntlist.rev and *.exc as Debian's package `wordnet-base` installs them in
/usr/share/wordnet. A line of the table, fields parted by tabs:

    word        lower case; a name of two or three words is kept if it names a thing
    classes     four digits: how usual the word is as noun, verb, adjective and adverb, 0 never
    thing       a digit: how much of its use as a noun names something that can be seen
    concept     number of its concept in CONCEPTS, "-" for none
    base        of an irregular form ("wolves": "n:wolf", "hidden": "v:hide"); "given" for the first name of
                somebody known; else empty

Usual means 1 + log2(1 + n), n the times that WordNet's texts have it.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

logger = logging.getLogger("selagg")

NAME = "words.txt.gz"
CLASSES = ("noun", "verb", "adj", "adv")
SEEN_FILES = frozenset(("05", "06", "08", "13", "17", "18", "20", "25", "27"))
"""WordNet's files of animals, artefacts, bodies, food, objects, people, plants, shapes and substances."""
SEEN = """
    atmospheric_phenomenon#1 precipitation#3 flame#1 rainbow#1 shadow#1 city#1 town#1 village#1 gathering#1
    animal_group#1 forest#1 vegetation#1 sign#2 poster#1 picture#1 light_beam#1 smoke#1 document#1
    field#1 garden#2 map#1 newspaper#1 logo#1 team#1 troop#1 ground#1 person#1 animal#1 plant#2 food#1
    sky#1 sun#1 moon#1 earth#1 landscape#1 imaginary_being#1 spiritual_being#1 ceiling#1 floor#1
"""
"""Branches of other files that can be seen."""
UNSEEN = """
    layer#2 line#18 element#6 chemical_element#1 compound#2
    molecule#1 gas#2 drug#1 microorganism#1 cell#2 medicine#2
    acid#1 chemical#1
"""
"""Branches that cannot, wherever they stand."""
CONCEPTS: dict[str, str] = {
    "Animals": "animal#1",
    "Plants": "plant#2 flower#1 leaf#1 plant_part#1 bouquet#1",
    "Fruits and Vegetables": "edible_fruit#1 vegetable#1 produce#1 nut#1",
    "People": "person#1",
    "Vehicles": "vehicle#1 conveyance#3",
    "Buildings": "building#1 room#1 house#1 bridge#1 tower#1 wall#1 place_of_worship#1 shelter#1",
    "Furniture": "furniture#1 floor_cover#1 bedclothes#1",
    "Electronics": "electronic_device#1 electronic_equipment#1 computer#1 home_appliance#1 camera#1 "
    "telephone#1",
    "Clothing": "clothing#1 footwear#1",
    "Accessories": "jewelry#1 adornment#1 headdress#1 bag#4 bag#1 spectacles#1 belt#2 scarf#1",
    "Tools": "tool#1 hand_tool#1 weapon#1 utensil#1 implement#1",
    "Toys": "plaything#1",
    "Food and Beverages": "food#1 food#2 beverage#1 dish#2",
    "Books and Documents": "publication#1 document#1 book#1 book#2",
    "Sports Equipment": "sports_equipment#1 ball#1",
    "Musical Instruments": "musical_instrument#1",
    "Nature Scenes": "geological_formation#1 body_of_water#1 celestial_body#1 land#4 forest#1 forest#2",
    "Material": "fabric#1 wood#1 metal#1 stone#2",
    "Facial Features": "face#1 feature#2 facial_hair#1",
    "Weather Conditions": "weather#1",
    "Geo-locations": "country#2",
}
"""Concept -> the branches whose words speak of it."""

_NAME_OF_A_THING = re.compile(r"[a-z][a-z'-]*(?: [a-z][a-z'-]*){0,2}")


@dataclass(frozen=True)
class Synset:
    """A meaning: WordNet's file that it is in, the wider meanings, and whether it is a single named thing."""

    file: str
    wider: tuple[str, ...]
    instance: bool


class Nouns:
    """The meanings of nouns and their order."""

    def __init__(self, folder: Path) -> None:
        self.synsets = dict(_synsets(folder / "data.noun"))
        self.senses = dict(_senses(folder / "index.noun"))
        self.seen, self.unseen = self._branches(SEEN), self._branches(UNSEEN)
        self.concept = {
            synset: number
            for number, branches in enumerate(CONCEPTS.values())
            for synset in self._branches(branches)
        }
        self.under_seen = lru_cache(None)(self._under_seen)
        self.is_seen = lru_cache(None)(self._is_seen)
        self.concept_of = lru_cache(None)(self._concept_of)

    def given_names(self) -> Iterator[str]:
        """First words of the names of two or three words that WordNet has of people."""
        person = self.senses["person"][0]
        for lemma, offsets in self.senses.items():
            first, *more = lemma.split("_")
            is_name = 1 <= len(more) <= 2 and re.fullmatch("[a-z]{3,}", first)
            if is_name and any(self.synsets[o].instance and self._is_below(o, person) for o in offsets):
                yield first

    def _is_below(self, offset: str, branch: str) -> bool:
        return offset == branch or any(self._is_below(w, branch) for w in self.synsets[offset].wider)

    def _branches(self, named: str) -> frozenset[str]:
        pairs = (name.split("#") for name in named.split())
        return frozenset(self.senses[lemma][int(number) - 1] for lemma, number in pairs)

    def _is_seen(self, offset: str) -> bool:
        synset = self.synsets[offset]
        if offset in self.seen:
            return True
        if synset.instance or offset in self.unseen:
            return False
        if any(self._under_unseen(wider) for wider in synset.wider):
            return False
        return synset.file in SEEN_FILES or any(self.under_seen(wider) for wider in synset.wider)

    def _under_seen(self, offset: str) -> bool:
        return offset in self.seen or any(self.under_seen(w) for w in self.synsets[offset].wider)

    def _under_unseen(self, offset: str) -> bool:
        return offset in self.unseen or any(self._under_unseen(w) for w in self.synsets[offset].wider)

    def _concept_of(self, offset: str) -> int | None:
        if offset in self.concept:
            return self.concept[offset]
        near = [self.concept_of(wider) for wider in self.synsets[offset].wider]
        return next((number for number in near if number is not None), None)


def _synsets(file: Path) -> Iterator[tuple[str, Synset]]:
    for line in file.read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):
            continue
        fields = line.split(" | ")[0].split()
        after_words = 4 + 2 * int(fields[3], 16)
        pointers = fields[after_words + 1 :]
        wider = tuple(pointers[i + 1] for i in range(0, len(pointers) - 3, 4) if pointers[i] in ("@", "@i"))
        yield fields[0], Synset(fields[1], wider, "@i" in pointers)


def _senses(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Lemma -> its meanings, the most usual one first."""
    for line in file.read_text(encoding="latin-1").splitlines():
        if not line.startswith("  "):
            fields = line.split()
            yield fields[0], fields[-int(fields[2]) :]


def _counts(file: Path) -> dict[tuple[str, str], dict[int, int]]:
    """(lemma, class) -> number of a meaning -> how often WordNet's texts have it."""
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    kinds = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}
    for line in file.read_text(encoding="latin-1").splitlines():
        key, sense, count = line.split()
        lemma, _, rest = key.partition("%")
        counts[lemma, kinds[rest[0]]][int(sense)] = int(count)
    return counts


def table(folder: Path) -> Iterator[str]:
    """The lines of the table, sorted, after one that is a tab and the names of CONCEPTS."""
    yield "\t" + "\t".join(CONCEPTS)
    nouns, counts = Nouns(folder), _counts(folder / "cntlist.rev")
    lemmas = {name: dict(_senses(folder / f"index.{name}")) for name in CLASSES}
    lines: dict[str, str] = {}
    for lemma in sorted(set().union(*lemmas.values())):
        word = lemma.replace("_", " ")
        thing, concept = _thing(nouns, lemma, counts[lemma, "noun"])
        if not _NAME_OF_A_THING.fullmatch(word) or (" " in word and thing < 5):
            continue
        usual = "".join(_usual(lemma, name, lemmas[name], counts) for name in CLASSES)
        lines[word] = f"{word}\t{usual}\t{thing}\t{concept}"
    bases = {**dict.fromkeys(nouns.given_names(), "given"), **_irregular_forms(folder)}
    for form in bases:
        lines.setdefault(form, f"{form}\t0000\t0\t-")
    yield from (f"{lines[word]}\t{bases.get(word, '')}" for word in sorted(lines))


def _irregular_forms(folder: Path) -> dict[str, str]:
    """Form -> base; of a form of both a noun and a verb the noun counts ("leaves": "leaf")."""
    bases: dict[str, str] = {}
    for name in ("verb", "noun"):
        for line in (folder / f"{name}.exc").read_text(encoding="latin-1").splitlines():
            form, base = line.split()[:2]
            if form != base and re.fullmatch("[a-z]+", form + base):
                bases[form] = f"{name[0]}:{base}"
    return bases


def _thing(nouns: Nouns, lemma: str, counts: dict[int, int]) -> tuple[int, str]:
    """How much of a noun's use names something seen, 0 to 9, and the number of its concept or "-"."""
    seen, every = 0.0, 0.0
    concepts: dict[int | None, float] = defaultdict(float)
    for number, offset in enumerate(nouns.senses.get(lemma, ()), start=1):
        weight = counts.get(number, 0) + 0.5 / number**2
        every += weight
        if nouns.is_seen(offset):
            seen += weight
            concepts[nouns.concept_of(offset)] += weight
    if not seen:
        return 0, "-"
    best = max(concepts, key=concepts.__getitem__)
    return min(9, int(10 * seen / every)), "-" if best is None else str(best)


def _usual(lemma: str, name: str, lemmas: dict[str, list[str]], counts) -> str:
    if lemma not in lemmas:
        return "0"
    return str(min(9, 1 + int(math.log2(1 + sum(counts[lemma, name].values())))))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    given = parser.parse_args(arguments)
    text = "\n".join(table(given.folder)) + "\n"
    file = given.out / NAME
    file.write_bytes(gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0))
    logger.warning("%s: %d words, %d bytes", file, text.count("\n"), file.stat().st_size)


if __name__ == "__main__":
    main()
