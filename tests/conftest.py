"""What all tests share: threads, and a folder of random weights in place of the trained ones."""

import copy
import os
import shutil
import signal

import pytest
from throwaway import write_weights

from cnn_space.settings import wait_passively


def pytest_configure():
    """One thread a process: threads that wait for each other cost the most."""
    wait_passively()
    # Nets are not converted in the background of every test; those that want it set this back.
    os.environ.setdefault("CNN_SPACE_ENGINE", "pytorch")
    if "PYTEST_XDIST_WORKER" in os.environ:
        for variable in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
            os.environ.setdefault(variable, "1")
    # What a shell starts in the background ignores Ctrl-C, and so would what the tests start.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def lenet5_weights(tmp_path_factory):
    """A folder with the random weights ``lenet5.cifar10``, written once: (folder, net)."""
    folder = tmp_path_factory.mktemp("lenet5")
    _, net = write_weights(folder, "lenet5.cifar10", "lenet5")
    return folder, net


@pytest.fixture
def checkpoints(tmp_path, monkeypatch, lenet5_weights):
    """A folder in place of ``checkpoints/`` that holds ``lenet5.cifar10``: (folder, its net)."""
    from cnn_space.inference import engine
    from cnn_space.inference.cache import Cache
    from cnn_space.weights import catalogue

    original, net = lenet5_weights
    folder = shutil.copytree(original, tmp_path / "checkpoints")
    monkeypatch.setattr(catalogue, "CHECKPOINTS", folder)
    monkeypatch.setattr(engine, "CACHE", Cache(engine.CACHE_BYTES))
    return folder, copy.deepcopy(net)
