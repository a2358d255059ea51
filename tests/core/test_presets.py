"""The published Head Relevance Vectors that ship with the pack."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from selagg_core.presets.build import LAYOUTS, build_preset, ranking_digest
from selagg_core.recording.layout import HeadLayout, LayerId, sd1_layout, sdxl_layout
from selagg_core.relevance.relevance import published_labels, relevance_from_shares
from selagg_core.relevance.shipped import PRESETS, PUBLISHED, load_preset, preset_for, transfer_notice

# Of the published files: SHA-256 of argsort(-win share, stable) as int16 and of the labels joined by line
# ends, and the beginning of that of each file.
DIGESTS = {
    "sd14": {
        "ranking": "af887c1837e485f3e4079f57292df34e895c0efbc80245a58f9129d5d68e99c6",
        "labels": "05e2254302c07ed357c3bd026765eae1636edc60500516a79c62404e2a717454",
        "hrv": "1be200f3adc4",
        "win_share": "1507e27aac50",
        "head_index": "6fba813dd245",
    },
    "sdxl": {
        "ranking": "7ef2f14a564b144301cb8bd360f482cb145d47c9f4d8bd50d6c102e4df5dba11",
        "labels": "4161e0b79aefe98133d9c9b69ae36b9bfb8ef12423c722b5acd9205ed67e4257",
        "hrv": "9c5bc5e2cc6a",
        "win_share": "b78d30d10f03",
        "head_index": "71204c9aaa3e",
    },
}
TOP_HEADS = {
    ("sd14", "Color"): [120, 108, 117, 114, 123, 7, 98, 105],
    ("sd14", "Animals"): [123, 43, 111, 117, 14, 32, 106, 109],
    ("sd14", "Counting"): [80, 97, 50, 85, 53, 114, 32, 25],
    ("sdxl", "Color"): [926, 77, 1283, 4, 48, 92, 979, 1074],
    ("sdxl", "Animals"): [324, 1078, 521, 323, 1208, 517, 576, 716],
    ("sdxl", "Counting"): [865, 900, 885, 277, 242, 689, 914, 686],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_rankings_are_the_published_ones(name):
    preset = load_preset(name)
    every = np.stack([preset.top_heads(concept, 1.0) for concept in preset.names]).astype("<i2")
    assert hashlib.sha256(every.tobytes()).hexdigest() == DIGESTS[name]["ranking"]
    assert ranking_digest(preset.win_share) == DIGESTS[name]["ranking"]


@pytest.mark.parametrize(("name", "concept"), TOP_HEADS)
def test_top_heads_are_the_published_ones(name, concept):
    assert load_preset(name).top_heads(concept, count=8).tolist() == TOP_HEADS[name, concept]


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_are_the_published_heads(name):
    preset = load_preset(name)
    labels = published_labels(preset.layout)
    assert preset.layout == LAYOUTS[name]()
    assert hashlib.sha256("\n".join(labels).encode()).hexdigest() == DIGESTS[name]["labels"]
    for part in ("hrv", "win_share", "head_index"):
        assert preset.about[f"sha256 of {part}"].startswith(DIGESTS[name][part])


def test_sd1_columns_by_place_layer_and_head():
    labels, layout = published_labels(sd1_layout()), sd1_layout()
    numbers = {"down": [1, 2, 4, 5, 7, 8], "mid": [0], "up": [3, 4, 5, 6, 7, 8, 9, 10, 11]}
    blocks = {"down": "input", "mid": "middle", "up": "output"}
    column = 0
    for place, own in numbers.items():
        for count, number in enumerate(own):
            for head in range(8):
                assert labels[column] == f"{place}, layer: {count}, head: {head}"
                assert layout.head_at(column).layer == LayerId(blocks[place], number, 0)
                assert layout.head_at(column).head == head
                column += 1
    assert column == layout.total == len(labels) == 128


def test_sdxl_columns_by_place_layer_and_head():
    labels, layout = published_labels(sdxl_layout()), sdxl_layout()
    blocks = [("down", "input", n, depth, 10) for n in (4, 5) for depth in range(2)]
    blocks += [("down", "input", n, depth, 20) for n in (7, 8) for depth in range(10)]
    blocks += [("mid", "middle", 0, depth, 20) for depth in range(10)]
    blocks += [("up", "output", n, depth, 20) for n in (0, 1, 2) for depth in range(10)]
    blocks += [("up", "output", n, depth, 10) for n in (3, 4, 5) for depth in range(2)]
    column, counts = 0, {"down": 0, "mid": 0, "up": 0}
    for place, block, number, depth, heads in blocks:
        for head in range(heads):
            assert labels[column] == f"{place}, layer: {counts[place]}, head: {head}"
            assert layout.head_at(column).layer == LayerId(block, number, depth)
            column += 1
        counts[place] += 1
    assert column == layout.total == len(labels) == 1300
    assert counts == {"down": 24, "mid": 10, "up": 36}


@pytest.mark.parametrize("name", PUBLISHED)
def test_numbers_have_the_published_sums(name):
    preset = load_preset(name)
    np.testing.assert_allclose(preset.scores.sum(axis=1), preset.layout.total, rtol=1e-4)
    np.testing.assert_allclose(preset.win_share.sum(axis=0), 1, atol=1e-5)
    wins = preset.win_share.astype(np.float64) * preset.concepts[0].decisions
    # Shares are whole wins of 107,100 decisions, up to float32.
    assert np.abs(wins - wins.round()).max() < 0.01
    np.testing.assert_allclose(preset.scores, relevance_from_shares(preset.win_share), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_metadata_names_source_and_licence(name):
    preset = load_preset(name)
    assert len(preset.concepts) == 34
    assert all(len(concept.words) == 10 for concept in preset.concepts)
    assert preset.concepts[17].name == "Color"
    assert preset.concepts[17].words[:3] == ("Red", "Blue", "Green")
    assert preset.score_kind == "argmax wins"
    assert "SNU-DRL/HRV" in preset.about["source"] and "414122f" in preset.about["source"]
    assert preset.about["licence"] == "Apache-2.0"
    assert "2412.02237" in preset.about["paper"]


def test_concepts_with_too_few_wins_are_called_unreliable():
    sd14 = load_preset("sd14")
    weak = {name for name in sd14.names if not sd14.reliability(name).reliable}
    assert weak == {"Counting", "Texture", "Lighting Conditions", "Size", "Written Characters"}
    message = sd14.reliability("Counting").message
    assert message.startswith("unreliable: Counting won 0.037 % of the time in Stable Diffusion v1.4")
    assert "0 of 128 heads" in message
    with pytest.raises(ValueError, match=r"No head speaks for Counting .* the best 0.66 %"):
        sd14.top_heads("Counting", floor=True)


def test_a_preset_needs_both_the_heads_and_the_text_width():
    assert preset_for(sd1_layout(), 768) is load_preset("sd14")
    assert preset_for(sdxl_layout(), 2048) is load_preset("sdxl")
    # The demo model has the heads of SD1.x and a text encoder of its own.
    assert preset_for(sd1_layout(), 96) is load_preset("demo")
    assert preset_for(sd1_layout(), 1024) is None
    assert preset_for(sdxl_layout(), 768) is None
    assert preset_for(HeadLayout.of([("input", 1, 0, 8)]), 768) is None
    assert "Stable Diffusion v1.4" in transfer_notice(load_preset("sd14"))


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(ValueError, match=", ".join(PRESETS)):
        load_preset("../sd14")


@pytest.fixture
def published_files(tmp_path):
    """The published arrays again, made from the preset."""
    preset = load_preset("sd14")
    np.save(tmp_path / "sd14_hrv.npy", preset.scores)
    np.save(tmp_path / "sd14_win_share.npy", preset.win_share.astype(np.float64))
    np.save(tmp_path / "sd14_head_index.npy", np.array(published_labels(preset.layout)))
    listed = [{"name": concept.name, "words": list(concept.words)} for concept in preset.concepts]
    (tmp_path / "concepts.json").write_text(json.dumps(listed))
    return tmp_path


def test_presets_can_be_remade(published_files):
    made, shipped = build_preset(published_files, "sd14"), load_preset("sd14")
    np.testing.assert_array_equal(made.scores, shipped.scores)
    np.testing.assert_array_equal(made.win_share, shipped.win_share)
    assert made.concepts == shipped.concepts
    assert made.layout == shipped.layout


def test_remaking_checks_the_order_of_columns(published_files):
    labels = np.load(published_files / "sd14_head_index.npy")
    np.save(published_files / "sd14_head_index.npy", labels[::-1])
    with pytest.raises(ValueError, match="not the heads of the layout"):
        build_preset(published_files, "sd14")


def test_remaking_checks_that_scores_and_wins_agree(published_files):
    shares = np.load(published_files / "sd14_win_share.npy")
    np.save(published_files / "sd14_win_share.npy", shares[::-1])
    with pytest.raises(ValueError, match="do not agree"):
        build_preset(published_files, "sd14")
