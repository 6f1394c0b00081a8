"""Builds a net of a text and runs its forward on shapes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from math import isqrt

import torch

from cnn_space.checking.choosing import Candidate
from cnn_space.checking.guessing import sizes, written_shape
from cnn_space.checking.interpreter import Found, Interpreter
from cnn_space.checking.limits import Stop
from cnn_space.checking.module_methods import named_parameters, set_training
from cnn_space.checking.recording import BATCH, Recording
from cnn_space.checking.values import (
    Class,
    Failure,
    Function,
    Instance,
    Module,
    Raised,
    Tensor,
    Unknown,
    Value,
)

_SIZE_KINDS = ("window", "shape_linear", "shape_view", "rank", "torch_refuses", "shape_concat",
               "shape_add", "raises", "dimension", "shape_norm", "shape_conv")  # fmt: skip


MOST_NODES_FOR_UNUSUAL = 40


@dataclass
class Run:
    """One forward: what it recorded, what it gave, what went wrong."""

    recording: Recording
    outputs: Value
    found: Found
    stopped: Stop | None = None
    return_line: int = 1  # of the return that ended the forward

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors among the outputs, in order."""
        return flatten_outputs(self.outputs)

    @property
    def misfits(self) -> int:
        """How many layers did not fit."""
        unknown = isinstance(self.outputs, Unknown)
        merged = any(t.shape[:1] != (BATCH,) for t in self.tensors)
        lost = sum(f.kind in ("window", "raises") for f in self.found.failures)
        return (
            sum(f.kind in _SIZE_KINDS for f in self.found.failures) + 20 * lost + unknown + merged
        )


@dataclass
class Built:
    """A net made from a candidate, and what went wrong on the way."""

    candidate: Candidate
    module: Module | None
    found: Found = field(default_factory=Found)
    stopped: Stop | None = None

    @property
    def parameters(self) -> int:
        return sum(t.raw.numel() for _, t in named_parameters(self.module)) if self.module else 0


def flatten_outputs(value: Value) -> list[Tensor]:
    """The tensors in what a forward returned."""
    match value:
        case Tensor():
            return [value]
        case list() | tuple():
            return [t for item in value for t in flatten_outputs(item)]
        case dict():
            return [t for item in value.values() for t in flatten_outputs(item)]
        case Instance():
            return [t for n, item in value.fields.items() if n[0] != "<"
                    for t in flatten_outputs(item)]  # fmt: skip
    return []


def run_top(interpreter: Interpreter, tree: ast.Module, steps: int) -> Stop | None:
    """Interpret the statements of the text. What fails there is not the net's fault: training
    loops, files that are not here; so nothing is kept of it."""
    interpreter.budget.allow(steps)
    stopped = None
    for statement in tree.body:
        try:
            interpreter.run_statement(statement, interpreter.main)
        except Raised:
            continue
        except Stop as stop:
            stopped = stop
            interpreter.budget.allow(steps)  # the definitions behind it are still wanted
        finally:
            interpreter.budget.depth = interpreter.guarded = interpreter.building = 0
            interpreter.owners.clear()
    return stopped


def _reset(interpreter: Interpreter, phase: str) -> Found:
    interpreter.phase = phase
    interpreter.budget.depth = interpreter.guarded = interpreter.building = 0
    interpreter.owners.clear()
    interpreter.recording = None
    interpreter.found = Found()
    return interpreter.found


def build(interpreter: Interpreter, candidate: Candidate, steps: int) -> Built:
    """The net that ``candidate`` makes."""
    found = _reset(interpreter, "build")
    interpreter.budget.allow(steps)
    interpreter.budget.modules = 0
    built = Built(candidate, None, found)
    if candidate.kind == "variable":
        built.module = candidate.target
        return built
    before = len(interpreter.modules_made)
    try:
        made = interpreter.call(candidate.target, [], dict(candidate.arguments))
        built.module = made if isinstance(made, Module) else None
        if built.module is None and isinstance(made, tuple | list):
            built.module = next((m for m in made if isinstance(m, Module)), None)
    except Raised as error:
        _note_raised(interpreter, error)
    except Failure as failure:
        interpreter.note_failure(failure)
    except Stop as stop:
        built.stopped = stop
    except RecursionError:
        built.stopped = Stop("limit_depth", depth=interpreter.budget.limits.depth, name="")
    if built.module is None:  # what there was of it when it stopped
        made_since = interpreter.modules_made[before:]
        whole = [m for m in made_since if m.cls is candidate.target]
        built.module = whole[0] if whole else None
    if built.module is not None:
        interpreter.name_modules(built.module)
    return built


def _note_raised(interpreter: Interpreter, error: Raised) -> None:
    interpreter.note_failure(
        Failure("raises", error.line, name=error.name, message=error.message or error.name)
    )


