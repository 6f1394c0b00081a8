"""The engine: folding changes nothing, nets are loaded once and forgotten by bytes."""

import contextlib
import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from throwaway import write_weights
from torch import nn

from cnn_space import create_model, load, weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference import engine

# One net a family, as small as the family allows, and every form that is wired differently.
FAMILIES = [
    ("lenet5", {}, 32),
    ("alexnet", {"form": "cifar"}, 32),
    ("alexnet", {"form": "paper"}, 224),
    ("nin", {}, 32),
    ("vgg11", {"head": "gap"}, 32),
    ("vgg13", {"head": "gap", "batch_norm": True}, 32),
    ("googlenet", {"small_input": True, "aux": False}, 32),
    ("googlenet", {"form": "paper", "aux": False}, 96),
    ("googlenet", {"form": "paper", "batch_norm": True, "aux": False}, 64),
    ("inception_v3", {"aux": False}, 96),
    ("resnet18", {"small_input": True}, 32),
    ("resnet50", {}, 64),
    ("densenet121", {"small_input": True}, 32),
    ("densenet_bc_100_12", {}, 32),
]


def settled(arch: str, size: int, **options) -> nn.Module:
    """A net whose batch norms have seen data and differ from channel to channel, in eval mode."""
    torch.manual_seed(0)
    net = create_model(arch, 10, **options)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    with torch.no_grad():
        net.train()(torch.randn(8, 3, size, size))
    return net.eval()


@pytest.mark.parametrize("arch, options, size", FAMILIES)
def test_folding_keeps_the_logits(arch, options, size):
    net = settled(arch, size, **options).double()  # so that rounding leaves room for no fault
    batch = torch.randn(2, 3, size, size).double()
    with torch.no_grad():
        plain = net(batch)
        folded = engine.fold(net)
        got = folded(batch.contiguous(memory_format=torch.channels_last))
        assert torch.equal(net(batch), plain), "the net itself was changed"
    assert plain.std() > 1e-3, "an answer that is the same for any picture would prove nothing"
    assert (got - plain).abs().max() <= 1e-9 * plain.std()
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    left = sum(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert left == 0 if not arch.startswith("densenet") else 0 < left < norms


def test_the_comparison_would_catch_a_wrong_fold():
    net = settled("resnet18", 32, small_input=True).double()
    batch = torch.randn(2, 3, 32, 32).double()
    with torch.no_grad():
        plain = net(batch)
        next(m for m in net.modules() if isinstance(m, nn.BatchNorm2d)).eps *= 1.01
        wrong = engine.fold(net)(batch)
    assert (wrong - plain).abs().max() > 1e-9 * plain.std()


@pytest.mark.parametrize("arch", ["googlenet", "resnet18", "densenet121"])
def test_the_engine_agrees_with_the_net(arch):
    net = settled(arch, 32, small_input=True)
    batch = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        plain = net(batch).numpy()
    got = engine.Engine(as_loaded(net)).logits(batch)
    assert np.abs(got - plain).max() <= 1e-4 * plain.std()


def test_only_eval_mode_is_folded():
    with pytest.raises(ValueError, match="eval"):
        engine.fold(create_model("lenet5", 10))


def test_unfolded_tensors_are_shared_not_copied():
    net = settled("vgg13", 32, batch_norm=True, head="gap")
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    folded = [m for m in engine.fold(net).modules() if isinstance(m, nn.Linear)]
    assert linear and all(a.weight is b.weight for a, b in zip(linear, folded, strict=True))


def as_loaded(net: nn.Module, name: str = "own.mine") -> weights.Loaded:
    record = weights.WeightsRecord(
        name=name,
        title="Own",
        arch="lenet5",
        num_classes=10,
        labels=tuple("abcdefghij"),
        preprocessing=Preprocessing(32, 32),
        source="session",
    )
    return weights.Loaded(net, record)


def test_logits_are_plain_numbers(checkpoints):
    _, net = checkpoints
    runner = engine.get("lenet5.cifar10")
    batch = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    logits = runner.logits(batch)
    assert logits.shape == (3, 10) and logits.dtype == np.float32
    with torch.no_grad():
        np.testing.assert_allclose(logits, net(torch.from_numpy(batch)).numpy(), atol=1e-5)
    assert not torch.is_inference_mode_enabled()


def test_nets_take_turns_and_the_wait_is_not_a_nets_own_time(monkeypatch):
    """With a clock that moves by a day while a net waits for its turn, and by a second as it
    runs."""
    now, lock, running, overlaps = [0.0], threading.Lock(), threading.Lock(), []

    class Turn:
        def __enter__(self):
            lock.acquire()
            now[0] += 86_400

        def __exit__(self, *error):
            lock.release()

        def for_long(self):
            return contextlib.nullcontext()  # the run inside takes its turn

    class Net(nn.Module):
        def forward(self, x):
            overlaps.append(not running.acquire(blocking=False))
            now[0] += 1
            time.sleep(0)  # others may try to run now
            running.release()
            return torch.zeros(len(x), 10)

    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(engine, "_RUN_LOCK", Turn())
    runner = engine.Engine(as_loaded(Net().eval()))
    batch = torch.zeros(1, 3, 32, 32)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: runner.timed(batch).seconds, range(64))) == 64 * [1]
    assert not any(overlaps)


