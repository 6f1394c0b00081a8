"""What may come as the values of an event. Gradio fetches files that are named by an address before
any component sees them, without a limit of size or time, and keeps each value with the session."""

import sys
from collections.abc import Iterator
from urllib.parse import unquote

import gradio as gr

from cnn_space.page.common import uploads
from cnn_space.page.common.photo_input import PhotoInput
from cnn_space.page.server.bodies import MOST

LETTERS = 500_000  # of a value that is no picture: the names of 2,000 files are about half of it
PART = 20  # letters that a number, or the start of a list, counts for


def problem(block: gr.components.Component, value: object) -> str | None:
    """The key of the sentence that says why ``value`` cannot be that of ``block``; None where
    nothing speaks against it before the component itself has seen it."""
    if any(_is_address(part.get("path")) for part in _parts(value) if isinstance(part, dict)):
        return "server_address"
    if value is None:
        return "server_kind_number" if isinstance(block, gr.Slider) else None
    if block.stateful:
        return None
    most = getattr(block, "max_length", None) or LETTERS
    if isinstance(block, PhotoInput):
        most = MOST  # the picture itself may be inside
    if _letters(value, most) > most:
        return "server_value"
    if isinstance(block, gr.Number | gr.Slider):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # JSON also brings NaN, infinity, and whole numbers that no float holds.
        if not (is_number and abs(value) <= sys.float_info.max):
            return "server_kind_number"
        # Gradio would round it and say nothing.
        is_whole = getattr(block, "precision", None) != 0 or value == int(value)
        return None if is_whole else "server_kind_whole"
    if isinstance(block, gr.Checkbox):
        return None if value in (True, False) else "server_kind_flag"
    # Gradio takes a list of choices where one is chosen.
    is_single = isinstance(block, gr.Dropdown) and not block.multiselect
    if is_single or isinstance(block, gr.Textbox | gr.Code):
        return None if isinstance(value, str) else "server_kind_text"
    if isinstance(block, gr.Image | gr.File):
        kinds = dict if isinstance(block, gr.Image) else dict | list
        return None if isinstance(value, kinds) else "server_kind_file"
    return None


def by_path(value: object) -> object:
    """A file that lies among the uploads, and comes by its address on this page, as programs get it
    from Gradio: by its path. A picture that is inside of the request: without the empty path that
    programs write beside it. Any other value as it is."""
    if isinstance(value, dict) and value.get("path") == "":
        return value | {"path": None}
    if isinstance(value, dict) and _is_address(address := value.get("path")):
        name = address.partition("/gradio_api/file=")[2].partition("?")[0]
        if path := uploads.find(unquote(name)):
            return value | {"path": str(path), "url": None}
    return value


def short(value: object, most: int = 80) -> str:
    """A value for the log and for messages, on one line, without what would steer a terminal."""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text[: 2 * most].split())
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= most else f"{text[:most]}…"


def _is_address(path: object) -> bool:
    return isinstance(path, str) and path.lower().startswith(("http:", "https:"))


def _parts(value: object) -> Iterator[object]:
    """``value`` and all that is inside of it."""
    rest = [value]
    while rest:
        part = rest.pop()
        yield part
        if isinstance(part, dict):
            rest += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            rest += part


def _letters(value: object, most: int) -> int:
    """How many letters ``value`` has; above ``most`` they are not counted on."""
    total = 0
    for part in _parts(value):
        total += len(part) if isinstance(part, str) else PART
        if total > most:
            break
    return total
