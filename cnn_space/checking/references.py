"""This package's nets as recorded forwards, to compare with: their own texts, interpreted."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cnn_space.checking import running
from cnn_space.checking.canonical import Unit, digest, units
from cnn_space.checking.choosing import Candidate
from cnn_space.checking.interpreter import Interpreter
from cnn_space.checking.library import Library
from cnn_space.checking.limits import Budget, Limits
from cnn_space.checking.module_methods import named_parameters
from cnn_space.models import registry
from cnn_space.models.catalogue import NETS

_MODELS = Path(registry.__file__).parent


@dataclass(frozen=True)
class Reference:
    """A net: ``create_model(arch, classes, **options)``, and its forwards on images of a size."""

    arch: str
    options: dict = field(hash=False)
    units: tuple[Unit, ...]
    heads: tuple[Unit, ...]  # of the auxiliary heads
    evaluated: tuple[str, ...]  # fingerprints of the outputs
    trained: tuple[str, ...]
    parameters: int
    macs: int
    misfits: int
    shapes_of_parameters: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=128)
def _cached(arch: str, options: tuple, classes: int, shape: tuple[int, ...]) -> Reference:
    row = NETS[arch]
    module, _, name = row.family.net.partition(":")
    path = _MODELS / f"{module}.py"
    interpreter = Interpreter(Budget(Limits()), Library(_MODELS))
    running.run_top(interpreter, ast.parse(path.read_text(encoding="utf-8")), 300_000)
    arguments = {"num_classes": classes, "in_channels": shape[0], **row.size, **dict(options)}
    target = interpreter.main.names[name]
    built = running.build(
        interpreter, Candidate(name, target, "class", 1, arguments, "given"), 500_000
    )
    trained = running.run(interpreter, built.module, shape, 500_000, training=True)
    evaluated = running.run(interpreter, built.module, shape, 500_000)
    return Reference(
        arch,
        dict(options),
        tuple(units(interpreter, evaluated.recording, _numbers(evaluated))),
        tuple(heads(interpreter, evaluated, trained)),
        digest(evaluated.recording, _numbers(evaluated)),
        digest(trained.recording, _numbers(trained)),
        built.parameters,
        sum(node.macs for node in evaluated.recording.nodes),
        evaluated.misfits + len(built.found.failures),
        tuple(t.shape for _, t in named_parameters(built.module)),
    )


def _numbers(run: running.Run) -> list[int]:
    return [t.node for t in run.tensors if t.node is not None]


def heads(interpreter, evaluated: running.Run, trained: running.Run) -> list[Unit]:
    """Layers on the way to no output of the evaluation: auxiliary heads."""
    recording = evaluated.recording
    ran = {id(recording.nodes[n].module) for n in recording.reaching(_numbers(evaluated))}
    inside = {n.number for n in trained.recording.nodes if n.module is not None
              and id(n.module) not in ran}  # fmt: skip
    found = units(interpreter, trained.recording)
    weighted = [n for n in trained.recording.nodes
                if n.op in ("conv", "linear", "transposed conv")]  # fmt: skip
    return [unit for unit, node in zip(found, weighted, strict=True) if node.number in inside]


def reference(arch: str, options: dict, classes: int, shape: tuple[int, ...]) -> Reference:
    """The net ``create_model(arch, classes, **options)`` on images of ``shape``."""
    return _cached(arch, tuple(sorted(options.items(), key=str)), classes, shape)


def title(arch: str, options: dict) -> str:
    """``GoogLeNet (paper form, naive modules)``"""
    facts = registry.facts(arch)
    parts = []
    if "form" in options or arch == "googlenet":
        form = options.get("form", "torchvision")
        parts.append({"cifar": "CIFAR form"}.get(form, f"{form} form"))
    if options.get("small_input"):
        pooled = arch.startswith("vgg")
        parts.append("global average pooling" if pooled else "32-pixel stem")
    if options.get("head") == "gap":
        parts.append("global average pooling")
    if options.get("batch_norm") is True:
        parts.append("batch norm")
    if options.get("reduction") is False:
        parts.append("naive modules")
    if options.get("kernel5x5"):
        parts.append(f"{str(options['kernel5x5']).replace('3+3', 'two 3×3')} for 5×5")
    if options.get("aux") is False:
        parts.append("no auxiliary heads")
    return f"{facts.title} ({', '.join(parts)})" if parts else facts.title


def candidates(found: list[Unit], joins: Counter, norms: int) -> list[tuple[str, dict]]:
    """The nets that a recorded net may be, by what kind of net it is."""
    convolutions = [u for u in found if u.op == "conv"]
    first = convolutions[0] if convolutions else None
    small = bool(first) and max(first.kernel) <= 3
    stem = {"small_input": True} if small else {}
    count = len(convolutions)
    if joins["add"] >= 2 and joins["add"] >= joins["concat"]:
        return [(arch, stem) for arch in nearest_depths("resnet", count)]
    if joins["concat"] >= 2:
        return _with_branches(found, joins, stem, norms, count)
    return _plain(found, norms, count)


def nearest_depths(family: str, count: int) -> list[str]:
    """The two nets of a family whose number of convolutions is nearest to ``count``."""
    per = {"resnet18": 20, "resnet34": 36, "resnet50": 53, "resnet101": 104, "resnet152": 155,
           "densenet121": 120, "densenet161": 160, "densenet169": 168, "densenet201": 200,
           "densenet_bc_100_12": 99}  # fmt: skip
    names = [name for name in per if name.startswith(family) and name in NETS]
    return sorted(names, key=lambda name: abs(per[name] - count))[:2]


def _with_branches(found, joins: Counter, stem: dict, norms: int, count: int) -> list:
    wide = sum(1 for u in found if u.joined == "concat")
    if wide >= 3 * joins["concat"] * 0.6 and joins["concat"] < 30:
        form = "torchvision" if norms else "paper"
        base = {"form": form, **stem} if form != "torchvision" else dict(stem)
        nets: list[tuple[str, dict]] = [("googlenet", base)]
        if sum(u.kernel == (1, 1) for u in found) < joins["concat"] * 2:
            nets.append(("googlenet", base | {"reduction": False}))
        if any(len(set(u.kernel)) > 1 for u in found) or count > 75:
            nets.append(("inception_v3", {}))
        return nets
    names = nearest_depths("densenet", count)
    return [(name, {} if name == "densenet_bc_100_12" else stem) for name in names]


def _plain(found, norms: int, count: int) -> list:
    linear = sum(u.op == "linear" for u in found)
    if count <= 3:
        return [("lenet5", {})]
    nets: list[tuple[str, dict]] = []
    if count <= 7:
        nets += [("alexnet", {}), ("alexnet", {"form": "paper"}), ("alexnet", {"form": "cifar"})]
    if sum(u.kernel == (1, 1) for u in found) >= 3:
        nets.append(("nin", {}))
    if count >= 6:
        depth = min((8, 11), (10, 13), (13, 16), (16, 19), key=lambda pair: abs(pair[0] - count))
        options = {"batch_norm": True} if norms else {}
        options |= {"head": "gap"} if linear <= 1 else {}
        nets.append((f"vgg{depth[1]}", options))
    return nets
