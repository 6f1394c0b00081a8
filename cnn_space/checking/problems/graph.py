"""What the recorded forwards show: layers in a row, softmax, pools, values that go nowhere."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cnn_space.checking.layer_types import ACTIVATIONS
from cnn_space.checking.problem import Problem
from cnn_space.checking.problems import mends
from cnn_space.checking.recording import BATCH, Node, Recording, shown_shape
from cnn_space.checking.running import Run
from cnn_space.checking.values import Class, Module, Unknown

_PASSING = ("batch norm", "local norm", "max pool", "avg pool", "dropout", "flatten", "reshape",
            "pad", "group norm", "instance norm", "layer norm")  # fmt: skip
_WEIGHTED = ("conv", "linear")


@dataclass
class Evidence:
    """A net's two forwards and the text they come from."""

    net: Module
    evaluated: Run
    trained: Run
    tree: ast.Module
    text: str

    @property
    def complete(self) -> bool:
        """Whether both forwards ran to their end."""
        return not any(
            run.stopped or isinstance(run.outputs, Unknown)
            for run in (self.evaluated, self.trained)
        )


def check(evidence: Evidence) -> list[Problem]:
    """All findings of this file."""
    found = [
        *_nonlinearity(evidence),
        *_norm_after_activation(evidence.evaluated.recording),
        *_softmax(evidence),
        *_merged_batch(evidence),
        *_dropout(evidence),
        *_pool_leaves_map(evidence.evaluated.recording),
        *_in_place(evidence.trained.recording),
    ]
    return found


def _nonlinearity(evidence: Evidence) -> list[Problem]:
    recording = evidence.evaluated.recording
    weighted = [n for n in recording.nodes if n.op in _WEIGHTED]
    if len(weighted) < 2:
        return []
    pairs = _linear_pairs(recording)
    users = recording.consumers()
    if not any(_is_nonlinear(n) and users[n.number] for n in recording.nodes):
        if evidence.complete and pairs:
            first = weighted[0]
            lines = tuple(dict.fromkeys(n.made_line for n in weighted[1:]))
            return [
                Problem(
                    "no_nonlinearity_anywhere",
                    first.made_line,
                    {"layers": len(weighted)},
                    also=tuple(line for line in lines if line != first.made_line),
                )
            ]
        return []
    found: dict[int, Problem] = {}
    for first, second in pairs:
        values = {"first": _shown(first), "second": _shown(second), "second_line": second.made_line}
        found.setdefault(
            first.made_line,
            Problem("no_nonlinearity", first.made_line, values, "doubtful",
                    also=(second.made_line,)),
        )  # fmt: skip
    return list(found.values())


def _is_nonlinear(node: Node) -> bool:
    return node.op in ACTIVATIONS or node.op in (
        "clamp", "softmax", "maximum", "where", "exp", "pow", "square", "abs", "hardtanh", "erf",
        "glu", "max", "normalize",
    )  # fmt: skip


def _shown(node: Node) -> str:
    kernel = "×".join(map(str, node.details.get("kernel", ())))
    return f"{node.op} {kernel}".strip()


def _linear_pairs(recording: Recording) -> list[tuple[Node, Node]]:
    """Pairs of weighted layers with nothing between them that bends: one linear map in effect.

    Nets with depthwise convolutions are left out: theirs are linear on purpose.
    """
    if any(_is_depthwise(n) for n in recording.nodes):
        return []
    pairs = []
    for node in recording.nodes:
        if node.op not in _WEIGHTED or not node.inputs or node.repeated:
            continue
        before = recording.nodes[node.inputs[0]]
        while before.op in _PASSING and len(before.inputs) == 1:
            before = recording.nodes[before.inputs[0]]
        if before.op == node.op and not _is_factorised(before, node):
            pairs.append((before, node))
    return pairs


def _is_depthwise(node: Node) -> bool:
    return node.op == "conv" and node.details["groups"] > 2


def _is_factorised(first: Node, second: Node) -> bool:
    """A 1×n and an n×1 in a row, or a wide layer split in two narrow ones."""
    kernels = [node.details.get("kernel", ()) for node in (first, second)]
    return any(len(set(kernel)) > 1 for kernel in kernels)


def _norm_after_activation(recording: Recording) -> list[Problem]:
    users = recording.consumers()
    found: dict[int, Problem] = {}
    for node in recording.nodes:
        if node.op != "batch norm" or not node.inputs or len(node.shape) != 4:
            continue
        before = recording.nodes[node.inputs[0]]
        if before.op not in ACTIVATIONS or len(users[before.number]) != 1 or not before.inputs:
            continue
        if recording.nodes[before.inputs[0]].op == "conv":
            values = {"activation": before.op}
            found.setdefault(
                node.made_line, Problem("norm_after_activation", node.made_line, values, "doubtful")
            )
    return list(found.values())


