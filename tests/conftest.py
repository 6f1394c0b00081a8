"""Throw-away weights in place of those that have been trained."""

import os

import pytest
from throwaway import write_weights


def pytest_configure():
    """One process a core, one thread a process: threads that wait for each other cost the most."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        for variable in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
            os.environ.setdefault(variable, "1")


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """A folder in place of ``checkpoints/`` holding ``lenet5.cifar10``; it gives (folder, net)."""
    from cnn_space.inference import engine
    from cnn_space.inference.cache import Cache
    from cnn_space.weights import catalogue

    folder = tmp_path / "checkpoints"
    folder.mkdir()
    _, net = write_weights(folder, "lenet5.cifar10", "lenet5")
    monkeypatch.setattr(catalogue, "CHECKPOINTS", folder)
    monkeypatch.setattr(engine, "CACHE", Cache(engine.CACHE_BYTES))
    return folder, net
