"""What becomes of a forward's values: layers that run for nothing, shared heads, returns."""

from __future__ import annotations

import ast

from cnn_space.checking.module_methods import named_modules, named_parameters
from cnn_space.checking.problem import Problem
from cnn_space.checking.problems import mends
from cnn_space.checking.problems.graph import Evidence
from cnn_space.checking.recording import Node, Recording
from cnn_space.checking.running import Run
from cnn_space.checking.values import Class, Instance, Module, Tensor


def check(evidence: Evidence) -> list[Problem]:
    """All findings of this file; none where a forward did not run to its end."""
    found = [*_plain_lists(evidence), *_made_in_forward(evidence)]
    if evidence.complete and evidence.evaluated.tensors:
        found += _dead(evidence)
        found += _dropped(evidence)
        found += _shared(evidence)
        found += _several(evidence)
        found += _unused(evidence)
    return found


def _key(node: Node) -> tuple:
    return (id(node.module),) if node.module is not None else (node.line, node.op)


def _dead(evidence: Evidence) -> list[Problem]:
    """Layers whose output reaches nothing that is returned, in training and in evaluation."""
    dead_sets = []
    for run in (evidence.evaluated, evidence.trained):
        kept = [t.node for t in [*run.tensors, *_stored(evidence.net)] if t.node is not None]
        kept = [n for n in kept if n < len(run.recording.nodes)]
        alive = run.recording.reaching(kept)
        dead_sets.append({_key(n) for n in run.recording.nodes if n.number not in alive}
                         | ({_key(n) for n in evidence.evaluated.recording.nodes}
                            - {_key(n) for n in run.recording.nodes}))  # fmt: skip
        dead_sets[-1] -= {_key(n) for n in run.recording.nodes if n.number in alive}
    both = dead_sets[0] & dead_sets[1]
    recording = evidence.evaluated.recording
    users = recording.consumers()
    found: dict[int, Problem] = {}
    for node in recording.nodes:
        if _key(node) in both and not users[node.number] and _has_layer(recording, node, both):
            values = {"layer": _layer_name(recording, node)}
            found.setdefault(node.line, Problem("output_unused", node.line, values))
    return list(found.values())


def _all(net: Module) -> list[Module]:
    """``net`` and all modules in it, each once."""
    return [module for _, module in named_modules(net)]


def _stored(net: Module) -> list[Tensor]:
    """Tensors that the text keeps in attributes."""
    found: list[Tensor] = []
    for module in _all(net):
        for value in module.fields.values():
            values = value if isinstance(value, list | tuple) else [value]
            found += [v for v in values if isinstance(v, Tensor)]
    return found


def _has_layer(recording: Recording, node: Node, dead: set) -> bool:
    while node.module is None and node.inputs:
        node = recording.nodes[node.inputs[0]]
        if _key(node) not in dead:
            return False
    return node.module is not None


def _layer_name(recording: Recording, node: Node) -> str:
    while node.module is None and node.inputs:
        node = recording.nodes[node.inputs[0]]
    return node.module.kind if node.module is not None else node.op


def _dropped(evidence: Evidence) -> list[Problem]:
    """In training the forward returns heads, but not what it returns in evaluation."""
    main = evidence.evaluated.tensors
    reached = evidence.trained.recording.reaching(
        [t.node for t in evidence.trained.tensors if t.node is not None]
    )
    last = next((n for n in reversed(_chain(evidence.evaluated, main[0])) if n.module), None)
    if last is None or not evidence.trained.tensors or len(main) > 1:
        return []
    ran = {id(evidence.trained.recording.nodes[n].module) for n in reached}
    body = [n for n in _chain(evidence.evaluated, main[0]) if n.op == "conv" and n.module]
    lost = [n for n in body if id(n.module) not in ran]
    if not lost or evidence.trained.return_line == evidence.evaluated.return_line:
        return []
    values = {"count": len(evidence.trained.tensors), "lost": len(lost)}
    return [Problem("main_output_dropped", evidence.trained.return_line, values)]


def _chain(run: Run, tensor: Tensor) -> list[Node]:
    if tensor.node is None:
        return []
    return [run.recording.nodes[n] for n in sorted(run.recording.reaching([tensor.node]))]


def _shared(evidence: Evidence) -> list[Problem]:
    """One linear layer that gives several of the outputs."""
    found: dict[int, Problem] = {}
    for run in (evidence.trained, evidence.evaluated):
        tensors = [t.node for t in run.tensors if t.node is not None]
        if len(tensors) < 2 and run is evidence.evaluated:
            continue
        makers: dict[int, list[Node]] = {}
        for node in run.recording.nodes:
            if node.op == "linear" and node.module is not None:
                makers.setdefault(id(node.module), []).append(node)
        for nodes in makers.values():
            lines = sorted({n.line for n in nodes})
            if len(lines) > 1 and _is_last(run.recording, nodes):
                values = {"count": len(lines), "lines": tuple(lines)}
                line = nodes[0].made_line
                found.setdefault(
                    line, Problem("shared_layer", line, values, "doubtful", also=tuple(lines))
                )
    return list(found.values())


