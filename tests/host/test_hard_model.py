"""The model for the hard world: its words, its weights, what its scenes look like behind the autoencoder."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from demo.model import HARD_WEIGHTS, load_hard_weights, load_weights
from demo.relevance import HARD_CONCEPTS, HARD_RELEVANCE
from demo.scenes import render, scene_from_seed
from demo.studio import Studio
from demo.training.text_encoder import CaptionTokenizer, grown_embedding
from demo.vocabulary import GROUNDS, HARD_COLOURS, MATERIALS, NEW_WORDS, OBJECTS, STYLES
from selagg_core.prompt.lexicon import Lexicon
from selagg_core.relevance.concepts import assign_concepts
from selagg_core.relevance.relevance import HeadRelevance

SEEDS = range(5000, 5008)
NEW_KINDS = {"material", "style", "size", "ground"}


pytestmark = pytest.mark.usefixtures("host", "pack")


@pytest.fixture(scope="module")
def tokenizer(host):
    return CaptionTokenizer("hard")


def test_each_new_word_is_one_token(tokenizer):
    assert {word for word in NEW_WORDS if len(tokenizer.pieces[word]) != 1} == set()


def test_its_captions_are_tokenised_as_the_host_does_it(tokenizer):
    clip = Studio(load_hard_weights()).clip
    for seed in SEEDS:
        _, caption = scene_from_seed(seed, world="hard")
        ids, spans = tokenizer.encode(caption)
        assert ids == [token for token, _ in clip.tokenize(caption.text)["l"][0]], caption.text
        assert spans[0][0] == 1 and all(start < end for start, end in spans)


def test_it_has_an_embedding_of_every_word_and_the_shipped_autoencoder(tokenizer):
    weights, shipped = load_hard_weights(), load_weights()
    assert torch.equal(weights.tokens, tokenizer.tokens) and len(weights.tokens) > len(shipped.tokens)
    rows = weights.text["text_model.embeddings.token_embedding.weight"]
    assert len(rows) == len(weights.tokens) and torch.isfinite(rows).all()
    assert all(torch.equal(weights.vae[key], value) for key, value in shipped.vae.items())
    assert set(weights.unet) == set(shipped.unet)
    assert any(not torch.equal(weights.unet[key], shipped.unet[key]) for key in shipped.unet)


def test_its_file_holds_no_autoencoder_and_says_how_long_it_was_trained():
    assert HARD_WEIGHTS.stat().st_size <= 25e6
    assert not any(key.startswith("vae") for key in load_file(HARD_WEIGHTS))
    with safe_open(HARD_WEIGHTS, "pt") as file:
        card = json.loads(file.metadata()["training"])
    assert card["steps"] > json.loads(load_weights().metadata["training"])["steps"]


def test_new_words_get_rows_and_known_ones_keep_theirs():
    known, tokens = torch.tensor([2, 5, 9]), torch.tensor([1, 2, 5, 7, 9])
    rows = torch.randn(3, 96, generator=torch.Generator().manual_seed(1))
    grown = grown_embedding(rows, known, tokens)
    assert torch.equal(grown[[1, 2, 4]], rows)
    assert not torch.equal(grown[0], grown[3]) and (grown[[0, 3]] - rows.mean(0)).std() < rows.std()


def test_scenes_survive_the_autoencoder():
    pictures = np.stack([render(scene_from_seed(seed, world="hard")[0])[0] for seed in SEEDS])
    studio = Studio(load_hard_weights())
    again = studio.decode(studio.encode(pictures)).astype(float)
    errors = np.square(again - pictures).mean(axis=(1, 2, 3))
    assert (10 * np.log10(255**2 / errors)).mean() > 19


def test_words_of_the_new_kinds_are_targets_and_the_ground_lies_behind_all_things():
    from benchmarks.map_sources import DemoModel

    with torch.inference_mode():
        model = DemoModel(world="hard")
        samples = [model.scene(seed) for seed in range(5000, 5005)]
    kinds = {target.kind for sample in samples for target in sample.targets}
    assert kinds >= NEW_KINDS
    for sample in samples:
        things = [target.mask for target in sample.targets if target.kind == "object"]
        assert np.stack(things).sum(0).max() == 1
        for target in sample.targets:
            assert target.mask.any()
            if target.kind == "ground":
                assert not (target.mask & np.any(things, axis=0)).any()
        assert all(np.isfinite(maps).all() for maps in sample.head_maps.maps.values())


def test_the_relevance_for_benchmarks_is_of_these_weights():
    relevance = HeadRelevance.load(HARD_RELEVANCE)
    digest = hashlib.sha256(HARD_WEIGHTS.read_bytes()).hexdigest()
    assert relevance.about["sha256 of the weights"] == digest, "run python -m demo.train_hard --relevance 160"
    assert {concept.name: concept.words for concept in relevance.concepts} == HARD_CONCEPTS
    lexicon = Lexicon.of(relevance.concepts)
    words = (*HARD_COLOURS, *OBJECTS, *MATERIALS[1:], *STYLES, *GROUNDS[1:], "tiny", "huge")
    assert all(assign_concepts(word, lexicon).concepts for word in words)
