"""Prompts that a proof is made with, by name.

voc_sim: the prompts for which a figure of DAAM is published (Marcos-Manchon et al. 2024, arXiv 2403.14291).
objects: as head relevance vectors were measured (Park et al. 2025, arXiv 2412.02237). two_things: pairs of
the animals of Attend-and-Excite (arXiv 2301.13826), plain and with colours. senses: words of two meanings,
the first four from the pictures of the head relevance paper.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from selagg_core.files.text import read_text
from selagg_core.relevance.shipped import load_preset

VOC_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "dining table",
    "dog",
    "horse",
    "motorbike",
    "person",
    "potted plant",
    "sheep",
    "sofa",
    "train",
    "tv monitor",
]
OBJECT_CONCEPTS = (
    "Animals",
    "Fruits and Vegetables",
    "Furniture",
    "Vehicles",
    "Clothing",
    "Musical Instruments",
)
ANIMALS = [
    "cat",
    "dog",
    "bird",
    "bear",
    "lion",
    "horse",
    "elephant",
    "monkey",
    "frog",
    "turtle",
    "rabbit",
    "mouse",
]
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "gray", "black", "white"]
SENSES = (
    "A vase in lavender color",
    "An Apple device on a table",
    "An olive-colored plate on a table",
    "A rose-colored vase",
    "a salmon-colored sofa in a room",
    "a mint-colored bowl on a table",
    "an orange sofa in a room",
    "a chocolate-colored dog on a meadow",
    "a coral-colored dress on a hanger",
    "a Blackberry phone on a desk",
    "a Jaguar on a street",
    "a Beetle on a road",
    "a computer mouse beside a keyboard",
    "a construction crane above a city",
    "a kite over a beach",
    "a baseball bat on grass",
    "a bass on a stage",
    "a seal on a letter",
    "the trunk of a car",
    "a turkey on a plate",
)


def voc_sim() -> list[str]:
    return [f"A photograph of {_article(name)} {name}" for name in VOC_CLASSES]


def objects() -> list[str]:
    known = {concept.name: concept.words for concept in load_preset("sd14").concepts}
    return [f"photo of {_article(w)} {w.lower()}" for name in OBJECT_CONCEPTS for w in known[name]]


def two_things() -> list[str]:
    pairs = list(combinations(ANIMALS, 2))
    plain = [f"{_article(one)} {one} and {_article(other)} {other}" for one, other in pairs]
    toned = []
    for number, (one, other) in enumerate(pairs):
        first = COLOURS[number % len(COLOURS)]
        second = COLOURS[(number + 1 + number // len(COLOURS)) % len(COLOURS)]
        second = second if second != first else COLOURS[(number + 2) % len(COLOURS)]
        toned.append(f"{_article(first)} {first} {one} and {_article(second)} {second} {other}")
    return [text for pair in zip(plain, toned, strict=True) for text in pair]


def senses() -> list[str]:
    return list(SENSES)


SETS = {"voc_sim": voc_sim, "objects": objects, "two_things": two_things, "senses": senses}


def prompts_of(wanted: str) -> list[str]:
    """The prompts of a set, or of a text file, one a line. Raises ValueError, naming the sets."""
    if wanted in SETS:
        return SETS[wanted]()
    path = Path(wanted)
    if not path.is_file():
        raise ValueError(f"there are no prompts {wanted}: name a text file, or one of {', '.join(SETS)}.")
    lines = list(dict.fromkeys(line.strip() for line in read_text(path).splitlines() if line.strip()))
    if not lines:
        raise ValueError(f"{path.name} is empty: write one prompt a line.")
    return lines


def _article(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"
