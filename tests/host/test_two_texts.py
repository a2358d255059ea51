"""A text for each text encoder: words are known by where their tokens stand, from SelAgg Prompt alone."""

from __future__ import annotations

import dataclasses
import importlib
import zlib

import pytest
import torch
from test_encoder_words import Double
from tiny_models import sample
from tiny_text import clip as tiny_clip
from tiny_text import sdxl_clip, sdxl_unet

from selagg_core.prompt.known_texts import LabelCache, TextKey

THINGS = ("cube", "ball", "cone", "star", "ring", "cat", "dog", "owl", "bird", "fish")
MANY = ", ".join(f"a {colour} {thing}" for colour in ("red", "blue", "green") for thing in THINGS)
OWLS = "two owls on a branch"
CUBE_OWLS = ["a", "red", "cube", "two", "owls"]


@pytest.fixture
def labels(pack, monkeypatch):
    own = LabelCache()
    for name in ("recording.encode", "recording.offer", "capture"):
        monkeypatch.setattr(importlib.import_module(f"selagg_nodes.{name}"), "LABELS", own)
    return own


@pytest.fixture
def nodes(pack, labels):
    return pack.NODE_CLASS_MAPPINGS


@pytest.fixture(scope="module")
def clip(host):
    return sdxl_clip()


def of_the_host(module: str, name: str, **inputs) -> list:
    """CONDITIONING as a node of the host makes it."""
    found = getattr(pytest.importorskip(f"comfy_extras.{module}"), name, None)
    if found is None or not hasattr(found, "execute"):
        pytest.skip("this host has another form of the node")
    with torch.inference_mode():
        return found.execute(**inputs).result[0]


def sdxl_pair(clip, text_g: str, text_l: str) -> list:
    size = {"width": 64, "height": 64, "crop_w": 0, "crop_h": 0, "target_width": 64, "target_height": 64}
    return of_the_host(
        "nodes_clip_sdxl", "CLIPTextEncodeSDXL", clip=clip, text_g=text_g, text_l=text_l, **size
    )


def read(nodes, clip, text, **second):
    with torch.inference_mode():
        return nodes["SelAggPrompt"]().read(text, clip, **second)[0]


def told(nodes, clip, positive, prompt=None):
    """The positive entry of a run and the notices of its words."""
    model, capture = nodes["SelAggCapture"]().capture(sdxl_unet())
    with torch.inference_mode():
        empty = importlib.import_module("selagg_nodes.host").encode_text(clip, "")
        latent = sample(model, positive, empty)
    recording = capture.recording_for(latent, getattr(prompt, "offers", ()))
    return recording.positive(), recording.notices


def words_of(prompt) -> list[str]:
    return [word.text for word in prompt.words]


TWO = [
    ("a red cube and a blue ball", "photo, sharp, studio light"),
    ("two owls on a branch", "two owls"),
    ("a cat", MANY),
    (MANY, "a (cat:1.3)"),
    ("a green ring", ""),
]


@pytest.mark.parametrize(("text_g", "text_l"), TWO)
def test_selagg_prompt_with_both_texts_names_what_two_encoders_were_given(nodes, clip, text_g, text_l):
    prompt = read(nodes, clip, text_g, text_l=text_l)
    positive = sdxl_pair(clip, text_g, text_l)
    entry, notices = told(nodes, clip, positive, prompt)
    assert words_of(entry.prompt) == words_of(prompt) == text_g.replace(",", "").split()
    assert entry.prompt.length == positive[0][0].shape[1] == prompt.length
    assert [word.columns for word in entry.prompt.words] == [word.columns for word in prompt.words]
    assert any("second text" in notice for notice in notices)
    assert all(10 < len(notice) <= 300 and "not known" not in notice for notice in notices)


def test_words_of_both_texts_are_known_without_a_socket_too(nodes, clip):
    read(nodes, clip, "a red cube", text_l="studio light")
    entry, notices = told(nodes, clip, sdxl_pair(clip, "a red cube", "studio light"))
    assert words_of(entry.prompt) == ["a", "red", "cube"], notices


