"""Resampling without OpenCV gives what OpenCV gives."""

import cv2
import numpy as np
import pytest

from selagg_core.diagnosis.pixels import lab
from selagg_core.drawing.pictures import heat_colours
from selagg_core.maps.regions import otsu_threshold
from selagg_core.maps.resample import area_mean, bilinear, nearest, numbered_parts, window_mean

RNG = np.random.default_rng(5)
SIZES = [((128, 128), (96, 96)), ((100, 333), (37, 59)), ((64, 50), (128, 90)), ((33, 20), (33, 20))]


@pytest.mark.parametrize(("size", "wanted"), SIZES)
def test_means_over_areas(size, wanted):
    picture = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    reference = cv2.resize(picture, wanted[::-1], interpolation=cv2.INTER_AREA)
    assert area_mean(picture, wanted).dtype == np.uint8
    np.testing.assert_allclose(area_mean(picture, wanted).astype(int), reference, atol=1)
    plane = RNG.random(size).astype(np.float32)
    reference = cv2.resize(plane, wanted[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(area_mean(plane, wanted), reference, atol=1e-5)


@pytest.mark.parametrize(("size", "wanted"), SIZES)
def test_linear_and_nearest(size, wanted):
    values = RNG.random((*size, 4)).astype(np.float32)
    np.testing.assert_allclose(bilinear(values, wanted), cv2.resize(values, wanted[::-1]), atol=1e-4)
    reference = cv2.resize(values, wanted[::-1], interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(nearest(values, wanted), reference)
    assert bilinear(values[..., 0] > 0.5, wanted).shape == wanted


@pytest.mark.parametrize("radius", [1, 4, 17])
def test_means_over_windows(radius):
    for values in (RNG.random((40, 30)), RNG.random((3, 25, 60))):
        values = values.astype(np.float32)
        side = (2 * radius + 1,) * 2
        found = np.atleast_3d(window_mean(values, radius).T).T
        for plane, means in zip(np.atleast_3d(values.T).T, found, strict=True):
            reference = cv2.blur(plane, side, borderType=cv2.BORDER_REFLECT)
            np.testing.assert_allclose(means, reference, atol=1e-5)


def test_a_window_wider_than_the_picture():
    np.testing.assert_allclose(window_mean(np.full((2, 3), 5.0), 40), 5.0)


def test_connected_parts():
    mask = RNG.random((50, 70)) > 0.7
    numbers, sizes = numbered_parts(mask)
    count, reference, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    assert sorted(sizes) == sorted(stats[1:, cv2.CC_STAT_AREA]) and len(sizes) == count - 1
    assert {(a, b) for a, b in zip(numbers.flat, reference.flat, strict=True)}.__len__() == count
    assert [int((numbers == n + 1).sum()) for n in range(len(sizes))] == sizes.tolist()
    assert numbered_parts(np.zeros((4, 4), bool))[1].size == 0


@pytest.mark.parametrize("power", [0.3, 1, 4])
def test_the_threshold_of_otsu_parts_the_same_cells(power):
    for _ in range(50):
        heat = RNG.random((16, 16)) ** power
        heat = (heat - heat.min()) / (heat.max() - heat.min())
        levels = np.round(heat * 255).astype(np.uint8)
        threshold = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]
        np.testing.assert_array_equal(levels > round(otsu_threshold(heat) * 255), levels > threshold)


def test_lab_is_that_of_its_definition():
    picture = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    reference = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    np.testing.assert_allclose(lab(picture), reference, atol=0.6)  # OpenCV reads it from a coarse table
    known = np.array([[[255, 255, 255], [255, 0, 0], [0, 0, 255]]], np.uint8)
    expected = [[100, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    np.testing.assert_allclose(lab(known)[0], expected, atol=0.02)


def test_heat_is_coloured_by_inferno():
    levels = np.arange(256, dtype=np.uint8)[None]
    reference = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(heat_colours(levels / 255), reference)
