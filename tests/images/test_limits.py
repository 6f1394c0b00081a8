"""How much of a visitor's data is taken."""

import pytest

from cnn_space.images.limits import Limits


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_IMAGES", "77")
    assert Limits.read() == Limits(images=77)
    monkeypatch.setenv("CNN_SPACE_FINETUNE_CLASSES", "many")
    with pytest.raises(ValueError, match="CNN_SPACE_FINETUNE_CLASSES"):
        Limits.read()
    monkeypatch.setenv("CNN_SPACE_FINETUNE_CLASSES", "5")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_MEGAPIXELS", "60")
    with pytest.raises(ValueError, match="CNN_SPACE_FINETUNE_MEGAPIXELS is '60'"):
        Limits.read()


def test_the_defaults_are_those_of_the_settings(monkeypatch):
    monkeypatch.delenv("CNN_SPACE_FINETUNE_IMAGES", raising=False)
    assert Limits.read() == Limits()
    assert (Limits().images, Limits().mb, Limits().side) == (2000, 64, 256)