def test_pictures_that_wait_for_a_net_go_in_together_and_get_their_own_answers(
    checkpoints, monkeypatch
):
    """The first goes alone; those that come while it runs are one batch, and one of another size
    another. A fault is told to all whom it meets."""
    runner, began, go_on, batches = engine.get("lenet5.cifar10"), Event(), Event(), []
    pictures = torch.randn(6, 1, 3, 32, 32)
    alone = [runner.timed(picture).logits for picture in pictures]
    run = runner._run

    def slowly(batch):
        batches.append(len(batch))
        began.set()
        assert go_on.wait(30)
        return run(batch)

    monkeypatch.setattr(runner, "_run", slowly)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(runner.answer, pictures[0])
        assert began.wait(30)
        others = [pool.submit(runner.answer, picture) for picture in pictures[1:]]
        while len(runner._waiting) < 5:
            time.sleep(0.01)
        odd = pool.submit(runner.answer, torch.zeros(1, 3, 8, 8))  # too small for this net
        while len(runner._waiting) < 6:
            time.sleep(0.01)
        go_on.set()
        told = [one.result(30) for one in (first, *others)]
        assert isinstance(odd.exception(30), RuntimeError)
    assert batches == [1, 5, 1]
    for answer, expected in zip(told, alone, strict=True):
        np.testing.assert_allclose(answer.logits, expected, atol=1e-5)
    assert not runner._waiting


def test_shared_by_name_and_reloaded_when_retrained(checkpoints):
    folder, _ = checkpoints
    first = engine.get("lenet5.cifar10")
    assert engine.get("lenet5.cifar10") is first
    assert engine.get(folder / "lenet5.cifar10.safetensors") is not first
    write_weights(folder, "lenet5.cifar10", "lenet5", dtype=torch.float32)
    assert engine.get("lenet5.cifar10") is not first


def test_a_visitors_net_is_kept_as_long_as_it_lives():
    own = as_loaded(create_model("lenet5", 10).eval())
    runner = engine.get(own)
    assert engine.get(own) is runner and runner.record.source == "session"
    gone = weakref.ref(runner)
    del own, runner
    gc.collect()
    assert gone() is None


def test_load_gives_nets_of_ones_own(checkpoints):
    engine.get("lenet5.cifar10")
    net = load("lenet5.cifar10").net
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    x = np.ones((1, 3, 32, 32), np.float32)
    assert engine.get("lenet5.cifar10").logits(x).any()
