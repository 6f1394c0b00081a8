"""From photo to ranked classes: the plain answer and the average of ten views."""

import numpy as np
import pytest
import torch
from PIL import Image
from throwaway import CIFAR10

from cnn_space import classify, load
from cnn_space.images.preprocessing import prepare
from cnn_space.inference import engine
from cnn_space.inference.classification import answer, softmax


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


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


def test_only_a_timed_answer_runs_the_net_again(checkpoints, monkeypatch):
    photo, runs = Image.new("RGB", (40, 40)), iter((0.04, 0.009, 0.001, 0.002))
    runner = engine.get("lenet5.cifar10")
    one = np.zeros((1, 10))
    monkeypatch.setattr(runner, "timed", lambda batch: engine.Timed(one, next(runs), "PyTorch"))
    assert answer(photo, "lenet5.cifar10", timed=True).seconds == 0.002
    runs = iter((0.2,))
    assert answer(photo, "lenet5.cifar10").seconds is None
    assert answer(photo, "lenet5.cifar10", timed=True).seconds is None


def test_a_time_is_of_the_engine_that_is_named(checkpoints, monkeypatch):
    """Another one may take over between two runs."""
    runs = iter([(0.05, "PyTorch"), (0.009, "PyTorch"), (0.001, "ONNX"), (0.003, "ONNX")])
    runner = engine.get("lenet5.cifar10")
    timed = lambda batch: engine.Timed(np.zeros((1, 10)), *next(runs))  # noqa: E731
    monkeypatch.setattr(runner, "timed", timed)
    told = answer(Image.new("RGB", (40, 40)), "lenet5.cifar10", timed=True)
    assert (told.seconds, told.engine) == (0.002, "ONNX")


def test_softmax_of_large_logits():
    rows = softmax(np.array([[1e4, 1e4 - 1, -1e4], [0, 0, 0]], np.float32))
    np.testing.assert_allclose(rows.sum(1), 1)
    np.testing.assert_allclose(rows[1], 1 / 3)
    assert np.isfinite(rows).all()
