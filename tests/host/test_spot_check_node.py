"""The spot check of SelAgg Calibrate: kept by SelAgg Score, served by id, answered, kept with the fit."""

from __future__ import annotations

import asyncio
import importlib
import json
from types import SimpleNamespace

import pytest
from spot_scores import labels, write_scores
from test_truth_nodes import BOTH, WORDS, judged, masks, nodes, run  # noqa: F401 (fixtures)
from test_viewers import diagnosed, viewers  # noqa: F401 (fixture)

PLACE = {"unique_id": "7", "graph": {}, "extra_pnginfo": {"workflow": {"id": "abc"}}}


@pytest.fixture
def parts(host, pack, monkeypatch, tmp_path):
    """As if a server ran, and nobody had asked for a spot check yet; `add` writes a file of scores."""
    own_host = importlib.import_module("selagg_nodes.host")
    monkeypatch.setattr(own_host, "output_directory", lambda: str(tmp_path / "output"))
    monkeypatch.setattr(own_host, "relevance_directory", lambda: str(tmp_path / "models"))
    monkeypatch.setattr(own_host, "server_routes", lambda: object())
    calibrate = importlib.import_module("selagg_nodes.calibrate")
    checks = importlib.import_module("selagg_nodes.viewer.spot_checks")
    kept = checks.SpotChecks()
    monkeypatch.setattr(calibrate, "SPOT_CHECKS", kept)
    score = importlib.import_module("selagg_nodes.score")

    def add(name: str):
        rows, count = write_scores(score.score_file(name), score.spot_folder(name))
        return rows, count

    return SimpleNamespace(node=calibrate.SelAggCalibrate(), checks=checks, kept=kept, add=add, score=score)


def shown(parts, name: str = "mine") -> tuple[str, dict]:
    """The id of the spot check that the node shows, and its result."""
    made = parts.node.calibrate("", "tests", name, **PLACE)
    (told,) = made["ui"]["selagg"]
    assert told["workflow"] == "abc"
    return told["id"], made["result"]


def asked(parts, *requests: tuple) -> list:
    """Answers of a server with these routes to (method, path, body); errors of HTTP as their number."""
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    async def ask():
        routes = web.RouteTableDef()
        parts.checks.add_spot_check_routes(routes, parts.kept)
        parts.checks.add_spot_check_routes(routes, parts.kept)
        app = web.Application()
        app.add_routes(routes)
        found = []
        async with TestClient(TestServer(app)) as client:
            for method, path, body in requests:
                sent = {"data": body} if isinstance(body, (str, bytes)) else {"json": body}
                async with client.request(method, f"/selagg/spot_checks/{path}", **sent) as response:
                    if response.status != 200:
                        found.append(response.status)
                    elif response.content_type == "application/json":
                        found.append(await response.json())
                    else:
                        found.append(await response.read())
        return found

    return asyncio.run(ask())


def test_claims_are_shown_without_the_judges_verdict(parts):
    rows, count = parts.add("mine")
    key, (_, told) = shown(parts)
    state, picture, outside = asked(
        parts,
        ("GET", key, None),
        ("GET", f"{key}/pictures/0", None),
        ("GET", f"{key}/pictures/{count}", None),
    )
    assert len(state["claims"]) == count and state["agreement"] is None and outside == 404
    assert set(state["claims"][0]) == {"sentence", "said", "prompt", "things", "answer"}
    assert picture.startswith(b"\x89PNG") and f"{count} claims wait for your eye" in told
    assert all(
        own["answer"] is None and own["said"]["key"].startswith("message.spot_") for own in state["claims"]
    )
    assert len(set(labels(parts.kept.get(key).claims, rows))) == 2, "there is something to hide"


def test_answers_persist_and_the_agreement_is_stored_with_the_calibration(parts):
    rows, count = parts.add("mine")
    key, (first, _) = shown(parts)
    before = parts.node.IS_CHANGED("", "tests", "mine")
    said = labels(parts.kept.get(key).claims, rows)
    turned = {"right": "wrong", "wrong": "right"}
    answers = ["unclear", turned[said[1]], *said[2:]]
    bodies = [{"claim": number, "answer": answer} for number, answer in enumerate(answers)]
    found = asked(parts, *(("POST", f"{key}/answers", body) for body in bodies))
    assert found[-2]["agreement"] is None, "while there is more to answer"
    last = found[-1]["agreement"]
    assert (last["agree"], last["answered"], last["unclear"]) == (count - 2, count - 1, 1)
    assert parts.node.IS_CHANGED("", "tests", "mine") != before
    again, (calibration, told) = shown(parts)
    assert (
        again != key and [own["answer"] for own in asked(parts, ("GET", again, None))[0]["claims"]] == answers
    )
    assert calibration.data["spot_check"] == last and first.data["spot_check"]["answered"] == 0
    assert f"you agree with the judges on {count - 2} of {count - 1} claims" in told
    loaded, _ = parts.node.calibrate("", "tests")
    assert loaded.data["spot_check"] == last
    assert calibration.data["open"] > 0 and f"{calibration.data['open']} checks that judges left open" in told


