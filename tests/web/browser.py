"""The chromium of this machine, for Playwright."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Nothing here may reach for the network or a graphics card, whatever this machine has.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium(playwright: Playwright) -> Browser:
    """$SELAGG_BROWSER, or the one that is installed. Raises FileNotFoundError if there is none."""
    program = os.environ.get("SELAGG_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise FileNotFoundError("There is no chromium on this machine (Debian: apt-get install chromium).")
    return playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