@pytest.mark.parametrize(("text_g", "text_l"), [*TWO[:2], ("cat", "dog"), ("dog", "a (cat:1.3) on a mat")])
@pytest.mark.parametrize("of", ["g", "l"])
def test_one_of_two_texts_is_known_by_its_own_encoder(nodes, clip, text_g, text_l, of):
    text = text_g if of == "g" else text_l
    offers = [read(nodes, clip, other).offers for other in ("two red stars", text, "a cat")]
    prompt = dataclasses.replace(read(nodes, clip, text), offers=sum(offers, ()))
    positive = sdxl_pair(clip, text_g, text_l)
    entry, notices = told(nodes, clip, positive, prompt)
    assert entry.prompt.words == read(nodes, clip, text).words
    assert (
        [n for n in notices if "given a text each" in n]
        == [note for note in entry.prompt.notes if "SelAgg Prompt alone" in note]
        != []
    )
    assert not any("by their position" in n or "not known" in n for n in notices)


def test_of_two_texts_that_are_known_the_first_one_names_the_maps(nodes, clip):
    both = tuple(read(nodes, clip, text).offers[0] for text in ("studio light", "a red cube"))
    prompt = dataclasses.replace(read(nodes, clip, "a red cube"), offers=both)
    entry, _ = told(nodes, clip, sdxl_pair(clip, "a red cube", "studio light"), prompt)
    assert words_of(entry.prompt) == ["a", "red", "cube"]


@pytest.mark.parametrize(
    "text", ["a red cub", "a blue cube", "red cube", "studio", "studio lights", MANY, ""]
)
def test_a_text_that_neither_encoder_was_given_is_refused_with_a_cure(nodes, clip, text):
    prompt = read(nodes, clip, text)
    entry, notices = told(nodes, clip, sdxl_pair(clip, "a red cube", "studio light"), prompt)
    assert entry.prompt is None
    (notice,) = [n for n in notices if "not known" in n]
    assert "second text" in notice and "text_l of SelAgg Prompt" in notice and len(notice) <= 300


def test_two_texts_that_another_encoder_weighs(nodes, clip):
    """Every number is another, so both texts are needed."""
    ((embedding, extra),) = sdxl_pair(clip, "a red cube", "studio light")
    positive = [[0.8 * embedding + 0.02 * torch.sin(3 * embedding), extra]]
    entry, notices = told(nodes, clip, positive, read(nodes, clip, "a red cube", text_l="studio light"))
    assert words_of(entry.prompt) == ["a", "red", "cube"]
    assert any("by their position" in notice for notice in notices)


def test_the_same_text_twice_is_one_text(nodes, clip):
    prompt = read(nodes, clip, "a red cube", text_l="a red cube")
    assert prompt == read(nodes, clip, "a red cube") and not prompt.notes


def test_an_encoder_that_is_not_there_is_said_and_changes_nothing(nodes, caplog):
    clip = tiny_clip()
    prompt = read(nodes, clip, "a red cube", text_t5="studio light")
    assert "no part t5xxl" in caplog.text
    assert prompt == read(nodes, clip, "a red cube")


# -- encoders whose columns follow each other ------------------------------------------------------------


class Spoken(Double):
    """As `Double`, with columns that tell token, place and encoder; l and g lie side by side."""

    def encode_from_tokens_scheduled(self, tokens, add_dict=None):
        beside = [self._columns_of(tokens[name], name) for name in ("l", "g") if tokens.get(name)]
        later = [] if "t5xxl" not in tokens else [self._columns_of(tokens["t5xxl"] or [[(1, 1.0)]], "t5xxl")]
        first = (
            [torch.cat([*beside, torch.zeros(beside[0].shape[0], 24 - 8 * len(beside))], 1)] if beside else []
        )
        first = [] if set(tokens) == {"l", "t5xxl"} else first  # Flux: CLIP gives no columns
        later = [torch.cat([own, own, own], 1) for own in later]
        return [[torch.cat([*first, *later])[None], {"pooled_output": None, **(add_dict or {})}]]

    @staticmethod
    def _columns_of(chunks, name: str) -> torch.Tensor:
        columns = []
        for place, (token, weight, *_) in enumerate(entry for chunk in chunks for entry in chunk):
            generator = torch.Generator().manual_seed(zlib.crc32(f"{token} {place} {name}".encode()))
            columns.append(weight * torch.randn(8, generator=generator))
        return torch.stack(columns)


def spoken(module: str, kind: str) -> Spoken:
    found = pytest.importorskip(f"comfy.text_encoders.{module}")
    return Spoken(getattr(found, kind)(), None)


@pytest.fixture(scope="module")
def sd3(host):
    return spoken("sd3_clip", "SD3Tokenizer")


