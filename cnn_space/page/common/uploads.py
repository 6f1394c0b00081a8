"""Where a visitor's uploads lie."""

from pathlib import Path

from gradio.utils import get_upload_folder


def find(name: str | None) -> Path | None:
    """The file that the browser calls ``name``, whether it is still there or not; None for any
    place where no uploads lie.

    Gradio checks only paths that come with its own mark, which a raw request can leave out, and
    none that come with an event.
    """
    path = Path(name or "").resolve()
    return path if path.is_relative_to(Path(get_upload_folder()).resolve()) else None
