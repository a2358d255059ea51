"""A proof on a real server: the demo model, and the demo world's reader in the place of SAM3."""

from __future__ import annotations

import pytest

from benchmarks import prove
from benchmarks.proving import against_maps, demonstration, workflow
from benchmarks.proving.crew import Crew, PictureFailed, make_picture
from benchmarks.proving.folder import Folder
from benchmarks.proving.workflow import Changes, Job
from demo.background_server import background_server
from demo.host_server import link
from selagg_core.proof.table import score_table

JOBS = [Job("a red circle left of a blue star on a white background", seed) for seed in (7, 8)]
JOBS.append(Job("a green square right of a yellow circle on a white background", 9))


@pytest.fixture(scope="module")
def server(host, tmp_path_factory):
    if host == "registry":
        pytest.skip("this host looks for custom nodes elsewhere")
    base = tmp_path_factory.mktemp("prove")
    (base / "custom_nodes").mkdir()
    link(demonstration.JUDGE, base / "custom_nodes" / "selagg_stand_in_judge")
    with background_server(base, base / "server.log") as client:
        yield client


@pytest.fixture(scope="module")
def graph():
    return workflow.prepared(workflow.demo_graph(), Changes(steps=8, pictures=True))


@pytest.fixture(scope="module")
def proof(server, graph, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("proof"), {"demo": True})
    with folder.claimed():
        failed = prove.prove(folder, JOBS, Crew([server.address], graph, 300))
    assert not failed
    return folder


def test_rows_of_every_picture_come_over_the_api(proof):
    rows = proof.rows()
    assert proof.finished() == set(JOBS) and len(rows.pictures) == len(JOBS)
    assert len({row.taken.picture for row in rows.pictures}) == len(JOBS), "each seed makes its own picture"
    assert {row.kind for row in rows.claims} >= {"", "neglected", "leaked", "misplaced"}
    assert len(list((proof.path / "pictures").iterdir())) == len(JOBS)


def test_a_table_is_made_of_them(proof):
    rows = proof.rows()
    if not rows.words:
        pytest.fail(str([(row.claim, row.verdict, row.reason) for row in rows.claims]))
    table = score_table(rows)
    assert {line.name for line in table.lines} >= {"all", "paper25", "agreement25", "default", "matched"}
    assert table.judges == ("mask", "answers")


def test_words_are_scored_as_the_map_benchmark_scores_them(proof, monkeypatch):
    from demo.studio import SamplingSettings

    monkeypatch.setattr(SamplingSettings, "__init__", _eight_steps(SamplingSettings.__init__))
    found = against_maps.compared_with_maps(proof.rows(), JOBS)
    assert found["words"] >= 2 and found["largest_difference"] < 1e-6
    columns = found["columns"]
    assert {"all", "paper25", "matched", "agreement25", "default"} <= set(columns["methods"])
    assert columns["words"] and columns["equal"], columns
    assert columns["figures"] >= 4 * len(columns["methods"])


def _eight_steps(made):
    return lambda self, *args, **kwargs: made(self, *args, **{"steps": 8, **kwargs})


def test_the_server_says_what_it_is(server):
    about = server.system()
    assert "pytorch_version" in about["system"] and "argv" not in about["system"]
    ready, left_out = prove.ready_servers([server.address + "/", "http://127.0.0.1:9"])
    assert list(ready) == [server.address] and list(left_out) == ["http://127.0.0.1:9"]


def test_a_prompt_that_the_judge_cannot_read_fails_and_says_why(server, graph):
    with pytest.raises(PictureFailed, match="Unknown word"):
        make_picture(server.address, graph, Job("a photo of the sea", 1), 120)


def test_a_workflow_that_the_server_lacks_nodes_for_fails(server, graph):
    other = {**graph, "judge": {"class_type": "NoSuchNode", "inputs": {}}}
    other[workflow.one_of(graph, "SelAggTruth")] = {
        "class_type": "SelAggTruth",
        "inputs": {**graph[workflow.one_of(graph, "SelAggTruth")]["inputs"], "mask": ["judge", 0]},
    }
    with pytest.raises(PictureFailed, match="NoSuchNode"):
        make_picture(server.address, other, JOBS[0], 120)


def test_a_checkpoint_that_the_server_does_not_have_fails_and_names_it(server, graph):
    other = {
        **graph,
        "loader": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "none.safetensors"}},
    }
    sampler = workflow.one_of(graph, "KSampler")
    capture = graph[sampler]["inputs"]["model"][0]
    inputs = {**graph[capture]["inputs"], "model": ["loader", 0]}
    other[capture] = {**graph[capture], "inputs": inputs}
    with pytest.raises(PictureFailed, match=r"none\.safetensors"):
        make_picture(server.address, other, JOBS[0], 120)
