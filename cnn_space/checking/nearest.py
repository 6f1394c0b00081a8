"""Which published net a recorded net is, or is nearest to."""

from __future__ import annotations

from collections import Counter

from cnn_space.checking import aligning, differences, references, sections, sentences
from cnn_space.checking.canonical import Unit, digest, has, units
from cnn_space.checking.comparison import Comparison
from cnn_space.checking.references import Reference
from cnn_space.checking.report import Nearest
from cnn_space.models import registry

LIKE = 0.35  # below this share of common layers no net is named
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
    )  # fmt: skip
    likeness = aligning.likeness(pairs)
    if likeness < LIKE:
        return None
    found_differences = differences.find(comparison)
    return _result(reference, likeness, False, _original_lines(found_differences, draft))


def _original_lines(found: list, draft) -> list:
    from dataclasses import replace

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
    return Nearest(
        reference.arch,
        references.title(reference.arch, reference.options),
        dict(reference.options),
        same,
        round(likeness, 3),
        tuple(found),
        tuple(sentences.english(key, {}) for key in keys),
        reference.parameters,
        reference.macs,
        facts.paper.title,
    )


def block_name(interpreter, cls, tree) -> str:
    return ""


def nearest_by_shapes(shapes: dict[str, tuple[int, ...]]) -> Nearest | None:
    """The net whose parameters have exactly these shapes, or None."""
    return None
