"""Which published net a recorded net is, or is nearest to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product

from cnn_space.checking import aligning, differences, references, sections
from cnn_space.checking.blocks import name_block, nearest_block
from cnn_space.checking.canonical import Unit, digest, has, units
from cnn_space.checking.comparison import Comparison
from cnn_space.checking.references import Reference
from cnn_space.checking.report import Nearest
from cnn_space.checking.values import Class
from cnn_space.models import registry

LIKE = 0.45  # below this share of common layers no net is named
MOST_UNITS = 420


def nearest_net(built, outcome, draft) -> Nearest | None:
    """The nearest of this package's nets to a text's net, and how it differs."""
    run = outcome.evaluated
    if run is None or not run.recording.nodes:
        return None
    interpreter = outcome.interpreter
    interpreter.name_modules(built.module)
    numbers = [t.node for t in run.tensors if t.node is not None]
    found = units(interpreter, run.recording, numbers[:1] or None)
    if len(found) < 4 and built.module.cls in _block_classes(built):
        block = nearest_block(name_block(interpreter, built.module.cls, draft.tree))
        if block is not None:
            return block
    if len(found) < 3 or len(found) > MOST_UNITS or outcome.shape is None:
        return None
    heads = references.heads(interpreter, run, outcome.trained) if outcome.trained else []
    joins = Counter(node.op for node in run.recording.nodes)
    norms = joins["batch norm"]
    last = found[-1]
    classes = last.channels if 1 < last.channels <= 100_000 else 1000
    best = _best(found, joins, norms, classes, outcome.shape)
    if best is None:
        return None
    reference, pairs = best
    same = _same(reference, found, heads, run, outcome, numbers, built, classes)
    if same is not None:
        return _result(same, 1.0, True, [])
    comparison = Comparison(
        reference.arch, pairs, heads, list(reference.heads),
        sum(n.macs for n in run.recording.nodes), reference.macs, built.candidate.line,
        _dropped_maps(run),
    )  # fmt: skip
    likeness = aligning.likeness(pairs)
    if likeness < LIKE:
        return None
    found_differences = differences.find(comparison)
    return _result(reference, likeness, False, _original_lines(found_differences, draft))


def _dropped_maps(run) -> int:
    """The line of a Dropout2d on maps of one value, 0 for none."""
    for node in run.recording.nodes:
        if node.op == "dropout" and node.details.get("maps") and set(node.shape[2:]) <= {1}:
            return node.made_line
    return 0


def _block_classes(built) -> list:
    """The class of the net, where it is one of the text."""
    return [built.module.cls] if isinstance(built.module.cls, Class) else []


def _original_lines(found: list, draft) -> list:
    return [replace(d, line=draft.line(d.line)) for d in found]


def _best(found: list[Unit], joins: Counter, norms: int, classes: int, shape: tuple):
    """The reference with the most layers in common, and the pairs of layers."""
    best = None
    for arch, options in references.candidates(found, joins, norms):
        side = shape if len(shape) == 3 else (3, 224, 224)
        reference = references.reference(arch, options, classes, side)
        if reference.misfits:  # images of this size do not fit it
            own = registry.input_size(arch, **options)
            reference = references.reference(arch, options, classes, (side[0], own, own))
        pairs = aligning.align(found, list(reference.units))
        likeness = aligning.likeness(pairs)
        if best is None or likeness > best[0]:
            best = (likeness, reference, pairs)
        if likeness > 0.97:
            break
    return best[1:] if best else None


def _same(reference, found, heads, run, outcome, numbers, built, classes) -> Reference | None:
    """The reference or a variant of it by options whose graph is that of the net."""
    if abs(len(found) - len(reference.units)) > 20 or not outcome.trained:
        return None
    mine = digest(run.recording, numbers)
    trained = digest(outcome.trained.recording,
                     [t.node for t in outcome.trained.tensors if t.node is not None])  # fmt: skip
    for options in _variants(reference, found, heads):
        other = references.reference(reference.arch, options, classes, outcome.shape)
        if (
            other.evaluated == mine
            and sorted(other.trained) == sorted(trained)
            and other.parameters == built.parameters
        ):
            return other
    return None


def _variants(reference: Reference, found: list[Unit], heads: list[Unit]) -> list[dict]:
    """Options of the reference that may make it the net."""
    options = dict(reference.options)
    variants = [options]
    if reference.arch in ("googlenet", "inception_v3") and not heads:
        variants.append(options | {"aux": False})
    if reference.arch == "googlenet":
        more = _googlenet_options(found)
        variants += [v | more for v in list(variants) if more]
    return variants


def _googlenet_options(found: list[Unit]) -> dict:
    """kernel5x5, dropout and pool4 as the net has them."""
    options: dict = {}
    kernels = Counter(u.kernel for u in found)
    if kernels[(5, 5)] >= 9:
        options["kernel5x5"] = 5
    elif kernels[(3, 3)] > 25:
        options["kernel5x5"] = "3+3"
    elif kernels[(3, 3)] > 16:
        options["kernel5x5"] = 3
    rates = [one[1] for one in (*found[-1].before, *found[-1].after) if one[0] == "dropout"]
    options["dropout"] = rates[0] if rates else 0.0
    pools = [one for u in found for one in u.before
             if one[0] == "max pool" and len(one) > 2 and one[2] == (2, 2)]  # fmt: skip
    if pools and pools[-1][1] in ((2, 2), (3, 3)):
        options["pool4"] = pools[-1][1][0]
    options["batch_norm"] = any(has(u.after, "batch norm") for u in found)
    return options


def _result(reference: Reference, likeness: float, same: bool, found: list) -> Nearest:
    facts = registry.facts(reference.arch)
    keys = sections.notes(reference.arch, reference.options)
    kinds = {difference.kind for difference in found}
    if reference.arch == "googlenet" and not kinds & {"diff_width", "diff_extra"}:
        keys = (*keys, "note_googlenet_widths")
    return Nearest(
        reference.arch,
        references.title(reference.arch, reference.options),
        dict(reference.options),
        same,
        round(likeness, 3),
        tuple(found),
        tuple(sections.note(key) for key in keys),
        reference.parameters,
        reference.macs,
        facts.paper.title,
        note_keys=tuple(keys),
    )


def nearest_by_shapes(shapes: dict[str, tuple[int, ...]]) -> Nearest | None:
    """The net that has parameters of exactly these shapes, or None; for a file of weights."""
    wanted = Counter(shapes.values())
    layers = [shape for shape in shapes.values() if len(shape) in (2, 4)]
    if len(layers) < 3:
        return None
    kernels = [shape for shape in layers if len(shape) == 4]
    first = min(kernels, key=lambda shape: shape[1], default=(0, 3, 3, 3))
    outputs = sorted({shape[0] for shape in layers if len(shape) == 2}) or [first[0]]
    for arch, options in _weights_candidates(layers, first):
        side = registry.input_size(arch, **options)
        heads = ({}, {"aux": False}) if arch in ("googlenet", "inception_v3") else ({},)
        for classes, aux in product(outputs[:4], heads):
            other = references.reference(arch, options | aux, classes, (first[1], side, side))
            if Counter(other.shapes_of_parameters) == wanted:
                return _result(other, 1.0, True, [])
    return None


def _weights_candidates(layers: list, first: tuple[int, ...]) -> list[tuple[str, dict]]:
    """The nets with about as many layers as a file of weights has."""
    convolutions = sum(len(shape) == 4 for shape in layers)
    small = max(first[2:]) <= 3
    stem = {"small_input": True} if small else {}
    found: list[tuple[str, dict]] = []
    if convolutions <= 3:
        found.append(("lenet5", {}))
    if 4 <= convolutions <= 7:
        found += [("alexnet", {}), ("alexnet", {"form": "paper"}), ("alexnet", {"form": "cifar"})]
    if 8 <= convolutions <= 16:
        depth = {8: 11, 10: 13, 13: 16, 16: 19}.get(convolutions)
        for head in ("fc", "gap") if depth else ():
            for norm in (False, True):
                found.append((f"vgg{depth}", {"batch_norm": norm, "head": head}))
        found.append(("nin", {}))
    if 50 <= convolutions <= 62:
        found += [("googlenet", stem), ("googlenet", {"form": "paper", **stem})]
    if 90 <= convolutions <= 100:
        found.append(("inception_v3", {}))
    for family in ("resnet", "densenet"):
        for arch in references.nearest_depths(family, convolutions):
            plain = arch == "densenet_bc_100_12"
            found.append((arch, {} if plain else stem))
    return found
