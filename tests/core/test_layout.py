"""Identity and order of heads."""

from __future__ import annotations

import pytest

from selagg_core.recording.layout import HeadId, HeadLayout, LayerId, sd1_layout, sdxl_layout


def test_sd1_has_the_published_heads():
    layout = sd1_layout()
    assert layout.total == 128
    assert [str(layer) for layer in layout.layers[:3]] == ["input 1.0", "input 2.0", "input 4.0"]
    assert layout.layers[6] == LayerId("middle", 0, 0)
    assert layout.layers[-1] == LayerId("output", 11, 0)
    # "mid, layer: 0, head: 5" is the 54th published head.
    assert layout.index(HeadId(LayerId("middle", 0, 0), 5)) == 53


def test_sdxl_has_the_published_heads():
    layout = sdxl_layout()
    assert layout.total == 1300
    assert len(layout.layers) == 70
    by_block = {
        block: sum(
            heads for layer, heads in zip(layout.layers, layout.heads, strict=True) if layer.block == block
        )
        for block in ("input", "middle", "output")
    }
    assert by_block == {"input": 440, "middle": 200, "output": 660}
    # "up, layer: 14, head: 6": the fifth transformer block of output 1.
    assert layout.index(HeadId(LayerId("output", 1, 4), 6)) == 440 + 200 + 14 * 20 + 6


def test_order_does_not_depend_on_the_order_given():
    rows = [
        (x.block, x.number, x.depth, h)
        for x, h in zip(sdxl_layout().layers, sdxl_layout().heads, strict=True)
    ]
    assert HeadLayout.of(sorted(rows, key=str)) == sdxl_layout()
    assert HeadLayout.of(reversed(rows)) == sdxl_layout()


@pytest.mark.parametrize("layout", [sd1_layout(), sdxl_layout(), HeadLayout.of([("input", 1, 0, 3)])])
def test_index_and_head_at_are_inverse(layout):
    heads = [layout.head_at(i) for i in range(layout.total)]
    assert [layout.index(head) for head in heads] == list(range(layout.total))
    assert len(set(heads)) == layout.total
    for layer in layout.layers:
        assert layout.head_at(layout.offset(layer)) == HeadId(layer, 0)


def test_errors_say_what_is_wrong():
    layout = sd1_layout()
    with pytest.raises(ValueError, match="Head 128 is outside"):
        layout.head_at(128)
    with pytest.raises(ValueError, match="has 8 heads, not head 8"):
        layout.index(HeadId(LayerId("middle", 0, 0), 8))
    with pytest.raises(ValueError, match="output 2.0 is not in this layout"):
        layout.offset(LayerId("output", 2, 0))
    for name in ("", "<b>", "7th", "x" * 41, "double\nblock"):
        with pytest.raises(ValueError, match="no name of a block"):
            LayerId(name, 0, 0)
    with pytest.raises(ValueError, match="occurs twice"):
        HeadLayout.of([("input", 1, 0, 3), ("input", 1, 0, 3)])
