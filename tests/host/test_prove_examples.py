"""The examples of a proof on a real server, with small random models of the host for the weights."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from loading import ROOT
from served import with_inputs

from demo.background_server import background_server
from demo.host_server import link
from selagg_core.proof.rows import read_rows

PACK = ROOT / "tests" / "host" / "small_models_pack"
EXAMPLES = ("prove_sd15", "prove_sdxl", "prove_zimage")
FOLDERS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "clip_name": "text_encoders"}
SECONDS = 900
"""A small SAM3, too, looks at pictures of 1,008 px."""


def read(name: str) -> dict:
    return json.loads((ROOT / "examples_workflows" / "api" / f"{name}.json").read_text("utf-8"))


def put_files(models) -> None:
    """Files of the names that the examples have; what is in them is no matter, but for the VAE's."""
    from comfy.taesd.taesd import TAESD
    from safetensors.torch import save_file

    for name in EXAMPLES:
        for node in read(name).values():
            for widget, folder in FOLDERS.items():
                if widget in node["inputs"]:
                    path = models / folder / node["inputs"][widget]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    save_file({"nothing": torch.zeros(1)}, path)
            if "vae_name" in node["inputs"]:
                path = models / "vae" / node["inputs"]["vae_name"]
                path.parent.mkdir(parents=True, exist_ok=True)
                # The host leaves weights as memory was: a picture of one colour could not be judged.
                seeded = torch.Generator().manual_seed(0)
                weights = TAESD(latent_channels=16).state_dict()
                for key, values in weights.items():
                    if values.ndim > 1:
                        noise = torch.randn(values.shape, generator=seeded)
                        weights[key] = noise / values[0].numel() ** 0.5
                    else:
                        weights[key] = torch.full(values.shape, float(key == "vae_scale"))
                save_file(weights, path)


@pytest.fixture(scope="module")
def place(host, tmp_path_factory):
    if host == "registry":
        pytest.skip("this host looks for custom nodes elsewhere")
    pytest.importorskip("comfy.text_encoders.sam3_clip", reason="this host has no SAM3")
    base = tmp_path_factory.mktemp("examples")
    (base / "custom_nodes").mkdir()
    link(PACK, base / "custom_nodes" / "small_models_pack")
    put_files(base / "models")
    with background_server(base, base / "server.log") as client:
        yield SimpleNamespace(client=client, base=base)


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_node_of_an_example_is_missing(place, name):
    offered = place.client.object_info()
    editor = json.loads((ROOT / "examples_workflows" / f"{name}.json").read_text("utf-8"))
    kinds = {node["type"] for node in editor["nodes"]} - {"MarkdownNote"}
    assert kinds and not kinds - set(offered)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_from_loader_to_table(place, name):
    graph = with_inputs(read(name), "KSampler", steps=2)
    canvas = next(node["inputs"] for node in graph.values() if "width" in node["inputs"])
    canvas |= {"width": 128, "height": 128}
    queued = place.client.queue(graph)
    assert not queued.errors
    outputs = place.client.wait(queued.id, SECONDS)
    by_kind = {graph[number]["class_type"]: out for number, out in outputs.items()}
    score = by_kind["SelAggScore"]["text"]
    assert not [line for line in score if "problem" in line], score
    assert any("rows added to selagg/score.jsonl" in line for line in score), score
    assert by_kind["SaveImage"]["images"] and by_kind["SelAggScoreTable"]["images"]
    rows = read_rows(place.base / "output" / "selagg" / "score.jsonl")
    checkpoint = next(node["inputs"] for node in graph.values() if "picture_seed" in node["inputs"])[
        "checkpoint"
    ]
    (picture,) = [row for row in rows.pictures if row.taken.checkpoint == checkpoint]
    assert "SAM3" in picture.judges and len(picture.absent) == 1, "one thing was asked for in vain"
    claims = {row.claim: row for row in rows.claims if row.taken == picture.taken and not row.kind}
    assert {"car", "bench", "red > car", "blue > bench"} <= set(claims)
    assert claims["car"].reason.startswith("SAM3: score ")
    checked = {row.kind for row in rows.claims if row.taken == picture.taken} - {""}
    assert "neglected" in checked, by_kind["SelAggDiagnose"]["text"]
    told = "\n".join(by_kind["SelAggScoreTable"]["text"])
    assert "could not do its work" not in told
    if any(row.taken == picture.taken for row in rows.words):
        assert "all heads, as DAAM published it" in told
    else:
        assert "no word was scored yet" in told
