"""What viewer nodes hand to the browser: kept within bounds, served by id only, gone with its recording."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from test_viewers import labelled
from tiny_models import sample, text, unet

TEXT = "a red circle left of a blue square"


@pytest.fixture(scope="module")
def parts(pack):
    def module(name):
        return importlib.import_module(name)

    return SimpleNamespace(
        capture=module("selagg_nodes.capture").SelAggCapture,
        heatmaps=module("selagg_nodes.heatmaps").SelAggHeatmaps,
        diagnose=module("selagg_nodes.diagnose").SelAggDiagnose,
        labels=module("selagg_nodes.recording.labels").LABELS,
        prompt=module("selagg_core.prompt.words"),
        hand_over=module("selagg_nodes.viewer.hand_over"),
        store=module("selagg_nodes.viewer.store"),
        routes=module("selagg_nodes.viewer.routes"),
        host=module("selagg_nodes.host"),
    )


@pytest.fixture
def served(parts, monkeypatch):
    """As if a server ran: the store is empty."""
    monkeypatch.setattr(parts.host, "server_routes", lambda: object())
    monkeypatch.setattr(parts.hand_over, "VIEWS", parts.store.ViewStore())
    return parts.hand_over


@pytest.fixture
def run(host, parts):
    model, capture = parts.capture().capture(unet())
    latent = sample(model, labelled(parts, TEXT, 31), text(77, 2), size=(2, 8, 12))
    image = torch.rand(2, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    return {"capture": capture, "latent": {"samples": latent}, "image": image}


PLACE = {"unique_id": "7", "graph": {"7": {}}, "extra_pnginfo": {"workflow": {"id": "abc"}}}
DRAWING = {"words": "all", "mode": "selective", "top_fraction": 0.25, "threshold": 0.0}


def stored(parts, run) -> tuple[str, object]:
    ui = parts.diagnose().diagnose(**run, **PLACE)["ui"]
    (shown,) = ui["selagg"]
    return shown["id"], parts.hand_over.VIEWS.get(shown["id"])


def test_without_a_server_nothing_is_prepared(parts, run):
    assert "selagg" not in parts.diagnose().diagnose(**run)["ui"]
    assert "selagg" not in parts.heatmaps().draw(**run, **DRAWING)["ui"]


def test_both_nodes_hand_over_a_view(served, parts, run):
    key, view = stored(parts, run)
    body = json.loads(view.manifest)
    assert [word["text"] for word in body["texts"][0]["words"]] == TEXT.split()
    assert len(view.pictures) == 2 and all(png.startswith(b"\x89PNG") for png in view.pictures)
    assert json.loads(view.report)["prompt"] == TEXT
    assert json.loads(view.workflow) == {"workflow": {"id": "abc"}, "prompt": {"7": {}}}
    assert served.VIEWS.holds(key)
    (shown,) = parts.heatmaps().draw(**run, **DRAWING)["ui"]["selagg"]
    assert not json.loads(served.VIEWS.get(shown["id"]).manifest)["report"]


def test_a_refused_run_says_that_there_is_nothing_and_takes_no_view_away(served, parts, run):
    """Ids of workflows are no secrets: somebody else's failing run of the same one must not matter."""
    key, _ = stored(parts, run)
    ui = parts.diagnose().diagnose(**{**run, "latent": {}}, **PLACE)["ui"]
    (told,) = ui["selagg"]
    assert (told["id"], told["workflow"]) == (None, "abc") and served.VIEWS.holds(key)
    assert told["said"]["values"]["why"]["key"] == "message.no_latent"


def test_a_host_that_embeds_no_workflows_has_none_in_saved_pictures(served, parts, run):
    """ComfyUI with --disable-metadata: what a viewer saves holds no workflow either."""
    options = importlib.import_module("comfy.cli_args").args
    assert parts.host.embeds_workflows()
    options.disable_metadata = True  # not by monkeypatch: the registry's host cannot forget an option
    try:
        assert json.loads(stored(parts, run)[1].workflow) == {}
    finally:
        options.disable_metadata = False


def test_findings_come_with_what_other_languages_need(served, parts, run):
    """Their titles too; what they say in English is told by keys that the catalogue has."""
    findings = [
        f for picture in json.loads(stored(parts, run)[1].manifest)["report"] for f in picture["findings"]
    ]
    known = importlib.import_module("selagg_core.diagnosis.sentences").catalogue()
    assert findings and all(f["title"] and f["said"]["message"]["key"] in known for f in findings)


def test_a_view_says_of_which_workflow_it_is_and_every_run_has_its_own(served, parts, run):
    first, second = (parts.diagnose().diagnose(**run, **PLACE)["ui"]["selagg"][0] for _ in range(2))
    assert first["workflow"] == second["workflow"] == "abc" and first["id"] != second["id"]
    without = parts.diagnose().diagnose(**run)["ui"]["selagg"][0]
    assert without["workflow"] == "" and len(without["id"]) == 32


def test_the_report_and_the_maps_do_not_go_over_the_websocket(served, parts, run):
    assert len(json.dumps(parts.diagnose().diagnose(**run, **PLACE)["ui"])) < 20_000


def test_heads_come_from_the_recording_and_go_with_it(served, parts, run):
    _, view = stored(parts, run)
    assert len(view.source.texts()[0].groups) == len(TEXT.split())
    run.clear()
    gc.collect()
    with pytest.raises(ValueError, match="no longer in memory"):
        view.source.texts()


