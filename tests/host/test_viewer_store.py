"""Views and their routes: ids that nobody guesses, what goes first, headers, routes once."""

from __future__ import annotations

import asyncio
import importlib
import string
import weakref

import pytest


@pytest.fixture(scope="module")
def parts(pack):
    return {name: importlib.import_module(f"selagg_nodes.viewer.{name}") for name in ("store", "routes")}


def view(parts, place=("w", "1"), body: bytes = b"{}"):
    class Kept:
        pass

    source = parts["store"].Source(weakref.ref(Kept()), None, (), None)
    return parts["store"].StoredView(body, (b"png",), {}, b"maps", b"{}", b"{}", source, place)


def test_ids_are_long_and_never_the_same(parts):
    store = parts["store"].ViewStore()
    keys = {store.add(view(parts)) for _ in range(200)}
    assert len(keys) == 200
    assert all(len(key) >= 32 and set(key) <= set(string.hexdigits) for key in keys), "128 bits"


def limit_of(parts, views: int) -> int:
    """Bytes of so many views of one run: their pictures are kept once."""
    one = view(parts)
    return views * one.own_size + one.size - one.own_size


def test_what_a_node_shows_no_more_goes_before_what_another_shows(parts):
    store = parts["store"].ViewStore(limit=limit_of(parts, 2))
    other, first, last = (store.add(view(parts, place)) for place in (("w", "2"), ("w", "1"), ("w", "1")))
    assert [store.holds(key) for key in (other, first, last)] == [True, False, True]


def test_the_oldest_goes_first_and_only_as_far_as_needed(parts):
    store = parts["store"].ViewStore(limit=limit_of(parts, 2))
    keys = [store.add(view(parts)) for _ in range(3)]
    assert [store.get(key) is None for key in keys] == [True, False, False]


def test_of_views_that_are_all_shown_the_oldest_goes(parts):
    store = parts["store"].ViewStore(limit=limit_of(parts, 3))
    keys = [store.add(view(parts, ("w", str(number)))) for number in range(5)]
    assert [store.holds(key) for key in keys] == [False, False, True, True, True]


def test_routes_are_added_once(parts):
    from aiohttp import web

    routes, store = web.RouteTableDef(), parts["store"].ViewStore()
    parts["routes"].add_routes(routes, store)
    once = len(routes)
    parts["routes"].add_routes(routes, store)
    assert len(routes) == once >= 8
    others = web.RouteTableDef()
    others.get("/selagger")(lambda request: None)
    parts["routes"].add_routes(others, store)
    assert len(others) == once + 1, "a route of another pack is not ours"


def test_what_an_id_names_never_changes_and_is_private(parts):
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    store = parts["store"].ViewStore()
    key = store.add(view(parts))
    routes = web.RouteTableDef()
    parts["routes"].add_routes(routes, store)

    async def headers() -> list:
        app = web.Application()
        app.add_routes(routes)
        found = []
        async with TestClient(TestServer(app)) as client:
            for path in ("", "/pictures/0", "/maps", "/report", "/workflow"):
                async with client.get(f"/selagg/views/{key}{path}") as answer:
                    found.append((path, answer.status, dict(answer.headers)))
        return found

    for path, status, given in asyncio.run(headers()):
        assert status == 200, path
        assert (
            given["Cache-Control"] == "private, max-age=86400"
            and given["X-Content-Type-Options"] == "nosniff"
        )
