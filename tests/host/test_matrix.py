"""Every situation of the compatibility table on the real host: untouched latent, exact maps, right labels."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tiny_models
import torch
from loading import ROOT
from matrix_check import Matrix, compare
from naive_reference import naive_run
from situations import (
    EXACT,
    HOSTS,
    NEWEST,
    REGISTRY,
    UPSTREAM_ONLY,
    Case,
    N,
    P,
    Situation,
    all_situations,
    host_node,
    like_attention_couple,
    like_ip_adapter,
    patched,
)
from tiny_models import sample

from demo.host_path import find_host
from selagg_core.maps.heads import select_heads
from selagg_core.maps.word_maps import word_maps

SITUATIONS = all_situations()
TABLE = ROOT / "docs" / "compatibility.md"
PACKS = "\n## Other packs"
"""What follows from here on is of `benchmarks/packs.py`."""


@pytest.fixture(scope="module")
def matrix(host, pack, tmp_path_factory) -> Matrix:
    return Matrix(pack, tmp_path_factory.mktemp("embeddings"))


def column_of(host: str) -> str:
    """The host's column in the table; versions without one are taken for the newest."""
    if host == REGISTRY:
        return REGISTRY
    version = find_host(os.environ.get("SELAGG_HOST", host)).version
    return version if version in HOSTS else NEWEST


@pytest.mark.parametrize("situation", SITUATIONS, ids=[s.id for s in SITUATIONS])
def test_capture_holds(situation: Situation, host, matrix):
    if column_of(host) not in situation.hosts:
        pytest.skip(f"The host {column_of(host)} has no such feature.")
    matrix.check(situation.build(matrix.models))


def samplers_and_schedulers(host) -> list[tuple[str, str]]:
    import comfy.samplers

    samplers = [(name, "normal") for name in comfy.samplers.KSampler.SAMPLERS]
    return samplers + [("euler", name) for name in comfy.samplers.KSampler.SCHEDULERS]


def test_every_sampler_and_scheduler(host, matrix):
    """In one test, since their names are known only once the host is there."""
    failed = {}
    for sampler, scheduler in samplers_and_schedulers(host):
        own = {"sampler": sampler, "scheduler": scheduler, "size": (1, 4, 6), "steps": 4}
        case = Case(tiny_models.text(77, 1), tiny_models.text(77, 2), settings=own)
        try:
            matrix.check(case)
        except Exception as error:
            failed[sampler, scheduler] = f"{type(error).__name__}: {str(error)[:200]}"
    assert not failed


def with_guards_on_options(model):
    """As packs compile that keep to torch's own guards, and ComfyUI's node until 0.3."""
    return compile_parts(model, None)


def compile_parts(model, guard_filter, *keys):
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    model = model.clone()
    options = {} if guard_filter is None else {"options": {"guard_filter_fn": guard_filter}}
    set_torch_compile_wrapper(model, backend="eager", keys=list(keys) or ["diffusion_model"], **options)
    return model


def without_guards_on_options(entries):
    return ["transformer_options" not in entry.name for entry in entries]


def compiled_by_hand(model):
    """Behind the host's back: no shell around the network, and no guard on the options."""
    network = model.model.diffusion_model
    options = {"guard_filter_fn": without_guards_on_options}
    compiled = torch.compile(network._forward, backend="eager", options=options)
    model = model.clone()
    model.add_object_patch("diffusion_model._forward", compiled)
    return model


BLOCKS = (
    "diffusion_model.input_blocks.1.1.transformer_blocks.0",
    "diffusion_model.middle_block.1.transformer_blocks.0",
)
COMPILED = {
    "a block": lambda model: compile_parts(model, without_guards_on_options, *BLOCKS),
    "by hand": compiled_by_hand,
    "by the host's node": lambda model: host_node("TorchCompileModel", "nodes_torch_compile")(
        model, backend="eager"
    ),
}
SMALL = {"steps": 2, "size": (1, 4, 6)}
CLOSE = 1e-5
"""How far maps of a compiled model may be from those of the model itself."""


