"""What ``import cnn_space`` gives, and that it loads nothing before it is used."""

import subprocess
import sys

import pytest

import cnn_space

NAMES = {"create_model", "list_models", "list_weights", "load", "classify", "open_photo", "check"}


def test_the_library_is_these_names():
    assert set(cnn_space.__all__) == NAMES <= set(dir(cnn_space))
    assert all(getattr(cnn_space, name).__name__ == name for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        _ = cnn_space.fly


def test_importing_it_loads_neither_torch_nor_numpy():
    code = "import sys, cnn_space; print({'torch', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
