import cv2
import numpy as np
import pytest
from synthetic import blob

from selagg_core.drawing.colours import CALM, EXPECTED, FOUND
from selagg_core.drawing.contact_sheet import Tile, contact_sheet, overlay_tile
from selagg_core.drawing.marks import Mark, annotated_picture
from selagg_core.drawing.pictures import (
    enlarged,
    float_batch,
    heat_colours,
    heat_overlay,
    png_bytes,
    rgb_picture,
)
from selagg_core.drawing.text import draw_text, fit_text, safe_text, text_width, wrap_text

PICTURE = np.full((128, 128, 3), (90, 120, 150), np.uint8)


def without_fonts(monkeypatch):
    monkeypatch.setattr("selagg_core.drawing.text._has_fonts", lambda: False)


@pytest.fixture(params=["outline font", "strokes"])
def fonts(request, monkeypatch):
    """OpenCV 5 draws with an outline font, earlier ones with strokes: both must work."""
    if request.param == "strokes" or not hasattr(cv2, "FontFace"):
        without_fonts(monkeypatch)


def test_the_overlay_is_bright_where_the_map_is_high():
    shown = heat_overlay(PICTURE, blob((16, 16), 0.25, 0.25, 0.1)).astype(int)
    assert shown[32, 32].sum() > shown[100, 100].sum() + 200
    assert shown.shape == PICTURE.shape


def test_brightness_rises_with_the_map():
    colours = heat_colours(np.linspace(0, 1, 256)[None])
    lightness = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[0, :, 0].astype(int)
    assert (np.diff(lightness) >= -1).all() and lightness[-1] - lightness[0] > 200


def test_tiles_of_small_pictures_are_enlarged(fonts):
    tile = overlay_tile(PICTURE, Tile("red", blob((128, 128), 0.5, 0.5, 0.1), "peak 0.2"))
    assert tile.shape[1] == 256 and tile.shape[0] > 256
    large = np.zeros((600, 300, 3), np.uint8)
    assert overlay_tile(large, Tile("red", blob((8, 8), 0.5, 0.5, 0.1))).shape[1] == 300


@pytest.mark.parametrize("count", [1, 2, 5, 12, 40])
@pytest.mark.parametrize("shape", [(128, 128), (64, 192), (300, 100)])
def test_contact_sheets_hold_every_tile(count, shape):
    picture = np.zeros((*shape, 3), np.uint8)
    plain = enlarged(picture, 256)
    sheet = contact_sheet(picture, [Tile(str(i), np.ones(shape)) for i in range(count)], "a title")
    # A map of ones is the lightest colour all over: the cells can be counted in a sheet without paper's grey.
    tile = heat_overlay(plain, np.ones(shape))[0, 0]
    same = (np.abs(sheet.astype(int) - tile).sum(axis=2) == 0).sum()
    assert same >= count * plain.shape[0] * plain.shape[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "\u732b\u3068\u72ac",
        "\U0001f431\U0001f3fd\u200d",
        "caf\u00e9 na\u00efve",
        "line\nbreak\ttab\x00\x1b[31m",
        "\u202egnp.exe",
        "\ud800 lone surrogate",
        "%s {0} $(rm)",
        "x" * 5000,
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    ],
)
def test_any_text_can_be_drawn(text, fonts):
    tile = Tile(text, np.ones((8, 8)), text)
    assert overlay_tile(PICTURE, tile).shape[1] == 256
    assert contact_sheet(PICTURE, [tile], text, text).ndim == 3
    assert annotated_picture(PICTURE, [Mark(text, text)]).shape[1] == 512
    safe = safe_text(text)
    assert "\n" not in safe and "\x1b" not in safe and "\u202e" not in safe


def test_what_the_font_cannot_draw_is_shown_by_its_code_point(monkeypatch):
    assert safe_text("\U0001f431") == "U+1F431"
    without_fonts(monkeypatch)
    assert safe_text("caf\u00e9 \u732b") == "cafe U+732B"


def test_text_is_drawn_and_fits(fonts):
    canvas = np.full((60, 400, 3), 255, np.uint8)
    draw_text(canvas, "a word", (10, 40), 24, (0, 0, 0))
    columns = np.flatnonzero((canvas < 128).any(axis=(0, 2)))
    width = text_width("a word", 24)
    assert 50 < width < 130
    assert columns.min() >= 9 and columns.max() <= 12 + width
    long = fit_text("a very long sentence that goes on", 150, 20)
    assert long.endswith("...") and text_width(long, 20) <= 150
    for line in wrap_text("many words " * 20, 200, 16):
        assert text_width(line, 16) <= 200


def test_expected_and_found_regions_are_outlined_differently():
    left = np.zeros((128, 128), bool)
    left[20:100, 10:50] = True
    right = left[:, ::-1]
    shown = annotated_picture(PICTURE, [Mark("misplaced", expected=left, found=right)])[:512]
    expected = (np.abs(shown.astype(int) - EXPECTED).sum(axis=2) < 12).nonzero()
    found = (np.abs(shown.astype(int) - FOUND).sum(axis=2) < 12).nonzero()
    assert expected[0].size > 200 and found[0].size > expected[0].size
    assert expected[1].max() < 256 < found[1].min()


def test_a_region_of_several_marks_is_outlined_once_with_all_their_numbers():
    left = np.zeros((128, 128), bool)
    left[20:100, 10:50] = True
    marks = [Mark("a", found=left, label="cat"), Mark("b", found=left.copy(), label="cat")]
    one, both, apart = (
        annotated_picture(PICTURE, given)[:512]
        for given in (marks[:1], marks, [marks[0], Mark("b", found=left[:, ::-1], label="cat")])
    )
    differs = (one != both).any(axis=2)
    assert 0 < differs.sum() < 8000  # only the badge, which has a second number
    assert (one != apart).any(axis=2)[:, 256:].any()


def test_a_region_up_to_the_border_and_an_empty_one():
    whole = np.ones((128, 128), bool)
    shown = annotated_picture(PICTURE, [Mark("a", expected=whole), Mark("b", found=~whole)])
    assert (np.abs(shown[:20].astype(int) - EXPECTED).sum(axis=2) < 12).any()
    assert not (np.abs(shown[:512].astype(int) - FOUND).sum(axis=2) < 12).any()


def test_a_picture_without_findings_says_so():
    calm = annotated_picture(PICTURE, [], "No warning.")
    assert calm.shape[0] > 512 and (np.abs(calm[512:].astype(int) - CALM).sum(axis=2) < 12).any()


def test_a_batch_has_one_size_and_a_png_is_lossless():
    batch = float_batch([PICTURE, PICTURE[:64]])
    assert batch.shape == (2, 128, 128, 3) and batch.dtype == np.float32 and batch.max() <= 1
    data = np.frombuffer(png_bytes(PICTURE), np.uint8)
    np.testing.assert_array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], PICTURE)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_channels_and_odd_values(channels):
    image = np.full((4, 4, channels), 2.0, np.float32)
    image[0, 0] = np.nan
    shown = rgb_picture(image)
    assert shown.shape == (4, 4, 3) and shown[1, 1].tolist() == [255] * 3 and shown[0, 0].tolist() == [0] * 3