THREE = [
    ("a red cube", "photo, sharp", "on a table a red cube lies beside a ball"),
    ("a red cube", "a red cube", "two owls on a branch"),
    ("", "", "two owls on a branch"),
    ("a red cube", "a red cube", ""),
    ("", "studio light", "two owls"),
    ("two owls", "studio light", "two owls"),
    (MANY, "studio light", MANY[:60]),
]


@pytest.mark.parametrize(("text_g", "text_l", "t5"), THREE)
def test_three_texts_of_sd3(nodes, labels, sd3, text_g, text_l, t5):
    positive = of_the_host(
        "nodes_sd3",
        "CLIPTextEncodeSD3",
        clip=sd3,
        clip_g=text_g,
        clip_l=text_l,
        t5xxl=t5,
        empty_padding="none",
    )
    prompt = read(nodes, sd3, text_g, text_l=text_l, text_t5=t5)
    found = labels.resolve(TextKey.of(positive[0][0])).prompt
    assert found is not None and found.words == prompt.words and prompt.offers[0].refusal == ""
    leading = text_g or text_l
    spoken_words = leading.split() if leading == t5 else [*leading.split(), *t5.split()]
    assert words_of(found) == [word.strip(",") for word in spoken_words]
    clip_columns = found.length - len(found_t5(sd3, t5))
    for word in found.words:
        for column in word.columns:
            own = t5 if column >= clip_columns else leading
            assert word.text in said_at(sd3, own, column, clip_columns, "g" if text_g else "l")
    owned = {column for word in found.words for column in word.columns}
    assert not owned & set(found.special) and max(owned) < found.length
    assert any("second text" in note for note in found.notes) is (text_g != text_l)


def found_t5(clip, text):
    return clip.tokenize(text)["t5xxl"][0] if text else [None]


def said_at(clip, text, column, clip_columns, name) -> str:
    """The word whose token the host itself puts into a column, decoded with its neighbours."""
    later = column >= clip_columns
    entries = [e for chunk in clip.tokenize(text)["t5xxl" if later else name] for e in chunk]
    tokenizer = clip.tokenizer.t5xxl if later else getattr(clip.tokenizer, f"clip_{name}")
    at = column - clip_columns if later else column
    return tokenizer.tokenizer.decode([e[0] for e in entries[max(at - 2, 0) : at + 3]]).lower()


@pytest.mark.parametrize("own", [{}, {"text_l": "photo, sharp"}, {"text_l": ""}])
def test_flux_goes_by_the_text_of_t5(nodes, labels, own):
    flux = spoken("flux", "FluxTokenizer")
    clip_l = own.get("text_l", "two owls on a branch")
    given = {"clip": flux, "clip_l": clip_l, "t5xxl": "two owls on a branch", "guidance": 3.5}
    positive = of_the_host("nodes_flux", "CLIPTextEncodeFlux", **given)
    prompt = read(nodes, flux, "two owls on a branch", **own)
    found = labels.resolve(TextKey.of(positive[0][0])).prompt
    assert found is not None and words_of(found) == OWLS.split() == words_of(prompt)


def test_the_node_of_words_in_a_graph_takes_three_texts(nodes, labels, sd3):
    from_graph = importlib.import_module("selagg_nodes.recording.from_graph")
    texts = {"clip_g": "a red cube", "clip_l": "sharp", "t5xxl": "two owls"}
    positive = of_the_host("nodes_sd3", "CLIPTextEncodeSD3", clip=sd3, **texts, empty_padding="none")
    (prompt,) = from_graph.SelAggGraphWords().read(clip=sd3, source="x", **texts)
    assert words_of(labels.resolve(TextKey.of(positive[0][0])).prompt) == CUBE_OWLS
    assert not prompt.offers[0].refusal


def test_a_pair_of_flux_texts_on_an_encoder_of_three_is_not_named_by_one(nodes, labels, sd3):
    """The host's node for two texts tokenizes the first one for all that it does not exchange."""
    given = {"clip": sd3, "clip_l": "a red cube", "t5xxl": "two owls", "guidance": 3.5}
    positive = of_the_host("nodes_flux", "CLIPTextEncodeFlux", **given)
    from_graph = importlib.import_module("selagg_nodes.recording.from_graph")
    from_graph.SelAggGraphWords().read(clip=sd3, source="x", clip_l="a red cube", t5xxl="two owls")
    assert words_of(labels.resolve(TextKey.of(positive[0][0])).prompt) == CUBE_OWLS
