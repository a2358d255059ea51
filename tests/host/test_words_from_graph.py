"""Words without wires: texts are found in queued workflows, and name the maps, whatever encodes them."""

from __future__ import annotations

import copy
import importlib
import json

import pytest
import torch
from loading import ROOT
from served import finish, said, short_demo
from tiny_models import sample, unet
from tiny_text import clip as tiny_clip

from demo.background_server import background_server
from selagg_core.prompt.known_texts import LabelCache


@pytest.fixture(scope="module")
def from_graph(pack):
    return importlib.import_module("selagg_nodes.recording.from_graph")


class Loader:
    """As loaders of other packs that encode, too."""

    RETURN_TYPES = ("MODEL", "CONDITIONING", "CONDITIONING", "CLIP")

    @classmethod
    def INPUT_TYPES(cls):
        text = ("STRING", {"multiline": True})
        return {"required": {"ckpt_name": ("STRING", {}), "positive": text, "negative": text}}


class Scheduled:
    """As encoders of prompt schedules: a text, a line of settings, a CLIP."""

    RETURN_TYPES = ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"clip": ("CLIP",), "text": ("STRING", {"multiline": True})},
            "optional": {"style": ("STRING", {"default": "A1111"}), "start": ("FLOAT", {})},
        }


class Pair:
    RETURN_TYPES = ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls):
        text = ("STRING", {"multiline": True})
        return {"required": {"clip": ("CLIP",), "width": ("INT", {}), "text_g": text, "text_l": text}}


class Broken:
    RETURN_TYPES = ("CONDITIONING",)

    @classmethod
    def INPUT_TYPES(cls):
        raise RuntimeError("a pack that is not well")


@pytest.fixture(scope="module")
def classes(host, pack):
    hosts = importlib.import_module("nodes").NODE_CLASS_MAPPINGS
    return {
        **hosts,
        **pack.NODE_CLASS_MAPPINGS,
        **{kind.__name__: kind for kind in (Loader, Scheduled, Pair, Broken)},
    }


