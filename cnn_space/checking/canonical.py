"""A recorded forward in a form that two nets can be compared in.

What computes the same is written the same: an average over the whole map, however it is made; a
pool or dropout that does nothing is left out; joins of joins are one join, in any order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cnn_space.checking.layer_types import ACTIVATIONS
from cnn_space.checking.recording import Node, Recording
from cnn_space.costs.closed_forms import output_size

_WEIGHTED = ("conv", "linear", "transposed conv")
_STOPS = (*_WEIGHTED, "concat", "add", "multiply", "matmul", "subtract")


@dataclass(frozen=True)
class Unit:
    """A layer with weights and what stands around it, up to the next one or to a join.

    ``before`` is only given behind a join or the image, ``after`` up to the next layer or join;
    both are labels as `label` gives them.
    """

    name: str
    op: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    groups: int
    inputs: int
    channels: int
    bias: bool
    before: tuple[tuple, ...]
    after: tuple[tuple, ...]
    joined: str  # the join that its output goes into: "concat", "add" or ""
    sides: tuple[int, ...]  # of its output
    parameters: int
    macs: int
    line: int

    @property
    def shape(self) -> tuple:
        """What makes it the same layer as another one, its surroundings left aside."""
        return (self.op, self.kernel, self.stride, self.groups, self.inputs, self.channels)


def label(recording: Recording, node: Node) -> tuple | None:
    """What a node computes, without its inputs; None for one that changes nothing."""
    d = node.details
    if node.op in ("conv", "transposed conv"):
        return (node.op, d["kernel"], d["stride"], d.get("padding"), d.get("dilation"),
                d["groups"], d["channels"], d["bias"])  # fmt: skip
    if node.op == "linear":
        return ("linear", d["channels"], d["bias"])
    if node.op in ("flatten", "reshape", "identity"):
        return None
    if node.op == "dropout":
        return ("dropout", d["p"]) if d.get("p") else None
    if node.op in ("max pool", "avg pool"):
        return _pool(recording, node)
    if node.op == "mean" and len(node.shape) in (2, 4) and node.details.get("over"):
        return ("avg pool", "all")
    if node.op == "batch norm":
        return ("batch norm", d.get("eps"))
    if node.op == "local norm":
        return ("local norm", d["size"], d["alpha"], d["beta"], d["k"])
    if node.op in ("softmax", "log softmax"):
        return (node.op,)
    if node.op == "leaky relu":
        return (node.op, d.get("slope"))
    extra = (d["number"],) if isinstance(d.get("number"), int | float) else ()
    return (node.op, *extra)


def _pool(recording: Recording, node: Node) -> tuple | None:
    source = recording.nodes[node.inputs[0]].shape if node.inputs else node.shape
    d = node.details
    rank = len(d["kernel"])
    sides, result = source[-rank:], node.shape[-rank:]
    if sides == result and (set(d["kernel"]) == {1} or "adaptive" in d):
        return None
    whole = set(result) == {1} and all(k >= s for k, s in zip(d["kernel"], sides, strict=True))
    if whole and set(d["padding"]) == {0}:
        return (node.op, "all")
    ceil = False
    if d.get("ceil"):
        plain = tuple(
            output_size(s, k, t, p)
            for s, k, t, p in zip(sides, d["kernel"], d["stride"], d["padding"], strict=True)
            if s + 2 * p >= k
        )
        ceil = plain != result
    return (node.op, d["kernel"], d["stride"], d["padding"], ceil)


def digest(recording: Recording, outputs: list[int]) -> tuple[str, ...]:
    """A fingerprint for each output: equal where the graphs that lead to them are."""
    marks: dict[int, str] = {}
    joins: dict[int, list[str]] = {}
    for node in recording.nodes:
        inputs = [marks[n] for n in node.inputs]
        mine = label(recording, node)
        if mine is None and len(inputs) == 1:
            marks[node.number] = inputs[0]
            joins[node.number] = joins.get(node.inputs[0], [])
            continue
        if node.op in ("concat", "add"):
            parts: list[str] = []
            for number in node.inputs:
                inner = joins.get(number, [])
                parts += inner[1:] if inner and inner[0] == node.op else [marks[number]]
            joins[node.number] = [node.op, *parts]
            inputs = sorted(parts)
        text = repr((mine, inputs)).encode()
        marks[node.number] = hashlib.blake2b(text, digest_size=12).hexdigest()
    return tuple(marks[n] for n in outputs if n is not None)


def units(interpreter, recording: Recording, outputs: list[int] | None = None) -> list[Unit]:
    """The layers with weights on the way to ``outputs`` (None: all), in the order they run."""
    alive = recording.reaching(outputs) if outputs is not None else None
    users = recording.consumers()
    found = []
    for node in recording.nodes:
        if node.op not in _WEIGHTED or (alive is not None and node.number not in alive):
            continue
        d = node.details
        after, joined, norm = _after(recording, users, node)
        name = interpreter.name_of(node.module) if node.module is not None else node.op
        found.append(
            Unit(
                name,
                node.op,
                d.get("kernel", ()),
                d.get("stride", ()),
                d.get("padding", ()),
                d.get("groups", 1),
                d["inputs"],
                d["channels"],
                d["bias"],
                _before(recording, node),
                after,
                joined,
                node.shape[2:],
                node.parameters + norm,
                node.macs,
                node.made_line,
            )
        )
    return found


def _after(recording: Recording, users: list[list[int]], node: Node) -> tuple:
    """Labels behind a layer up to the next one, the join they end in, and norms' parameters."""
    labels: list[tuple] = []
    parameters = 0
    current = node
    while len(users[current.number]) == 1:
        following = recording.nodes[users[current.number][0]]
        if following.op in _STOPS:
            join = following.op if following.op not in _WEIGHTED else ""
            return tuple(labels), join, parameters
        mine = label(recording, following)
        if mine is not None:
            labels.append(mine)
        parameters += following.parameters
        current = following
    return tuple(labels), "", parameters


def _before(recording: Recording, node: Node) -> tuple[tuple, ...]:
    """Labels in front of a layer, back to a join or the image; () behind another layer."""
    labels: list[tuple] = []
    current = node
    while current.inputs:
        source = recording.nodes[current.inputs[0]]
        if source.op in _WEIGHTED:
            return ()
        if source.op in _STOPS:
            break
        mine = label(recording, source)
        if mine is not None:
            labels.append(mine)
        current = source
    return tuple(reversed(labels))


def has(labels: tuple[tuple, ...], *ops: str) -> bool:
    """Whether one of ``ops`` is among ``labels``."""
    return any(one[0] in ops for one in labels)


def activation(labels: tuple[tuple, ...]) -> str:
    """The activation among ``labels``, "" for none."""
    return next((one[0] for one in labels if one[0] in ACTIVATIONS), "")
