"""The viewer below a path (a reverse proxy), behind --listen, and where the host knows its users."""

from __future__ import annotations

import json
import os
import urllib.request

import numpy as np
import pytest
from sub_path import below
from test_frontend import workflow
from test_viewer_page import downloaded, pixels_of

from demo.background_server import background_server
from demo.host_path import REGISTRY, find_host

PATH = "/proxy/8188/comfy"
USERS = ("Mia", "Tom \u00c4")


@pytest.fixture(scope="module")
def host(browser, tmp_path_factory):
    """The address of a host with users that listens to every network."""
    if find_host(os.environ.get("SELAGG_HOST", "auto")).name == REGISTRY:
        pytest.skip("The frontend of the registry's host is too old for the viewer.")
    base = tmp_path_factory.mktemp("addresses")
    options = ["--multi-user", "--listen", "0.0.0.0"]  # noqa: S104 - as artists do
    with background_server(base, base / "server.log", options=options) as client:
        yield client.address


def new_user(address: str, name: str) -> str:
    body = json.dumps({"username": name}).encode()
    kind = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{address}/api/users", body, kind)  # noqa: S310 - own server
    with urllib.request.urlopen(asked) as answer:  # noqa: S310
        return json.loads(answer.read())


def page_of(browser, address: str, user: str, name: str):
    from frontend import Frontend

    context = browser.new_context(
        viewport={"width": 1280, "height": 1320},
        accept_downloads=True,
        extra_http_headers={"comfy-user": user},
    )
    told = json.dumps({"Comfy.userId": user, "Comfy.userName": name})
    context.add_init_script(f"Object.assign(localStorage, {told})")
    return Frontend(context.new_page(), address)


@pytest.mark.parametrize("path", ["", PATH], ids=["as it is", "below a path"])
def test_viewer_and_pictures_for_a_user(browser, host, shots, path):
    with below(host, path) as proxy:
        name = USERS[bool(path)]
        frontend = page_of(browser, proxy.address, new_user(host, name), name)
        asked = []
        frontend.page.on("request", lambda request: asked.append(request.url))
        frontend.open()
        frontend.load(workflow(seed=31 + bool(path)))
        frontend.run()
        viewer = frontend.wait_for_view()
        assert "circle" in viewer.locator(".text").inner_text()
        plain = pixels_of(viewer)
        assert plain.std() > 10, "the picture is there"
        viewer.locator('.word:has(span:text-is("star"))').click()
        frontend.page.wait_for_timeout(400)
        assert not np.array_equal(plain, pixels_of(viewer)), "and the map of a word"
        viewer.locator("[data-tab=heads]").click()
        viewer.locator("canvas.heads").wait_for()
        assert downloaded(viewer, "exportMaps", frontend.page)[0] == "selagg_maps.safetensors"
        frontend.screenshot(shots / f"addresses_{'below' if path else 'plain'}.png")
        own = [url for url in asked if "selagg" in url.lower()]
        assert len(own) > 40 and all(url.startswith(f"{proxy.address}/") for url in own)
        assert not [path for path in proxy.outside if "selagg" in path.lower()]
        frontend.page.context.close()
        assert frontend.errors == []


def test_diagnose_this_prompt_below_a_path(browser, host):
    """The server's own knowledge of texts and of the last run is asked below the path, too."""
    from graph_edits import edit
    from test_diagnose_this import assert_wired, stock

    with below(host, PATH) as proxy:
        frontend = page_of(browser, proxy.address, new_user(host, "Kim"), "Kim")
        frontend.open()
        frontend.load(stock(), "KSampler")
        frontend.run()
        assert_wired(edit(frontend))
        assert not [path for path in proxy.outside if "selagg" in path.lower()]
        frontend.page.context.close()
        assert frontend.errors == []
