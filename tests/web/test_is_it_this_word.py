"""A finding's question, "is it this word?": the same seed without the word, what that changes, and back."""

from __future__ import annotations

import pytest
from graph_edits import REMOVE, edit, graph, undo
from test_try_it import REQUEST, diagnosed, example, of, pixels, shows_viewers

FIELDS = ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")
ASK = ".finding.open .ask button"


def asked(frontend, viewer, place: int = 0):
    """Asks about a word of the open finding; gives the word, and what is shown."""
    button = viewer.locator(ASK).nth(place)
    word = button.get_attribute("data-without")
    button.click()
    shown = viewer.locator(".comparison")
    shown.locator(".effect").wait_for()
    loaded = "(own) => Promise.all([...own.querySelectorAll('img')].map((image) => image.decode()))"
    shown.evaluate(loaded)
    return word, shown


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
def test_one_click_shows_what_a_word_does(frontend, server, shot, vue):
    frontend.open(vue_nodes=vue)
    frontend.load(example("misplaced", 8 + vue))
    frontend.run()
    if vue and not shows_viewers(frontend):
        pytest.skip("The Vue nodes of this frontend do not show any custom DOM widget yet.")
    viewer = frontend.wait_for_view()
    viewer.locator(ASK).first.wait_for()
    before = graph(frontend)
    view = viewer.locator(".finding.open .message").inner_text()
    word, shown = asked(frontend, viewer)
    frontend.screenshot(shot(f"is_it_this_word_{'vue' if vue else 'classic'}"))
    assert f'"{word}"' in shown.locator(".effect").inner_text() and "of 255" in shown.inner_text()
    without, with_it = pixels(shown.locator(".rooms .room").first)
    assert without != with_it
    assert shown.locator(".still img").evaluate("(image) => image.naturalWidth") > 0
    check_wiring(frontend, word)
    assert viewer.locator(".finding.open .message").inner_text() == view, "the diagnosis stays as it is"
    viewer.locator("[data-compared=undo]").click()
    frontend.page.wait_for_timeout(2500)
    assert not viewer.locator(".complaint").is_visible(), viewer.locator(".complaint").inner_text()
    undone = graph(frontend)
    assert undone[0]["links"] == before[0]["links"]
    assert len(undone[0]["nodes"]) == len(before[0]["nodes"])


def check_wiring(frontend, word: str) -> None:
    requested = frontend.page.evaluate(REQUEST)
    (sampler,), (what_if,) = of(frontend, "KSampler"), of(frontend, "SelAggWhatIf")
    assert {name: what_if[name] for name in FIELDS} == {name: sampler[name] for name in FIELDS}
    assert what_if["words"] == word and what_if["from_share"] == 0
    assert [what_if[name] for name in ("positive", "negative")] == [
        sampler[name] for name in ("positive", "negative")
    ]
    assert what_if["latent"] == sampler["latent_image"]
    capture = requested[sampler["model"][0]]
    assert capture["class_type"] == "SelAggCapture" and what_if["model"] == capture["inputs"]["model"]


def test_another_word_asks_the_same_node_and_all_can_be_taken_out(frontend):
    frontend.open()
    viewer = diagnosed(frontend, example("misplaced"))
    first, _ = asked(frontend, viewer)
    viewer.locator("[data-compared=keep]").click()
    assert not viewer.locator(".comparison").is_visible()
    second, shown = asked(frontend, viewer, 1)
    assert second != first and f'"{second}"' in shown.locator(".row").inner_text()
    assert len(of(frontend, "SelAggWhatIf")) == 1
    frontend.page.keyboard.press("Escape")
    edit(frontend, REMOVE)
    assert not of(frontend, "SelAggWhatIf") and of(frontend, "KSampler")
    undo(frontend)


CUSTOM = """() => {
  const sampler = app.graph._nodes.find((n) => n.type === 'KSampler')
  sampler.disconnectInput(sampler.inputs.findIndex((i) => i.name === 'negative'))
}"""


def test_nothing_is_offered_where_it_could_not_be_done(frontend):
    """A sampler without a negative prompt cannot be repeated by SelAgg What If."""
    frontend.open()
    viewer = diagnosed(frontend, example("misplaced"))
    assert viewer.locator(ASK).count() > 1
    before = graph(frontend)
    frontend.page.evaluate(CUSTOM)
    changed = graph(frontend)
    viewer.locator(ASK).first.click()
    viewer.locator(".complaint").wait_for()
    assert "SelAgg What If" in viewer.locator(".complaint").inner_text()
    assert graph(frontend) == changed != before
