"""Pictures of the demo model with all that was recorded while they were sampled.

What is sampled is kept in a folder, one file a prompt, so that maps, evidence and calibration can be computed
again without sampling again.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from demo.caption_check import RELATIONS, parse_caption
from demo.scenes import Caption, scene_from_seed
from demo.vocabulary import COLOURS, HOMONYMS, OBJECTS
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.capture import Capture
from selagg_core.recording.head_maps import EntryRecording, Recording
from selagg_core.recording.layout import HeadLayout, LayerId
from selagg_core.recording.self_attention import SelfAttention

from .prompts import LeftOut, prompt_lines
from .starts import fitting_starts, start_picture

_WEIGHT = re.compile(r"\(([^():]*):[0-9.]+\)")


def unweighted(text: str) -> str:
    """A prompt without its weights."""
    return _WEIGHT.sub(r"\1", text)


@dataclass(frozen=True)
class Case:
    """A prompt with the seeds of its pictures and how they are sampled. group: why it is in the benchmark.

    start: image-to-image from a picture of this kind (see `starts`), drawn by `scene`, at this denoise; ""
    for an empty latent.
    """

    group: str
    text: str
    seeds: tuple[int, ...]
    steps: int = 20
    cfg: float = 4.0
    start: str = ""
    scene: int = 0
    denoise: float = 1.0

    @property
    def caption(self) -> Caption:
        """The claims of the prompt, weights left out. Raises ValueError outside the demo grammar."""
        return parse_caption(unweighted(self.text))

    def start_picture(self) -> np.ndarray | None:
        """What image-to-image starts from, (128, 128, 3) uint8; None for an empty latent."""
        return start_picture(self.caption, self.start, self.scene) if self.start else None

    @property
    def file_name(self) -> str:
        fields = asdict(self)
        if not self.start:
            fields = {key: fields[key] for key in ("group", "text", "seeds", "steps", "cfg")}
        told = json.dumps(fields, sort_keys=True)
        return f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.safetensors"


GROUPS = (
    "usual",
    "heavy",
    "homonym_weak",
    "three",
    "faint",
    "weak",
    "usual",
    "homonym",
    "homonym_heavy",
    "held_out",
    "faint_three",
    "hasty",
    "bleed",
    "merge",
    "bleed",
    "vanish",
    "start_recoloured",
    "start_merged",
    "homonym_weak",
    "start_faithful",
    "start_absent",
    "start_recoloured",
    "start_merged",
    "start_moved",
)
"""What kinds of prompts are drawn, one after the other. All but usual, three, held_out and homonym are made
hard in ways that artists know: weights too high or too low, too few steps, too little guidance, and (start_)
image-to-image from a picture that shows something else, see `starts`."""
_PLAIN, _HARD, _LATER = 12, 4, 8
FIRST_SEED = (*range(_PLAIN), *range(400, 400 + _HARD), *range(600, 600 + _LATER))
SEED_STEP = (_PLAIN,) * _PLAIN + (_HARD,) * _HARD + (_LATER,) * _LATER
"""Seed of a group's first prompt, and from one of its prompts to the next: no two prompts share a seed."""
QUICK_STEPS = 12
"""Steps of the pictures of hard prompts."""


def drawn_cases(count: int, seeds: Sequence[int]) -> list[Case]:
    """`count` prompts of the demo grammar, of all groups in turn, from scene seeds near seeds[0]."""
    numbered = [divmod(i, len(GROUPS)) for i in range(count)]
    return [
        _drawn(GROUPS[place], seeds[0] + FIRST_SEED[place] + round_ * SEED_STEP[place], tuple(seeds))
        for round_, place in numbered
    ]


def drawn_case(group: str, seed: int, seeds: Sequence[int]) -> Case:
    """One prompt of a group; "related" are two things and how they lie, with nothing made hard."""
    return _drawn(group, seed, tuple(seeds))


def file_cases(
    path: Path, seeds: Sequence[int], starts: bool = True, left_out: LeftOut | None = None
) -> list[Case]:
    """The prompts of a text file, one a line; what cannot be drawn is put into `left_out`.

    starts: sample each once more by image-to-image, from a picture that contradicts it: the demo model alone
    hardly ever leaks a colour or blends two things. Raises ValueError if no prompt is left.
    """
    left_out = left_out if left_out is not None else LeftOut()
    lines = prompt_lines(path, left_out, unweighted)
    cases = [Case(_group_of(line), line, tuple(seeds)) for line in lines]
    if not starts:
        return cases
    started = [_from_start(case, number) for number, case in enumerate(cases) if fitting_starts(case.caption)]
    return [*cases, *(case for case in started if _can_be_drawn(case, left_out))]