def run(
    interpreter: Interpreter, net: Module, shape: tuple[int, ...], steps: int, *, training=False
) -> Run:
    """Run the forward of ``net`` on images of ``shape`` (without the batch)."""
    found = _reset(interpreter, "forward")
    interpreter.budget.allow(steps)
    interpreter.name_modules(net)
    set_training(net, training)
    recording = interpreter.recording = Recording(interpreter.budget.limits.nodes)
    image = Tensor(torch.empty((BATCH, *shape), device="meta"))
    result = Run(recording, Unknown("failed"), found)
    try:
        result.outputs = interpreter.call(net, [image] * _inputs(interpreter, net), {})
    except Raised as error:
        _note_raised(interpreter, error)
    except Failure as failure:
        interpreter.note_failure(failure)
    except Stop as stop:
        result.stopped = stop
    except RecursionError:
        result.stopped = Stop("limit_depth", depth=interpreter.budget.limits.depth, name="")
    finally:
        interpreter.recording = None
        interpreter.phase = "top"
        result.return_line = interpreter.return_line
    return result


def _inputs(interpreter: Interpreter, net: Module) -> int:
    """How many tensors the forward of ``net`` asks for."""
    forward = interpreter.find_in_class(net.cls, "forward") if isinstance(net.cls, Class) else None
    if not isinstance(forward, Function):
        return 1
    spec = forward.node.args
    wanted = len(spec.posonlyargs) + len(spec.args) - len(spec.defaults) - 1
    return max(1, min(wanted, 4)) if not (spec.vararg and wanted < 1) else 1


def first_shape(interpreter: Interpreter, net: Module, steps: int) -> tuple[dict | None, list]:
    """The details of the first convolution, and the dimensions that come before the sides."""
    trial = run(interpreter, net, (3, 224, 224), steps)
    for node in trial.recording.nodes:
        if node.op in ("conv", "transposed conv"):
            if not node.inputs or len(node.shape) != 4:
                rank = len(node.details["kernel"])
                return (node.details if rank == 2 else None), [node.details["inputs"], rank]
            return node.details, [3, 2]
        if node.op == "batch norm" and node.module is not None and not node.inputs:
            return None, [node.module.layer.num_features, 2]
        if node.op == "linear":
            return None, [node.details["inputs"], 0]
    for failure in trial.found.failures:  # a Conv1d or Conv3d was given a picture
        if failure.kind == "rank":
            layers = [m for m in interpreter.modules_made if m.kind.startswith("Conv")]
            if layers and layers[-1].layer is not None:
                rank = int(layers[-1].kind[4:5] if layers[-1].kind[4:5].isdigit() else 2)
                first = next((m for m in layers if m.layer is not None), layers[-1])
                return None, [first.layer.in_channels, rank]
    return None, [3, 2]


def guess_input(
    interpreter: Interpreter, net: Module, tree: ast.Module, text: str, steps: int
) -> tuple[tuple[int, ...], Run | None]:
    """The shape of an image that the net is made for, and the forward on it."""
    first, (channels, rank) = first_shape(interpreter, net, steps)
    for module, shape in reversed(interpreter.hints):
        if module.cls is net.cls and len(shape) > 1 and shape[1:2] == (channels,):
            return shape[1:], None
    written = written_shape(tree)
    if written and written[0] == channels:
        return written, None
    if rank == 0:
        return _flat(channels), None
    if rank in (1, 3):
        return ((channels, 1024) if rank == 1 else (channels, 16, 112, 112)), None
    own = net.fields.get("input_size", interpreter.find_in_class(net.cls, "input_size"))
    order = sizes(text, first)
    if type(own) is int and 8 <= own <= 1024:
        order.insert(0, own)
    best: tuple[int, tuple[int, ...], Run] | None = None
    for side in list(dict.fromkeys(order)):
        trial = run(interpreter, net, (channels, side, side), steps)
        if best is None or trial.misfits < best[0]:
            best = (trial.misfits, (channels, side, side), trial)
        if not trial.misfits or trial.stopped:
            break
    if best[0] and not best[2].stopped and len(best[2].recording.nodes) <= MOST_NODES_FOR_UNUSUAL:
        best = _unusual_size(interpreter, net, channels, steps, best)
    return best[1], best[2]


def _unusual_size(interpreter: Interpreter, net: Module, channels: int, steps: int, best: tuple):
    """``best``, or an unusual size that fits where no usual one does."""
    for side in range(8, 260, 2):
        trial = run(interpreter, net, (channels, side, side), steps)
        if trial.stopped:
            break
        if not trial.misfits:
            return (0, (channels, side, side), trial)
    return best


def _flat(values: int) -> tuple[int, ...]:
    """An image of as many values as a first linear layer takes."""
    for channels in (3, 1):
        side = isqrt(values // channels)
        if values % channels == 0 and side * side * channels == values and side >= 8:
            return (channels, side, side)
    return (values,)
