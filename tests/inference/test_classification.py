"""From photo to ranked classes: preprocessing against torchvision's, ten views, the answer."""

import numpy as np
import pytest
import torch
from PIL import Image
from throwaway import CIFAR10
from torchvision import transforms
from torchvision.transforms.functional import InterpolationMode

from cnn_space import classify, load
from cnn_space.inference.classification import answer, crops, prepare, softmax
from cnn_space.weights import Preprocessing


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("resize, size", [(32, 32), (256, 224), (342, 299), (33, 32)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("width, height", [(640, 427), (301, 452), (97, 97), (32, 32), (20, 50)])
def test_prepare_gives_torchvisions_pixels(resize, size, interpolation, width, height):
    photo = noise(width, height)
    shape = Preprocessing(resize, size, "center", interpolation)
    expected = transforms.Compose(
        [
            transforms.Resize(resize, InterpolationMode(interpolation)),
            transforms.CenterCrop(size),
            transforms.ToTensor(),
            transforms.Normalize(shape.mean, shape.std),
        ]
    )(photo)
    tensor, seen = prepare(photo, shape)
    assert tensor.shape == (1, 3, size, size) and tensor.dtype == torch.float32
    torch.testing.assert_close(tensor[0], expected, rtol=0, atol=2e-6)
    assert seen.size == (size, size) and seen.mode == "RGB"


@pytest.mark.parametrize("width, height", [(20_000, 10), (9, 5000)])
def test_a_panorama_stays_small(width, height, monkeypatch):
    made = []
    real = Image.Image.resize
    monkeypatch.setattr(
        Image.Image,
        "resize",
        lambda im, size, *a, **k: made.append(size) or real(im, size, *a, **k),
    )
    tensor, _ = prepare(noise(width, height), Preprocessing(256, 224))
    assert tensor.shape == (1, 3, 224, 224)
    assert made and all(w * h <= 256 * 256 * 9 for w, h in made)


def test_ten_crops_are_torchvisions():
    photo = noise(400, 300)
    ours = crops(photo, Preprocessing(256, 224, "center", "bilinear"))
    square = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(256)])(photo)
    theirs = transforms.TenCrop(224)(square)
    assert len(ours) == len(theirs) == 10
    # torchvision mirrors the picture and then cuts; we cut and then mirror: left and right swap.
    expected = {image.tobytes() for image in theirs}
    assert {image.tobytes() for _, _, image in ours} == expected and len(expected) == 10
    assert [mirrored for _, mirrored, _ in ours] == [False] * 5 + [True] * 5


def test_small_nets_get_a_margin():
    views = crops(noise(36, 36), Preprocessing(32, 32))
    assert {image.size for _, _, image in views} == {(32, 32)}
    assert len({image.tobytes() for _, _, image in views}) == 10
    centre = next(im for where, mirrored, im in views if where == "center" and not mirrored)
    assert centre.tobytes() == noise(36, 36).crop((2, 2, 34, 34)).tobytes()


def test_classify_ranks_the_nets_own_softmax(checkpoints):
    _, net = checkpoints
    photo = noise(60, 50)
    predictions = classify(photo, "lenet5.cifar10", top_k=10)
    shape = load("lenet5.cifar10").record.preprocessing
    with torch.no_grad():
        expected = net(prepare(photo, shape)[0]).softmax(1)[0]
    assert {p.label: pytest.approx(p.probability, abs=1e-6) for p in predictions} == dict(
        zip(CIFAR10, expected.tolist(), strict=True)
    )
    ranks = [p.probability for p in predictions]
    assert ranks == sorted(ranks, reverse=True) and sum(ranks) == pytest.approx(1)
    assert classify(photo, "lenet5.cifar10") == predictions[:5]
    assert len(classify(photo, "lenet5.cifar10", top_k=99)) == 10


def test_classify_takes_paths_arrays_and_loaded_nets(checkpoints, tmp_path):
    folder, _ = checkpoints
    photo = noise(60, 50)
    path = tmp_path / "photo.png"
    photo.save(path)
    wanted = classify(photo, "lenet5.cifar10")
    for image in (path, str(path), np.asarray(photo), np.asarray(photo) / 255):
        assert classify(image, "lenet5.cifar10") == wanted
    assert classify(photo, load("lenet5.cifar10")) == wanted
    assert classify(photo, folder / "lenet5.cifar10.safetensors") == wanted


def test_classify_refuses_with_a_sentence(checkpoints, tmp_path):
    with pytest.raises(ValueError, match="unknown weights"):
        classify(noise(40, 40), "lenet.cifar10")
    with pytest.raises(ValueError, match="top_k"):
        classify(noise(40, 40), "lenet5.cifar10", top_k=0)
    with pytest.raises(ValueError, match="cannot be read"):
        classify(tmp_path / "absent.jpg", "lenet5.cifar10")
    with pytest.raises(ValueError, match="array of pixels"):
        classify(np.zeros((3, 40, 40), np.uint8), "lenet5.cifar10")


def test_ten_views_average_probabilities(checkpoints):
    _, net = checkpoints
    photo = noise(60, 50)
    told = answer(photo, "lenet5.cifar10", ten_views=True)
    assert told.predictions == tuple(classify(photo, "lenet5.cifar10", top_k=10))
    shape = told.record.preprocessing
    batch = torch.cat([prepare(view.image, shape)[0] for view in told.views])
    with torch.no_grad():
        rows = net(batch).softmax(1)
    expected = dict(zip(CIFAR10, rows.mean(0).tolist(), strict=True))
    assert {p.label: pytest.approx(p.probability, abs=1e-6) for p in told.averaged} == expected
    assert [view.top.label for view in told.views] == [CIFAR10[i] for i in rows.argmax(1).tolist()]
    assert answer(photo, "lenet5.cifar10").views == ()


def test_softmax_of_large_logits():
    rows = softmax(np.array([[1e4, 1e4 - 1, -1e4], [0, 0, 0]], np.float32))
    np.testing.assert_allclose(rows.sum(1), 1)
    np.testing.assert_allclose(rows[1], 1 / 3)
    assert np.isfinite(rows).all()
