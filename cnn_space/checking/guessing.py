"""Guesses for what a text leaves open: arguments without a default, and the size of the images."""

from __future__ import annotations

import ast
import re

from cnn_space.checking.values import Class, Function, Value

_WIDTHS = (64, 32, 128, 16)
_SIZES_LARGE = (224, 299, 227, 32, 64, 96, 128, 256, 28, 512)
_SIZES_SMALL = (32, 224, 28, 64, 96, 128, 299, 48, 227, 256, 16, 512)
_WRITTEN = re.compile(r"\b(\d{2,3})\s*[x×]\s*\1\b")
_IMAGE = re.compile(
    r"\b([134])\s*,\s*(\d{2,3})\s*,\s*\2\b|\b([134])\s*[x×]\s*(\d{2,3})\s*[x×]\s*\4\b"
)
_MAKERS = ("randn", "rand", "zeros", "ones", "empty")

# Words in a parameter's name, and the value they ask for.
_RULES: tuple[tuple[tuple[str, ...], Value], ...] = (
    (("class", "n_out", "num_label", "out_dim", "output_dim", "output_size"), 10),
    (("pretrained", "batch_norm", "bias", "use_", "is_", "with_", "downsample"), False),
    (("stride", "strd", "dilation", "groups", "cardinality", "width_mult", "scale"), 1),
    (("kernel",), 3),
    (("padding",), 1),
    (("drop", "prob"), 0.5),
    (("growth", "rate_inc"), 32),
    (("compress", "theta"), 0.5),
    (("reduction", "ratio"), 16),
    (("expan",), 1),
    (("num_layers", "n_layers", "n_units", "repeat", "count"), 2),
    (("layers", "num_block", "nblocks", "blocks", "stages"), [2, 2, 2, 2]),
    (("depth",), 28),
    (("widen",), 1),
    (("img_channel", "image_channel", "input_channels", "num_channels", "n_channels"), 3),
)


def guess_arguments(interpreter, cls: Class | Function, names: list[str], width: int = 64) -> dict:
    """A value for each parameter in ``names`` that has no default."""
    found: dict[str, Value] = {}
    for name in names:
        keys = _looked_up(interpreter, cls, name)
        if keys:
            found[name] = next((k for k in keys if "16" in str(k) or k == "D"), keys[0])
        else:
            found[name] = _guess(interpreter, cls, name.lower(), width)
    return found


def _looked_up(interpreter, cls: Class | Function, name: str) -> list:
    """The keys of a table of the text in which the parameter ``name`` is looked up."""
    for node in ast.walk(cls.node):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            table = interpreter.main.names.get(node.value.id)
            if isinstance(table, dict) and name in {
                n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)
            }:
                return list(table)
    return []


def widths() -> tuple[int, ...]:
    """Numbers of channels to try where nothing says how many."""
    return _WIDTHS


def _guess(interpreter, cls: Class | Function, name: str, width: int) -> Value:
    if "block" in name or "layer" in name or name in ("cell_type", "unit", "module"):
        part = _part(interpreter, cls)
        if part is not None and not name.endswith("s") and "num" not in name:
            return part
    if any(word in name for word in ("name", "cfg", "config", "arch", "type")):
        key = _table_key(interpreter, name)
        if key is not None:
            return key
    for words, value in _RULES:
        if any(word in name for word in words):
            return list(value) if isinstance(value, list) else value
    return width


def _part(interpreter, cls: Class) -> Value:
    """A module class of the text that the net may be made of."""
    others = [
        v
        for v in interpreter.main.names.values()
        if isinstance(v, Class) and v.is_module and v is not cls and v.line is not None
    ]
    with_expansion = [v for v in others if "expansion" in v.namespace]
    return next(iter(with_expansion or others), None)


def _table_key(interpreter, name: str) -> Value:
    """A key of a table of configurations in the text, for parameters like ``vgg_name``."""
    for value in interpreter.main.names.values():
        if isinstance(value, dict) and value and all(isinstance(k, str) for k in value):
            lists = [k for k, v in value.items() if isinstance(v, list | tuple | dict)]
            if lists:
                if "cfg" in name or "config" in name:
                    return value[lists[0]]
                return next((k for k in lists if "16" in k or k == "D"), lists[0])
    return None


def written_shape(tree: ast.Module) -> tuple[int, ...] | None:
    """The shape of an image batch that the text itself makes: ``torch.randn(1, 3, 32, 32)``."""
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else name
        values = [*call.args, *(k.value for k in call.keywords if k.arg in ("size", "input_size"))]
        numbers = [_number(v) for v in values]
        if name in _MAKERS and len(values) == 1:
            numbers = _numbers(values[0])
        if name in _MAKERS and len(numbers) == 4 and _is_image(numbers[1:]):
            return tuple(numbers[1:])
        if name in ("summary", "get_model_complexity_info"):
            for value in values:
                inner = _numbers(value)
                if len(inner) in (3, 4) and _is_image(inner[-3:]):
                    return tuple(inner[-3:])
    return None


def _number(node: ast.expr) -> int:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else 0


def _numbers(node: ast.expr) -> list[int]:
    return [_number(e) for e in node.elts] if isinstance(node, ast.Tuple | ast.List) else []


def _is_image(shape: list[int]) -> bool:
    return len(shape) == 3 and 1 <= shape[0] <= 64 and all(8 <= s <= 1024 for s in shape[1:])


def sizes(text: str, first: dict | None) -> list[int]:
    """Sides of images to try, the likeliest first.

    ``first`` are the details of the net's first convolution, if there is one.
    """
    lower = text.lower()
    images = [int(a or b) for _, a, _, b in _IMAGE.findall(text)]
    order = [s for s in images if 24 <= s <= 1024]
    written = [int(side) for side in _WRITTEN.findall(text)]
    order += [s for s in written if s in _SIZES_LARGE + _SIZES_SMALL and s > 20]
    large = bool(first) and (max(first["stride"]) > 1 or max(first["kernel"]) >= 7)
    if "mnist" in lower and "cifar" not in lower:
        order.append(28)
    if "cifar" in lower and not (large and "imagenet" in lower):
        order.append(32)
    if "299" in text:
        order.append(299)
    order += _SIZES_LARGE if large or "imagenet" in lower else _SIZES_SMALL
    return list(dict.fromkeys(order))