def test_the_store_is_bounded_and_keeps_the_newest(served, parts, run):
    _, view = stored(parts, run)
    store = parts.store.ViewStore(limit=3 * view.own_size + sum(map(len, view.pictures)))
    keys = [store.add(view) for _ in range(5)]
    assert [store.get(key) is not None for key in keys] == [False, False, True, True, True]
    small = parts.store.ViewStore(limit=1)
    last = [small.add(view) for _ in range(3)][-1]
    assert small.get(last).manifest is view.manifest and len(small._views) == 1


def test_views_of_one_run_share_its_pictures_and_those_in_use_go_last(served, parts, run):
    _, view = stored(parts, run)
    pictures = sum(map(len, view.pictures))
    store = parts.store.ViewStore(limit=3 * view.own_size + pictures)
    copy = replace(view, pictures=tuple(bytes(bytearray(png)) for png in view.pictures))
    first = store.add(replace(copy, place=("a", "1")))
    again = [store.add(replace(copy, place=("a", "2"))) for _ in range(4)]
    assert store.get(first) is not None, "it is what node 1 still shows"
    assert [store.get(key) is not None for key in again] == [False, False, True, True]
    assert store.get(first).pictures[0] is store.get(again[-1]).pictures[0]
    assert store._bytes() <= store.limit


def test_the_graph_and_the_manifest_are_strict_json(served, parts, run):
    odd = {"7": {"is_changed": [float("nan")], "inputs": {"x": float("-inf"), "y": object()}, 3: (1, True)}}
    ui = parts.diagnose().diagnose(**run, **{**PLACE, "graph": odd})["ui"]
    view = served.VIEWS.get(ui["selagg"][0]["id"])
    body = json.loads(view.workflow, parse_constant=pytest.fail)
    assert body["prompt"] == {"7": {"is_changed": [None], "inputs": {"x": None, "y": None}, "3": [1, True]}}
    json.loads(view.manifest, parse_constant=pytest.fail)


@pytest.fixture
def ask(served, parts, run):
    """Asks the routes of a server: path -> (status, type, body)."""
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    key, _ = stored(parts, run)

    async def answer(path: str):
        routes = web.RouteTableDef()
        parts.routes.add_routes(routes, served.VIEWS)
        parts.routes.add_routes(routes, served.VIEWS)
        app = web.Application()
        app.add_routes(routes)
        async with TestClient(TestServer(app)) as client, client.get(path.format(id=key)) as response:
            return response.status, response.content_type, await response.read()

    return lambda path: asyncio.run(answer(path))


def test_routes_serve_what_was_handed_over(ask):
    status, kind, body = ask("/selagg/views/{id}")
    assert (status, kind) == (200, "application/json") and json.loads(body)["format"] == 1
    assert ask("/selagg/views/{id}/pictures/1")[1] == "image/png"
    heads = json.loads(ask("/selagg/views/{id}/heads?text=0&picture=1&word=2")[2])
    assert sum(len(sheet["heads"]) for sheet in heads["sheets"]) > 0
    assert ask("/selagg/views/{id}/maps")[0] == ask("/selagg/views/{id}/report")[0] == 200
    assert json.loads(ask("/selagg/views/{id}/held")[2]) == {"held": True}
    assert json.loads(ask("/selagg/views/0123/held")[2]) == {"held": False}
    sheet = json.loads(ask("/selagg/views/{id}/words/1/0/all")[2])
    assert sheet["count"] == len(TEXT.split())


@pytest.mark.parametrize(
    "path",
    [
        "/selagg/views/{id}/heads?text=0&picture=0&word=99",
        "/selagg/views/{id}/heads?text=0&picture=99&word=0",
        "/selagg/views/{id}/heads?text=9&picture=0&word=0",
        "/selagg/views/{id}/heads?text=0&picture=0&word=-1",
        "/selagg/views/{id}/heads?text=0&picture=0",
        "/selagg/views/{id}/heads?text=0&picture=0&word=1e9",
        "/selagg/views/{id}/steps?text=0&picture=0&step=0",
        "/selagg/views/0123",
        "/selagg/views/0123/words/0/0/all",
        "/selagg/views/{id}/words/0/0/none",
        "/selagg/views/{id}/words/9/0/all",
        "/selagg/views/0123/heads?text=0&picture=0&word=0",
    ],
)
def test_what_cannot_be_given_is_answered_with_a_reason(ask, path):
    status, _, body = ask(path)
    assert status == 200 and json.loads(body)["error"]


@pytest.mark.parametrize(
    "path",
    ["/selagg/views/{id}/pictures/2", "/selagg/views/{id}/pictures/..%2F..%2Fx", "/selagg/views/x/maps"],
)
def test_nothing_else_is_served(ask, path):
    assert ask(path)[0] == 404


@pytest.mark.parametrize("path", ["/selagg/last?workflow=abc&node=7", "/selagg/views", "/selagg/views/"])
def test_nothing_but_its_id_leads_to_a_view(ask, path):
    assert ask(path)[0] == 404


def test_what_is_looked_at_is_forgotten_last(served, parts, run):
    _, view = stored(parts, run)
    store = parts.store.ViewStore(limit=view.own_size + view.size)
    first, second = store.add(view), store.add(view)
    assert store.get(first).manifest == view.manifest
    third = store.add(view)
    assert [store.holds(key) for key in (first, second, third)] == [True, False, True]