def _is_last(recording: Recording, nodes: list[Node]) -> bool:
    """Whether each of ``nodes`` is the last linear layer on its way out."""
    for node in nodes:
        behind = recording.nodes[node.number + 1 :]
        if any(n.op == "linear" and node.number in n.inputs for n in behind):
            return False
        if any(n.op in ("add", "multiply", "concat", "relu", "sigmoid") and node.number in n.inputs
               for n in behind):  # fmt: skip
            return False
    return True


def _several(evidence: Evidence) -> list[Problem]:
    """A forward that returns a plain tuple in evaluation mode, with the logits among it."""
    outputs = evidence.evaluated.outputs
    shapes = [t.shape for t in evidence.evaluated.tensors]
    if not isinstance(outputs, tuple) or len(shapes) < 2 or len(shapes[0]) != 2:
        return []
    shown = ", ".join(f"[N, {', '.join(map(str, s[1:]))}]" for s in shapes)
    values = {"count": len(shapes), "shapes": shown}
    return [Problem("returns_several", evidence.evaluated.return_line, values, "doubtful")]


def _unused(evidence: Evidence) -> list[Problem]:
    """Modules that are made, never run, and named nowhere else in the text."""
    ran = evidence.evaluated.recording.ran | evidence.trained.recording.ran
    names = {n.attr for n in ast.walk(evidence.tree)
             if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}  # fmt: skip
    names |= {n.value for n in ast.walk(evidence.tree)
              if isinstance(n, ast.Constant) and isinstance(n.value, str)}  # fmt: skip
    found: dict[int, Problem] = {}
    for module in _all(evidence.net):
        for name, child in module.children.items():
            if not isinstance(child, Module):
                continue
            if (
                not isinstance(module.cls, Class) or name in names or child.line is None
                or _ran(child, ran) or not _is_set(evidence.tree, name)
            ):  # fmt: skip
                continue
            values = {"name": name, "parameters": _parameters(child)}
            line = _is_set(evidence.tree, name)
            found.setdefault(line, Problem("module_unused", line, values, "doubtful"))
    return list(found.values())


def _is_set(tree: ast.Module, name: str) -> int:
    """The line of ``self.name = …``."""
    for node in ast.walk(tree):
        stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if stored and node.attr == name:
            return node.lineno
    return 0


def _ran(module: Module, ran: set[int]) -> bool:
    return any(id(part) in ran for part in _all(module))


def _parameters(module: Module) -> int:
    return sum(t.raw.numel() for _, t in named_parameters(module))


def _plain_lists(evidence: Evidence) -> list[Problem]:
    """Layers kept in a plain list: nn.Module does not see them."""
    modules = _all(evidence.net)
    registered = {id(module) for module in modules}
    found: dict[int, Problem] = {}
    for module in modules:
        for name, value in module.fields.items():
            items = list(value.values()) if isinstance(value, dict) else value
            if not isinstance(items, list | tuple):
                continue
            hidden = [v for v in items if isinstance(v, Module) and id(v) not in registered
                      and _parameters(v)]  # fmt: skip
            line = _is_set(evidence.tree, name)
            if hidden and line:
                values = {
                    "name": name,
                    "count": len(hidden),
                    "parameters": sum(map(_parameters, hidden)),
                    "container": "ModuleDict" if isinstance(value, dict) else "ModuleList",
                }
                edits = _wrap(evidence, name, values["container"])
                found.setdefault(line, Problem("plain_list", line, values, edits=edits))
    return list(found.values())


def _wrap(evidence: Evidence, name: str, container: str) -> tuple:
    return mends.wrap_value(evidence.tree, evidence.text, name, f"nn.{container}")


def _made_in_forward(evidence: Evidence) -> list[Problem]:
    """Layers with parameters, or dropout, that are made anew in every forward."""
    inside: set[int] = set()
    for module in _all(evidence.net):
        inside.add(id(module))
        for value in module.fields.values():
            items = value.values() if isinstance(value, dict) else value
            if isinstance(items, list | tuple) or isinstance(value, dict):
                inside |= {id(part) for v in items if isinstance(v, Module) for part in _all(v)}
    found: dict[int, Problem] = {}
    for node in evidence.evaluated.recording.nodes:
        module = node.module
        if module is None or id(module) in inside or module.line != node.line:
            continue
        if _parameters(module) or (node.op == "dropout" and node.details.get("p")):
            values = {"layer": module.kind}
            found.setdefault(node.line, Problem("made_in_forward", node.line, values))
    return list(found.values())


__all__ = ["Instance", "check"]
