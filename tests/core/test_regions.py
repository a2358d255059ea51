import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import blob

from selagg_core.maps.regions import (
    Region,
    centroid,
    found_region,
    from_mask,
    iou,
    largest_component,
    mass_inside,
    otsu_threshold,
    parse_box,
    parse_boxes,
    peak,
    place_name,
)


def bounding_box(region: Region) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 px around a region, the far edges exclusive."""
    ys, xs = np.nonzero(region.mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def box(text: str, size: tuple[int, int] = (100, 200)):
    return bounding_box(parse_box(text).region(size))


def test_boxes_in_pixels_and_per_cent():
    assert box("cat: 0, 0, 50%, 100%") == (0, 0, 100, 100)
    assert box("cat:10,20,30,40") == (10, 20, 30, 40)
    assert box("red cat: 25%, 10, 150, 50%") == (50, 10, 150, 50)
    assert box("cat: -10, 0, 5000, 20") == (0, 0, 200, 20)
    assert [one.label for one in parse_boxes("cat: 0,0,1,1\n\n dog : 0,0,1,1 \n")] == ["cat", "dog"]


@pytest.mark.parametrize(
    "line", ["cat", "cat: 1,2,3", "cat: 1,2,3,4,5", ": 1,2,3,4", "cat: a,b,c,d", "1,2,3,4"]
)
def test_a_box_that_cannot_be_read_is_quoted_with_the_right_form(line):
    with pytest.raises(ValueError, match="left, top, right, bottom"):
        parse_box(line)


@pytest.mark.parametrize("line", ["cat: 50%, 0, 50%, 100%", "cat: 60,0,10,9", "cat: 300,0,400,50"])
def test_a_box_without_content(line):
    with pytest.raises(ValueError, match='"cat" holds nothing of the 200x100 picture'):
        parse_box(line).region((100, 200))


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_no_text_makes_the_box_reader_fail_otherwise(text):
    try:
        parse_boxes(text)
    except ValueError as error:
        assert "cannot read the box" in str(error)


def test_masks_are_resized_only_in_proportion():
    mask = np.zeros((64, 128), np.float32)
    mask[:, :64] = 1
    region = from_mask(mask, (100, 200), "cat")
    assert bounding_box(region) == (0, 0, 100, 100)
    with pytest.raises(ValueError, match="mask is 128x64, the picture 100x100"):
        from_mask(mask, (100, 100))


def test_an_empty_mask_is_an_error():
    with pytest.raises(ValueError, match="mask is empty"):
        from_mask(np.zeros((8, 8)), (8, 8))


def test_otsu_parts_two_levels():
    heat = np.where(blob((64, 64), 0.5, 0.5, 0.1) > 0.5, 0.9, 0.2)
    assert 0.2 <= otsu_threshold(heat) < 0.9
    assert otsu_threshold(np.full((8, 8), 0.4)) == 1.0
    assert not found_region(np.full((8, 8), 0.4)).mask.any()


def test_largest_component_and_overlap():
    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:4] = True
    mask[10:18, 10:18] = True
    largest = largest_component(Region(mask))
    assert bounding_box(largest) == (10, 10, 18, 18)
    assert iou(Region(mask), largest) == pytest.approx(64 / 68)
    empty = Region(np.zeros((20, 20), bool))
    assert iou(empty, empty) == 0.0 and not largest_component(empty).mask.any()


def test_mass_peak_and_centroid():
    heat = blob((40, 80), 0.25, 0.75, 0.05)
    left = Region(np.arange(80)[None].repeat(40, 0) < 40)
    assert mass_inside(heat, left) > 0.99
    assert mass_inside(np.zeros((40, 80)), left) == 0.0
    assert centroid(heat) == pytest.approx((0.25, 0.75), abs=0.01)
    assert centroid(np.zeros((4, 4))) == (0.5, 0.5)
    assert peak(heat) in [(19, 29), (20, 29), (19, 30), (20, 30)]


def test_places_in_words():
    assert place_name(0.1, 0.1) == "upper left"
    assert place_name(0.5, 0.9) == "bottom"
    assert place_name(0.9, 0.5) == "right"
    assert place_name(0.5, 0.5) == "centre"
