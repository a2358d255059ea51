"""A made-up run in SD1.x's layout: a drawn picture, and heads that see its words more or less clearly."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import cv2
import numpy as np
import torch

from selagg_core.claims.claim import Claims
from selagg_core.claims.expectations import Expectations, expected_regions, read_expectations
from selagg_core.diagnose import diagnose_run
from selagg_core.diagnosis.findings import Finding
from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup, find_group
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.head_maps import EntryRecording, Recording, Shares
from selagg_core.recording.layout import sd1_layout
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.relevance.run_view import RunView
from selagg_core.report.report import Report
from selagg_core.view import open_run

SIDE = 1024
TEXT = (
    "a photo of a (red:1.2) balloon left of a big yellow house, green hills below, two white clouds, blue sky"
)
NEGATIVE = "blurry, watermark"
#: Centre, radius in shares of the picture, and how clearly heads see the word.
PLACES = {
    "red": (0.25, 0.36, 0.13, 0.9),
    "balloon": (0.25, 0.38, 0.14, 1.0),
    "yellow": (0.70, 0.66, 0.14, 0.8),
    "house": (0.70, 0.64, 0.15, 1.0),
    "green": (0.35, 0.88, 0.28, 0.7),
    "hills": (0.40, 0.86, 0.30, 0.8),
    "clouds": (0.72, 0.16, 0.14, 0.8),
    "white": (0.72, 0.17, 0.12, 0.5),
    "sky": (0.50, 0.12, 0.38, 0.5),
    "blue": (0.45, 0.15, 0.36, 0.5),
    "blurry": (0.3, 0.8, 0.2, 0.5),
    "watermark": (0.85, 0.9, 0.1, 0.5),
}
GRID_OF_BLOCK = {("input", 1): 64, ("input", 2): 64, ("input", 4): 32, ("input", 5): 32}
GRID_OF_BLOCK |= {("input", 7): 16, ("input", 8): 16, ("middle", 0): 8}
GRID_OF_BLOCK |= {("output", n): 64 >> (3 - n // 3) for n in range(3, 12)}
#: Of the attention, by kind of column.
SHARES = {"words": 0.2, "stop words": 0.05, "punctuation": 0.002, "marks": 0.6, "padding": 0.148}
HINT = "look at <b>this</b>."
STRANGE = 'a new kind of finding about "yellow" and "house".'


def picture() -> np.ndarray:
    """RGB uint8 (SIDE, SIDE, 3), drawn at twice the size."""
    sheet = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    ramp = np.linspace(0, 1, 2 * SIDE)[:, None, None]
    sheet[:] = (1 - ramp) * (96, 165, 226) + ramp * (226, 238, 246)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * 2 * SIDE), round(y * 2 * SIDE)

    for x, y, r in ((0.62, 0.17, 0.07), (0.70, 0.14, 0.09), (0.79, 0.17, 0.07), (0.30, 0.10, 0.05)):
        cv2.circle(sheet, at(x, y), round(r * 2 * SIDE), (250, 251, 252), -1)
        cv2.circle(sheet, at(x + 0.05, y + 0.02), round(r * 1.4 * SIDE), (246, 248, 250), -1)
    for x, y, wide, colour in (
        (0.8, 1.02, 0.62, (96, 158, 92)),
        (0.15, 1.08, 0.60, (74, 138, 80)),
        (0.6, 1.16, 0.7, (58, 117, 70)),
    ):
        cv2.ellipse(sheet, at(x, y), at(wide, 0.26), 0, 0, 360, colour, -1)
    cv2.rectangle(sheet, at(0.60, 0.60), at(0.80, 0.78), (238, 196, 74), -1)
    cv2.fillPoly(sheet, [np.array([at(0.57, 0.60), at(0.83, 0.60), at(0.70, 0.47)])], (166, 74, 58))
    cv2.rectangle(sheet, at(0.68, 0.68), at(0.73, 0.78), (110, 72, 52), -1)
    cv2.line(sheet, at(0.25, 0.50), at(0.26, 0.74), (70, 62, 60), 6)
    cv2.ellipse(sheet, at(0.25, 0.36), at(0.115, 0.14), 0, 0, 360, (206, 52, 48), -1)
    cv2.ellipse(sheet, at(0.215, 0.31), at(0.025, 0.045), 25, 0, 360, (236, 128, 120), -1)
    return cv2.resize(sheet, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def prompt_of(text: str) -> Prompt:
    """Words without marks and weights, one column each."""
    words = []
    for piece in text.split():
        bare = piece.strip("(),").split(":")[0]
        weight = float(piece.rstrip("),").split(":")[1]) if ":" in piece and "(" in piece else 1.0
        words.append(Word(bare, (len(words) + 1,), weight))
    return Prompt(text, tuple(words), 77, (0, *range(len(words) + 1, 77)))


def entry(text: str, kind: str = "positive", batch: int = 1, seed: int = 3) -> EntryRecording:
    layout, prompt = sd1_layout(), prompt_of(text)
    random = np.random.default_rng(seed)
    maps, special = {}, {}
    for layer in layout.layers:
        side = GRID_OF_BLOCK[layer.block, layer.number]
        heads = layout.heads_of(layer)
        noise = random.gamma(4.0, 0.0015, (batch, heads, len(prompt.words), side, side))
        for number, word in enumerate(prompt.words):
            x, y, radius, clear = PLACES.get(word.text, (0.5, 0.5, 0.7, 0.1))
            strength = clear * random.random((batch, heads, 1, 1)) ** 3 * 0.2
            noise[:, :, number] += strength * bump(side, x, y, radius)
        maps[layer] = noise.astype(np.float32)
        special[layer] = np.clip(1 - maps[layer].sum(axis=2), 0, 1)
    maps, special = MappingProxyType(maps), MappingProxyType(special)
    shares = {x: np.tile(np.float32([*SHARES.values()]), (*own.shape[:2], 1)) for x, own in maps.items()}
    told = Shares(tuple(SHARES), MappingProxyType(shares))
    return EntryRecording(kind, 0, prompt, None, 20, maps, special, layout, shares=told)


def bump(side: int, x: float, y: float, radius: float) -> np.ndarray:
    places = (np.arange(side) + 0.5) / side
    distance = (places[None] - x) ** 2 + (places[:, None] - y) ** 2
    return np.exp(-distance / (2 * (0.6 * radius) ** 2))


class OneRun:
    """Stands for a Capture that holds this run."""

    def __init__(self, text: str = TEXT, batch: int = 2, side: int = SIDE):
        entries = (entry(text, batch=batch), entry(NEGATIVE, "negative", batch, seed=4))
        shape = (batch, 4, side // 8, side // 8)
        self.recording = Recording(entries, sd1_layout(), shape, (1.0, 0.0), True, (), 768)

    def recording_for(self, latent: torch.Tensor, *_offers) -> Recording:
        return self.recording


def made_view(text: str = TEXT, batch: int = 2) -> RunView:
    image = torch.from_numpy(picture()).float()[None] / 255
    images = torch.cat([image if i == 0 else image.flip(2) for i in range(batch)])
    return open_run(OneRun(text, batch), torch.zeros(batch, 4, SIDE // 8, SIDE // 8), images)


def large_view(text: str, pictures: int, side: int = 512) -> RunView:
    """A batch whose pictures are alike for the heads: recorded once."""
    small = cv2.resize(picture(), (side, side), interpolation=cv2.INTER_AREA)
    images = (torch.from_numpy(small).float()[None] / 255).expand(pictures, -1, -1, -1)
    latent = torch.zeros(pictures, 4, side // 8, side // 8)
    return open_run(OneRun(text, 1, side), latent, images)


def large_report(view: RunView, settings: HeadSettings) -> tuple[Report, Claims]:
    """The diagnosis of a `large_view`: that of its first picture, for all are alike."""
    first = replace(view, pictures=view.pictures[:1])
    found = diagnose_run(first, "all", None, settings)
    (picture,) = found.report.pictures
    alike = tuple(replace(picture, index=index) for index in range(len(view.pictures)))
    return replace(found.report, pictures=alike), found.read


def expectations() -> Expectations:
    return read_expectations(None, "", boxes="balloon: 50%, 0%, 100%, 60%")


def made_expected(view: RunView) -> list[dict[WordGroup, Region]]:
    return expected_regions(expectations(), view.prompts, len(view.pictures), view.size, [])


def words_of(view: RunView, *words: str) -> tuple[WordGroup, ...]:
    """Those of the words that the run has."""
    spoken = [word for word in words if any(prompt.find(word) for prompt in view.prompts)]
    return tuple(find_group(view.prompts, word) for word in spoken)


def made_report(view: RunView, settings: HeadSettings) -> tuple[Report, Claims]:
    """The claims, and the diagnosis with findings of its own: of an unknown kind, and for information."""
    found = diagnose_run(view, "all", expectations(), settings)
    report = found.report
    numbers = {"share": 0.25, "who": "nobody"}
    strange = Finding("strange_kind", words_of(view, "yellow", "house"), 0.4, numbers, 0.5, HINT, STRANGE)
    own = (
        Finding(
            "misplaced_region",
            words_of(view, "balloon"),
            0.8,
            {"mass_inside": 0.02, "found_at": "left", "expected_at": "upper right"},
            0.86,
            'give "balloon" its own region, or say the place in the prompt.',
            '"balloon" lies at the left, not where it was expected (upper right).',
            claim="balloon: where it is expected",
            pixels={"colour_share": 0.41},
        ),
        strange.demoted("It is only a test."),
        Finding("diffuse", words_of(view, "blue", "sky"), 0.1, {}, 0.2, HINT, "so that you know.").demoted(
            "", "information"
        ),
    )
    kept = [f for f in report.pictures[0].findings if f.kind not in ("misplaced_region", "strange_kind")]
    first, *rest = report.pictures
    ranked = sorted([*kept, *own], key=lambda f: (f.level != "warning", f.level != "unsure", -f.severity))
    changed = replace(first, findings=tuple(ranked))
    return replace(report, pictures=(changed, *rest), notices=(*report.notices, "A notice.")), found.read
