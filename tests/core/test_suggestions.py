"""What findings tell the artist to try."""

from __future__ import annotations

import json

import pytest

from selagg_core.diagnosis import suggestions
from selagg_core.diagnosis.suggestions import RATES_FILE, advice_for, suggestion_for


@pytest.fixture
def rates(tmp_path, monkeypatch):
    """Writes counts of its own in place of the shipped ones."""

    def write(kinds: dict | None) -> None:
        path = tmp_path / "rates.json"
        if kinds is not None:
            path.write_text(json.dumps({"kinds": kinds}))
        monkeypatch.setattr(suggestions, "RATES_FILE", path)
        suggestions.counted.cache_clear()

    yield write
    suggestions.counted.cache_clear()


def test_what_helped_most_comes_first_with_its_count_and_what_never_did_is_left_out(rates):
    counts = {"seed": (1, 4), "region": (3, 4), "weight": (0, 9), "order": (0, 9), "tags": (0, 9)}
    rates({"leaked": {name: {"helped": own[0], "tried": own[1]} for name, own in counts.items()}})
    told = suggestion_for("leaked", ("red", "scarf"))
    assert told == (
        "prompt each thing in a region of its own (Conditioning Set Area or Set Mask), or try another seed."
    )
    assert advice_for("leaked", ("red", "scarf")).helped == ((3, 4), (1, 4))
    assert "weight" not in told and "first" not in told


def test_without_counts_something_is_said_all_the_same(rates):
    rates(None)
    assert suggestion_for("neglected", ("cat (2)",)) == (
        'raise the weight of "cat (2)", such as (cat:1.4), or try another seed.'
    )


@pytest.mark.parametrize("kind", ["neglected", "leaked", "wrong_sense", "misplaced", "blended", "diffuse"])
def test_every_kind_has_a_suggestion_from_the_shipped_counts(kind):
    told = suggestion_for(kind, ("red", "scarf"))
    assert told.endswith(".") and "{" not in told
    shipped = json.loads(RATES_FILE.read_text("utf-8"))["kinds"]
    assert bool(advice_for(kind, ("red", "scarf")).helped) == (kind in shipped)
