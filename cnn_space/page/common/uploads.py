"""Where a visitor's uploads lie, and the page's own pictures beside them."""

from pathlib import Path

from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

# Copies of the page's own pictures: whatever deletes uploads leaves them.
OWN: set[Path] = set()


def own_copy(path: Path) -> str:
    """The path of a copy among the uploads, which the page may show; always the same."""
    copy = save_file_to_cache(path, get_upload_folder())
    OWN.add(Path(copy))
    return copy


def find(name: str | None) -> Path | None:
    """The file that the browser calls ``name``, whether it is still there or not; None for any
    place where no uploads lie.

    Gradio checks only paths that come with its own mark, which a raw request can leave out, and
    none that come with an event.
    """
    path = Path(name or "").resolve()
    return path if path.is_relative_to(Path(get_upload_folder()).resolve()) else None
