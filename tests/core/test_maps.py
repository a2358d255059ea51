import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from synthetic import GRIDS, LAYOUT, blob, entry_of, random_head_maps

from selagg_core.maps.arrays import cap_borders, normalise, paste_area, resize_maps
from selagg_core.maps.heads import select_heads
from selagg_core.maps.word_maps import group_maps, word_maps


def naive_daam(head_maps, word: int, chosen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """DAAM written as plainly as can be: one head after the other, torch's bicubic interpolation."""
    upsampled = []
    for number in np.flatnonzero(chosen):
        head = LAYOUT.head_at(int(number))
        tensor = torch.from_numpy(head_maps.maps[head.layer][head.head, word].copy()).double()[None, None]
        fine = functional.interpolate(tensor, size=(16, 16), mode="bicubic")
        upsampled.append(fine.clamp(min=0)[0, 0])
    mean = torch.stack(upsampled).mean(dim=0)[None, None]
    return functional.interpolate(mean, size=size, mode="bicubic")[0, 0].numpy()


@pytest.mark.parametrize("mode", ["all", "selective", "least"])
def test_word_maps_are_daam_over_the_selected_heads(mode):
    head_maps = random_head_maps(1)
    selection = select_heads(LAYOUT, mode, 0.4, scores=np.array([3, 1, 4, 1, 5, 9, 2.0]))
    maps = word_maps(head_maps, selection, (32, 24))
    assert maps.shape == (3, 32, 24) and maps.dtype == np.float32
    for word in range(3):
        np.testing.assert_allclose(
            maps[word], naive_daam(head_maps, word, selection.mask, (32, 24)), atol=2e-6
        )


def test_a_selection_for_each_word():
    head_maps = random_head_maps(2)
    scores = [np.arange(7.0), -np.arange(7.0), np.ones(7)]
    selections = [select_heads(LAYOUT, "selective", 0.3, one) for one in scores]
    maps = word_maps(head_maps, selections)
    for word, selection in enumerate(selections):
        np.testing.assert_allclose(maps[word], word_maps(head_maps, selection)[word], atol=1e-7)
    assert not np.allclose(maps[0], word_maps(head_maps, selections[1])[0])


def test_small_chunks_give_the_same_maps(monkeypatch):
    head_maps = random_head_maps(3)
    whole = word_maps(head_maps, select_heads(LAYOUT))
    monkeypatch.setattr("selagg_core.maps.word_maps.CHUNK_PIXELS", 1)
    np.testing.assert_allclose(word_maps(head_maps, select_heads(LAYOUT)), whole, atol=1e-6)


def test_a_phrase_is_the_mean_of_its_words():
    entry = entry_of("red cat", {"red": (0.2, 0.5, 0.1), "cat": (0.7, 0.5, 0.2)})
    maps = group_maps(entry, 0, [(0, 1), (0,), (1,)], select_heads(LAYOUT), (16, 16))
    np.testing.assert_allclose(maps[0], maps[1:].mean(axis=0), atol=1e-6)
    assert not np.allclose(maps[1], maps[2])


def test_selections_take_stable_top_and_bottom_heads():
    scores = np.array([1.0, 5, 5, 0, 5, 0, 2])
    assert np.flatnonzero(select_heads(LAYOUT, "selective", 2 / 7, scores).mask).tolist() == [1, 2]
    assert np.flatnonzero(select_heads(LAYOUT, "least", 3 / 7, scores).mask).tolist() == [0, 3, 5]
    assert select_heads(LAYOUT, "selective", 0.001, scores).count == 1
    assert select_heads(LAYOUT, "selective", 1.0, scores).count == LAYOUT.total


@pytest.mark.parametrize("mode", ["selective", "least"])
def test_without_relevance_all_heads_are_used_and_said_so(mode):
    selection = select_heads(LAYOUT, mode, 0.25)
    assert selection.count == LAYOUT.total
    assert "all heads are used" in selection.notice
    assert select_heads(LAYOUT, "all").notice == ""


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_fraction_out_of_range(fraction):
    with pytest.raises(ValueError, match="top_fraction"):
        select_heads(LAYOUT, "all", fraction)


def test_unknown_mode_and_scores_of_another_model():
    with pytest.raises(ValueError, match="choose one of selective, all, least"):
        select_heads(LAYOUT, "best")
    with pytest.raises(ValueError, match="128 head scores for a model of 7 heads"):
        select_heads(LAYOUT, "selective", 0.5, np.zeros(128))


def test_overflow_is_an_error_and_not_a_map():
    head_maps = random_head_maps(5)
    next(iter(head_maps.maps.values()))[0, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        word_maps(head_maps, select_heads(LAYOUT))


def test_normalise_is_min_max_and_flat_maps_are_zero():
    maps = np.stack([np.full((4, 4), 0.3), np.arange(16.0).reshape(4, 4)]).astype(np.float32)
    scaled = normalise(maps)
    assert not scaled[0].any()
    np.testing.assert_allclose(scaled[1], np.arange(16).reshape(4, 4) / 15, atol=1e-6)
    assert not normalise(np.zeros((3, 3), np.float32)).any()


def test_resizing_agrees_with_an_independent_bicubic():
    heat = blob((16, 16), 0.3, 0.6, 0.15)
    reference = cv2.resize(heat, (50, 40), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(resize_maps(heat, (40, 50)), reference, atol=1e-4)


def test_a_corner_sink_no_longer_rules_the_scale():
    heat = blob((16, 16), 0.5, 0.5, 0.1) * 0.1
    heat[0, 0] = 5.0
    capped = cap_borders(heat)
    assert normalise(heat)[8, 8] < 0.03
    assert normalise(capped)[8, 8] > 0.9
    np.testing.assert_array_equal(capped[1:-1, 1:-1], heat[1:-1, 1:-1])


def test_an_area_is_laid_where_it_is():
    entry = entry_of("cat", {"cat": (0.5, 0.5, 0.2)}, area=(8, 8, 4, 8), grids=GRIDS)
    maps = group_maps(entry, 0, [(0,)], select_heads(LAYOUT), (16, 16))
    assert maps.shape == (1, 16, 16)
    assert np.unravel_index(maps[0].argmax(), (16, 16))[0] in (7, 8)
    assert np.unravel_index(maps[0].argmax(), (16, 16))[1] in (11, 12)
    assert maps[0, :4].max() == maps[0, 12:].max() == maps[0, :, :8].max() == 0


def test_an_area_that_reaches_over_the_edge_is_cut():
    pasted = paste_area(np.ones((1, 4, 4), np.float32), (8, 8, 12, 12), (16, 16))
    assert pasted.sum() == pytest.approx(16, rel=1e-3)


def test_pictures_of_a_batch_keep_apart():
    entry = entry_of("cat", {"cat": (0.25, 0.5, 0.1)}, batch=2)
    for values in entry.maps.values():
        values[1] = values[1][..., ::-1]
    first, second = (group_maps(entry, i, [(0,)], select_heads(LAYOUT), (16, 16))[0] for i in (0, 1))
    np.testing.assert_allclose(first, second[:, ::-1], atol=1e-6)
    assert first[:, :8].sum() > 2 * first[:, 8:].sum()
