"""A real browser for these tests: chromium, driven by Playwright; without it they are skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from demo.background_server import background_server

sys.path.insert(0, str(Path(__file__).parent))

from frontends import FRONTENDS, options_of  # noqa: E402

SHOTS = Path(__file__).resolve().parents[2] / "test_output" / "screenshots"


@pytest.fixture(scope="session")
def browser():
    try:
        from browser import chromium
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        pytest.skip(f"Playwright cannot be used here: {error}")
    with sync_playwright() as playwright:
        try:
            running = chromium(playwright)
        except FileNotFoundError as error:
            pytest.skip(str(error))
        yield running
        running.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots are kept, for a person to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS


@pytest.fixture(scope="module", params=FRONTENDS)
def server(request, browser, tmp_path_factory):
    """(name of the frontend, address of a server that serves it)"""
    options = options_of(request.param)
    base = tmp_path_factory.mktemp(f"server_{request.param}")
    with background_server(base, base / "server.log", options=options) as client:
        yield request.param, client.address


@pytest.fixture
def frontend(browser, server):
    from frontend import Frontend

    context = browser.new_context(viewport={"width": 1280, "height": 1320}, accept_downloads=True)
    frontend = Frontend(context.new_page(), server[1])
    yield frontend
    context.close()
    assert frontend.errors == []


@pytest.fixture
def shot(server, shots):
    return lambda name: shots / f"{server[0]}_{name}.png"
