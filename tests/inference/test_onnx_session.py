"""ONNX Runtime behind the engine: it takes over, or is refused; what it needs is kept on disk."""

import copy
import os

import numpy as np
import pytest
import torch
from throwaway import write_weights

from cnn_space import weights
from cnn_space.inference import engine, onnx_cache, onnx_net, onnx_session
from cnn_space.inference.classification import answer
from cnn_space.inference.comparison import compare

LENET = "lenet5.cifar10"
to_onnx = onnx_net.to_onnx


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_ENGINE", "auto")
    monkeypatch.setenv("CNN_SPACE_CACHE", str(tmp_path / "cache"))


def converted(name=LENET) -> engine.Engine:
    """A new engine whose conversion is over."""
    engine.CACHE = engine.Cache(engine.CACHE_BYTES)
    runner = engine.get(name)
    runner.convert(wait=True)
    return runner


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def kept() -> list[str]:
    folder = onnx_cache.folder()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_it_takes_over_with_the_same_logits(checkpoints):
    runner = engine.get(LENET)
    first = runner.timed(images(1))
    assert first.engine == "PyTorch"
    photo = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    before = answer(photo, LENET)  # the second run: it begins to convert
    runner.convert(wait=True)
    later = runner.timed(images(1))
    assert later.engine == "ONNX Runtime"
    np.testing.assert_allclose(later.logits, first.logits, atol=1e-5)
    after = answer(photo, LENET, timed=True)
    assert after.engine == "ONNX Runtime" and after.seconds > 0
    assert [p.label for p in after.predictions] == [p.label for p in before.predictions]
    assert kept() == [f"{weights.record(LENET).sha256}-1.onnx"]
    assert runner.bytes == 2 * runner.loaded.bytes


def test_a_comparison_names_the_engine_of_each_time(checkpoints):
    write_weights(checkpoints[0], "nin.cifar10", "nin")
    converted()
    photo = np.zeros((40, 40, 3), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_session, "is_available", lambda: False)
        *_, entries = compare(photo, [LENET, "nin.cifar10"], heatmaps=False)
    assert [entry.engine for entry in entries] == ["ONNX Runtime", "PyTorch"]


def test_one_photo_or_a_folder_in_batches_is_not_worth_a_conversion(checkpoints):
    runner = engine.get(LENET)
    for count in (1, 8, 8, 8):
        runner.logits(images(count))
    assert runner._conversion is None
    runner.logits(images(1))
    runner._conversion.join()


def test_batches_of_any_size(checkpoints):
    runner = converted()
    for count in (1, 8, 3):
        run = runner.timed(images(count))
        with torch.no_grad():
            wanted = checkpoints[1](images(count)).numpy()
        assert run.engine == "ONNX Runtime"
        np.testing.assert_allclose(run.logits, wanted, atol=1e-5)


def test_many_pictures_go_into_the_net_a_few_at_a_time(checkpoints, monkeypatch):
    runner, sizes = converted(), []
    run = runner._run
    monkeypatch.setattr(runner, "_run", lambda batch: sizes.append(len(batch)) or run(batch))
    with torch.no_grad():
        wanted = checkpoints[1](images(40)).numpy()
    np.testing.assert_allclose(runner.logits(images(40)), wanted, atol=1e-5)
    assert sizes == 5 * [8]
    runner._session = None  # as before the conversion
    np.testing.assert_allclose(runner.logits(images(40)), wanted, atol=1e-5)
    assert sizes[5:] == [32, 8]


def test_a_kept_net_is_not_converted_again(checkpoints, monkeypatch):
    converted()
    monkeypatch.setattr(onnx_net, "to_onnx", None)
    assert converted().timed(images(1)).engine == "ONNX Runtime"


@pytest.mark.parametrize("damage", ["cut off", "empty", "another net"])
def test_a_damaged_file_is_made_anew(checkpoints, damage, caplog):
    converted()
    file = onnx_cache.folder() / kept()[0]
    whole = file.read_bytes()
    if damage == "another net":
        _, net = write_weights(checkpoints[0], "nin.cifar10", "nin")
        file.write_bytes(to_onnx(net, 32).SerializeToString())
    else:
        file.write_bytes(whole[: len(whole) // 2 if damage == "cut off" else 0])
    assert converted().timed(images(1)).engine == "ONNX Runtime"
    assert file.read_bytes() == whole
    assert kept() == [file.name]


def test_other_logits_are_refused(checkpoints, monkeypatch, caplog):
    """By 3 in 10,000 of their spread: a little less than a rounding to bfloat16 would cost."""

    def a_little_wrong(net, size):
        net = copy.deepcopy(net)
        with torch.no_grad():
            net.classifier[4].bias[3] += 3e-4 * net(images(64)).std()
        return to_onnx(net, size)

    monkeypatch.setattr(onnx_net, "to_onnx", a_little_wrong)
    runner = converted()
    assert runner.timed(images(1)).engine == "PyTorch" and not kept()
    assert "it gives other logits" in caplog.text


def test_what_cannot_be_converted_stays_in_pytorch(checkpoints, monkeypatch):
    def refuse(net, size):
        raise ValueError("there is no ONNX operator here for a step")

    monkeypatch.setattr(onnx_net, "to_onnx", refuse)
    assert converted().timed(images(1)).engine == "PyTorch"


def test_it_is_left_out_where_it_is_not_wanted_or_not_there(checkpoints, monkeypatch):
    monkeypatch.setattr(onnx_session, "find_spec", lambda name: None)
    assert converted().timed(images(1)).engine == "PyTorch"
    monkeypatch.undo()
    monkeypatch.setenv("CNN_SPACE_ENGINE", "pytorch")
    assert converted().timed(images(1)).engine == "PyTorch"
    monkeypatch.setenv("CNN_SPACE_ENGINE", "tensorrt")
    with pytest.raises(ValueError, match="CNN_SPACE_ENGINE is 'tensorrt'; it should be 'auto' or"):
        onnx_session.is_available()


def test_a_folder_that_cannot_be_written_keeps_nothing(checkpoints, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNN_SPACE_CACHE", str(tmp_path / "file"))
    assert converted().timed(images(1)).engine == "ONNX Runtime"


def test_the_cache_is_bounded_and_the_oldest_goes(monkeypatch):
    monkeypatch.setattr(onnx_cache, "MOST_BYTES", 25)
    for number, name in enumerate("abc"):
        onnx_cache.write(name, name.encode() * 10)
        os.utime(onnx_cache.folder() / f"{name}-1.onnx", (number, number))
        if name == "b":
            assert onnx_cache.read("a") == b"a" * 10  # used again: b is the oldest now
    assert kept() == ["a-1.onnx", "c-1.onnx"]
    onnx_cache.write("d", b"d" * 99)  # what was just made stays
    assert kept() == ["d-1.onnx"]
