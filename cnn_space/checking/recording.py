"""The operations of one forward: a graph, and the rows of its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import torch

from cnn_space.checking.limits import Stop
from cnn_space.checking.values import Module, Tensor
from cnn_space.costs.closed_forms import ReceptiveField

BATCH = 7  # images in the recorded forward; a side that no map of a classic net has as channels

# operations that only arrange values anew
RESHAPES = ("reshape", "flatten", "permute", "identity")


NO_FIELD = ReceptiveField()


@dataclass(eq=False)
class Node:
    """One operation: a layer, or a function between layers."""

    number: int
    op: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    details: dict = field(default_factory=dict)
    module: Module | None = None
    owner: Module | None = None  # the module whose forward calls it
    line: int = 1  # where it is called
    macs: int = 0
    field: ReceptiveField = NO_FIELD
    repeated: bool = False  # the module has run before in this forward

    @property
    def made_line(self) -> int:
        """Where the layer stands in the text: where it is made, or called if it is a function."""
        return (self.module.line if self.module else None) or self.line

    @property
    def parameters(self) -> int:
        if self.module is None or self.repeated or self.op == "group":
            return 0
        return sum(t.raw.numel() for t in self.module.parameters.values() if isinstance(t, Tensor))


class Recording:
    """The nodes of one forward in the order they ran."""

    def __init__(self, limit: int):
        self.nodes: list[Node] = []
        self.limit = limit
        self.ran: set[int] = set()  # ids of the layers that have run
        self.in_place: list[tuple[Node, int, int]] = []  # node changed, by which node, line

    def add(self, node: Node) -> Node:
        if len(self.nodes) >= self.limit:
            raise Stop("limit_nodes", nodes=self.limit)
        self.nodes.append(node)
        if node.module is not None:
            node.repeated = id(node.module) in self.ran
            self.ran.add(id(node.module))
        return node

    def consumers(self) -> list[list[int]]:
        """For each node the numbers of those that take its output."""
        users: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for source in node.inputs:
                users[source].append(node.number)
        return users

    def reaching(self, outputs: list[int]) -> set[int]:
        """Numbers of the nodes on which ``outputs`` depend."""
        seen: set[int] = set()
        pending = list(outputs)
        while pending:
            number = pending.pop()
            if number not in seen:
                seen.add(number)
                pending.extend(self.nodes[number].inputs)
        return seen


def record(
    interpreter,
    op: str,
    inputs: list[Tensor],
    shape: tuple[int, ...] | torch.Tensor,
    *,
    details: dict | None = None,
    module: Module | None = None,
    macs: int = 0,
    window: tuple | None = None,
) -> Tensor:
    """A tensor of ``shape``, noted as what ``op`` makes of ``inputs`` while a forward runs.

    ``window`` is (kernel, stride, dilation) of a layer that looks at more than one place.
    """
    raw = shape if isinstance(shape, torch.Tensor) else _empty(interpreter, shape)
    recording = interpreter.recording
    if recording is None:
        return Tensor(raw)
    sources = tuple(t.node for t in inputs if t.node is not None)
    node = Node(
        len(recording.nodes),
        op,
        sources,
        tuple(raw.shape),
        details or {},
        module,
        _owner(interpreter, module),
        interpreter.line,
        macs,
        _field(recording, sources, window),
    )
    recording.add(node)
    return Tensor(raw, node.number)


def _owner(interpreter, module: Module | None) -> Module | None:
    owners = interpreter.owners
    if module is not None and owners and owners[-1] is module:
        return owners[-2] if len(owners) > 1 else None
    return owners[-1] if owners else None


def _empty(interpreter, shape: tuple[int, ...]) -> torch.Tensor:
    if prod(shape) > interpreter.budget.limits.elements:
        raise Stop("limit_elements", elements=interpreter.budget.limits.elements)
    return torch.empty(shape, device="meta")


def _field(recording: Recording, sources: tuple[int, ...], window: tuple | None) -> ReceptiveField:
    seen = ReceptiveField()
    for number in sources:
        seen = seen.widest(recording.nodes[number].field)
    return seen.through(*window) if window else seen


def per_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` without the batch."""
    return tuple(shape[1:]) if shape[:1] == (BATCH,) else tuple(shape)


def shown_shape(shape: tuple[int, ...]) -> str:
    """``[N, 64, 28, 28]``"""
    parts = ["N" if i == 0 and side == BATCH else f"{side}" for i, side in enumerate(shape)]
    if len(shape) == 1 and shape[0] > BATCH and shape[0] % BATCH == 0:
        parts = [f"N × {shape[0] // BATCH}"]
    return f"[{', '.join(parts)}]"
