"""Capture in workflows put together at random: what any of them must keep, whatever is combined.

The suite runs a fixed sample; `SELAGG_RANDOM_GRAPHS=1000 python dev.py test tests/host/test_matrix_random.py`
runs as many others (nightly), SELAGG_RANDOM_SEED=7 those of another seed.
"""

from __future__ import annotations

import gc
import os

import pytest
import situations
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from matrix_check import Matrix
from situations import Case, Models, host_node, like_a_function_wrapper, like_a_lora, like_ip_adapter, patched
from tiny_models import pooled, sample, text

GRAPHS = int(os.environ.get("SELAGG_RANDOM_GRAPHS", "0"))
SEED = int(os.environ.get("SELAGG_RANDOM_SEED", "6"))
SAMPLE = 20
SAMPLERS = (
    "euler",
    "euler_ancestral",
    "heun",
    "dpm_2",
    "dpmpp_2m",
    "dpmpp_2s_ancestral",
    "dpmpp_sde",
    "lcm",
    "ddim",
)
PATCHES = {
    "lora": like_a_lora,
    "ip adapter": like_ip_adapter,
    "wrapper": like_a_function_wrapper,
    "freeu": patched("FreeU_V2", "nodes_freelunch", b1=1.3, b2=1.4, s1=0.9, s2=0.2),
    "tome": patched("TomePatchModel", "nodes_tomesd", ratio=0.4),
    "pag": patched("PerturbedAttentionGuidance", "nodes_pag", scale=3.0),
    "rescale": patched("RescaleCFG", "nodes_model_advanced", multiplier=0.7),
}


def chain(names) -> object:
    """The nodes of these names, one after the other."""

    def apply(model):
        for name in names:
            model = PATCHES[name](model)
        return model

    return apply


@pytest.fixture(scope="module")
def matrix(host, pack, tmp_path_factory) -> Matrix:
    return Matrix(pack, tmp_path_factory.mktemp("embeddings"))


@st.composite
def graphs(draw):
    """(model, settings of a Case) of a random workflow; texts are told apart by their seeds."""
    family = draw(st.sampled_from(["sd1", "sd1", "sd2", "sdxl"]))
    # FreeU divides by zero on a grid of one cell (test_matrix.py: a model that gives no finite values).
    side = st.integers(5 if family == "sdxl" else 4, 16)
    size = draw(side), draw(side)
    entries = []
    for index in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["whole", "whole", "area", "mask", "timed"])) if index else "whole"
        entries.append((draw(st.sampled_from([77, 77, 154, 231])), kind, draw(st.integers(0, 3))))
    patches = st.lists(st.sampled_from(sorted(PATCHES)), max_size=2, unique=True)
    before, after = draw(patches), draw(patches)
    after = [name for name in after if name not in before]
    return {
        "family": family,
        "entries": entries,
        "negative": draw(st.sampled_from([77, 154])),
        "size": (draw(st.integers(1, 3)), *size),
        "sampler": draw(st.sampled_from(SAMPLERS)),
        "steps": draw(st.integers(2, 4)),
        "cfg": draw(st.sampled_from([1.0, 6.0])),
        "split": draw(st.booleans()),
        "before": before,
        "after": after,
    }


def entry(number: int, columns: int, kind: str, place: int, size: tuple[int, int]) -> list:
    """CONDITIONING of one text, ruled to an area, a mask or a part of the steps."""
    own = text(columns, 100 + number)
    height, width = size
    if kind == "area":
        # The registry's host fails on areas of less than 8 cells a side that leave an edge free.
        start = 1 if min(size) >= 10 else 0
        across, down = (side if not start else max(8, side - 2 - place) for side in (width, height))
        return host_node("ConditioningSetArea")(own, across * 8, down * 8, start * 8, start * 8, 1.0)
    if kind == "mask":
        mask = torch.zeros(1, height * 8, width * 8)
        mask[:, : (1 + place) * height * 2] = 1
        return host_node("ConditioningSetMask")(own, mask=mask, strength=0.8, set_cond_area="default")
    if kind == "timed":
        return host_node("ConditioningSetTimestepRange")(own, 0.0, 0.4 + 0.2 * place)
    return own


def case_of(graph: dict, models: Models) -> Case:
    size = graph["size"][1:]
    positive = [
        made
        for number, (columns, kind, place) in enumerate(graph["entries"])
        for made in entry(number, columns, kind, place, size)
    ]
    negative = text(graph["negative"], 99)
    if graph["family"] == "sdxl":
        positive, negative = pooled(positive), pooled(negative)
    return Case(
        positive, negative, getattr(models, graph["family"]), chain(graph["before"]), chain(graph["after"]),
        settings={name: graph[name] for name in ("size", "sampler", "steps", "cfg")}, split=graph["split"],
    )  # fmt: skip


@seed(SEED)
@settings(
    max_examples=GRAPHS or SAMPLE,
    derandomize=not GRAPHS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(graph=graphs())
def test_random_graphs(graph, host, matrix):
    matrix.check(case_of(graph, matrix.models))


# -- many runs -------------------------------------------------------------------------------------------


def live_tensors() -> tuple[int, int]:
    """Tensors alive, and their bytes; those without data, which a compiler leaves behind, have none."""
    gc.collect()
    own = [x for x in gc.get_objects() if type(x) in (torch.Tensor, torch.nn.Parameter)]
    return len(own), sum(x.nbytes for x in own)


def test_many_runs_leave_nothing_behind(host, matrix):
    """On one capture that is in use and on captures that come and go."""

    def runs(count: int, first: int) -> None:
        for number in range(first, first + count):
            if number % 5 == 0:
                other, _ = matrix.capturing(matrix.models.sd1)
                sample(other, situations.P, situations.N, steps=1, size=(1, 4, 4))
            sample(captured, text(77, number % 7), situations.N, steps=1, size=(1, 4, 4))

    captured, capture = matrix.capturing(matrix.models.sd1)
    runs(20, 0)  # more than a capture keeps
    before, held = live_tensors(), capture.get_ram_usage()
    runs(20, 20)
    assert live_tensors() == pytest.approx(before, rel=0.001)
    assert capture.get_ram_usage() == held
