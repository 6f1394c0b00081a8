"""CNN Space: the classic convolutional nets, trained and ready.

The names below are the library; each is imported on first use, so that ``import cnn_space`` loads
neither torch nor a net.
"""

from importlib import import_module

_MODULES = {
    "create_model": "cnn_space.models.registry",
    "list_models": "cnn_space.models.registry",
    "list_weights": "cnn_space.weights",
    "load": "cnn_space.weights",
    "classify": "cnn_space.inference.classification",
    "open_photo": "cnn_space.images.photo",
    "check": "cnn_space.checking.checker",
}
__all__ = list(_MODULES)
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module 'cnn_space' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