def _can_be_drawn(case: Case, left_out: LeftOut) -> bool:
    try:
        case.start_picture()
    except ValueError as error:
        left_out.add(f"start picture of {case.text}", error)
        return False
    return True


def _from_start(case: Case, number: int) -> Case:
    """The same prompt from a start picture; kinds take turns over the prompts of a file."""
    kinds = fitting_starts(case.caption)
    scene = case.seeds[0] + number
    start = kinds[number % len(kinds)]
    return _begun(
        replace(case, group=f"start_{start}", start=start, scene=scene), np.random.default_rng(scene)
    )


def _group_of(text: str) -> str:
    return "homonym" if any(word in HOMONYMS for word in re.findall("[a-z]+", text)) else "file"


def _drawn(group: str, seed: int, seeds: tuple[int, ...]) -> Case:
    rng = np.random.default_rng(seed)
    if group.startswith("start_"):
        return _started(group, seed, seeds, rng)
    if group == "merge":
        return _weighted(Case(group, _plain_prompt(rng), seeds), rng)
    if group == "related":
        return Case(group, _related_prompt(rng), seeds, QUICK_STEPS)
    if group.startswith("homonym"):
        return _weighted(Case(group, _homonym_prompt(rng), seeds), rng)
    objects = 3 if "three" in group else 2
    _, caption = scene_from_seed(seed, objects, held_out=group == "held_out")
    return _weighted(Case(group, caption.text, seeds), rng)


DENOISE = (0.12, 0.2, 0.3, 0.4, 0.55)
"""How far image-to-image goes: with the lowest the start picture wins, with the highest the prompt."""
START_CFG = (1.0, 1.0, 1.5, 2.0, 4.0)
"""Little guidance, as distilled models want it, leaves more of the start picture."""


def _started(group: str, seed: int, seeds: tuple[int, ...], rng: np.random.Generator) -> Case:
    """Image-to-image of a prompt of two or three things."""
    start = group.removeprefix("start_")
    moved = start == "moved"
    text = _related_prompt(rng) if moved else _plain_prompt(rng, int(rng.choice([2, 2, 3])))
    return _begun(Case(group, text, seeds, start=start, scene=seed), rng)


def _begun(case: Case, rng: np.random.Generator) -> Case:
    denoise, cfg = float(rng.choice(DENOISE)), float(rng.choice(START_CFG))
    return replace(case, steps=QUICK_STEPS, cfg=cfg, denoise=denoise)


def _weighted(case: Case, rng: np.random.Generator) -> Case:
    """The case made hard as its group says."""
    if case.group in ("usual", "three", "held_out", "homonym"):
        return case
    quick = replace(case, steps=QUICK_STEPS)
    if case.group == "hasty":
        return replace(case, steps=int(rng.choice([3, 4, 6])), cfg=float(rng.choice([1.0, 1.5, 2.0])))
    claims = case.caption.claims
    objects = [claim.words[-1] for claim in claims if claim.kind == "object"]
    colours = [claim.words[-1] for claim in claims if claim.kind == "colour"] or objects
    if case.group == "heavy":
        return replace(quick, text=_with_weights(case.text, [_one(rng, colours)], rng, (1.5, 1.7, 2.0, 2.4)))
    if case.group == "weak":
        return replace(quick, text=_with_weights(case.text, [_one(rng, objects)], rng, (0.0, 0.2, 0.4)))
    if case.group == "bleed":  # the first colour is strong, the second weak: the second thing may take it
        strong = _with_weights(case.text, colours[:1], rng, (1.2, 1.4, 1.6))
        return replace(quick, text=_with_weights(strong, colours[1:2], rng, (0.0, 0.15, 0.3)))
    if case.group == "merge":  # a thing of weak colour and the colour of a weak thing may become one
        chosen = [objects[0], objects[1], colours[2]]
        return replace(quick, text=_with_weights(case.text, chosen, rng, (0.3, 0.4, 0.5)))
    if case.group == "vanish":  # all that is said of one thing is weak
        last = max(claim.subject for claim in claims if claim.subject is not None)
        about = [c.words[-1] for c in claims if c.subject == last and c.kind in ("object", "colour")]
        return replace(quick, text=_with_weights(case.text, about, rng, (0.0, 0.1, 0.2, 0.3)))
    if case.group == "homonym_weak":
        return replace(quick, text=_with_weights(case.text, objects[:1], rng, (0.1, 0.25, 0.35, 0.45)))
    if case.group == "homonym_heavy":
        return replace(quick, text=_with_weights(case.text, colours[:1], rng, (1.4, 1.7, 2.0, 2.4)))
    return replace(quick, text=_with_weights(case.text, objects, rng, (0.4, 0.5, 0.6, 0.7)))


def _one(rng: np.random.Generator, choices: Sequence[int]) -> int:
    return int(rng.choice(choices))