@pytest.fixture
def fresh_graphs(host):
    if host != "upstream":
        pytest.skip("The registry's host cannot compile models.")
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("layout", ["sd1", "sdxl"])
def test_torch_compile(host, matrix, fresh_graphs, layout):
    """Graphs of the eager backend: what is recorded is that of the model without them, nearly."""
    model = getattr(matrix.models, layout)
    texts = (P, N) if layout == "sd1" else (tiny_models.pooled(P), tiny_models.pooled(N))
    plain_model, plain = matrix.capturing(model)
    latent = sample(plain_model, *texts, **SMALL)
    wanted = plain.recording_for(latent).positive()
    captured_model, capture = matrix.capturing(model)
    same = sample(with_guards_on_options(captured_model), *texts, **SMALL)
    assert torch.allclose(same, latent, rtol=1e-3, atol=1e-3)
    recording = capture.recording_for(same)
    assert recording.coverage.complete
    for layer, values in recording.positive().maps.items():
        assert np.abs(values - wanted.maps[layer]).max() < CLOSE


def test_a_couple_in_a_compiled_model_gives_no_map_of_another_text(matrix, fresh_graphs):
    captured_model, capture = matrix.capturing(like_attention_couple(matrix.models.sd1))
    latent = sample(with_guards_on_options(captured_model), P, N, **SMALL)
    recording = capture.recording_for(latent)
    assert recording.entries == () and not recording.coverage.complete
    assert any("Ctrl+B" in notice for notice in recording.notices)


def test_an_adapter_in_a_compiled_model_is_recorded_or_said_to_be_left_out(matrix, fresh_graphs):
    plain_model, plain = matrix.capturing(like_ip_adapter(matrix.models.sd1))
    wanted = plain.recording_for(sample(plain_model, P, N, **SMALL)).positive()
    captured_model, capture = matrix.capturing(like_ip_adapter(matrix.models.sd1))
    recording = capture.recording_for(sample(with_guards_on_options(captured_model), P, N, **SMALL))
    assert recording.coverage.complete or any("in a compiled model" in x for x in recording.notices)
    for layer, values in recording.positive().maps.items():
        assert np.abs(values - wanted.maps[layer]).max() < CLOSE


@pytest.mark.parametrize("name", [*COMPILED])
def test_graphs_that_serve_several_layers_give_right_maps_or_none(matrix, fresh_graphs, name):
    """Two prompts in turn: what a graph holds on to must not reach the next layer or run."""
    plain_model, plain = matrix.capturing(matrix.models.sd1)
    captured_model, capture = matrix.capturing(matrix.models.sd1)
    captured_model = COMPILED[name](captured_model)
    for prompt in (P, N):
        latent = sample(plain_model, prompt, N, **SMALL)
        wanted = plain.recording_for(latent).positive()
        same = sample(captured_model, prompt, N, **SMALL)
        assert torch.allclose(same, latent, rtol=1e-3, atol=1e-3)
        recording = capture.recording_for(same)
        covered = recording.coverage is not None and recording.coverage.complete
        assert covered or "compiled" in " ".join(recording.notices)
        for entry in recording.entries:
            for layer, values in entry.maps.items():
                assert np.abs(values - wanted.maps[layer]).max() < CLOSE


def test_tiles_of_an_upscale(host, matrix):
    """Every tile is sampled by itself on one capture, after the small picture: each finds its own run."""
    case, own = Case(P, N), {"latent": None, "denoise": 0.5, "steps": 4}
    captured, capture = matrix.capturing(matrix.models.sd1)
    sites = matrix.part("selagg_nodes.families.unet").cross_attention_sites(matrix.models.sd1)
    small = sample(captured, P, N)
    assert torch.equal(sample(matrix.models.sd1, P, N), small)
    larger = host_node("LatentUpscale")({"samples": small}, "bicubic", 192, 128, "disabled")["samples"]
    places = [(y, x) for y in (0, 8) for x in (0, 6, 12)]
    joined, tiles = {"samples": larger}, []
    for y, x in places:
        own["latent"] = larger[..., y : y + 8, x : x + 12]
        with naive_run(matrix.models.sd1, sites) as reference:
            plain = sample(matrix.models.sd1, P, N, callback=reference.report, **own)
        tiles.append((sample(captured, P, N, **own), reference))
        assert torch.equal(tiles[-1][0], plain)
        joined = host_node("LatentComposite")(joined, {"samples": plain}, x * 8, y * 8, feather=0)
    assert capture.recording_for(small).coverage.complete
    first_maps = []
    for latent, reference in tiles:
        recording = capture.recording_for(latent)
        assert recording.coverage.complete
        compare(case, recording, reference)
        first_maps.append(next(iter(recording.positive().maps.values())))
    assert all(np.abs(a - first_maps[0]).max() > 1e-3 for a in first_maps[1:])
    with pytest.raises(ValueError, match="not sampled with this capture"):
        capture.recording_for(joined["samples"])


