"""A real browser for these tests: chromium, driven by Playwright; without it they are skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

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