def graph(encoder: str = "CLIPTextEncode", negative_prompt: bool = False, **inputs) -> dict:
    """A picture whose positive is node 2, an encoder of this kind, and whose negative is node 3."""
    own = inputs or {"text": "a red cat", "clip": ["1", 1]}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x"}},
        "2": {"class_type": encoder, "inputs": own, "_meta": {"title": "My prompt"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {
            "class_type": "SelAggCapture",
            "inputs": {"model": ["1", 0], "negative_prompt": negative_prompt},
        },
        "5": {
            "class_type": "KSampler",
            "inputs": {"model": ["4", 0], "positive": ["2", 0], "negative": ["3", 0], "seed": 1},
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {
            "class_type": "SelAggDiagnose",
            "inputs": {"capture": ["4", 1], "latent": ["5", 0], "image": ["6", 0]},
        },
    }


def words_of(result: dict, from_graph, viewer: str = "7") -> list[dict]:
    """Inputs of the nodes of words that a viewer is given, the last one first."""
    link, found = result[viewer]["inputs"].get("prompt"), []
    while link is not None and result[link[0]]["class_type"] == from_graph.WORDS:
        found.append(result[link[0]]["inputs"])
        link = found[-1].get("more")
    return found


# -- graphs ----------------------------------------------------------------------------------------------


def test_text_and_clip_of_the_stock_encoder(from_graph, classes):
    given = graph()
    before = copy.deepcopy(given)
    result = from_graph.with_words(given, classes)
    assert given == before, "the request of the artist stays as it is"
    (words,) = words_of(result, from_graph)
    assert words == {"clip": ["1", 1], "text": "a red cat", "source": '"My prompt" (2)'}
    assert {number: node for number, node in result.items() if number in given and number != "7"} == {
        number: node for number, node in given.items() if number != "7"
    }


def test_a_repair_is_told_the_words_of_its_conditioning_and_not_of_the_negative(from_graph, classes):
    given = graph()
    given["14"] = {
        "class_type": "SelAggRepair",
        "inputs": {"model": ["4", 0], "conditioning": ["2", 0], "report": "{}"},
    }
    given["5"]["inputs"] |= {"model": ["14", 0], "positive": ["14", 1]}
    result = from_graph.with_words(given, classes)
    assert [own["text"] for own in words_of(result, from_graph, "14")] == ["a red cat"]
    assert [own["text"] for own in words_of(result, from_graph)] == ["a red cat"]
    assert from_graph.with_words(result, classes) == result


def test_a_text_that_another_node_makes_is_linked_not_read(from_graph, classes):
    given = graph(text=["9", 0], clip=["8", 0])
    given["9"] = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a blue dog"}}
    given["8"] = {"class_type": "CLIPSetLastLayer", "inputs": {"clip": ["1", 1], "stop_at_clip_layer": -2}}
    (words,) = words_of(from_graph.with_words(given, classes), from_graph)
    assert words["text"] == ["9", 0] and words["clip"] == ["8", 0]


def test_what_lies_between_encoder_and_sampler_is_passed(from_graph, classes):
    given = graph()
    given["10"] = {
        "class_type": "ConditioningCombine",
        "inputs": {"conditioning_1": ["2", 0], "conditioning_2": ["11", 0]},
    }
    given["11"] = {"class_type": "ConditioningSetArea", "inputs": {"conditioning": ["12", 0], "width": 64}}
    given["12"] = {"class_type": "CLIPTextEncode", "inputs": {"text": "a blue dog", "clip": ["1", 1]}}
    given["5"]["inputs"]["positive"] = ["10", 0]
    words = words_of(from_graph.with_words(given, classes), from_graph)
    assert [own["text"] for own in words] == ["a blue dog", "a red cat"]


def test_the_custom_sampler_with_its_guider(from_graph, classes):
    given = graph()
    given["13"] = {
        "class_type": "CFGGuider",
        "inputs": {"model": ["4", 0], "positive": ["2", 0], "negative": ["3", 0]},
    }
    given["5"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"guider": ["13", 0], "latent_image": ["14", 0]},
    }
    (words,) = words_of(from_graph.with_words(given, classes), from_graph)
    assert words["text"] == "a red cat"


@pytest.mark.parametrize("recorded", [False, True])
def test_the_negative_prompt_only_where_it_is_recorded(from_graph, classes, recorded):
    result = from_graph.with_words(graph(negative_prompt=recorded), classes)
    assert ("blurry" in [own["text"] for own in words_of(result, from_graph)]) is recorded


def test_two_texts_of_one_encoder_go_together(from_graph, classes):
    given = graph("Pair", clip=["1", 1], width=64, text_g="a red cat", text_l="")
    (words,) = words_of(from_graph.with_words(given, classes), from_graph)
    assert (words["text_g"], words["text_l"]) == ("a red cat", "") and "text" not in words


@pytest.mark.parametrize(("text", "place"), [("prompt", 0), ("negative_prompt", 1)])
def test_an_encoder_of_pictures_hands_on_what_it_made(from_graph, classes, text, place):
    """Its pictures are not encoded a second time."""
    extras = pytest.importorskip("comfy_extras.nodes_mage")
    kinds = {**classes, "TextEncodeMageFlowEdit": extras.TextEncodeMageFlowEdit}
    given = graph("TextEncodeMageFlowEdit", negative_prompt=True, clip=["1", 1])
    given["2"]["inputs"][text] = "a cat"
    found = words_of(from_graph.with_words(given, kinds), from_graph)
    (words,) = [own for own in found if own["text"] == "a cat"]
    assert words["given"] == ["2", place] and words["clip"] == ["1", 1]


def test_unknown_encoders_that_hold_a_text_and_a_clip(from_graph, classes):
    given = graph("Scheduled", clip=["1", 1], text="[a:b:0.5]", style="A1111", start=0.0)
    (words,) = words_of(from_graph.with_words(given, classes), from_graph)
    assert words["text"] == "[a:b:0.5]"
    given = graph("Loader", ckpt_name="x", positive="a red cat", negative="ugly")
    given["5"]["inputs"]["positive"] = ["2", 1]
    (words,) = words_of(from_graph.with_words(given, classes), from_graph)
    assert words["text"] == "a red cat" and words["clip"] == ["2", 3]


@pytest.mark.parametrize(
    "encoder", ["Broken", "NodeOfAMissingPack", "SelAggTextEncode", "ConditioningZeroOut", "LoadImage"]
)
def test_nodes_without_text_and_clip_add_nothing(from_graph, classes, encoder):
    given = graph(encoder, text="a red cat", clip=["1", 1])
    assert from_graph.with_words(given, classes) == given


def test_viewers_of_one_picture_share_and_a_second_request_adds_nothing(from_graph, classes):
    given = graph()
    given["15"] = {"class_type": "SelAggHeatmaps", "inputs": dict(given["7"]["inputs"], words="all")}
    result = from_graph.with_words(given, classes)
    assert len(result) == len(given) + 1
    assert words_of(result, from_graph) == words_of(result, from_graph, "15")
    assert from_graph.with_words(result, classes) == result


def test_what_the_artist_has_connected_stays(from_graph, classes):
    given = graph()
    given["16"] = {"class_type": "SelAggPrompt", "inputs": {"text": "a red cat", "clip": ["1", 1]}}
    given["7"]["inputs"]["prompt"] = ["16", 0]
    assert from_graph.with_words(given, classes) == given
    given["16"]["inputs"]["text"] = "another text"
    (words,) = words_of(result := from_graph.with_words(given, classes), from_graph)
    assert words["text"] == "a red cat" and words["more"] == ["16", 0]
    assert result["7"]["inputs"]["prompt"] != ["16", 0]


def test_loops_bad_nodes_and_many_texts_end(from_graph, classes):
    given = graph()
    given["2"]["inputs"]["text"] = ["2", 0]
    given["20"] = "no node"
    given["21"] = {"class_type": "CLIPTextEncode"}
    given["5"]["inputs"] |= {f"cond_{i}": [f"e{i}", 0] for i in range(100)} | {
        "other": ["21", 0],
        "bad": ["20", 0],
    }
    given |= {
        f"e{i}": {"class_type": "CLIPTextEncode", "inputs": {"text": f"text {i}", "clip": ["1", 1]}}
        for i in range(100)
    }
    words = words_of(from_graph.with_words(given, classes), from_graph)
    assert len(words) == from_graph.MOST_TEXTS


def test_requests_without_a_viewer_are_not_touched(from_graph):
    for request in ({}, {"prompt": None}, {"prompt": {"1": {"class_type": "KSampler", "inputs": {}}}}):
        assert from_graph.words_for_request(request) is request


def test_the_node_of_words_never_ends_the_queue(from_graph):
    class Odd:
        def tokenize(self, *_, **__):
            raise RuntimeError("out of order")

    for clip in (None, Odd()):
        (prompt,) = from_graph.SelAggGraphWords().read(clip=clip, source="x", text="red")
        assert [offer.refusal for offer in prompt.offers if offer.refusal]


# -- by position -----------------------------------------------------------------------------------------


@pytest.fixture
def nodes(pack, monkeypatch):
    labels = LabelCache()
    for name in ("recording.encode", "recording.offer", "capture"):
        monkeypatch.setattr(importlib.import_module(f"selagg_nodes.{name}"), "LABELS", labels)
    return pack.NODE_CLASS_MAPPINGS


@pytest.fixture(scope="module")
def clip(host):
    return tiny_clip()


def other_weights(clip, text: str) -> list:
    """As encoders that restore the mean after weighting."""
    host = importlib.import_module("selagg_nodes.host")
    embedding, extra = host.encode_text(clip, text)[0]
    return [[0.8 * embedding + 0.01 * torch.sin(embedding), extra]]


def recorded(nodes, clip, positive):
    model, capture = nodes["SelAggCapture"]().capture(unet())
    host = importlib.import_module("selagg_nodes.host")
    with torch.inference_mode():
        return capture, sample(model, positive, host.encode_text(clip, ""))


@pytest.mark.parametrize("text", ["a red circle and a blue star", "two green dogs", "word " * 100])
def test_a_connected_selagg_prompt_names_what_another_encoder_made(nodes, clip, text):
    with torch.inference_mode():
        positive = other_weights(clip, text)
        (prompt,) = nodes["SelAggPrompt"]().read(text, clip)
    capture, latent = recorded(nodes, clip, positive)
    assert capture.recording_for(latent).positive().prompt is None
    recording = capture.recording_for(latent, prompt.offers)
    assert recording.positive().prompt.words == prompt.words
    (notice,) = recording.notices
    assert "by their position" in notice and "SelAgg Prompt" in notice
    again = capture.recording_for(latent)
    assert again.positive().prompt.words == prompt.words, "the viewer's page asks without the socket"


def test_another_text_is_refused_with_its_cause(nodes, clip):
    with torch.inference_mode():
        positive = other_weights(clip, "a red circle and a blue star")
        offers = [
            nodes["SelAggPrompt"]().read(text, clip)[0].offers for text in ("a green dog", "word " * 100)
        ]
    capture, latent = recorded(nodes, clip, positive)
    for offer, cause in zip(offers, ("is not what the text of SelAgg Prompt gives", "has 154"), strict=True):
        (notice,) = capture.recording_for(latent, offer).notices
        assert cause in notice and "connect a SelAgg Prompt" not in notice


# -- on the server ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("server")
    with background_server(base, base / "server.log") as client:
        yield client


def stock_demo() -> dict:
    """The demo with the stock encoder and nothing that names its words."""
    text = (ROOT / "examples_workflows" / "api" / "diagnose_demo_stock_encode.json").read_text("utf-8")
    workflow = json.loads(text)
    gone = {number for number, node in workflow.items() if node["class_type"] == "SelAggPrompt"}
    for node in workflow.values():
        node["inputs"] = {
            name: value
            for name, value in node["inputs"].items()
            if not (isinstance(value, list) and value[0] in gone)
        }
        if node["class_type"] == "KSampler":
            node["inputs"]["steps"] = 4
    return {number: node for number, node in workflow.items() if number not in gone}


def test_the_stock_encoder_needs_no_wire(server):
    ours, stock = short_demo(), stock_demo()
    assert said(stock, finish(server, stock)) == said(ours, finish(server, ours))


def test_a_text_that_is_made_during_the_run(server):
    if "StringConcatenate" not in server.object_info():
        pytest.skip("this host has no node that joins texts")
    stock = stock_demo()
    wanted = said(stock, finish(server, stock))
    encoder = next(node for node in stock.values() if node.get("_meta", {}).get("title") == "Prompt")
    first, _, second = encoder["inputs"]["text"].partition(" left")
    joined = {"string_a": first, "string_b": f"left{second}", "delimiter": " "}
    stock["90"] = {"class_type": "StringConcatenate", "inputs": joined}
    encoder["inputs"]["text"] = ["90", 0]
    for node in stock.values():
        if node["class_type"] == "KSampler":
            node["inputs"]["seed"] += 0
    assert said(stock, finish(server, stock)) == wanted
