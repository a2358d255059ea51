"""Words that are not in the prompt are a text of their own in the viewer, and said to be none of it."""

from __future__ import annotations

from dataclasses import replace

import made_run
from page_server import page_server


def view_with_asked_words():
    """The made-up run, asked about the words of its negative prompt as if they were in neither."""
    view = made_run.made_view(made_run.TEXT)
    negative = next(entry for entry in view.recording.entries if entry.kind == "negative")
    asked = replace(negative, kind="asked")
    return replace(view, recording=replace(view.recording, entries=(*view.recording.entries, asked)))


def test_asked_words_are_chosen_by_a_label_that_says_so(browser, shots):
    with page_server(view=view_with_asked_words()) as address:
        page = browser.new_page(viewport={"width": 880, "height": 660})
        page.goto(address)
        page.wait_for_selector("body[data-ready=yes]")
        label = page.get_by_role("radio", name=f"Not in the prompt: {made_run.NEGATIVE}")
        label.click()
        words = page.locator(".text .word:not(.marks) span").all_inner_texts()
        assert words == ["blurry", "watermark"]
        page.screenshot(path=str(shots / "asked_words.png"))
        page.close()
