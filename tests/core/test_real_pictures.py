"""Pictures and maps of real checkpoints: what pixels say of them, and what maps look like there.

What they showed is in docs/proof.md. Sources and licences: tests/data/real/README.md.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from selagg_core.claims.claim import Claim, Claims
from selagg_core.diagnosis.pixels import colour_share, lab
from selagg_core.maps.arrays import cap_borders, focus_of, normalise
from selagg_core.maps.heads import select_heads
from selagg_core.maps.recipe import MapRecipe
from selagg_core.maps.regions import peak
from selagg_core.maps.word_maps import word_maps
from selagg_core.prompt.groups import FUNCTION_WORDS, WordGroup
from selagg_core.prompt.words import Prompt, Word
from selagg_core.proof.scoring import score_map
from selagg_core.proof.testimony import Sighting
from selagg_core.proof.testimony import Testimony as Said
from selagg_core.proof.truth import judged
from selagg_core.recording.head_maps import HeadMaps, SubTokens
from selagg_core.recording.layout import HeadLayout

DATA = Path(__file__).resolve().parents[1] / "data" / "real"
PAIRS = (1, 2, 3, 4, 5)
VASE = WordGroup("vase", (1,))


def picture(name: str) -> np.ndarray:
    return np.asarray(Image.open(DATA / name).convert("RGB"))


# -- colours of ten pictures ----------------------------------------------------------------------------


def share(name: str, colour: str, middle: bool = False) -> float:
    seen = lab(picture(f"lavender_vase/{name}.jpg"))
    return float(colour_share(seen[64:192, 64:192] if middle else seen, colour).mean())


def test_lavender_is_in_every_picture_and_so_proves_no_meaning():
    """The flower is of the colour of its name: pixels of the whole picture cannot tell the two readings."""
    plain = [share(f"plain_{n:02}", "lavender") for n in PAIRS]
    adjusted = [share(f"adjusted_{n:02}", "lavender") for n in PAIRS]
    assert min(plain + adjusted) > 0.15
    assert max(plain) > min(adjusted), "no threshold parts them"


@pytest.mark.parametrize("number", PAIRS)
def test_the_middle_where_the_vase_stands_is_more_lavender_after_adjusting(number):
    assert share(f"adjusted_{number:02}", "lavender", True) > share(f"plain_{number:02}", "lavender", True)


@pytest.mark.parametrize("number", PAIRS)
def test_stems_and_leaves_go_with_the_flowers(number):
    assert share(f"adjusted_{number:02}", "green") < share(f"plain_{number:02}", "green")


@pytest.mark.parametrize("number", PAIRS)
def test_the_truth_of_a_colour_inside_a_mask(number):
    """With the middle as the mask of the vase: right after adjusting; right or open, never wrong, before."""
    mask = np.zeros((256, 256), bool)
    mask[64:192, 64:192] = True
    claims = Claims(
        (Claim("entity", VASE), Claim("attribute", VASE, "lavender", WordGroup("lavender", (3,))))
    )
    testimony = Said((Sighting("by hand", VASE, mask, 1.0, 1, (0.5, 0.5)),))

    def verdict(name: str) -> str:
        return judged(claims, testimony, picture(f"lavender_vase/{name}.jpg"), "x").claims[1].verdict

    assert verdict(f"adjusted_{number:02}") == "right"
    assert verdict(f"plain_{number:02}") in ("right", "open")


def test_a_mask_drawn_by_hand_fits_its_picture():
    mask = np.asarray(Image.open(DATA / "cat" / "mask.png")) > 0
    seen = picture("cat/picture.jpg")
    assert seen.shape[:2] == mask.shape and 0.01 < mask.mean() < 0.9
    score = score_map("object", 0, mask.astype(np.float32), mask)
    assert score.ious.min() == 1 and score.ap == pytest.approx(1)


# -- fourteen maps of SD3 -------------------------------------------------------------------------------

TOKENS = [
    "<start>",
    "a",
    "cap",
    "y",
    "bara",
    "holding",
    "a",
    "sign",
    "that",
    "reads",
    "hello",
    "world",
    ".",
    "<end>",
]
WORDS = {"a": (1,), "capybara": (2, 3, 4), "holding": (5,), "sign": (7,), "that": (8,), "reads": (9,)}
WORDS |= {"hello": (10,), "world": (11,)}
SPECIAL = (0, 12, 13)


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    """(14, 64, 64), one map a token, as 8 bits of one common scale."""
    files = sorted((DATA / "sd3_maps").glob("*.png"))
    assert len(files) == len(TOKENS)
    return np.stack([np.asarray(Image.open(file).convert("L")) for file in files]).astype(np.float32) / 255


@pytest.fixture(scope="module")
def recorded(tokens) -> HeadMaps:
    """The maps as those of one head of one layer."""
    layout = HeadLayout.of([("joint block", 0, 0, 1)])
    (layer,) = layout.layers
    words = tuple(Word(text, columns) for text, columns in WORDS.items())
    maps = np.stack([tokens[list(columns)].mean(axis=0) for columns in WORDS.values()])[None]
    places = iter(range(sum(map(len, WORDS.values()))))
    groups = tuple(tuple(next(places) for _ in columns) for columns in WORDS.values())
    single = np.concatenate([tokens[list(columns)] for columns in WORDS.values()])[None]
    return HeadMaps(
        Prompt("a capybara holding a sign that reads hello world.", words, 14, SPECIAL),
        MappingProxyType({layer: maps}),
        layout,
        MappingProxyType({layer: tokens[list(SPECIAL)].sum(axis=0)[None]}),
        sub_tokens=SubTokens(groups, MappingProxyType({layer: single})),
    )


def test_the_start_takes_most_of_the_attention_and_has_no_place(tokens):
    mass = tokens.sum(axis=(1, 2))
    assert mass[0] / mass.sum() > 0.6
    assert focus_of(tokens[0]) < 0.01 < focus_of(tokens[7])


def test_maps_are_scaled_each_and_stay_finite(tokens):
    scaled = normalise(tokens)
    assert np.isfinite(scaled).all()
    assert scaled.min(axis=(1, 2)) == pytest.approx(0) and scaled.max(axis=(1, 2)) == pytest.approx(1)


def test_the_parts_of_one_word_do_not_look_at_the_same_place(tokens):
    """The first third of capybara looks at the border; the last one alone has a clear place."""
    first, last = tokens[2], tokens[4]
    assert peak(first)[1] == 63 and 8 < peak(last)[1] < 56
    assert np.corrcoef(first.ravel(), last.ravel())[0, 1] < 0
    assert focus_of(last) > max(focus_of(first), focus_of(tokens[3]))


def test_the_best_token_of_a_word_is_the_one_with_a_place(recorded, tokens):
    every = select_heads(recorded.layout)
    best = word_maps(recorded, every, recipe=MapRecipe(best_token=True))
    assert best[1] == pytest.approx(tokens[4], abs=1e-6)
    plain = word_maps(recorded, every)
    assert plain[1] == pytest.approx(tokens[2:5].mean(axis=0), abs=1e-6)


def test_border_cells_are_cut_to_what_is_inside(tokens):
    article = tokens[1]
    assert peak(article) == (63, 0), "its highest cell is a corner"
    capped = cap_borders(article[None])[0]
    assert capped.max() == article[1:-1, 1:-1].max() < article.max()


def test_what_the_start_takes_everywhere_has_no_part_in_the_competition(recorded):
    """Words of a transformer compete with words: most of capybara is left, whatever the start takes."""
    every = select_heads(recorded.layout)
    plain = word_maps(recorded, every)
    competed = word_maps(recorded, every, recipe=MapRecipe(competition=0.5))
    left = competed.sum(axis=(1, 2)) / plain.sum(axis=(1, 2))
    own = zip(WORDS, left.tolist(), strict=True)
    named = {word: share for word, share in own if word not in FUNCTION_WORDS}
    assert max(named, key=named.__getitem__) == "capybara"
    assert all(focus_of(own) >= focus_of(before) for own, before in zip(competed, plain, strict=True))
    more = replace(recorded, special={layer: 3 * own for layer, own in recorded.special.items()})
    assert np.array_equal(competed, word_maps(more, every, recipe=MapRecipe(competition=0.5)))