def test_an_answer_is_taken_back(parts):
    parts.add("mine")
    key, _ = shown(parts)
    path = f"{key}/answers"
    given, back = asked(
        parts, ("POST", path, {"claim": 2, "answer": "right"}), ("POST", path, {"claim": 2, "answer": None})
    )
    assert given["claims"][2]["answer"] == "right" and back["claims"][2]["answer"] is None


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, {"claim": -1, "answer": "right"}, {"claim": 10**6, "answer": "right"},
     {"claim": True, "answer": "right"}, {"claim": 0, "answer": "maybe"}, {"claim": 0, "answer": ["right"]},
     {"claim": "0", "answer": "right"}, {"claim": 0, "answer": "right", "more": "x" * 5000}],
)  # fmt: skip
def test_other_answers_are_refused(parts, body):
    parts.add("mine")
    key, _ = shown(parts)
    refused, state = asked(parts, ("POST", f"{key}/answers", body), ("GET", key, None))
    assert refused["error"] and all(own["answer"] is None for own in state["claims"])


def test_a_form_of_another_page_cannot_answer(parts):
    parts.add("mine")
    key, _ = shown(parts)
    plain = asked(parts, ("POST", f"{key}/answers", b'{"claim": 0, "answer": "right"}'))
    assert plain == [415]


@pytest.mark.parametrize(
    "path", ["0" * 32, "", "..", "mine", "x/pictures/0", "x/pictures/-1", "x/pictures/1e3"]
)
def test_nothing_but_its_id_leads_to_a_spot_check(parts, path):
    parts.add("mine")
    shown(parts)
    (found,) = asked(parts, ("GET", path, None))
    assert found in (403, 404) or "no longer kept" in found["error"]


def test_pictures_of_another_file_of_scores_are_not_shown(parts):
    parts.add("mine")
    _, count = parts.add("theirs")
    parts.score.score_file("theirs").write_bytes(parts.score.score_file("mine").read_bytes())
    key, _ = shown(parts)
    check = parts.kept.get(key)
    assert check.folder.name == "mine_spot_check" and len(check.claims) == count


def test_only_the_last_spot_checks_are_kept(parts):
    check = parts.checks.SpotCheck((), parts.score.spot_folder("x"), parts.score.score_file("x"))
    first = parts.kept.add(check)
    for _ in range(parts.checks.KEPT):
        parts.kept.add(check)
    with pytest.raises(ValueError, match="no longer kept"):
        parts.kept.get(first)


def test_scores_without_a_spot_check_say_so_and_calibrate(parts):
    parts.add("mine")
    folder = parts.score.spot_folder("mine")
    for file in folder.iterdir():
        file.unlink()
    made = parts.node.calibrate("", "tests", "mine", **PLACE)
    assert made["ui"]["selagg"][0]["id"] is None
    assert "no claim was kept" in made["result"][1] and made["result"][0].data["spot_check"]["asked"] == 0


# -- SelAgg Score keeps them ----------------------------------------------------------------------------


def scored(parts, nodes, viewers, run, **given) -> str:  # noqa: F811
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    report = json.dumps(diagnosed(viewers, run).report)
    told = []
    for seed in range(0, 40, 2):
        usual = {"file": "own", "checkpoint": "tiny", "picture_seed": seed, "report": report}
        told.append(nodes.score.score(**run, truth=truth, **{**usual, **given})["result"][1])
    return "\n".join(told)


def test_labels_are_kept_if_the_artist_asks_for_it(parts, nodes, viewers, run):  # noqa: F811
    scored(parts, nodes, viewers, run)
    folder = parts.score.spot_folder("own")
    assert not folder.exists(), "no picture is kept unasked"
    told = scored(parts, nodes, viewers, run, spot_check=True)
    kept = list(folder.glob("*.png"))
    assert kept and "kept for a spot check" in told
    lines = (folder / "claims.jsonl").read_text().splitlines()
    assert len(lines) == len(kept) and {json.loads(line)["taken"]["checkpoint"] for line in lines} == {"tiny"}


def test_without_a_report_there_is_nothing_to_ask(parts, nodes, run):  # noqa: F811
    truth, _ = judged(nodes, run, words=WORDS, mask=masks(*BOTH))
    told = nodes.score.score(**run, truth=truth, file="own", spot_check=True)["result"][1]
    assert "connect the report of SelAgg Diagnose" in told and "rows added" in told
    assert not parts.score.spot_folder("own").exists()


def test_a_full_disk_keeps_the_rows_and_is_told(parts, nodes, viewers, run, monkeypatch):  # noqa: F811
    core = importlib.import_module("selagg_core.proof.spot_check")

    def full(path, content):
        raise ValueError("the disk is full: make room on it.")

    monkeypatch.setattr(core, "write_file", full)
    told = scored(parts, nodes, viewers, run, spot_check=True)
    rows = parts.score.score_file("own").read_text().splitlines()
    assert told.count("rows added") == 20 and len(rows) > 40
    assert "problem: nothing more was kept for a spot check: the disk is full" in told
    folder = parts.score.spot_folder("own")
    assert not folder.exists() or not list(folder.glob("*.png"))