def _softmax(evidence: Evidence) -> list[Problem]:
    recording = evidence.evaluated.recording
    found = []
    names = {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(evidence.tree)}
    outputs = {t.node for t in evidence.evaluated.tensors}
    for node in recording.nodes:
        if node.op not in ("softmax", "log softmax") or len(node.shape) != 2:
            continue
        dim = node.details.get("dim")
        if dim in (0, -2):
            edits = mends.softmax_dim(evidence.tree, node.made_line)
            found.append(
                Problem("softmax_over_batch", node.made_line, {"op": node.op}, edits=edits,
                        also=mends.other(node.line, node.made_line))
            )  # fmt: skip
        elif dim is None:
            found.append(Problem("softmax_no_dim", node.made_line, {"op": node.op}, "doubtful"))
        elif (
            node.op == "softmax"
            and node.number in outputs
            and (names & {"CrossEntropyLoss", "cross_entropy"})
        ):
            found.append(
                Problem("softmax_then_cross_entropy", node.made_line, {},
                        also=mends.other(node.line, node.made_line))
            )  # fmt: skip
    return found


def _merged_batch(evidence: Evidence) -> list[Problem]:
    recording = evidence.evaluated.recording
    users = recording.consumers()
    outputs = {t.node for t in evidence.evaluated.tensors}
    found: dict[int, Problem] = {}
    for node in recording.nodes:
        if node.op not in ("reshape", "flatten") or not node.inputs or len(node.shape) > 2:
            continue
        source = recording.nodes[node.inputs[0]]
        if source.shape[:1] != (BATCH,) or node.shape[:1] == (BATCH,):
            continue
        takers = [recording.nodes[n] for n in users[node.number]]
        if node.number not in outputs and not any(
            t.op in ("linear", "dropout", "relu", "batch norm") for t in takers
        ):
            continue
        linear = next((t for t in takers if t.op == "linear"), None)
        values = {
            "shape": shown_shape(source.shape),
            "wanted": linear.details["inputs"] if linear else 0,
            "layer": evidence_name(linear),
        }
        one = len(node.shape) == 1
        kind = "view_merges_batch" if one or node.shape[0] == 1 else "view_splits_images"
        values["sizes"] = ", ".join(map(str, node.details.get("sizes", ())))
        per_image = 1
        for side in source.shape[1:]:
            per_image *= side
        values["per_image"] = per_image
        edits = mends.flatten_view(evidence.tree, node.line) if kind == "view_merges_batch" else ()
        found.setdefault(node.line, Problem(kind, node.line, values, edits=edits))
    return list(found.values())


def evidence_name(node: Node | None) -> str:
    """How a message names the layer of ``node``."""
    return node.module.kind if node is not None and node.module is not None else "linear"


def _dropout(evidence: Evidence) -> list[Problem]:
    found: dict[int, Problem] = {}
    for node in evidence.evaluated.recording.nodes:
        if node.op != "dropout" or not node.details.get("p"):
            continue
        if node.details.get("function") and node.details.get("training") is None:
            edits = mends.add_training(evidence.tree, node.line)
            found.setdefault(
                node.line, Problem("dropout_always_on", node.line, {"p": node.details["p"]},
                                   edits=edits)
            )  # fmt: skip
    return list(found.values())


def _pool_leaves_map(recording: Recording) -> list[Problem]:
    """An average pool in front of the last layer that does not cover the map."""
    users = recording.consumers()
    found = []
    for node in recording.nodes:
        if node.op != "avg pool" or "adaptive" in node.details or len(node.shape) != 4:
            continue
        if node.details["stride"] != (1, 1) or max(node.shape[2:]) == 1:
            continue
        after = [recording.nodes[n] for n in users[node.number]]
        while len(after) == 1 and after[0].op in ("flatten", "reshape", "dropout"):
            after = [recording.nodes[n] for n in users[after[0].number]]
        if len(after) == 1 and after[0].op == "linear":
            values = {
                "kernel": " × ".join(map(str, node.details["kernel"])),
                "left": " × ".join(map(str, node.shape[2:])),
                "channels": node.shape[1],
                "inputs": after[0].details["inputs"],
            }
            found.append(
                Problem("pool_leaves_map", after[0].made_line, values, "doubtful",
                        also=mends.other(node.made_line, after[0].line))
            )  # fmt: skip
    return found


# Operations whose backward needs what they gave, or what they took.
_SAVES_OUTPUT = ("relu", "sigmoid", "tanh", "softmax", "log softmax", "exp", "sqrt", "relu6")
_SAVES_INPUT = ("conv", "linear", "batch norm", "silu", "gelu", "max pool")


def _in_place(recording: Recording) -> list[Problem]:
    """Tensors changed in place that the backward pass still needs."""
    found: dict[int, Problem] = {}
    users = recording.consumers()
    for number, by, line in recording.in_place:
        changed, changer = recording.nodes[number], recording.nodes[by]
        earlier = [recording.nodes[n] for n in users[number] if n < by]
        needed_by = next((n for n in earlier if n.op in _SAVES_INPUT), None)
        if changer.op in ("add", "subtract", "multiply") and changed.op in _SAVES_OUTPUT:
            needed_by = changed
        if needed_by is None or (needed_by is changed and changer.op in ACTIVATIONS):
            continue
        values = {"op": changer.op, "needed_by": needed_by.op, "needed_line": needed_by.line}
        found.setdefault(line, Problem("in_place", line, values, also=(needed_by.line,)))
    return list(found.values())


__all__ = ["Class", "Evidence", "check"]
