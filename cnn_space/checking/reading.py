"""From what a visitor gives to Python text: a file, a paste, a notebook."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from cnn_space.checking.limits import NOTEBOOK_BYTES, TEXT_BYTES

_MAGIC = re.compile(r"^\s*(?:[%!]|\?)")
_PROMPT = re.compile(r"^(?:>>> ?|\.\.\. ?|In \[\d*\]: ?)")


class Unreadable(ValueError):
    """A source that holds no Python text: ``kind`` is a sentence's key, ``values`` fill it."""

    def __init__(self, kind: str, **values):
        super().__init__(kind)
        self.kind, self.values = kind, values


@dataclass(frozen=True)
class Source:
    """A text to check. ``cells`` are the notebook cells that its lines come from, if any."""

    text: str
    name: str = ""
    folder: Path | None = None
    notebook: bool = False
    cells: tuple[tuple[int, int], ...] = field(default=())  # (first line, cell number)


def read(source: str | bytes | Path) -> Source:
    """The text of ``source``: Python text, its bytes, or the path of a ``.py`` or ``.ipynb`` file.

    Text that is a notebook's JSON is read as one. Raises Unreadable for anything else.
    """
    name, folder = "", None
    if isinstance(source, Path):
        name, folder = source.name, source.resolve().parent
        source = _file_bytes(source)
    if isinstance(source, bytes | bytearray):
        source = _decode(bytes(source))
    if not isinstance(source, str):
        raise Unreadable("source_type", what=type(source).__name__)
    if len(source) > NOTEBOOK_BYTES:
        raise Unreadable("too_long", size=len(source), limit=TEXT_BYTES)
    if name.endswith(".ipynb") or _looks_like_notebook(source):
        text, cells = _notebook(source)
        found = Source(text, name, folder, True, cells)
    else:
        found = Source(source, name, folder)
    size = len(found.text.encode("utf-8", "replace"))
    if size > TEXT_BYTES:
        raise Unreadable("too_long", size=size, limit=TEXT_BYTES)
    if "\0" in found.text:
        raise Unreadable("binary")
    if not found.text.strip():
        raise Unreadable("empty")
    return Source(_clean(found.text), name, folder, found.notebook, found.cells)


def _file_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise Unreadable("no_file", path=str(path))
        with path.open("rb") as file:
            return file.read(NOTEBOOK_BYTES + 1)
    except OSError as error:
        raise Unreadable("no_file", path=f"{path}: {error.strerror}") from error


def _decode(data: bytes) -> str:
    if len(data) > NOTEBOOK_BYTES:
        raise Unreadable("too_long", size=len(data), limit=TEXT_BYTES)
    encodings = ["utf-8-sig", "utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    if b"\0" in data[:8192]:
        raise Unreadable("binary")
    for encoding in ("cp949", "latin-1"):  # old Korean editors; then whatever it is
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("binary")


def _clean(text: str) -> str:
    """One kind of line end, no byte-order mark, no signs that a web page put between words."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # half of a pair of surrogates
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    text = text.replace("\u00a0", " ").replace("\u200b", "").replace("\f", " ")
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    if filled and sum(bool(_PROMPT.match(line)) for line in filled) > len(filled) / 2:
        lines = [_PROMPT.sub("", line) for line in lines]
    return "\n".join(lines)


def _looks_like_notebook(text: str) -> bool:
    start = text[:400].lstrip()
    return start.startswith("{") and '"cells"' in text and '"cell_type"' in text


def _notebook(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The code of a notebook's cells, and for each cell its first line."""
    try:
        cells = json.loads(text)["cells"]
        codes = [
            "".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"]
            for cell in cells
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unreadable("notebook") from None
    lines: list[str] = []
    starts = []
    for number, code in enumerate(codes, 1):
        if not isinstance(code, str):
            raise Unreadable("notebook")
        starts.append((len(lines) + 1, number))
        if code.lstrip().startswith("%%") and not code.lstrip().startswith("%%time"):
            lines += ["# " + line for line in code.split("\n")]  # a cell of another language
        else:
            lines += [_without_magic(line) for line in code.split("\n")]
        lines.append("")
    if not any(line.strip() for line in lines):
        raise Unreadable("empty")
    return "\n".join(lines), tuple(starts)


def _without_magic(line: str) -> str:
    """``%matplotlib inline`` and ``!pip install …`` as a comment; lines keep their numbers."""
    if not _MAGIC.match(line):
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass  # {line.strip()}"
