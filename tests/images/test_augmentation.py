"""Augmentation against slow oracles."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cnn_space.images.augmentation import Draws, augment, draw_epoch

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3}  # leaves pixels as they are


def random_set(count=24, side=12):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_pad_and_crop_against_numpy():
    images, pad = random_set(), 3
    draws = draw_epoch(len(images), epoch=5, flip="random")
    found = augment(images, draws, crop="pad", pad=pad, mean=MEAN, std=STD)
    shifts = (draws.crop_place * (2 * pad + 1)).int()
    assert set(shifts.flatten().tolist()) == set(range(2 * pad + 1))
    for row, index in enumerate(draws.order.tolist()):
        wide = np.pad(images[index].numpy(), ((0, 0), (pad, pad), (pad, pad)), "reflect")
        y, x = shifts[row].tolist()
        piece = wide[:, y : y + 12, x : x + 12]
        piece = piece[:, :, ::-1] if draws.flip[row] else piece
        expected = (piece / 255 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
        assert np.allclose(found[row].numpy(), expected, atol=1e-5)


def test_alternating_flip_shows_both_sides_in_two_epochs():
    first, second, third = (draw_epoch(50, epoch=epoch, seed=1) for epoch in (0, 1, 2))
    by_image = [draws.flip[draws.order.argsort()] for draws in (first, second, third)]
    assert torch.equal(by_image[0], ~by_image[1]) and torch.equal(by_image[0], by_image[2])
    assert 10 < by_image[0].sum() < 40
    assert not torch.equal(first.order, second.order)
    assert not draw_epoch(50, epoch=0, flip="none").flip.any()
    with pytest.raises(ValueError, match="alternate"):
        draw_epoch(50, epoch=0, flip="sometimes")


def test_a_resized_crop_is_that_piece_of_the_image():
    images = random_set(4, side=8)
    # Half the height, the whole width, at the bottom, resized to 4 × 8 pixels and mirrored.
    draws = Draws(
        order=torch.arange(4),
        flip=torch.tensor([False, True, False, True]),
        crop_place=torch.tensor([[1.0, 0.0]]).repeat(4, 1),
        crop_size=torch.tensor([[0.5, 0.5]]).repeat(4, 1),
        cutout_place=torch.zeros(4, 2),
    )
    found = augment(images, draws, crop="resized", side=4, **PLAIN)
    expected = images[:, :, 4:, :4].float()
    expected[1::2] = expected[1::2].flip(3)
    assert torch.allclose(found, expected, atol=1e-2)


def test_resized_crops_cover_what_they_should():
    draws = draw_epoch(2000, epoch=0, min_area=0.4)
    area, aspect = draws.crop_size.prod(1), draws.crop_size[:, 1] / draws.crop_size[:, 0]
    assert area.min() > 0.29 and area.max() <= 1 and 0.6 < area.mean() < 0.75
    assert 0.74 < aspect.min() < 0.8 and 1.25 < aspect.max() < 1.34


def test_cutout_blanks_one_square():
    images = random_set(200, side=16).clamp(min=1)
    draws = draw_epoch(200, epoch=0, flip="none")
    found = augment(images, draws, crop="none", cutout=4, **PLAIN)
    blank = (found == 0).all(1)
    assert (blank.sum((1, 2)) <= 16).all() and (blank.sum((1, 2)) == 16).float().mean() > 0.5
    for hole in blank:
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert len(rows) * len(columns) == hole.sum()
    kept = ~blank[:, None].expand_as(found)
    assert torch.equal(found[kept], images[draws.order].float()[kept])


def test_cutout_reaches_both_borders_alike():
    """Its centre is as often at any of the 17 places between 16 pixels."""
    centres = (torch.arange(17)[:, None].expand(-1, 2) + 0.5) / 17
    draws = replace(draw_epoch(17, epoch=0, flip="none"), cutout_place=centres)
    images = random_set(17, side=16).clamp(min=1)
    found = augment(images, draws, crop="none", cutout=4, **PLAIN)
    widths = (found == 0).all(1).any(1).sum(1).tolist()
    assert widths == [2, 3, *[4] * 13, 3, 2]


def test_batches_are_channels_last_and_may_shrink():
    draws = draw_epoch(24, epoch=0)
    for crop in ("pad", "resized", "none"):
        batch = augment(random_set(), draws, crop=crop, side=8, mean=MEAN, std=STD)
        assert batch.shape == (24, 3, 8, 8) and batch.dtype == torch.float32
    with pytest.raises(ValueError, match="resized"):
        augment(random_set(), draws, crop="diagonal", mean=MEAN, std=STD)
