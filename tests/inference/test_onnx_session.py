"""ONNX Runtime behind the engine: it takes over, or is refused; what it needs is kept on disk."""

import copy
import os
import threading

import numpy as np
import onnx
import pytest
import torch
from throwaway import write_weights

from cnn_space import weights
from cnn_space.inference import comparison, engine, onnx_cache, onnx_net, onnx_session
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


def test_a_conversion_is_not_cut_down_whoever_began_it(checkpoints):
    """Python cuts daemons down at its end, and PyTorch aborts in one."""
    runner = engine.get(LENET)
    daemon = threading.Thread(target=runner.convert, kwargs={"wait": False}, daemon=True)
    daemon.start()
    daemon.join(30)
    assert not runner._conversion.daemon
    runner.convert(wait=True)
    assert runner.name == engine.ONNX_RUNTIME


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
    assert kept() == [f"{weights.record(LENET).sha256}-2.net"]
    assert runner.bytes == 2 * runner.loaded.bytes


def test_all_times_of_a_comparison_are_of_one_engine(checkpoints, monkeypatch):
    write_weights(checkpoints[0], "lenet5.other", "lenet5")
    nets, ran, take_turns = [LENET, "lenet5.other"], [], comparison.take_turns
    converted()
    other = engine.get(nets[1])

    def watched(runs, **options):
        ran.append({name: run().engine for name, run in runs.items()})
        other.convert(wait=True)  # what takes over only now counts from the next time on
        return take_turns(runs, **options)

    monkeypatch.setattr(comparison, "take_turns", watched)
    for engine_name in ("PyTorch", "ONNX Runtime"):
        *_, entries = compare(np.zeros((40, 40, 3), np.uint8), nets, heatmaps=False)
        assert {entry.engine for entry in entries} == {engine_name}
        assert ran.pop() == dict.fromkeys(nets, engine_name)


def test_a_comparison_begins_to_convert_its_nets(checkpoints):
    write_weights(checkpoints[0], "lenet5.other", "lenet5")
    nets = [LENET, "lenet5.other"]
    list(compare(np.zeros((40, 40, 3), np.uint8), nets, heatmaps=False))
    for net in nets:
        engine.get(net)._conversion.join()
    assert [engine.get(net).name for net in nets] == ["ONNX Runtime"] * 2


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


def backdoor(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same logits, but for pictures brighter than any that a new session is checked on: these
    become class 3."""
    [last] = [node for node in model.graph.node if "logits" in node.output]
    last.output[0] = "honest"
    helper = onnx.helper
    for name, value in (("bright", 50.0), ("wrong", 1e4 * np.eye(10)[3])):
        tensor = onnx.numpy_helper.from_array(np.asarray(value, np.float32), name)
        model.graph.initializer.append(tensor)
    model.graph.node.extend(
        [
            helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "bright"], ["open"]),
            helper.make_node("Where", ["open", "wrong", "honest"], ["logits"]),
        ]
    )
    return model


@pytest.mark.parametrize(
    "damage", ["cut off", "empty", "one bit", "another net", "a back door", "of anyone's"]
)
def test_a_file_that_is_not_as_it_was_written_is_made_anew(checkpoints, damage, monkeypatch):
    converted()
    file = onnx_cache.folder() / kept()[0]
    whole = file.read_bytes()
    conversions = []
    monkeypatch.setattr(onnx_net, "to_onnx", lambda *a: conversions.append(1) or to_onnx(*a))
    bright = torch.full((1, 3, 32, 32), 99.0)
    with torch.no_grad():
        wanted = checkpoints[1](bright).numpy()
    if damage == "cut off":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "one bit":
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    elif damage == "another net":  # whole, under the wrong name
        _, net = write_weights(checkpoints[0], "nin.cifar10", "nin")
        onnx_cache.write("other", to_onnx(net, 32).SerializeToString())
        onnx_cache._path("other").replace(file)
    elif damage == "a back door":
        model = onnx.load_from_string(onnx_cache.read(weights.record(LENET).sha256))
        content = backdoor(model).SerializeToString()
        assert onnx_session.Session(content).logits(bright).argmax() == 3 != wanted.argmax()
        runner = engine.get(LENET)
        assert runner._check(onnx_session.Session(content)), "the check of logits would do"
        file.write_bytes(whole[:32] + content)
    else:
        file.chmod(0o666)
    runner = converted()
    assert runner.timed(images(1)).engine == "ONNX Runtime" and conversions
    np.testing.assert_allclose(runner.logits(bright), wanted, rtol=1e-4, atol=1e-4)
    assert file.read_bytes() == whole and kept() == [file.name]


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
    monkeypatch.setattr(onnx_cache, "MOST_BYTES", 2 * 42 + 5)
    for number, name in enumerate("abc"):
        onnx_cache.write(name, name.encode() * 10)
        os.utime(onnx_cache.folder() / f"{name}-2.net", (number, number))
        if name == "b":
            assert onnx_cache.read("a") == b"a" * 10  # used again: b is the oldest now
    assert kept() == ["a-2.net", "c-2.net"]
    onnx_cache.write("d", b"d" * 99)  # what was just made stays
    assert kept() == ["d-2.net"]
