"""Values for inputs of nodes, right and wrong, by what the input is declared to be."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .fuzz_tally import Tally
from .fuzz_texts import Texts

INTS = (0, 1, 2, 3, 7, -1, -5, 99, 2**31, -(2**31), 2**53 + 1, 2**64, 10**30)
FLOATS = (
    0.0,
    0.25,
    0.5,
    1.0,
    -0.0,
    -1.0,
    1e-300,
    1e300,
    float("nan"),
    float("inf"),
    float("-inf"),
    0.9999999,
    2.0,
)
WRONG = (
    None,
    0,
    -1,
    3.5,
    float("nan"),
    "",
    "x",
    "\ud800",
    b"x",
    True,
    [],
    [1, "x"],
    {},
    {"a": float("nan")},
    (),
    object(),
)
"""Values of any type, for nodes that must stand everything."""
OWN_CONCEPTS = '{"Color": ["red", "blue"], "Animals": ["cat"]}'
COSTLY = ("pictures", "steps", "width", "height")
"""Numbers that say how much is sampled: never more than a little."""
MOST_CHARACTERS = 1500
"""Of a field."""
DTYPES = (torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int32, torch.bool, torch.complex64)
SIZE = 64
"""Pixels on a side of the pictures."""
RUN_CHARACTERS = 400
"""Of a prompt that is sampled: the time goes with the text."""
KEPT_RUNS = 4


@dataclass(frozen=True)
class Run:
    """The sockets of a finished run, and its prompt."""

    prompt: str
    capture: Any
    latent: dict[str, Any]
    image: torch.Tensor
    offered: Any
    conditioning: list
    report: str
    """What SelAgg Diagnose says of it, as JSON."""


class Values:
    """Everything that can be connected to a node, made on the real host."""

    def __init__(self) -> None:
        from demo.studio import Studio
        from selagg_core.claims.expectations import read_expectations
        from selagg_core.diagnosis.calibration import shipped_calibration
        from selagg_core.maps.recipe import DEFAULT, PAPER
        from selagg_core.recording.capture import Capture
        from selagg_nodes import calibrate, capture, diagnose, expect, relevance, saved, truth
        from selagg_nodes import prompt as prompt_node

        self.studio = Studio()
        self.capture_node, self.prompt_node = capture.SelAggCapture, prompt_node
        self.diagnose_node, self.truth_node = diagnose.SelAggDiagnose, truth.SelAggTruth
        self.runs: list[Run] = []
        self.never_sampled = capture.SelAggCapture().capture(self.studio.model)[1]
        self.unsupported = Capture(
            self.never_sampled.labels,
            self.never_sampled.settings,
            unsupported="SelAgg cannot read this model.",
        )
        self.calibrations = [shipped_calibration()]
        self.relevances = [relevance.load_preset(name) for name in ("sd14", "sdxl", "demo")]
        self.recipes = [DEFAULT, PAPER]
        self.expectations = [
            read_expectations(None, "", text="cat: 0, 0, 50%, 100%\nred > cat\ncat: top left"),
            read_expectations(torch.ones(1, 8, 8).numpy(), "cat, dog"),
        ]
        self._named = (saved.saved_names, relevance.saved_names, calibrate, expect)

    def new_run(self, rng: random.Random, tally: Tally) -> None:
        """Samples another prompt with capture; the oldest run goes."""
        texts = Texts(rng)
        prompt = texts.prompt()[:RUN_CHARACTERS]
        pictures = rng.choice((1, 1, 1, 2))
        options = {
            "every_nth_step": rng.choice((1, 1, 2, 5)),
            "memory_mb": rng.choice((1024, 1024, 1)),
            "negative_prompt": rng.random() < 0.3,
            "step_bins": rng.choice((1, 1, 1, 2)),
            "self_attention": rng.random() < 0.7,
            "sub_tokens": rng.random() < 0.3,
        }
        try:
            run = self._sampled(prompt, pictures, options, rng)
        except Exception as error:
            tally.raised(error, "sampling", {"prompt": ascii(prompt), **options})
            return
        self.runs = [*self.runs[-(KEPT_RUNS - 1) :], run]

    def _sampled(self, prompt: str, pictures: int, options: dict[str, Any], rng: random.Random) -> Run:
        from demo.studio import SamplingSettings

        studio = self.studio
        model, capture = self.capture_node().capture(studio.model, **options)
        conditioning, offered = self.prompt_node.SelAggTextEncode().encode(prompt, studio.clip)
        further: list = []
        if rng.random() < 0.2:
            further, _ = self.prompt_node.SelAggTextEncode().encode(Texts(rng).prompt()[:300], studio.clip)
        if rng.random() < 0.15:  # words that SelAgg does not know
            conditioning = studio.conditioning(f"{prompt[:200]} unknown {rng.random()}")
        seeds = [rng.randrange(2**63) for _ in range(pictures)]
        settings = SamplingSettings(steps=rng.choice((1, 1, 2)), cfg=rng.choice((1.0, 4.0)))
        latent = studio.sample(conditioning, seeds, settings, model, further, side=SIZE // 8)
        image = torch.from_numpy(studio.decode(latent)).float() / 255
        with torch.inference_mode():
            told = self.diagnose_node().diagnose(capture, {"samples": latent}, image, prompt=offered)
        return Run(
            prompt, capture, {"samples": latent}, image, offered, conditioning + further, told["result"][2]
        )

    def truth(self, run: Run, rng: random.Random) -> Any:
        """What SelAgg Truth makes of a run and of answers, right and wrong."""
        texts = Texts(rng)
        answers = "\n".join(
            f"{texts.word_of(run.prompt)}: {rng.choice(('yes', 'no', 'x'))}" for _ in range(2)
        )
        return self.truth_node().judge(run.capture, run.latent, run.image, answers=answers)[0]

    # -- one value -----------------------------------------------------------------------------------

    def value(self, name: str, definition: Any, texts: Texts, run: Run, hostile: bool, any_type: bool) -> Any:
        """A value for an input. hostile: one that is likely wrong; any_type: it may be of any type at all."""
        rng = texts.rng
        kind = definition[0] if isinstance(definition, tuple | list) else definition
        options = definition[1] if isinstance(definition, tuple | list) and len(definition) > 1 else {}
        if hostile and any_type and rng.random() < 0.3:
            return rng.choice(WRONG)
        if isinstance(kind, tuple | list):
            return self._choice(kind, rng, texts, hostile)
        if kind == "STRING":
            return self._text(name, texts, run, hostile, options)
        if kind == "INT":
            return self._whole(name, rng, hostile, options)
        if kind == "FLOAT":
            return rng.choice(FLOATS) if hostile else options.get("default", 0.5)
        if kind == "BOOLEAN":
            return rng.random() < 0.5
        return self._socket(str(kind), rng, run, hostile, any_type)

    def _choice(self, choices: Any, rng: random.Random, texts: Texts, hostile: bool) -> Any:
        if hostile or not choices:
            return rng.choice(("x", "", "../x", texts.name(), "demo.safetensors"))
        return rng.choice(list(choices))

    def _text(self, name: str, texts: Texts, run: Run, hostile: bool, options: dict[str, Any]) -> str:
        rng, prompt = texts.rng, run.prompt
        if name == "concepts" and options.get("multiline") and not hostile:
            return OWN_CONCEPTS  # of Build Relevance: the default ones take a minute
        if not hostile and options.get("default") is not None and rng.random() < 0.4:
            return options["default"]
        makers = {
            "words": texts.words, "expected_words": texts.words, "word": texts.word_of, "boxes": texts.boxes,
            "claims": texts.claims,
            "concepts": lambda text: rng.choice((texts.overrides(text), OWN_CONCEPTS)),
            "concept": lambda _: rng.choice(("Color", "Nothing")),
            "text": lambda _: rng.choice((texts.prompt, lambda: texts.claims(prompt)))(),
            "folder": lambda _: texts.name(),
            "name": lambda _: texts.name(),
            "report": lambda _: rng.choice(("", "{}", "null", texts.prompt(), odd_report(run.report, rng))),
        }  # fmt: skip
        make = makers.get(name, lambda _: texts.prompt())
        if name == "report" and not hostile:
            return run.report
        if hostile:
            make = rng.choice((make, *makers.values()))
        return make(prompt)[:MOST_CHARACTERS]

    def _whole(self, name: str, rng: random.Random, hostile: bool, options: dict[str, Any]) -> int:
        if name in COSTLY:
            usual = {"pictures": 2, "steps": 1, "width": SIZE, "height": SIZE}[name]
            return rng.choice((0, -1, 1, -(2**40))) if hostile else usual
        return rng.choice(INTS) if hostile else options.get("default", 1)

    def _socket(self, kind: str, rng: random.Random, run: Run, hostile: bool, any_type: bool) -> Any:
        right = RIGHT[kind](self, run, rng)
        if not hostile:
            return right
        wrong = self._wrong(kind, rng, run)
        return rng.choice(wrong) if any_type else rng.choice((None, right))

    def _wrong(self, kind: str, rng: random.Random, run: Run) -> tuple:
        """Values of about the right kind."""
        other = rng.choice(self.runs)
        if kind == "LATENT":
            return (
                None,
                {},
                other.latent,
                {"samples": odd_tensor(run.latent["samples"], rng)},
                {"samples": None},
            )
        if kind == "IMAGE":
            return (None, other.image, odd_tensor(run.image, rng))
        if kind == "MASK":
            return (None, odd_tensor(torch.rand(1, SIZE, SIZE), rng))
        if kind == "SELAGG_CAPTURE":
            return (None, other.capture, self.never_sampled, self.unsupported)
        if kind == "SELAGG_PROMPT":
            return (None, other.offered)
        if kind == "UNIQUE_ID":
            return (None, 5, "", "\ud800", "../x", "x" * 5000)
        if kind == "BOUNDING_BOX":
            odd = {"x": float("nan"), "y": "1", "width": -5, "height": 10**30, "label": 7}
            return (None, [], [odd], [[odd]], [[]] * len(run.image), {"x": 1}, [[None]])
        if kind in ("PROMPT", "EXTRA_PNGINFO"):
            looped: dict[str, Any] = {
                "a": float("inf"),
                "b": object(),
                "workflow": rng.choice((None, [], "x", 3)),
            }
            return (None, [], "x", looped, {"5": None}, {1: {2: {3: float("nan")}}}, {"workflow": {"id": {}}})
        return (None, object(), *WRONG)


RIGHT: dict[str, Callable[[Values, Run, random.Random], Any]] = {
    "MODEL": lambda values, run, rng: values.studio.model,
    "CLIP": lambda values, run, rng: values.studio.clip,
    "VAE": lambda values, run, rng: values.studio.vae,
    "CONDITIONING": lambda values, run, rng: run.conditioning,
    "LATENT": lambda values, run, rng: run.latent,
    "IMAGE": lambda values, run, rng: run.image,
    "MASK": lambda values, run, rng: (torch.rand(rng.choice((1, len(run.image))), SIZE, SIZE) > 0.7).float(),
    "SELAGG_CAPTURE": lambda values, run, rng: run.capture,
    "SELAGG_PROMPT": lambda values, run, rng: run.offered,
    "SELAGG_EXPECT": lambda values, run, rng: rng.choice(values.expectations),
    "SELAGG_CALIBRATION": lambda values, run, rng: rng.choice(values.calibrations),
    "SELAGG_RELEVANCE": lambda values, run, rng: rng.choice(values.relevances),
    "SELAGG_RECIPE": lambda values, run, rng: rng.choice(values.recipes),
    "SELAGG_TRUTH": lambda values, run, rng: values.truth(run, rng),
    "BOUNDING_BOX": lambda values, run, rng: [
        [{"x": 1, "y": 2.5, "width": 30, "height": 20, "score": 0.7, "label": rng.choice(("cat", ""))}]
        for _ in run.image
    ],
    "UNIQUE_ID": lambda values, run, rng: "5",
    "PROMPT": lambda values, run, rng: {
        "5": {"class_type": "SelAggDiagnose", "inputs": {"latent": ["3", 0]}}
    },
    "EXTRA_PNGINFO": lambda values, run, rng: {"workflow": {"id": "a", "nodes": []}},
}
"""A right value for each kind of socket; those of fields that an artist writes in are made from texts."""
WRITTEN = ("STRING", "INT", "FLOAT", "BOOLEAN")


def odd_report(report: str, rng: random.Random) -> str:
    """A report in which one value is another."""
    body = json.loads(report)
    within: Any = body
    while True:
        keys = list(within) if isinstance(within, dict) else list(range(len(within)))
        if not keys:
            return json.dumps(body)
        key = rng.choice(keys)
        if not isinstance(within[key], dict | list) or rng.random() < 0.1:
            within[key] = rng.choice([value for value in WRONG if not isinstance(value, bytes | tuple)][:-1])
            return json.dumps(body)
        within = within[key]


def odd_tensor(usual: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """A tensor that is not what it was: other numbers, type, shape or order in memory."""
    chance = rng.randrange(9)
    if chance == 0:
        return usual.to(rng.choice(DTYPES))
    if chance == 1:
        return torch.full_like(
            usual, rng.choice((float("nan"), float("inf"), -float("inf"), 1e38, -5.0, 0.0))
        )
    if chance == 2:
        holes = usual.clone(memory_format=torch.contiguous_format)
        holes.view(-1)[:: rng.choice((2, 7, 100))] = float("nan")
        return holes
    if chance == 3:
        return usual[..., : rng.choice((0, 1, 2))]
    if chance == 4:
        return usual.reshape(-1) if rng.random() < 0.5 else usual[None]
    if chance == 5:
        return torch.cat([usual, usual])[: rng.choice((0, 1, 2 * len(usual)))]
    if chance == 6:
        return usual.flip(-1).transpose(-1, -2)
    if chance == 7:
        return usual[:, : rng.choice((1, 3)), : rng.choice((1, 50))]
    return torch.zeros(rng.choice(((), (1,), (0,), (1, 1, 1, 1), (2, 3, 4, 5, 6))))
