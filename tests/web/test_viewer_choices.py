"""What an artist chooses in the viewer: how strong maps look, which words, all maps; and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import made_run
import numpy as np
import pytest
from page_server import WORKFLOW, page_server
from test_viewer_page import brightness, downloaded, pixels, png_texts, pressed, settle, show, word


@pytest.fixture(scope="module")
def address():
    with page_server() as running:
        yield running


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 880, "height": 660}, accept_downloads=True)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, address)
    yield page
    context.close()
    assert errors == []


SHOW_CHANGED = """async (change) => {
  const manifest = await (await fetch('/data/manifest')).json()
  new Function('manifest', change)(manifest)
  await place.viewer.show(manifest, place.source)
}"""


def show_again(page, change: str = "") -> None:
    """Another run in the same viewer; `change` edits its manifest."""
    page.evaluate(SHOW_CHANGED, change)
    settle(page)


def choose(page, name: str) -> None:
    page.locator(f"[data-value={name}]").click()
    page.mouse.move(1, 1)
    settle(page)


def set_slider(page, label: str, value: int) -> None:
    slider = page.locator(f'input[aria-label="{label}"]')
    slider.evaluate("(i, v) => { i.value = v; i.dispatchEvent(new Event('input')) }", value)


# -------------------------------------------------------------------------------------------- result first


def test_the_worst_finding_is_open_with_its_words_and_regions(page):
    first = page.locator(".finding").first
    assert first.locator("button").first.get_attribute("aria-expanded") == "true"
    assert first.locator(".detail").is_visible() and page.locator(".finding .detail:visible").count() == 1
    assert pressed(page) == ["balloon"]
    assert "expected" in page.locator(".caption").inner_text()
    opened = pixels(page)
    for open_words in ([], ["balloon"]):
        first.locator("button").first.click()
        assert pressed(page) == open_words
    page.mouse.move(1, 1)
    assert np.array_equal(opened, pixels(page))


def test_a_look_at_another_word_leaves_the_finding_as_it_was(page):
    opened = pixels(page)
    word(page, "house").hover()
    assert not np.array_equal(opened, pixels(page))
    assert "expected" not in page.locator(".caption").inner_text()
    page.mouse.move(1, 1)
    assert np.array_equal(opened, pixels(page))


def test_words_chosen_by_hand_take_the_place_of_those_of_the_finding(page):
    word(page, "house").click()
    assert pressed(page) == ["house"]
    word(page, "hills").click()
    assert pressed(page) == ["house", "hills"]


def test_a_run_without_findings_opens_nothing(page):
    page.keyboard.press("Escape")
    show_again(page, "manifest.report.forEach((picture) => { picture.findings = [] })")
    assert pressed(page) == [] and "No warning." in page.locator(".findings").inner_text()
    information = "manifest.report[0].findings.splice(0, 2)"
    show_again(page, information)
    assert pressed(page) == [] and page.locator(".finding.open").count() == 0


def test_problems_are_seen_whatever_is_open(page, browser, address, shots):
    page.locator("[data-tab=heads]").click()
    trouble = page.locator(".trouble")
    settle(page)
    assert trouble.is_hidden()
    show_again(page, "manifest.problems = ['No words: <b>connect</b> a prompt.', 'Something else.']")
    assert (
        trouble.inner_text() == "Could not be done: No words: <b>connect</b> a prompt. (and 1 more)"
        and page.locator(".findings").is_hidden()
    )
    page.screenshot(path=str(shots / "page_trouble.png"))
    trouble.click()
    settle(page)
    assert trouble.is_hidden() and "Something else." in page.locator(".findings").inner_text()
    small = browser.new_page(viewport={"width": 400, "height": 620})
    show(small, address, "?compact")
    show_again(small, "manifest.problems = ['No words.']")
    assert small.locator(".trouble").inner_text() == "Could not be done: No words."
    small.close()


# ------------------------------------------------------------------------------------------------ strength


def test_weak_words_look_weak_unless_each_has_its_own_scale(page, shots):
    """ "big" is seen by no head: its map is noise, a fifth of what the others have."""
    for text in ("balloon", "big"):
        assert text in [w.text for w in made_run.prompt_of(made_run.TEXT).words]
    word(page, "big").hover()
    weak = pixels(page)
    assert "weak" in page.locator(".caption").inner_text()
    page.screenshot(path=str(shots / "page_weak.png"))
    word(page, "house").hover()
    strong = pixels(page)
    assert "weak" not in page.locator(".caption").inner_text()
    x, y, *_ = made_run.PLACES["house"]
    choose(page, "own")
    word(page, "big").hover()
    scaled = pixels(page)
    assert weak[..., :3].max() < 0.8 * scaled[..., :3].max()
    word(page, "house").hover()
    assert brightness(pixels(page), x, y) == pytest.approx(brightness(strong, x, y), abs=12)


def test_the_scale_that_is_told_is_the_scale_that_is_painted(page):
    def told() -> str:
        return page.locator(".caption .scale").inner_text()

    word(page, "big").hover()
    settle(page)
    common = told()
    word(page, "clouds").hover()
    settle(page)
    assert told() == common
    choose(page, "own")
    word(page, "big").hover()
    settle(page)
    assert told() != common


def test_the_choice_of_the_scale_is_remembered(page, address):
    choose(page, "own")
    show(page, address)
    assert page.locator("[data-value=own]").get_attribute("aria-checked") == "true"
    choose(page, "one")
    show(page, address)
    assert page.locator("[data-value=one]").get_attribute("aria-checked") == "true"
    page.evaluate("() => localStorage.setItem('SelAgg.viewer', '{broken')")
    show(page, address)
    assert page.locator("[data-value=one]").get_attribute("aria-checked") == "true"


def orange(image: np.ndarray) -> int:
    return int((np.abs(image[..., :3].astype(int) - (230, 159, 0)).max(axis=2) < 3).sum())


def test_only_what_has_a_place_is_outlined(page):
    """The same finding about a word with a place, and about one that no head sees."""
    assert orange(pixels(page)) > 50 and "found" in page.locator(".caption").inner_text()
    about = (
        "manifest.report[0].findings = [{...manifest.report[0].findings[0], words: ['big'], evidence: {}}]"
    )
    show_again(page, f"manifest.labels.big ??= [0, [9]]; {about}")
    assert pressed(page) == ["big"]
    assert orange(pixels(page)) == 0 and "found" not in page.locator(".caption").inner_text()
    lost = "manifest.report[0].findings[0].kind = 'neglected'; manifest.report[0].findings[0].evidence = {}"
    show_again(page, lost)
    assert pressed(page) == ["balloon"] and orange(pixels(page)) == 0
    vague = (
        "const [first] = manifest.report[0].findings; Object.assign(first, { kind: 'diffuse', evidence: {} })"
    )
    show_again(page, f"{vague}; first.words = ['balloon', 'house']")
    assert pressed(page) == ["balloon", "house"] and orange(pixels(page)) == 0


def test_masks_do_not_depend_on_the_scale(page):
    word(page, "clouds").click()
    choose(page, "mask")
    mask = pixels(page)
    assert page.locator("[data-value=own]").is_hidden()
    page.evaluate("() => localStorage.setItem('SelAgg.viewer', JSON.stringify({ scale: 'own' }))")
    choose(page, "heat")
    choose(page, "own")
    choose(page, "mask")
    assert np.array_equal(mask, pixels(page))


# ------------------------------------------------------------------------------------------------- filter


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("HOUSE", {"house"}),
        ("lou", {"clouds"}),
        ("b*", {"balloon", "big", "below", "blue"}),
        ("red, sky", {"red", "sky"}),
        ("/^.{3}$/", {"red", "big", "two", "sky"}),
        ("nothing", set()),
    ],
)
def test_words_are_found_by_text_and_pattern(page, written, found):
    page.get_by_label("Find words").fill(written)
    settle(page)
    left = page.locator(".word:not(.marks):not(.out) span").all_inner_texts()
    assert set(left) == found
    assert f"{len(left)} of 20 words" in page.locator(".find").inner_text()


@pytest.mark.parametrize("written", ["/(/", "/[/", "/a{2,1}/"])
def test_a_pattern_that_cannot_be_read_is_said_and_hides_nothing(page, written):
    field = page.get_by_label("Find words")
    field.fill(written)
    settle(page)
    assert (
        field.get_attribute("aria-invalid") == "true" and page.locator(".word.out:not(.marks)").count() == 0
    )
    assert "no pattern" in page.locator(".find").inner_text()


def test_finding_by_keyboard(page):
    field = page.get_by_label("Find words")
    field.focus()
    page.keyboard.type("ou")
    page.keyboard.press("Enter")
    settle(page)
    assert page.locator(".word.active span").inner_text() == "house"
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.locator(".word.active span").inner_text() == "clouds"
    field.focus()
    page.keyboard.press("Escape")
    settle(page)
    assert field.input_value() == "" and pressed(page) == ["balloon"]


def test_a_short_prompt_has_no_field(browser):
    with page_server("a red balloon left of a yellow house") as short:
        page = browser.new_page()
        show(page, short)
        assert page.locator(".find").is_hidden()
        page.close()


# ------------------------------------------------------------------------------------------------ all maps


def tile(page, text: str):
    return page.locator(f'.tile:has(span:text-is("{text}"))').first


def small(page, text: str) -> np.ndarray:
    """The small map of a word, RGB."""
    data = tile(page, text).locator("canvas").screenshot()
    whole = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    return whole[8:-8, 8:-8]  # its corners are round


def open_gallery(page) -> None:
    page.locator("[data-tab=gallery]").click()
    page.mouse.move(1, 1)
    page.wait_for_timeout(500)


def test_all_maps_are_shown_each_where_its_word_is(page, shots):
    open_gallery(page)
    assert (
        page.locator(".tile span").all_inner_texts()
        == page.locator(".word:not(.marks) span").all_inner_texts()
    )
    for text in ("balloon", "house"):
        x, y, *_ = made_run.PLACES[text]
        own, other = small(page, text), small(page, "left")
        assert brightness(own, x, y) > brightness(other, x, y) + 25
    page.screenshot(path=str(shots / "page_gallery.png"))


def test_a_small_map_is_looked_at_and_pinned_like_its_word(page):
    open_gallery(page)
    tile(page, "house").hover()
    settle(page)
    assert "house" in page.locator(".caption").inner_text()
    tile(page, "house").click()
    assert pressed(page) == ["house"] and tile(page, "house").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "green" in page.locator(".caption").inner_text()
    page.keyboard.press("Enter")
    assert pressed(page) == ["house", "green"]


def test_words_that_are_not_looked_for_have_no_small_map(page):
    open_gallery(page)
    page.get_by_label("Find words").fill("b*")
    settle(page)
    assert set(page.locator(".tile:visible span").all_inner_texts()) == {"balloon", "big", "below", "blue"}
    page.get_by_label("Find words").fill("nothing")
    settle(page)
    assert page.get_by_text("No word fits.").is_visible()


def test_small_maps_follow_the_picture_and_the_scale(page):
    open_gallery(page)
    before = small(page, "big")
    choose(page, "own")
    page.wait_for_timeout(400)
    assert int(small(page, "big").max()) > int(before.max()) + 40
    first = small(page, "balloon")
    page.get_by_role("radio", name="Picture 2").click()
    page.locator(".strip [aria-checked=true]:nth-child(2)").wait_for()
    page.mouse.move(1, 1)
    page.wait_for_timeout(600)
    assert np.abs(small(page, "balloon").astype(int) - first).mean() > 5
    page.get_by_role("radio", name="Negative").click()
    page.wait_for_timeout(400)
    assert page.locator(".tile span").all_inner_texts() == ["blurry", "watermark"]


# ---------------------------------------------------------------------------------------- across new runs


def test_what_was_chosen_counts_for_the_next_run(page):
    word(page, "house").click()
    word(page, "sky").click()
    page.locator("[data-tab=heads]").click()
    choose(page, "mask")
    set_slider(page, "Threshold", 40)
    page.get_by_label("Find words").fill("s*")
    show_again(page)
    assert pressed(page) == ["house", "sky"]
    assert page.locator("[data-tab=heads]").get_attribute("aria-selected") == "true"
    assert page.locator("[data-value=mask]").get_attribute("aria-checked") == "true"
    assert page.locator('input[aria-label="Threshold"]').input_value() == "40"
    assert page.get_by_label("Find words").input_value() == "s*"
    page.locator("[data-tab=findings]").click()
    settle(page)
    assert page.locator(".finding.open").count() == 1  # the worst one, beside the artist's own words


def test_pins_follow_their_words_in_another_prompt(page):
    """A word before them is new, and one that was pinned is gone."""
    for text in ("house", "sky"):
        word(page, text).click()
    change = """
      const [text] = manifest.texts
      text.words[0] = { ...text.words[13], text: 'house' }
      text.words[text.words.length - 1].text = 'heaven'
      text.pieces = text.pieces.map(([written, at]) => [at === null ? written : text.words[at].text, at])
      manifest.report.forEach((picture) => { picture.findings = [] })
    """
    show_again(page, change)
    marked = page.locator('.word[aria-pressed="true"]').evaluate_all("all => all.map((w) => w.dataset.word)")
    assert marked == ["0"]  # the first "house", as before
    show_again(page)
    assert pressed(page) == ["house"]


def test_pins_outlast_a_run_that_gave_nothing(page):
    word(page, "house").click()
    page.evaluate("() => place.viewer.clear('nothing came')")
    show_again(page)
    assert pressed(page) == ["house"]


def test_words_of_a_finding_do_not_outlast_it(page):
    assert pressed(page) == ["balloon"]
    show_again(page, "manifest.report.forEach((picture) => { picture.findings = [] })")
    assert pressed(page) == []


def test_words_of_the_negative_prompt_stay_pinned(page):
    page.get_by_role("radio", name="Negative").click()
    word(page, "watermark").click()
    show_again(page)
    assert pressed(page) == ["watermark"]


# --------------------------------------------------------------------------------------------------- card


def card(page) -> tuple[np.ndarray, dict]:
    name, data = downloaded(page, "exportCard", page)
    assert name == "selagg_card.png"
    texts = {key: json.loads(value) for key, value in png_texts(data).items()}
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1], texts


def test_a_card_has_the_picture_the_findings_and_the_workflow(page, shots):
    image, texts = card(page)
    assert texts == WORKFLOW and image.shape[1] == 1280 and image.shape[0] > 660
    cv2.imwrite(str(shots / "card.png"), image[..., ::-1])
    seen = image[36 : 36 + 608, 36 : 36 + 608]
    shown = cv2.resize(pixels(page)[..., :3], (608, 608), interpolation=cv2.INTER_AREA)
    assert np.abs(seen.astype(int) - shown).mean() < 6
    with_text = (np.abs(image[:, 680:].astype(int) - image[5, 5]).max(axis=2) > 60).any(axis=1)
    show_again(page, "manifest.report.forEach((picture) => { picture.findings.splice(1) })")
    fewer, _ = card(page)
    less = (np.abs(fewer[:, 680:].astype(int) - fewer[5, 5]).max(axis=2) > 60).any(axis=1)
    assert less.sum() < with_text.sum() - 60


def test_a_card_is_on_light_or_on_dark_as_the_viewer_is(page):
    page.emulate_media(color_scheme="dark")
    settle(page)
    assert card(page)[0][2, 2].max() < 60
    page.emulate_media(color_scheme="light")
    settle(page)
    assert card(page)[0][2, 2].min() > 200


def test_a_card_takes_any_text(page):
    change = """
      const [text] = manifest.texts
      text.pieces = [['\\u05e9\\u05dc\\u05d5\\u05dd ', null], ...text.pieces,
        ...Array.from({ length: 400 }, (_, i) => [`${'x'.repeat(1 + (i % 200))} `, null])]
      manifest.report[0].findings[0].message = '\\u4e2d'.repeat(300)
      manifest.report[0].findings[1].message = '\\u0645\\u0631\\u062d\\u0628\\u0627 '.repeat(90)
      manifest.report[0].findings[2].message = ''
      manifest.problems = ['<b>' + 'y'.repeat(3000)]
    """
    show_again(page, change)
    image, _ = card(page)
    assert image.shape[1] == 1280 and image.shape[0] < 1600


def test_a_host_that_embeds_nothing_gives_a_card_without_a_workflow(page):
    page.route("**/data/workflow", lambda route: route.fulfill(body="{}"))
    assert card(page)[1] == {}


# ---------------------------------------------------------------------------------------------- languages


def test_findings_are_said_in_the_artists_language(page):
    """By key and values; what a language lacks is said in English, whole."""
    own = {
        "neglected.title": "FEHLT",
        "neglected.sign": "{missing} - {sign}",
        "neglected.plain": "{word} fehlt",
        "neglected.weak": "kaum gesucht",
        "misplaced.place": "{subject}: {found} statt {value}",
        "at.left": "links",
    }
    told = page.evaluate(
        """async (sentences) => {
          const { speaker } = await import('/web/viewer/text.js')
          const say = speaker({ sentences })
          const plain = { key: 'neglected.plain', values: { word: '{sign}' } }
          const sign = { key: 'neglected.weak', values: {} }
          const at = (place) => ({ key: `at.${place}`, values: {} })
          const values = { subject: 'cat', found: at('left') }
          const moved = (value) => ({ key: 'misplaced.place', values: { ...values, value } })
          return [
            say({ key: 'neglected.title', values: {} }, 'Missing'),
            say({ key: 'neglected.sign', values: { missing: plain, sign } }, 'English'),
            say(moved(at('right')), 'English'),
            say(moved('oben'), 'English'),
            say({ key: 'constructor', values: {} }, 'English'),
            say(undefined, 'English'),
          ]
        }""",
        own,
    )
    assert told == [
        "FEHLT",
        "{sign} fehlt - kaum gesucht",
        "English",
        "cat: links statt oben",
        "English",
        "English",
    ]


LOCALES = Path(__file__).resolve().parents[2] / "locales"


def in_words(said: dict, texts: dict[str, str]) -> str:
    values = {name: in_words(v, texts) if isinstance(v, dict) else v for name, v in said["values"].items()}
    return texts[said["key"]].format(**values)


@pytest.mark.parametrize("language", sorted(file.parent.name for file in LOCALES.glob("*/main.json")))
def test_the_viewer_speaks_every_language(page, shots, language):
    texts = json.loads((LOCALES / language / "main.json").read_text("utf-8"))["selagg"]
    manifest = page.evaluate("async () => (await fetch('/data/manifest')).json()")
    findings = [f for f in manifest["report"][1]["findings"] if f["said"]]
    assert findings
    page.evaluate("texts => { place.viewer.texts = texts }", texts)
    page.locator(".strip [role=radio]").nth(1).click()
    page.locator(".strip [aria-checked=true]:nth-child(2)").wait_for()
    settle(page)
    assert page.locator("[data-tab=gallery]").inner_text().strip() == texts["gallery"]
    shown = page.locator(".finding[class]:not(.static)").all_inner_texts()
    for finding, card_text in zip(findings, shown, strict=False):
        assert in_words(finding["said"]["title"], texts["sentences"]) in card_text
        assert in_words(finding["said"]["message"], texts["sentences"]) in card_text
    page.locator("[data-finding]").first.click()
    settle(page)
    page.screenshot(path=str(shots / f"page_{language}.png"))
    # Nothing is cut off at the side, however long the words of a language are.
    for part in (".tools", ".tabs", ".prompt .head", ".prompt .foot"):
        wide = page.locator(part).evaluate("(e) => e.scrollWidth - e.clientWidth")
        assert wide <= 1, part