def _with_weights(
    text: str, chosen: Sequence[int], rng: np.random.Generator, weights: Sequence[float]
) -> str:
    """The prompt with one weight, drawn from `weights`, at the words with these indices."""
    weight = rng.choice(weights)
    words = text.replace(",", " ,").split()
    spoken = [i for i, word in enumerate(words) if word != ","]
    for number in chosen:
        words[spoken[number]] = f"({words[spoken[number]]}:{weight})"
    return " ".join(words).replace(" ,", ",")


def _homonym_prompt(rng: np.random.Generator) -> str:
    """Two objects; a word that names a colour and a thing is used in one of its senses, or in both."""
    colours, objects = list(COLOURS), list(OBJECTS)
    first = (str(rng.choice(HOMONYMS)), str(rng.choice(objects)))
    second = (str(rng.choice(colours)), str(rng.choice(HOMONYMS if rng.random() < 0.5 else objects)))
    while second[0] == first[0] or second[1] == first[1] or first[0] == first[1] or second[0] == second[1]:
        second = (str(rng.choice(colours)), str(rng.choice(objects)))
        first = (first[0], str(rng.choice(objects)))
    join = str(rng.choice(["and", "left of", "above", "next to"]))
    return f"{_article(first[0])} {first[0]} {first[1]} {join} {_article(second[0])} {second[0]} {second[1]}"


def _plain_prompt(rng: np.random.Generator, count: int = 3, join: str = "and") -> str:
    """Things, each with its colour."""
    names, tones = (
        [str(word) for word in rng.choice(list(words), count, replace=False)] for words in (OBJECTS, COLOURS)
    )
    things = [f"{_article(tone)} {tone} {name}" for tone, name in zip(tones, names, strict=True)]
    return f" {join} ".join(things)


def _related_prompt(rng: np.random.Generator) -> str:
    """Two things and how they lie."""
    return _plain_prompt(rng, 2, str(rng.choice(list(RELATIONS))))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


@dataclass(frozen=True)
class Sampled:
    """The pictures (n, 128, 128, 3) uint8 of a case and its `selagg_core.recording.Recording`."""

    case: Case
    pictures: np.ndarray
    recording: Any


