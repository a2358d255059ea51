"""`benchmarks.prove` without servers: prompts, workflow, crew, folder."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import threading
from collections import Counter
from dataclasses import replace

import pytest
from test_score_rows import row, scored_run

from benchmarks import prove
from benchmarks.proving import against_maps, demonstration, over_dask, workflow
from benchmarks.proving import crew as crews
from benchmarks.proving.crew import Crew, Done, PictureFailed, ServerLost, make_picture
from benchmarks.proving.folder import ROWS, Folder
from benchmarks.proving.prompt_sets import SETS, prompts_of
from benchmarks.proving.workflow import Changes, Job
from demo.caption_check import parse_caption
from demo.client import Client
from selagg_core.proof.rows import PictureRow, parse_rows, to_line
from selagg_core.proof.table import score_table

JOBS = [Job(f"a cat {number}", seed) for number in range(6) for seed in (0, 1)]


def lines_of(job: Job) -> tuple[str, ...]:
    """Rows as a server gives them out for a picture."""
    _, _, scored = scored_run(job.seed)
    return tuple(
        json.dumps({**json.loads(to_line(row)), "prompt": job.prompt, "seed": job.seed})
        for row in scored.rows
    )


ROWS_OF = {job: lines_of(job) for job in JOBS}


def good(server: str, graph, job: Job, limit: float) -> Done:
    return Done(job, server, 0.1, ROWS_OF[job])


# -- prompts --------------------------------------------------------------------------------------------


def test_every_set_has_prompts_each_once():
    for name, make in SETS.items():
        prompts = make()
        assert len(prompts) == len(set(prompts)) >= 20, name
    assert "A photograph of an aeroplane" in SETS["voc_sim"]() and len(SETS["voc_sim"]()) == 20
    assert len(SETS["two_things"]()) == 132


def test_two_things_have_two_colours():
    for text in SETS["two_things"]()[1::2]:
        words = text.split()
        assert words[1] != words[5] and words[2] != words[6], text


def test_prompts_come_from_a_file_too(tmp_path):
    (tmp_path / "own.txt").write_text("a cat\n\n a dog \na cat\n")
    assert prompts_of(str(tmp_path / "own.txt")) == ["a cat", "a dog"]
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(ValueError, match="is empty"):
        prompts_of(str(tmp_path / "none.txt"))
    with pytest.raises(ValueError, match="voc_sim, objects"):
        prompts_of("nothing")


def test_the_demonstration_has_prompts_of_its_world():
    prompts = demonstration.captions(5)
    assert len(set(prompts)) == 5 and all(parse_caption(text).claims for text in prompts)


# -- workflow -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(workflow.READY))
def test_ready_workflows_get_prompt_seed_and_names(name):
    changes = Changes("mine.safetensors", "judge.safetensors", 5, 2.0, 256, True)
    graph = workflow.for_job(workflow.prepared(workflow.load(name), changes), Job("a dog", 77))
    kinds = Counter(node["class_type"] for node in graph.values())
    assert kinds["SaveImage"] == kinds["SelAggScoreTable"] == 0 and kinds["SelAggDiagnose"] == 1
    sampler = next(node for node in graph.values() if node["class_type"] == "KSampler")["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (77, 5, 2.0)
    score = graph[workflow.one_of(graph, "SelAggScore")]["inputs"]
    assert score["file"] == "" and score["picture_seed"] == 77 and score["checkpoint"] == "mine.safetensors"
    texts = [n["inputs"]["text"] for n in graph.values() if n["class_type"] == "SelAggTextEncode"]
    assert texts.count("a dog") == 1, "the negative prompt stays"
    names = {n["inputs"]["ckpt_name"] for n in graph.values() if "ckpt_name" in n["inputs"]}
    assert names == ({"judge.safetensors"} if name == "zimage" else {"mine.safetensors", "judge.safetensors"})
    canvas = next(n for n in graph.values() if "width" in n["inputs"])["inputs"]
    assert canvas["width"] == canvas["height"] == 256
    assert graph[workflow.PICTURE]["inputs"]["images"] == score["image"]
    for node in graph.values():
        for value in node["inputs"].values():
            assert not isinstance(value, list) or str(value[0]) in graph


def test_the_demonstration_has_no_files_to_load():
    graph = workflow.for_job(workflow.prepared(workflow.demo_graph(), Changes()), Job("a star", 1))
    assert not any("ckpt_name" in node["inputs"] for node in graph.values())
    judge = graph[workflow.one_of(graph, "SelAggStandInJudge")]
    assert judge["inputs"]["text"] == "a star"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "no workflow in the API's format"),
        ('{"nodes": []}', "no workflow in the API's format"),
        ("[]", "no workflow in the API's format"),
        ('{"1": {"class_type": "KSampler", "inputs": {}}}', "must have one SelAgg Score; it has 0"),
        ('{"1": {"class_type": "SelAggScore", "inputs": {}}}', "no KSampler"),
    ],
)
def test_workflows_that_cannot_be_used_say_why(tmp_path, content, problem):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=problem):
        workflow.load(str(tmp_path / "x.json"))
    with pytest.raises(ValueError, match="there is no workflow"):
        workflow.load(str(tmp_path / "y.json"))


# -- crew -----------------------------------------------------------------------------------------------


def test_every_picture_is_made_once_by_several_servers():
    both = threading.Barrier(2)

    def work(server, graph, job, limit):
        if job in JOBS[:2]:
            both.wait(20)  # only passes if two servers are at work at once
        return good(server, graph, job, limit)

    done = list(Crew(["one", "two"], {}, work=work).run(JOBS))
    assert Counter(own.job for own in done) == Counter(JOBS)
    assert {own.server for own in done} == {"one", "two"}


def test_the_work_of_a_server_that_dies_is_done_by_others():
    made = []

    def work(server, graph, job, limit):
        made.append(server)
        if server == "two" and made.count("two") > 2:
            raise ServerLost("two is gone")
        return good(server, graph, job, limit)

    crew = Crew(["one", "two"], {}, work=work)
    done = list(crew.run(JOBS))
    assert Counter(own.job for own in done) == Counter(JOBS) and not [d for d in done if d.problem]
    assert crew.lost in ({"two": "two is gone"}, {})  # a slow server may have had no third picture


def test_a_picture_in_the_hands_of_a_dying_server_waits_for_the_other():
    """The last picture comes back when the other server has nothing left to do."""
    taken = threading.Event()

    def work(server, graph, job, limit):
        if server == "two":
            taken.set()
            raise ServerLost("gone")
        taken.wait(20)
        return good(server, graph, job, limit)

    crew = Crew(["one", "two"], {}, work=work)
    done = list(crew.run(JOBS[:2]))
    assert {own.job for own in done} == set(JOBS[:2]) and set(crew.lost) == {"two"}


def test_without_servers_what_is_missing_is_told(tmp_path):
    def work(server, graph, job, limit):
        if job == JOBS[3]:
            raise ServerLost("no answer")
        return good(server, graph, job, limit)

    folder = Folder(tmp_path, {})
    with pytest.raises(ValueError, match="no server is left .*no answer.* 9 pictures are still to be made"):
        prove.prove(folder, JOBS, Crew(["one"], {}, work=work))
    assert folder.finished() == set(JOBS[:3]), "finished rows are kept"
    assert prove.prove(folder, JOBS, Crew(["one"], {}, work=good)) == []
    assert folder.finished() == set(JOBS)
    lines = (tmp_path / ROWS).read_text().splitlines()
    assert len(lines) == sum(map(len, ROWS_OF.values())), "nothing is made twice"


def test_a_picture_that_fails_is_tried_once_more_and_then_told(tmp_path):
    tries = Counter()

    def work(server, graph, job, limit):
        tries[job] += 1
        if job == JOBS[0] or (job == JOBS[1] and tries[job] == 1):
            raise PictureFailed("out of memory")
        return good(server, graph, job, limit)

    folder = Folder(tmp_path, {})
    (failed,) = prove.prove(folder, JOBS, Crew(["one"], {}, work=work))
    assert failed.job == JOBS[0] and failed.problem == "out of memory"
    assert tries[JOBS[0]] == tries[JOBS[1]] == 2 and folder.finished() == set(JOBS[1:])


def test_a_server_that_is_not_there_is_lost_and_a_refusal_is_the_pictures():
    graph = workflow.prepared(workflow.demo_graph(), Changes())
    with pytest.raises(ServerLost, match="does not answer"):
        make_picture("http://127.0.0.1:9", graph, JOBS[0], 5)


class FakeClient:
    """A server that finishes at once and shows what the score says."""

    shown: dict = {}

    def __init__(self, address):
        self.address = address

    def queue(self, graph):
        self.score = workflow.one_of(graph, "SelAggScore")
        return type("Queued", (), {"id": "1", "errors": {}})()

    def wait(self, number, limit):
        return {self.score: self.shown}


def test_a_score_without_rows_says_why(monkeypatch):
    monkeypatch.setattr(crews, "Client", FakeClient)
    graph = workflow.prepared(workflow.demo_graph(), Changes())
    FakeClient.shown = {"text": ["SelAgg Score: the disk is full."]}
    with pytest.raises(PictureFailed, match="the disk is full"):
        make_picture("x", graph, JOBS[0], 1)
    FakeClient.shown = {"text": ["fine"], "selagg_rows": ["{}"]}
    assert make_picture("x", graph, JOBS[0], 1).lines == ("{}",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[["x", {}], ["execution_error", {"node_type": "KSampler", "exception_message": "out"}]]',
            "KSampler: out",
        ),
        ("plain\n text", "plain text"),
        ('[["execution_error", {}]]', '[["execution_error", {}]]'),
        ("null", "null"),
    ],
)
def test_a_failure_is_told_by_the_node_that_failed(text, told):
    assert crews._reason(text) == told


def test_servers_that_cannot_be_used_are_left_out(monkeypatch):
    nodes = {"http://a": ["SelAggTruth", "SelAggScore"], "http://b": ["KSampler"]}

    def object_info(self):
        if self.address not in nodes:
            raise ConnectionRefusedError("refused")
        return dict.fromkeys(nodes[self.address])

    monkeypatch.setattr(Client, "object_info", object_info)
    monkeypatch.setattr(Client, "system", lambda self: {"system": {}})
    about, left_out = prove.ready_servers(["http://a/", "http://b", "http://c"])
    assert set(about) == {"http://a"} and "no node SelAggTruth" in left_out["http://b"]
    assert "refused" in left_out["http://c"]
    with pytest.raises(ValueError, match="no server can be used"):
        prove.ready_servers(["http://c"])


def test_dask_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="pip install distributed"):
        list(over_dask.DaskCrew([], {}, scheduler="tcp://127.0.0.1:1").run(JOBS))


def test_dask_makes_every_picture_once_and_survives_a_server():
    distributed = pytest.importorskip("distributed", reason="the optional extra is not installed")
    options = {"host": "127.0.0.1", "dashboard": False}
    scheduler = {"cls": distributed.Scheduler, "options": {**options, "port": 0}}
    servers = {
        name: {"cls": distributed.Worker, "options": {**options, "nthreads": 1}} for name in DASK_SERVERS
    }
    with distributed.SpecCluster(workers=servers, scheduler=scheduler, asynchronous=False) as cluster:
        crew = over_dask.DaskCrew([], {}, work=dying, scheduler=cluster.scheduler_address)
        done = list(crew.run(JOBS))
    assert Counter(own.job for own in done) == Counter(JOBS)
    assert set(crew.lost) == {"http://two"} and {own.server for own in done} == {"http://one"}


DASK_SERVERS = ("http://one", "http://two")


def dying(server, graph, job, limit):
    if server.endswith("two"):
        raise ServerLost("gone")
    return Done(job, server, 0.1, ("{}",))


# -- folder ---------------------------------------------------------------------------------------------


def test_a_folder_is_of_one_proof_and_one_run(tmp_path):
    first = Folder(tmp_path, {"checkpoint": "a", "seeds": "0:2"})
    second = Folder(tmp_path, first.settings)
    with first.claimed(), pytest.raises(ValueError, match="another run works"), second.claimed():
        pass
    with first.claimed():
        pass
    with pytest.raises(ValueError, match="other checkpoint"), Folder(tmp_path, {"checkpoint": "b"}).claimed():
        pass


def test_a_run_that_was_killed_leaves_no_claim(tmp_path):
    (tmp_path / ".running").write_text(json.dumps({"host": socket.gethostname(), "process": 2**22 + 7}))
    with Folder(tmp_path, {}).claimed():
        pass


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="choose another folder"),
        Folder(tmp_path / "file" / "x", {}).claimed(),
    ):
        pass


def test_half_a_picture_is_made_again(tmp_path):
    folder = Folder(tmp_path, {})
    folder.keep(Done(JOBS[0], "one", 0.1, ROWS_OF[JOBS[0]][:-1]))
    assert folder.finished() == set()
    folder.keep(Done(JOBS[0], "one", 0.1, ROWS_OF[JOBS[0]]))
    assert folder.finished() == {JOBS[0]} and len(folder.rows().words) == 4


def test_a_full_disk_ends_a_proof_and_keeps_what_was_finished(tmp_path, monkeypatch):
    folder, written = Folder(tmp_path, {}), os.write
    whole = sum(len(f"{line}\n".encode()) for job in JOBS[:2] for line in ROWS_OF[job])
    room = [whole + 100]

    def full(handle, content):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = written(handle, content[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ValueError, match="disk is full"):
        prove.prove(folder, JOBS, Crew(["one"], {}, work=good))
    monkeypatch.undo()
    assert folder.finished() == set(JOBS[:2]) and folder.rows().damaged == 0
    assert prove.prove(folder, JOBS, Crew(["one"], {}, work=good)) == []
    assert folder.finished() == set(JOBS)


def test_what_is_published_says_what_it_was_made_with(tmp_path):
    folder = Folder(tmp_path, {"checkpoint": "a"})
    with folder.claimed():
        prove.prove(folder, JOBS, Crew(["one"], {}, work=good))
        folder.publish(
            score_table(folder.rows()), {"servers": {"one": {"system": {"comfyui_version": "0.33.0"}}}}
        )
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"rows.jsonl", "settings.json", "table.json", "table.md", "table.png"}, "no pictures"
    kept = json.loads((tmp_path / "settings.json").read_text())
    assert kept["settings"] == {"checkpoint": "a"} and len(kept["sha256 of the rows"]) == 64
    with folder.claimed():
        pass


def test_pictures_are_kept_if_asked_for(tmp_path):
    Folder(tmp_path, {}).keep(Done(Job("../../x", 3), "one", 0.1, ROWS_OF[JOBS[0]], b"png"))
    (picture,) = (tmp_path / "pictures").iterdir()
    assert picture.read_bytes() == b"png" and picture.name.endswith("_3.png")


def test_rows_of_other_seeds_are_no_part_of_a_table():
    rows = parse_rows(line for lines in ROWS_OF.values() for line in lines)
    kept = prove._of_jobs(rows, JOBS[:3])
    assert len(kept.pictures) == 3 and all(isinstance(own, PictureRow) for own in kept.pictures)


@pytest.mark.parametrize(("daam", "inside"), [(0.66, True), (0.62, False), (0.70, False)])
def test_daam_outside_of_where_it_was_published_is_an_alarm(daam, inside):
    line = type("Line", (), {"iou_published": daam})()
    table = type("Table", (), {"line": lambda self, name: line})()
    found = prove.voc_verdict(table)
    assert found["as_published"] is inside and ("Claim nothing" in found["told"]) is not inside


def test_throughput_is_that_of_two_and_of_one():
    killing = demonstration.Killing([None], None)
    killing.times = [(float(i), 2) for i in range(10)] + [(10 + 2.0 * i, 1) for i in range(10)]
    assert killing.throughput() == {"two": 60.0, "one": 30.0, "ratio": 2.0}


# -- against the map benchmark --------------------------------------------------------------------------


def scored_words(prompts: int = 7) -> list:
    """Words of three kinds in so many prompts, each prompt with two pictures."""
    found = []
    for number in range(prompts):
        for seed in (0, 1):
            for kind, shift in (("object", 0.0), ("colour", 0.1), ("pattern", 0.2)):
                if kind != "pattern" or number % 3 == 0:  # kinds have different numbers of words
                    own = row(
                        f"prompt {number}", f"{kind}{seed}", 0.3 + shift + 0.02 * number, 0.5 - shift, kind
                    )
                    found.append(own)
    return found


def test_whole_columns_of_the_table_are_those_of_the_map_benchmark():
    words = scored_words()
    scores = {name: [own.scores[name] for own in words] for name in words[0].scores}
    found = against_maps.compared_columns(words, scores)
    assert found["equal"] and found["figures"] == 5 * len(scores) and found["words"] == len(words)
    assert max(found["largest_difference"].values()) < 1e-6


@pytest.mark.parametrize(("measure", "column"), [("ious", "iou_published"), ("ap", "ap"), ("hit", "hit")])
def test_a_column_that_differs_is_told(measure, column):
    words = scored_words()
    scores = {name: [own.scores[name] for own in words] for name in words[0].scores}
    first = scores["default"][0]
    scores["default"][0] = replace(first, **{measure: getattr(first, measure) + 1e-3})
    found = against_maps.compared_columns(words, scores)
    assert not found["equal"] and found["largest_difference"][column] > 1e-6


def test_one_prompt_has_no_other_half_in_both():
    words = scored_words(1)
    scores = {name: [own.scores[name] for own in words] for name in words[0].scores}
    found = against_maps.compared_columns(words, scores)
    assert found["equal"] and found["figures"] == 4 * len(scores)


def test_rows_of_other_methods_are_refused():
    words = scored_words()
    with pytest.raises(ValueError, match="the map benchmark default"):
        against_maps.compared_columns(words, {"default": [own.scores["default"] for own in words]})


def test_kept_rows_are_compared_without_servers(monkeypatch, tmp_path):
    folder = Folder(tmp_path, {"demo": True})
    with pytest.raises(ValueError, match="holds no picture"):
        prove._against_maps(folder, JOBS)
    for job in JOBS[:2]:
        folder.keep(good("x", {}, job, 1))
    asked = []
    monkeypatch.setattr(
        against_maps, "compared_with_maps", lambda rows, jobs: asked.append((rows, jobs)) or {"a": 1}
    )
    found = prove._against_maps(folder, JOBS)
    assert found == {"pictures": 2, "against_maps": {"a": 1}} and asked[0][1] == JOBS[:2]
    assert {own.taken.prompt for own in asked[0][0].pictures} == {job.prompt for job in JOBS[:2]}