def test_a_model_that_gives_no_finite_values(host, matrix):
    """Found at random: FreeU divides by zero on a grid of one cell, in the host alone as with capture."""
    free_u = patched("FreeU_V2", "nodes_freelunch", b1=1.3, b2=1.4, s1=0.9, s2=0.2)
    positive, negative = tiny_models.pooled(P), tiny_models.pooled(N)
    own = {"size": (1, 4, 4), "steps": 2, "cfg": 1.0}
    plain = sample(free_u(matrix.models.sdxl), positive, negative, **own)
    assert torch.isnan(plain).any()
    captured, capture = matrix.capturing(matrix.models.sdxl)
    latent = sample(free_u(captured), positive, negative, **own)
    assert torch.allclose(latent, plain, rtol=0, atol=0, equal_nan=True)
    recording = capture.recording_for(latent)
    with pytest.raises(ValueError, match="not finite"):
        word_maps(recording.positive().picture(0), select_heads(recording.layout))


# -- the table -------------------------------------------------------------------------------------------

HEAD = """# Where capture holds

Made by `tests/host/test_matrix.py`: every row is a test on the real host with small models of its own classes
(`SELAGG_WRITE_COMPATIBILITY=1 python dev.py test tests/host/test_matrix.py` writes this file). In each,
the latent with capture must be bit-identical to the one without, and every map of every head, layer and word
equal to a naive float64 record of the same run within 0.00001, unless the row says otherwise.

Hosts: ComfyUI 0.33.0, ComfyUI 0.3.64, and `comfyui==0.0.1` of the package registry.

| situation | result | 0.33.0 | 0.3.64 | registry |
|---|---|---|---|---|
"""


#: What tests of its own cover, here, in test_capture.py and in test_caching.py: (situation, result, hosts).
ELSEWHERE = (
    ("sampling: every sampler and every scheduler of the host", EXACT, HOSTS),
    (
        "sampling: tiled upscale, tile after tile on one capture",
        f"{EXACT}; each tile finds its own run, the joined latent none",
        HOSTS,
    ),
    ("executor: nothing changed, all nodes cached", "the same maps, nothing runs", HOSTS),
    ("executor: only the viewer changed, sampler cached", "maps equal those of a run from scratch", HOSTS),
    ("executor: seed changed, the rest cached", "maps equal those of a run from scratch", HOSTS),
    ("executor: prompt changed, capture cached", "words and maps equal those of a run from scratch", HOSTS),
    ("executor: back to an earlier seed, also with --cache-lru", "maps of that seed's own run", HOSTS),
    ("executor: viewer connected after sampling", "message says how to get maps, then maps", HOSTS),
    (
        "other packs: torch.compile (eager backend), SD1.x and SDXL",
        "latent and maps close (0.001, 0.00001)",
        UPSTREAM_ONLY,
    ),
    (
        "other packs: torch.compile without guards on transformer options (the node of 0.33.0)",
        "latent close (0.001), reported as not recorded",
        UPSTREAM_ONLY,
    ),
    ("other packs: a layer with a forward of its own", "latent identical, reported as not recorded", HOSTS),
    ("other packs: several captures in a row", "latent identical, both record the same", HOSTS),
    ("failures: exception or out of memory inside capture", "latent identical, cause reported", HOSTS),
    ("failures: model that gives no finite values", "latent identical, error says so, no maps", HOSTS),
    ("failures: interrupt", "the run is incomplete, earlier runs stay", HOSTS),
    (
        "failures: model without cross-attention (SD3)",
        "latent identical, message says what is supported",
        HOSTS,
    ),
    ("random: up to three prompts, areas, masks, step ranges, packs", EXACT, HOSTS),
)


def table() -> str:
    own = [(situation.id, situation.outcome, situation.hosts) for situation in SITUATIONS]
    rows = [
        " | ".join((f"| {name}", outcome, *("yes" if x in hosts else "not on this host" for x in HOSTS)))
        + " |"
        for name, outcome, hosts in (*own, *ELSEWHERE)
    ]
    return HEAD + "\n".join(rows) + "\n"


def test_the_table_is_up_to_date():
    situations, mark, packs = TABLE.read_text(encoding="utf-8").partition(PACKS)
    if os.environ.get("SELAGG_WRITE_COMPATIBILITY"):
        TABLE.write_text(table() + mark + packs, encoding="utf-8")
        situations = table()
    assert situations == table()