class Sampler:
    """A demo model with capture on.

    folder: where pictures and recordings are kept, None for nowhere; one for each model, files are named by
    their case alone. studio: a `demo.studio.Studio`, by default that of the demo model.
    """

    def __init__(self, folder: Path | None = None, studio: Any = None) -> None:
        from demo.studio import SamplingSettings, Studio
        from selagg_nodes.recording import encode, recorder

        self.folder = folder
        self.left_out = LeftOut()
        """Cases that could not be sampled."""
        self._settings = SamplingSettings
        self._encode, self._recorder = encode.encode_and_label, recorder
        self._studio = studio or Studio()
        self._vectors: dict[str, torch.Tensor] = {}

    def sampled(self, case: Case) -> Sampled:
        """The pictures of a case, from the folder if they are there."""
        path = self.folder / case.file_name if self.folder else None
        if path is not None and path.is_file():
            return self._load(case, path)
        found = self._sample(case)
        if path is not None:
            self._save(found, path)
        return found

    def word_similarity(self, one: str, other: str) -> float:
        """Cosine of two words in the space of the demo text encoder, each encoded alone."""
        first, second = (self._word_vector(word) for word in (one, other))
        return float(first @ second / (first.norm() * second.norm()))

    def _word_vector(self, word: str) -> torch.Tensor:
        if word not in self._vectors:
            self._vectors[word] = self._studio.conditioning(word)[0][0][0, 1].float()
        return self._vectors[word]

    def picture(
        self,
        case: Case,
        regions: Sequence[tuple[str, tuple[int, int, int, int]]] = (),
        parts: Sequence[str] = (),
        start: np.ndarray | None = None,
    ) -> np.ndarray:
        """The first picture of a case, (128, 128, 3) uint8, not recorded and not kept.

        regions: further texts, each with the area (h, w, y, x) in latent cells that it rules. parts: texts to
        be encoded apart and put one behind the other in place of the case's. start: what image-to-image
        starts from, whatever the case says.
        """
        further = [
            [embedding, {**extra, "area": area, "strength": 1.0}]
            for text, area in regions
            for embedding, extra in self._studio.conditioning(text)
        ]
        text = self._studio.joined(parts) if parts else case.text
        latents = self._studio.sample(
            text, [case.seeds[0]], self._how(case), further=further, start=self._encoded(start)
        )
        return self._studio.decode(latents)[0]

    def all(self, cases: Sequence[Case]) -> Iterator[Sampled]:
        """Cases one after the other, with progress on standard error; what fails is left out and counted."""
        started = time.monotonic()
        for count, case in enumerate(cases, 1):
            try:
                found = self.sampled(case)
            except (ValueError, RuntimeError) as error:  # one bad prompt must not lose an hour
                self.left_out.add(case.text, error)
            else:
                yield found
            if count % 10 == 0 or count == len(cases):
                sys.stderr.write(f"{count}/{len(cases)} prompts, {time.monotonic() - started:.0f} s\n")

    def _how(self, case: Case):
        return self._settings(steps=case.steps, cfg=case.cfg, denoise=case.denoise)

    def _encoded(self, picture: np.ndarray | None) -> torch.Tensor | None:
        return None if picture is None else self._studio.encode(picture[None])

    def _sample(self, case: Case) -> Sampled:
        self._encode("benchmarks", self._studio.clip, case.text)
        capture = Capture(self._recorder.LABELS)
        model = self._studio.model.clone()
        self._recorder.install(model, capture)
        start = self._encoded(case.start_picture())
        latents = self._studio.sample(case.text, list(case.seeds), self._how(case), model, start=start)
        recording = capture.recording_for(latents)
        return Sampled(case, self._studio.decode(latents), recording)

    def _save(self, found: Sampled, path: Path) -> None:
        entry = found.recording.positive()
        arrays = {"pictures": np.ascontiguousarray(found.pictures)}
        for number, (layer, values) in enumerate(entry.maps.items()):
            arrays[f"maps.{number}"] = np.ascontiguousarray(values, np.float16)
            arrays[f"special.{number}"] = np.ascontiguousarray(entry.special[layer], np.float16)
        for number, kept in enumerate(entry.self_attention.values()):
            arrays[f"self.{number}.q"] = np.ascontiguousarray(kept.q, np.float16)
            arrays[f"self.{number}.k"] = np.ascontiguousarray(kept.k, np.float16)
        words = [[word.text, list(word.columns), word.weight] for word in entry.prompt.words]
        told = {
            "case": asdict(found.case),
            "text": entry.prompt.text,
            "words": words,
            "length": entry.prompt.length,
            "special": list(entry.prompt.special),
            "steps": entry.steps,
            "recorded": [[*asdict(layer).values()] for layer in entry.maps],
            "self": [
                [[*asdict(layer).values()], list(kept.grid)] for layer, kept in entry.self_attention.items()
            ],
            "layers": [
                [*asdict(layer).values(), entry.layout.heads_of(layer)] for layer in entry.layout.layers
            ],
            "latent_shape": list(found.recording.latent_shape),
            "sigmas": list(found.recording.sigmas),
            "context_width": found.recording.context_width,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part_file = path.with_suffix(".part")
        save_file(arrays, part_file, {"told": json.dumps(told)})
        part_file.replace(path)

    def _load(self, case: Case, path: Path) -> Sampled:
        from safetensors import safe_open

        arrays = load_file(path)
        with safe_open(path, "numpy") as file:
            told = json.loads(file.metadata()["told"])
        layers = [LayerId(*key) for key in told["recorded"]]

        def stored(name: str) -> MappingProxyType:
            return MappingProxyType(
                {layer: arrays[f"{name}.{i}"].astype(np.float32) for i, layer in enumerate(layers)}
            )

        kept = {
            LayerId(*key): SelfAttention(arrays[f"self.{i}.q"], arrays[f"self.{i}.k"], tuple(grid))
            for i, (key, grid) in enumerate(told["self"])
        }
        words = tuple(Word(text, tuple(cols), weight) for text, cols, weight in told["words"])
        prompt = Prompt(told["text"], words, told["length"], tuple(told["special"]))
        layout = HeadLayout.of([tuple(key) for key in told["layers"]])
        entry = EntryRecording(
            "positive",
            0,
            prompt,
            None,
            told["steps"],
            stored("maps"),
            stored("special"),
            layout,
            self_attention=MappingProxyType(kept),
        )
        recording = Recording(
            (entry,),
            layout,
            tuple(told["latent_shape"]),
            tuple(told["sigmas"]),
            True,
            (),
            told["context_width"],
        )
        return Sampled(case, arrays["pictures"], recording)


def main() -> None:
    """Samples drawn prompts into a folder: `python -m benchmarks.pictures COUNT A:B FOLDER [from] [to]`."""
    from demo.host_path import prepare_host

    from .maps import seed_range

    count, seeds, folder = int(sys.argv[1]), seed_range(sys.argv[2]), Path(sys.argv[3])
    first, last = (int(sys.argv[4]), int(sys.argv[5])) if len(sys.argv) > 5 else (0, count)
    prepare_host()
    with torch.inference_mode():
        sampler = Sampler(folder)
        for _ in sampler.all(drawn_cases(count, list(seeds))[first:last]):
            pass


if __name__ == "__main__":
    main()
