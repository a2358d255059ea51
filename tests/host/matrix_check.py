"""What every situation is checked for: untouched latent, exact maps, right labels, gaps that are reported."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from naive_reference import naive_run
from situations import Case, Models
from tiny_models import sample
from tiny_text import clip_with_embeddings


class Matrix:
    """The tiny models, and the pack's modules by name (`nodes.capture`, ...)."""

    def __init__(self, pack, folder: Path):
        """folder: where the encoder's embeddings are put."""
        self._package = pack.__name__
        encoder, node = clip_with_embeddings(folder), self.part("selagg_nodes.prompt").SelAggTextEncode()

        def encode(words: str) -> list:
            with torch.inference_mode():
                return node.encode(words, encoder)[0]

        self.models = Models(tiny_models.unet(), tiny_models.sd2(), tiny_models.sdxl(), encode)

    def part(self, name: str):
        return importlib.import_module(name)

    def capturing(self, model):
        """(model, capture) of a new SelAgg Capture."""
        return self.part("selagg_nodes.capture").SelAggCapture().capture(model)

    def check(self, case: Case) -> None:
        """Samples plain and with capture, and compares latents, maps, labels and what is said."""
        model = self.models.sd1 if case.model is None else case.model
        plain = latent_of(case, case.after(case.before(model)), lambda *_: None)
        captured, capture = self.capturing(case.before(model))
        with naive_run(
            model, self.part("selagg_nodes.families.unet").cross_attention_sites(model)
        ) as reference:
            latent = latent_of(case, case.after(captured), reference.report)
        assert torch.equal(latent, plain)
        assert torch.isfinite(latent).all()
        recording = capture.recording_for(latent)
        said = " ".join(recording.notices)
        assert case.said in said, said
        assert recording.coverage.complete == case.coverage, recording.coverage
        assert recording.latent_shape == tuple(latent.shape)
        if case.compared:
            compare(case, recording, reference)
        elif (
            not case.coverage and not case.partly
        ):  # what could not be attributed must not show up as somebody's
            assert recording.entries == ()
        if case.words is not None:
            assert [word.text for word in recording.positive().prompt.words] == list(case.words)


@contextmanager
def memory(short: bool):
    """A host that splits its model calls. The attention is one that does not itself ask for free memory."""
    import comfy.ldm.modules.attention as attention
    import comfy.model_management as management

    with pytest.MonkeyPatch.context() as patch:
        if short:
            patch.setattr(attention, "optimized_attention", attention.attention_pytorch)
            patch.setattr(management, "get_free_memory", lambda *args, **kwargs: 0)
        yield


def latent_of(case: Case, model, callback=None) -> torch.Tensor:
    torch.manual_seed(0)  # some packs draw from the global generator
    with memory(case.split):
        if case.run is not None:
            return case.run(model, case.positive, case.negative, callback)
        return sample(model, case.positive, case.negative, callback=callback, **case.settings)


def compare(case: Case, recording, reference) -> None:
    """Every recorded map against the naive run's, word by word."""
    entries = {entry.index: entry for entry in recording.entries if entry.kind == "positive"}
    assert set(entries) == set(range(len(case.positive)))
    batch, _, *size = recording.latent_shape
    for index, (embedding, extra) in enumerate(case.positive):
        entry = entries[index]
        wanted = reference.maps(embedding, batch, tuple(size) if entry.area is None else entry.area[:2])
        assert (entry.area is None) == ("area" not in extra)
        assert {(x.block, x.number, x.depth) for x in entry.maps} == set(wanted)
        groups, special = columns_of(entry, embedding)
        for layer, values in entry.maps.items():
            columns = wanted[layer.block, layer.number, layer.depth]
            means = [columns[:, :, group].mean(axis=2) for group in groups]
            found = [*np.moveaxis(values, 2, 0), entry.special[layer]]
            assert len(found) == len(means) + 1
            for own, mean in zip(found, [*means, columns[:, :, special].sum(axis=2)], strict=True):
                assert own.shape[:2] == mean.shape[:2]
                assert np.abs(own.reshape(mean.shape) - mean).max() < 1e-5


def columns_of(entry, embedding: torch.Tensor) -> tuple[list[list[int]], list[int]]:
    """Columns of each map of an entry (words, or all of an unlabelled text), and the special ones."""
    columns = embedding.shape[1]
    if entry.prompt is None:
        begins = list(range(0, columns, 77))
        return [[column] for column in range(columns)], begins
    assert entry.prompt.length == columns
    return [list(word.columns) for word in entry.prompt.words], list(entry.prompt.special)
