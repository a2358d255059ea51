"""What several files of tests of the core share."""

from __future__ import annotations

import json

import pytest

from selagg_core.repair import counts


@pytest.fixture
def file_of_counts(monkeypatch, tmp_path):
    """Puts counts in place of those that ship: kind -> start -> (mended, wrong before, broken, right)."""

    def write(**kinds):
        made = {
            kind: {"starts": {start: _row(*own) for start, own in row.items()}} for kind, row in kinds.items()
        }
        file = tmp_path / "counts.json"
        file.write_text(json.dumps({"kinds": made}), "utf-8")
        monkeypatch.setattr(counts, "COUNTS_FILE", file)
        counts._counted.cache_clear()

    yield write
    monkeypatch.undo()
    counts._counted.cache_clear()


def _row(mended: int, before: int, broken: int, right: int) -> dict:
    return {"mended": mended, "fresh_before": before, "broken": [broken, right]}
