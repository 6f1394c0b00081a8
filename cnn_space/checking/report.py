"""The result of a check: plain data, its JSON, and the text for a terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from cnn_space.checking import sentences

LONGEST_NAME = 80  # letters of a layer's name in the terminal's table


@dataclass(frozen=True)
class ClassEntry:
    """An nn.Module class of the text. ``whole``: no other class uses it as a part."""

    name: str
    line: int
    net: bool = False
    whole: bool = False
    block: str = ""  # the published block that it is, e.g. "resnet_basic"; "" for none


@dataclass(frozen=True)
class ArgumentEntry:
    """An argument of the net. ``origin``: "default", "given", "guessed" or "text"."""

    name: str
    default: str | None
    value: str
    origin: str


@dataclass(frozen=True)
class NetEntry:
    """What was taken for the net: a class, or a function or variable that makes one."""

    name: str
    kind: str
    line: int
    arguments: tuple[ArgumentEntry, ...] = ()


@dataclass(frozen=True)
class LayerEntry:
    """A row of the table. ``line`` is where the layer is made, ``called`` where it runs.

    ``shape`` is that of its output for one image; ``macs`` are multiply-accumulates for one image;
    ``field`` is the receptive field in pixels, height and width.
    """

    name: str
    kind: str
    detail: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    field: tuple[int, int]
    line: int
    called: int


@dataclass(frozen=True)
class Finding:
    """Something wrong or doubtful: ``kind`` and ``values`` are what its sentence is made of."""

    line: int
    kind: str
    severity: str  # "wrong" or "doubtful"
    message: str
    suggestion: str = ""
    values: dict = field(default_factory=dict)
    also: tuple[int, ...] = ()
    mended: bool = False  # the mended text has a correction for it


@dataclass(frozen=True)
class Difference:
    """How the net differs from the nearest one: ``kind`` and ``values`` make the sentence.

    Parameters and MACs are those of the part concerned, here and in the reference; None where
    it has none of its own, and the MACs of auxiliary heads, which an answer does not need.
    """

    kind: str
    message: str
    values: dict = field(default_factory=dict)
    section: str = ""
    line: int = 0
    parameters: int | None = None
    reference_parameters: int | None = None
    macs: int | None = None
    reference_macs: int | None = None


@dataclass(frozen=True)
class Nearest:
    """The nearest net of this package and how far it is: ``create_model(name, **options)``."""

    name: str
    title: str
    options: dict
    same: bool
    likeness: float  # share of the layers that agree, 0 to 1
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()  # what the paper has otherwise, though the net is the same
    parameters: int = 0
    macs: int = 0
    paper: str = ""
    block: bool = False  # only a block of that net
    title_key: str = ""  # sentence keys of title and notes, for another language
    note_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What `check` found. ``readable`` is False where the source holds no net; see ``reason``."""

    readable: bool = True
    reason: str = ""
    reason_kind: str = ""
    reason_values: dict = field(default_factory=dict)
    classes: tuple[ClassEntry, ...] = ()
    net: NetEntry | None = None
    input_shape: tuple[int, ...] | None = None
    input_origin: str = ""  # "given", "text" or "guessed"
    output_shape: tuple[int, ...] | None = None
    parameters: int = 0
    macs: int = 0
    complete: bool = False  # the forward ran to its end
    layers: tuple[LayerEntry, ...] = ()
    problems: tuple[Finding, ...] = ()
    nearest: Nearest | None = None
    not_understood: tuple[dict, ...] = ()
    text: str = ""  # what was read; lines refer to it
    mended: str = ""  # the text with all sure corrections, "" where there is none
    diff: str = ""  # from text to mended, unified

    @property
    def wrong(self) -> bool:
        """Whether anything is wrong (not only doubtful)."""
        return any(problem.severity == "wrong" for problem in self.problems)

    @property
    def exit_code(self) -> int:
        """0: nothing is wrong; 1: something is; 2: the source cannot be read."""
        if not self.readable:
            return 2
        return 1 if self.wrong else 0

    def to_json(self) -> dict:
        """The report as plain lists and dicts, without the texts that the caller has."""
        found = asdict(self)
        found.pop("text")
        found["wrong"] = self.wrong
        return found

    def to_text(self) -> str:
        """The report for a terminal; control characters of the source are escaped."""
        if not self.readable:
            return _printable(self.reason)
        lines = [*_head(self), "", *_table(self), "", *_findings(self), *_nearest(self)]
        lines += [sentences.english("not_understood_line", entry) for entry in self.not_understood]
        if self.diff:
            lines += ["", sentences.english("mended_head", {}), self.diff.rstrip("\n")]
        return _printable("\n".join(lines))


def _printable(text: str) -> str:
    """``text`` without anything that a terminal would take for a command."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


def _head(report: Report) -> list[str]:
    net = report.net
    if net is None:
        return [sentences.english("no_net", {})]
    arguments = ", ".join(f"{a.name}={a.value}" for a in net.arguments)
    shape = " × ".join(map(str, report.input_shape or ()))
    return [
        f"{net.name}({arguments}), line {net.line}; images {shape}",
        f"{report.parameters:,} parameters, {report.macs:,} MACs"
        + ("" if report.complete else " up to where the table ends"),
    ]


def _table(report: Report) -> list[str]:
    rows = [("line", "layer", "kind", "output", "parameters", "MACs")]
    for layer in report.layers:
        rows.append(
            (
                str(layer.line),
                layer.name if len(layer.name) <= LONGEST_NAME else layer.name[:LONGEST_NAME] + "…",
                f"{layer.kind} {layer.detail}".strip(),
                " × ".join(map(str, layer.shape)),
                f"{layer.parameters:,}" if layer.parameters else "",
                f"{layer.macs:,}" if layer.macs else "",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    right = (0, 4, 5)
    return [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _findings(report: Report) -> list[str]:
    if not report.problems:
        weights = report.net is not None and report.net.kind == "weights"
        whole = weights or (report.complete and not report.not_understood)
        return [sentences.english("nothing_wrong" if whole else "nothing_wrong_in_part", {})]
    return [
        f"line {p.line}: {p.message}." + (f" {p.suggestion}" if p.suggestion else "")
        for p in report.problems
    ]


def _nearest(report: Report) -> list[str]:
    nearest = report.nearest
    if nearest is None:
        return []
    key = "same_as" if nearest.same else "nearest_to"
    lines = ["", sentences.english(key, {"title": nearest.title, "paper": nearest.paper})]
    for difference in nearest.differences:
        section = f" ({difference.section})" if difference.section else ""
        lines.append(f"- {difference.message}{section}")
    return [*lines, *(f"  {note}" for note in nearest.notes)]
