"""Nodes that call a model many times: the host shows how far they are, and the artist can end them."""

from __future__ import annotations

import importlib

import pytest
import torch

from demo.studio import Studio


@pytest.fixture(scope="module")
def studio(host, pack):
    return Studio()


class Bar:
    """The host's own bar, and what it was told."""

    made: list[Bar] = []
    stop_at: int | None = None

    def __init__(self, total: int):
        self.total, self.done = total, 0
        self._own = importlib.import_module("comfy.utils").ProgressBar(total)
        Bar.made.append(self)

    def update(self, count: int) -> None:
        self.done += count
        self._own.update(count)
        if self.done == Bar.stop_at:
            importlib.import_module("comfy.model_management").interrupt_current_processing(True)


@pytest.fixture
def bars(pack, monkeypatch):
    places = importlib.import_module("selagg_nodes.host.places")
    monkeypatch.setattr(places, "progress_bar", Bar)
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setattr(Bar, "stop_at", None)
    return Bar


def text(studio, words: str):
    return importlib.import_module("selagg_nodes.prompt").SelAggTextEncode().encode(words, studio.clip)[0]


def probe(pack, studio):
    node = pack.NODE_CLASS_MAPPINGS["SelAggProbe"]()
    return node.probe(
        studio.model, text(studio, "a red circle"), 4, latent={"samples": torch.ones(1, 4, 16, 16)}
    )


def what_if(pack, studio):
    node = pack.NODE_CLASS_MAPPINGS["SelAggWhatIf"]()
    with torch.inference_mode():
        return node.sample(
            model=studio.model, positive=text(studio, "a red circle"), negative=text(studio, ""), seed=7,
            latent={"samples": torch.zeros(1, 4, 16, 16)}, vae=studio.vae, words="red, circle", steps=4,
            cfg=4.0, sampler_name="euler", scheduler="normal", from_share=0.5,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "calls"),
    [(probe, 4), (what_if, 2 + 3 * 2)],  # two steps are shared by three pictures
)
def test_a_node_tells_how_far_it_is(pack, studio, bars, run, calls):
    run(pack, studio)
    (bar,) = bars.made
    assert bar.done == bar.total == calls


@pytest.mark.parametrize("run", [probe, what_if])
@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_node_ends_when_the_artist_stops_it(pack, studio, bars, run, stop_at):
    bars.stop_at = stop_at
    host = importlib.import_module("selagg_nodes.host")
    with pytest.raises(BaseException) as caught:  # some hosts raise no Exception
        run(pack, studio)
    assert host.is_interruption(caught.value)
    (bar,) = bars.made
    assert bar.done == stop_at < bar.total
