"""Single blocks of published nets: a residual block, a dense layer, a transition, an Inception
module, pasted without the net around them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnn_space.checking import choosing, running
from cnn_space.checking.canonical import digest
from cnn_space.checking.interpreter import Interpreter
from cnn_space.checking.library import Library
from cnn_space.checking.limits import Budget, Limits, Stop
from cnn_space.checking.report import Nearest
from cnn_space.checking.sections import note
from cnn_space.checking.values import Class
from cnn_space.models import registry

_MODELS = Path(registry.__file__).parent
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """A block of this package: its file and class, and its arguments for given shapes."""

    key: str
    arch: str
    file: str
    name: str
    arguments: Callable[[Shape, Shape], list]


_BLOCKS = (
    Block("resnet_basic", "resnet18", "resnet", "BasicBlock",
          lambda i, o: [i[0], o[0], max(1, i[1] // o[1])]),
    Block("resnet_bottleneck", "resnet50", "resnet", "Bottleneck",
          lambda i, o: [i[0], o[0] // 4, max(1, i[1] // o[1])]),
    Block("densenet_layer", "densenet121", "densenet", "DenseBlock",
          lambda i, o: [i[0], o[0] - i[0], 1]),
    Block("densenet_transition", "densenet121", "densenet", "Transition",
          lambda i, o: [i[0], o[0]]),
)  # fmt: skip


@lru_cache(maxsize=64)
def _reference(block: Block, inputs: Shape, outputs: Shape) -> tuple | None:
    """The fingerprint of what ``block`` computes at these shapes."""
    path = _MODELS / f"{block.file}.py"
    interpreter = Interpreter(Budget(Limits()), Library(_MODELS))
    running.run_top(interpreter, ast.parse(path.read_text(encoding="utf-8")), 100_000)
    target = interpreter.main.names[block.name]
    names = [p.name for p in choosing.parameters_of(target, interpreter)]
    arguments = dict(zip(names, block.arguments(inputs, outputs), strict=False))
    candidate = choosing.Candidate(block.name, target, "class", 1, arguments, "given")
    built = running.build(interpreter, candidate, 100_000)
    if built.module is None or built.found.failures or built.stopped:
        return None
    run = running.run(interpreter, built.module, inputs, 100_000)
    return _mark(run)


def _mark(run: running.Run) -> tuple | None:
    tensors = [t.node for t in run.tensors if t.node is not None]
    if run.misfits or len(tensors) != 1:
        return None
    return digest(run.recording, tensors)


def name_block(interpreter: Interpreter, cls: Class, tree: ast.Module) -> str:
    """The key of the published block that ``cls`` is, "" for none."""
    interpreter.budget.allow(60_000)
    try:
        for way in choosing.ways(interpreter, tree, cls):
            built = running.build(interpreter, way, 30_000)
            if built.module is None or built.found.failures or built.stopped:
                continue
            shape, trial = running.guess_input(interpreter, built.module, tree, "", 30_000)
            run = trial or running.run(interpreter, built.module, shape, 30_000)
            return _key(run, shape)
    except Stop:
        return ""
    return ""


def _key(run: running.Run, shape: Shape) -> str:
    tensors = run.tensors
    if run.misfits or len(tensors) != 1 or len(tensors[0].shape) != 4:
        return ""
    outputs = tensors[0].shape[1:]
    mine = _mark(run)
    for block in _BLOCKS:
        if mine is not None and mine == _reference(block, tuple(shape), tuple(outputs)):
            return block.key
    return ""


def nearest_block(key: str) -> Nearest | None:
    """The report's entry for a block."""
    block = next((b for b in _BLOCKS if b.key == key), None)
    if block is None:
        return None
    facts = registry.facts(block.arch)
    keys = (f"block_{key}.note",) if note(f"block_{key}.note") else ()
    return Nearest(
        block.arch,
        note(f"block_{key}"),
        {},
        True,
        1.0,
        notes=tuple(map(note, keys)),
        paper=facts.paper.title,
        block=True,
        title_key=f"block_{key}",
        note_keys=keys,
    )
