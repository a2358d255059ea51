"""300 tags and a batch of 8 in the browser: what is sent, what the page holds, and how quick a hover is."""

from __future__ import annotations

import gzip
import json
import statistics
from urllib.request import urlopen

import made_run
import numpy as np
import pytest
from page_server import page_server
from test_viewer_page import pixels, settle, show

TAGS, PICTURES = 300, 8
MOST_BYTES = 2_000_000
MOST_NODES = 20_000
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "silver", "purple", "brown", "pink")
THINGS = (
    "hair",
    "dress",
    "ribbon",
    "cat",
    "dog",
    "tree",
    "house",
    "lamp",
    "chair",
    "table",
    "book",
    "cup",
    "hat",
    "scarf",
    "umbrella",
    "flower",
    "bridge",
    "boat",
    "car",
    "bicycle",
    "balloon",
    "apple",
    "sword",
    "shield",
    "castle",
    "horse",
    "bird",
    "fish",
    "mirror",
    "clock",
)
TEXT = ", ".join(f"{COLOURS[i % len(COLOURS)]} {THINGS[(i * 7) % len(THINGS)]}" for i in range(TAGS // 2))


@pytest.fixture(scope="module")
def address():
    assert len(made_run.prompt_of(TEXT).words) == TAGS
    with page_server(TEXT, view=made_run.large_view(TEXT, PICTURES)) as running:
        yield running


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 980, "height": 720})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, address)
    yield page
    page.close()
    assert errors == []


def nodes(page) -> int:
    return page.evaluate(
        """() => document.getElementsByTagName('*').length
          + place.viewer.element.shadowRoot.querySelectorAll('*').length"""
    )


def test_what_is_sent_is_bounded(address, record_testsuite_property):
    with urlopen(address + "data/manifest") as answer:  # noqa: S310 - the test's own server
        body = answer.read()
    size = len(gzip.compress(body, 6))
    record_testsuite_property("manifest_bytes_compressed", size)
    told = json.loads(body)
    assert told["pictures"] == PICTURES and len(told["texts"][0]["words"]) == TAGS
    assert size < MOST_BYTES


def test_findings_are_folded_and_the_page_stays_small(page, shots, record_testsuite_property):
    assert page.locator(".findings > .finding").count() <= 5
    folded = page.locator(".folded")
    counted = sum(int(text.split()[0]) for text in folded.locator("> summary").all_inner_texts())
    badge = int(page.locator("[data-tab=findings] .count").inner_text())
    assert page.locator(".folded .finding").count() == counted == max(0, badge - 5)
    for tab in ("understood", "heads", "gallery", "findings"):
        page.locator(f"[data-tab={tab}]").click()
        settle(page)
        page.wait_for_timeout(500)
        page.screenshot(path=str(shots / f"large_{tab}.png"))
    assert page.locator(".tile").count() == TAGS
    count = nodes(page)
    record_testsuite_property("page_nodes", count)
    assert count < MOST_NODES


def test_other_pictures_and_texts_fetch_their_maps(page):
    page.locator(".word").nth(11).hover()
    first = pixels(page)
    page.get_by_role("radio", name=f"Picture {PICTURES}").click()
    page.wait_for_function(
        "() => place.viewer.element.shadowRoot.querySelector('.strip [aria-checked=true]:last-child')"
    )
    page.get_by_role("radio", name="Negative").click()
    settle(page)
    plain = pixels(page)
    page.locator(".word").nth(1).hover()
    page.locator(".caption b", has_text="watermark").wait_for(timeout=120_000)
    assert not np.array_equal(plain, pixels(page)) and not np.array_equal(first, pixels(page))


def test_small_maps_are_drawn_when_they_come_into_sight(page):
    page.locator("[data-tab=gallery]").click()
    page.wait_for_timeout(1500)
    drawn = """() => [...place.viewer.element.shadowRoot.querySelectorAll('.tile canvas')]
      .filter((c) => c.getContext('2d').getImageData(64, 64, 1, 1).data[3]).length"""
    first = page.evaluate(drawn)
    assert 0 < first < TAGS / 2
    page.locator(".tile").last.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    assert page.evaluate(drawn) > first


@pytest.mark.parametrize("tab", ["findings", "gallery"])
def test_hover(page, record_testsuite_property, tab):
    page.locator(f"[data-tab={tab}]").click()
    page.wait_for_timeout(1000)
    took = page.evaluate(
        """async () => {
          const chips = [...place.viewer.element.shadowRoot.querySelectorAll('.word:not(.marks)')]
          const took = []
          for (const chip of chips.slice(0, 90)) {
            await new Promise((done) => requestAnimationFrame(done))
            const started = performance.now()
            chip.dispatchEvent(new PointerEvent('pointerenter'))
            const heard = performance.now() - started
            const painted = place.painted.length
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
            took.push(heard + place.painted.slice(painted).reduce((sum, ms) => sum + ms, 0))
          }
          return took
        }"""
    )
    record_testsuite_property(f"large_hover_{tab}_ms", statistics.median(took))
    assert len(took) == 90 and min(took) > 0
    print(f"hover with {tab} open {statistics.median(took):.1f} ms")
