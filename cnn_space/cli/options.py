"""What several commands share: options of a training, and where its result goes."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import get_args

DATA_DIR = (
    "folder of Parquet files, or photos with one folder a class, in a folder or a zip "
    "(default: the Hub)"
)


def add_setting(group, name: str, field, *, help: str) -> None:
    """Add the pydantic ``field`` called ``name`` to a group of argparse: ``--batch-size 512``, or
    ``--aux`` and ``--no-aux`` for a bool. Not given, it is None. The field checks the value, not
    argparse; where it is one of a few words, ``help`` is preceded by them."""
    if field.annotation is bool:
        kind = {"action": argparse.BooleanOptionalAction}
    elif field.annotation in (int, float):
        kind = {"type": field.annotation}
    else:
        kind = {"metavar": "WORD"}
        help = f"{', '.join(get_args(field.annotation))}; {help}"
    group.add_argument(f"--{name.replace('_', '-')}", default=None, help=help, **kind)


def given_settings(options, names) -> dict:
    """Those of the settings called ``names`` that were given on the command line."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def make_folder(folder: Path) -> None:
    """Make the folder of a result before the work begins. Raises ValueError where nothing can be
    written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to {folder}: {error.strerror}") from None


def net_options(given: list[str]) -> dict:
    """The options of a net from ``KEY=VALUE`` texts; ``null`` stands for the usual value.
    Raises ValueError for what is no option."""
    options = {key: _value(text) for key, _, text in (item.partition("=") for item in given)}
    for name, origin in (("arch", "ARCH says"), ("num_classes", "the images say"),
                         ("in_channels", "the images say")):  # fmt: skip
        if name in options:
            raise ValueError(f"{name} is no --option: {origin} it")
    return {name: value for name, value in options.items() if value is not None}


def _value(text: str):
    """A value of --option: true, 3, 0.4 or a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
