"""Puts a report together from what the steps of a check gave."""

from __future__ import annotations

from cnn_space.checking import choosing, sentences
from cnn_space.checking.blocks import name_block
from cnn_space.checking.layer_types import ACTIVATIONS
from cnn_space.checking.module_methods import named_parameters
from cnn_space.checking.nearest import nearest_net
from cnn_space.checking.recording import Node, per_image
from cnn_space.checking.report import (
    ArgumentEntry,
    ClassEntry,
    Finding,
    LayerEntry,
    NetEntry,
    Report,
)
from cnn_space.checking.text_formats import show
from cnn_space.checking.values import Class, Function, LayerType, Unknown

# Kinds of rows besides those of layers.
_SHOWN = frozenset(
    ("conv", "transposed conv", "linear", "batch norm", "instance norm", "group norm", "layer norm",
     "local norm", "max pool", "avg pool", "concat", "add", "dropout", "softmax", "log softmax",
     "upsample", "pixel shuffle", "mean", "pad", "matmul", "bmm", *ACTIVATIONS)
)  # fmt: skip


def unreadable(kind: str, values: dict, text: str = "") -> Report:
    """The report on a source that holds no net."""
    return Report(
        readable=False, reason=sentences.english(kind, values), reason_kind=kind,
        reason_values=values, text=text,
    )  # fmt: skip


def assemble(draft, outcome, dropped, request, diff: str) -> Report:
    """The report of a text that could be read."""
    interpreter, built = outcome.interpreter, outcome.built
    classes = choosing.module_classes(interpreter)
    module = built.module if built else None
    if module is None and not classes:
        slip = next((p for p in draft.problems if p.kind == "syntax"), None)
        kind, values = ("syntax", slip.values | {"line": slip.line}) if slip else ("no_net", {})
        return unreadable(kind, values, draft.original)
    run = outcome.evaluated
    tensors = run.tensors if run else []
    rows = layer_rows(interpreter, run.recording.nodes, draft) if run else ()
    complete = bool(run and not run.stopped and tensors and not isinstance(run.outputs, Unknown))
    return Report(
        classes=_classes(interpreter, draft, classes, built),
        net=_net(interpreter, draft, built, request) if built else None,
        input_shape=outcome.shape,
        input_origin=outcome.shape_origin,
        output_shape=per_image(tensors[0].shape) if tensors else None,
        parameters=sum(t.raw.numel() for _, t in named_parameters(module)) if module else 0,
        macs=sum(row.macs for row in rows),
        complete=complete,
        layers=rows,
        problems=findings(draft.problems),
        nearest=nearest_net(built, outcome, draft) if module is not None else None,
        not_understood=_not_understood(draft, outcome, dropped),
        text=draft.original,
        mended=draft.mended if diff else "",
        diff=diff,
    )


def findings(problems) -> tuple[Finding, ...]:
    """Findings in order of their lines, what is wrong before what is doubtful."""
    ordered = sorted(problems, key=lambda p: (p.line, p.severity != "wrong"))
    return tuple(
        Finding(
            p.line, p.kind, p.severity, sentences.english(p.kind, p.values),
            sentences.suggestion(p.kind, p.values), p.values, p.also, bool(p.edits),
        )
        for p in ordered
    )  # fmt: skip


def _classes(interpreter, draft, classes: list[Class], built) -> tuple[ClassEntry, ...]:
    whole = {cls.name for cls in choosing.roots(interpreter, draft.tree)}
    alone = len(whole) <= 4 and built is not None and built.parameters < 2_000_000
    module = built.module if built else None
    return tuple(
        ClassEntry(
            cls.name, draft.line(cls.line), module is not None and module.cls is cls,
            cls.name in whole,
            name_block(interpreter, cls, draft.tree) if alone and cls.name in whole else "",
        )
        for cls in classes
    )  # fmt: skip


