"""What was understood of a prompt, as the viewer shows it, and how a misreading is mended by a click."""

from __future__ import annotations

import pytest
from page_server import page_server
from test_viewer_page import MARKUP, pressed, settle, show, word

TEXT = "a photo of a red balloon left of a big yellow house, masterpiece, no clouds, glowing sky"


@pytest.fixture(scope="module")
def address():
    with page_server(TEXT) as running:
        yield running


@pytest.fixture(params=["light", "dark"])
def page(browser, address, request):
    page = browser.new_page(viewport={"width": 980, "height": 720}, color_scheme=request.param)
    page.scheme = request.param
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, address)
    page.locator("[data-tab=understood]").click()
    settle(page)
    yield page
    page.close()
    assert errors == []


def field(page) -> str:
    settle(page)
    return page.evaluate("() => place.field.value")


def things(page) -> list[str]:
    return [" ".join(line.split()) for line in page.locator(".things .thing").all_inner_texts()]


def test_the_prompt_says_what_was_read_of_it(page, shots):
    assert any(
        line.startswith("balloon") and "red" in line and "left of house" in line for line in things(page)
    )
    assert any(line.startswith("house") and "yellow" in line for line in things(page))
    roles = dict(page.locator(".word").evaluate_all("all => all.map((w) => [w.innerText, w.dataset.role])"))
    assert roles["balloon"] == roles["house"] == "thing" and roles["yellow"] == "said"
    assert roles["clouds"] == "silent" and roles["photo"] == ""
    assert "yellow > house" in word(page, "yellow").get_attribute("title")
    word(page, "balloon").hover()
    settle(page)
    kin = page.locator(".word.kin span").all_inner_texts()
    assert {"red", "house"} <= set(kin) and "yellow" not in kin
    page.screenshot(path=str(shots / f"understood_{page.scheme}.png"))


def test_one_click_ignores_and_another_takes_it_back(page, shots):
    page.get_by_role("button", name="Ignore: red", exact=True).click()
    assert field(page) == "ignore: red"
    own = page.locator(".own")
    assert "ignore: red" in own.inner_text() and "at the next run" in own.inner_text()
    page.screenshot(path=str(shots / f"understood_mended_{page.scheme}.png"))
    page.get_by_role("button", name="Run again").click()
    assert page.evaluate("() => place.field.runs") == 1
    page.get_by_role("button", name="Take back: ignore: red").click()
    assert field(page) == "" and own.is_hidden()


def test_a_chosen_word_becomes_a_thing_or_belongs_to_one(page):
    word(page, "glowing").click()
    page.locator(".mend [data-mend=isAThing]").click()
    assert field(page) == "thing: glowing"
    page.locator(".mend select").select_option("house")
    assert field(page) == "thing: glowing\nglowing > house"
    page.locator(".mend select").select_option("balloon")
    assert field(page) == "thing: glowing\nglowing > balloon"
    page.locator(".mend [data-mend=ignore]").click()
    assert field(page).splitlines()[-1] == "ignore: glowing" and "thing: glowing" not in field(page)


def test_a_thing_that_is_clicked_is_pinned_with_its_words(page):
    page.locator('.thing .name:text-is("house")').click()
    assert pressed(page) == ["house"]
    assert page.locator(".mend b").inner_text() == "house"


def test_claims_that_another_node_writes_are_left_to_it(page):
    page.evaluate("async () => { place.source.claims = null; await place.show() }")
    page.locator("[data-tab=understood]").click()
    page.get_by_role("button", name="Ignore: red", exact=True).click()
    assert "write them there" in page.locator(".complaint").inner_text()


def test_markup_stays_text(browser):
    with page_server(MARKUP) as address:
        page = browser.new_page()
        show(page, address)
        page.locator("[data-tab=understood]").click()
        word(page, "balloon").click()
        settle(page)
        assert page.locator(".understood img, .understood .name b").count() == 0 and page.title() == "viewer"
        page.close()
