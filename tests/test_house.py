"""The rules of the house: which way imports go, and when a room does too much.

The contracts stand in pyproject.toml; ``lint-imports`` prints them one by one.
"""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("cnn_space/**/*.py"), ROOT / "app.py"])
# Import names that differ from the names in requirements.txt.
DISTRIBUTIONS = {
    "charset_normalizer": "charset-normalizer",
    "PIL": "pillow",
    "pillow_heif": "pillow-heif",
    "pillow_jxl": "pillow-jxl-plugin",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
}


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_keep_the_contracts():
    """In a process of its own: it switches off the loggers that it finds."""
    lint = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as lint; lint()",
    ]
    done = subprocess.run([*lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_no_room_does_too_much(path):
    """At most 300 lines a file (120 in app.py) and 60 a function."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= (120 if path.name == "app.py" else 300)
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= 60
    ]
    assert not long


@pytest.mark.parametrize("path", [p for p in SOURCES if "page" in p.parts], ids=names)
def test_handlers_name_what_they_return(path):
    """No tuple of more than four is returned or yielded: a dictionary says which is which."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Return | ast.Yield) and isinstance(node.value, ast.Tuple):
            starred = any(isinstance(part, ast.Starred) for part in node.value.elts)
            assert len(node.value.elts) <= 4 and not starred, f"line {node.lineno}"


def test_what_is_imported_is_declared():
    """Every package that cnn_space imports, at the top or inside a function, is a requirement."""
    imported = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    imported -= {*sys.stdlib_module_names, "cnn_space"}
    declared = {
        re.match(r"[\w-]+", line).group().lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if re.match(r"\w", line)
    }
    needed = {DISTRIBUTIONS.get(name, name).lower() for name in imported}
    assert needed <= declared


def test_an_installed_copy_carries_its_data_files():
    """Templates, style sheets, scripts and texts are package data."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    kept = {pattern.removeprefix("*") for pattern in setuptools["package-data"]["*"]}
    files = [path for path in ROOT.glob("cnn_space/**/*.*") if "__pycache__" not in path.parts]
    assert {path.suffix for path in files} - {".py", ".pyi"} <= kept