def _net(interpreter, draft, built, request) -> NetEntry:
    candidate = built.candidate
    entries = []
    for parameter in choosing.parameters_of(candidate.target, interpreter):
        given = parameter.name in candidate.arguments
        value = candidate.arguments.get(parameter.name)
        origin = "default"
        if parameter.name in request.arguments:
            origin = "given"
        elif given:
            origin = "guessed" if candidate.origin == "guessed" else "text"
        shown = shown_value(interpreter, value) if given else (parameter.default or "…")
        entries.append(ArgumentEntry(parameter.name, parameter.default, shown, origin))
    return NetEntry(candidate.name, candidate.kind, draft.line(candidate.line), tuple(entries))


def shown_value(interpreter, value) -> str:
    """An argument as one would write it."""
    if isinstance(value, Class | Function | LayerType):
        return value.name
    if isinstance(value, str):
        return repr(value[:100])
    return show(interpreter, value)[:200]


def layer_rows(interpreter, nodes: list[Node], draft) -> tuple[LayerEntry, ...]:
    """The rows of the table, in the order they run."""
    rows = []
    for node in nodes:
        if node.module is None and node.op not in _SHOWN:
            continue
        if node.op in ("flatten", "reshape") or "number" in node.details:
            continue
        rows.append(
            LayerEntry(
                _row_name(interpreter, node), node.op, detail(node), per_image(node.shape),
                node.parameters, node.macs, node.field.size, draft.line(node.made_line),
                draft.line(node.line),
            )
        )  # fmt: skip
    return tuple(rows)


def _row_name(interpreter, node: Node) -> str:
    if node.module is not None:
        return interpreter.name_of(node.module)
    owner = interpreter.names.get(id(node.owner), "") if node.owner is not None else ""
    return f"{owner}.{node.op.replace(' ', '_')}".lstrip(".")


def detail(node: Node) -> str:
    """``3×3, stride 2, padding 1``"""
    details, parts = node.details, []
    if "adaptive" in details:
        return f"to {'×'.join(map(str, details['adaptive']))}"
    if "kernel" in details:
        parts.append("×".join(map(str, details["kernel"])))
        for name, plain in (("stride", 1), ("padding", 0), ("dilation", 1)):
            value = details.get(name)
            if value is not None and set(value) != {plain}:
                same = len(set(value)) == 1
                shown = value[0] if same else "×".join(map(str, value))
                parts.append(f"{name} {shown}")
    if details.get("groups", 1) != 1:
        parts.append(f"groups {details['groups']}")
    if node.op == "dropout":
        parts.append(str(details.get("p")))
    if "slope" in details:
        parts.append(str(details["slope"]))
    return ", ".join(parts)


def _not_understood(draft, outcome, dropped) -> tuple[dict, ...]:
    """What was not understood, each once, with the key and values of its sentence."""
    entries = [(line, "not_understood", {"what": what}) for line, what in dropped]
    built = outcome.built
    sources = [built.found if built else None]
    sources += [run.found if run else None for run in (outcome.evaluated, outcome.trained)]
    reported = _reported(draft)
    for notes in (source for source in sources if source is not None):
        for line, what in notes.not_understood:
            entries.append((draft.line(line), "not_understood", {"what": what}))
        for failure in notes.failures:
            if failure.kind not in reported:
                entries.append((draft.line(failure.line or 1), failure.kind, failure.values))
    if outcome.stop is not None:
        line = draft.line(outcome.interpreter.line)
        entries.append((line, outcome.stop.kind, outcome.stop.values))
    found: dict[tuple[int, str], dict] = {}
    for line, kind, values in sorted(entries, key=lambda entry: entry[0]):
        what = sentences.english(kind, values) or kind
        plain = {k: v for k, v in values.items() if isinstance(v, str | int | float)}
        entry = {"line": line, "what": what, "kind": kind, "values": plain}
        if what != "failed" and len(found) < 100:
            found.setdefault((line, what), entry)
    return tuple(found.values())


def _reported(draft) -> set[str]:
    """Kinds of failures that stand among the findings."""
    kinds = {p.kind for p in draft.problems}
    return kinds | {kind.removesuffix("_near") for kind in kinds} | {"name_unknown"}
