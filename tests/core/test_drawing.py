import cv2
import numpy as np
import pytest
from PIL import ImageFont
from scipy.ndimage import binary_fill_holes, gaussian_filter
from synthetic import blob

from selagg_core.drawing import text
from selagg_core.drawing.colours import ALERT, CALM, EXPECTED, FOUND, MUTED
from selagg_core.drawing.contact_sheet import Tile, contact_sheet, overlay_tile
from selagg_core.drawing.marks import Mark, annotated_picture
from selagg_core.drawing.pictures import (
    enlarged,
    float_batch,
    heat_colours,
    heat_overlay,
    png_bytes,
    reduced,
    rgb_picture,
)
from selagg_core.drawing.strokes import draw_disc, draw_line, outer_contours
from selagg_core.drawing.text import draw_text, fit_text, safe_text, text_width, wrap_text

PICTURE = np.full((128, 128, 3), (90, 120, 150), np.uint8)


def forget_fonts():
    for cached in (text.font_of, text._font, text._has):
        cached.cache_clear()


@pytest.fixture
def own_font_only(monkeypatch):
    """A system without any font but Pillow's own."""
    monkeypatch.setattr(text, "SYSTEM_FONTS", ())
    forget_fonts()
    yield
    forget_fonts()


@pytest.fixture(params=["of the system", "its own", "old Pillow"])
def fonts(request, monkeypatch):
    """Pillow draws with an outline font of its own or of the system; before 10.1 with a small one of dots."""
    if request.param != "of the system":
        monkeypatch.setattr(text, "SYSTEM_FONTS", ())
    if request.param == "old Pillow":
        dots = ImageFont.load_default_imagefont() if hasattr(ImageFont, "load_default_imagefont") else None
        monkeypatch.setattr(text, "_own_font", lambda size: dots or ImageFont.load_default())
    forget_fonts()
    yield request.param
    forget_fonts()


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
    "words",
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
def test_any_text_can_be_drawn(words, fonts):
    tile = Tile(words, np.ones((8, 8)), words)
    assert overlay_tile(PICTURE, tile).shape[1] == 256
    assert contact_sheet(PICTURE, [tile], words, words).ndim == 3
    assert annotated_picture(PICTURE, [Mark(words, words)]).shape[1] == 512
    safe = safe_text(words)
    assert "\n" not in safe and "\x1b" not in safe and "\u202e" not in safe


def test_what_no_font_can_draw_is_shown_by_its_code_point(own_font_only):
    assert safe_text("\U0001f431 \ud800") == "U+1F431 U+D800"
    assert safe_text("caf\u00e9 na\u00efve \u732b") == "cafe naive U+732B"


def test_a_font_of_the_system_draws_what_pillows_own_cannot(monkeypatch, tmp_path):
    known = [name for name in text.SYSTEM_FONTS if text._font(name, 20)]
    if not known:
        pytest.skip("this system has none of the fonts")
    canvas = np.full((60, 200, 3), 255, np.uint8)
    draw_text(canvas, "\u0416", (10, 40), 24, (0, 0, 0))
    assert safe_text("\u0416") == "\u0416" and (canvas < 128).any()


def test_text_is_drawn_and_fits(fonts):
    canvas = np.full((60, 400, 3), 255, np.uint8)
    draw_text(canvas, "a word", (10, 40), 24, (0, 0, 0))
    rows, columns = (np.flatnonzero((canvas < 128).any(axis=(axis, 2))) for axis in (1, 0))
    width = text_width("a word", 24)
    assert (30 if fonts == "old Pillow" else 50) < width < 130
    assert columns.min() >= 9 and columns.max() <= 12 + width
    assert rows.min() > 15 and rows.max() <= 43
    long = fit_text("a very long sentence that goes on", 150, 20)
    assert text_width(long, 20) <= 150 and (long.endswith("...") or fonts == "old Pillow")
    for line in wrap_text("many words " * 20, 200, 16):
        assert text_width(line, 16) <= 200


def test_bold_text_is_wider_and_darker():
    inked = []
    for weight in (text.REGULAR, text.BOLD):
        canvas = np.full((60, 400, 3), 255, np.uint8)
        draw_text(canvas, "a word", (10, 40), 24, (0, 0, 0), weight)
        inked.append((text_width("a word", 24, weight), int((255 - canvas).sum())))
    assert inked[1][0] >= inked[0][0] and inked[1][1] > 1.1 * inked[0][1]


def test_text_over_an_edge_is_cut():
    canvas = np.full((20, 30, 3), 255, np.uint8)
    for origin in ((-8, 10), (25, 10), (5, 2), (5, 35), (500, 500), (-500, -500)):
        draw_text(canvas, "word", origin, 16, (0, 0, 0))
    assert (canvas < 128).any()


def test_strokes_are_as_thick_as_asked_and_smooth():
    canvas = np.full((60, 60, 3), 255, np.uint8)
    draw_line(canvas, [(10, 30), (50, 30)], (0, 0, 0), 6)
    assert 5.5 <= (255 - canvas[:, 30, 0].astype(float)).sum() / 255 <= 6.5
    canvas[:] = 255
    draw_disc(canvas, (30, 30), 12, (0, 0, 0))
    covered = (255 - canvas[..., 0].astype(float)).sum() / 255
    assert abs(covered - np.pi * 12**2) < 0.06 * np.pi * 12**2
    assert len(np.unique(canvas[..., 0])) > 5
    canvas[:] = 255
    draw_disc(canvas, (30, 30), 12, (0, 0, 0), 2)
    assert canvas[30, 30, 0] == 255 and canvas[30, 18, 0] < 100
    draw_line(canvas, [(-100, -100), (-50, -60)], (0, 0, 0), 6)  # all outside


@pytest.mark.parametrize("seed", range(40))
def test_outer_contours_agree_with_an_independent_tracing(seed):
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.random(rng.integers(3, 70, 2)), 3 * rng.random())
    mask = binary_fill_holes(field > np.quantile(field, rng.random()))
    reference, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    wanted = sorted((sorted(map(tuple, contour[:, 0].tolist())) for contour in reference), key=str)
    found = outer_contours(mask)
    assert sorted((sorted(map(tuple, contour.tolist())) for contour in found), key=str) == wanted
    for contour in found:
        steps = np.abs(np.diff(np.vstack([contour, contour[:1]]), axis=0)).max(axis=1)
        assert steps.max() <= 1


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


@pytest.mark.parametrize(
    ("shape", "longest"), [((40, 100), 100), ((40, 100), 99), ((301, 7), 100), ((1, 1), 5)]
)
def test_a_large_picture_is_shown_smaller(shape, longest):
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    small = reduced(picture, longest)
    assert small.dtype == np.uint8 and max(small.shape[:2]) <= longest
    assert np.array_equal(small, picture) == (max(shape) <= longest)
    assert abs(float(small.mean()) - float(picture.mean())) < 6


def test_what_is_sure_is_numbered_on_a_disc_and_what_is_not_in_a_ring():
    sure, unsure = (
        annotated_picture(PICTURE, [Mark("a sentence", sure=sure)])[512:].astype(int)
        for sure in (True, False)
    )
    discs = [int((np.abs(panel - ALERT).sum(axis=2) < 12).sum()) for panel in (sure, unsure)]
    assert discs[0] > 150 and discs[1] == 0
    left = unsure[:, :60]
    ring = (np.abs(left - MUTED).sum(axis=2) < 12).sum()
    assert 0 < ring < discs[0]  # the ground shows through its middle
