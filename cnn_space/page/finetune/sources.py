"""Where a visitor's images come from: the digits, alone or beside forged ones, single photos (see
``loose``), a zip, the Hub, or a folder of this machine."""

import logging
from urllib.parse import urlsplit

import gradio as gr

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.visitor_set import DataError, VisitorSet
from cnn_space.inference.forging import real_or_forged
from cnn_space.models import registry
from cnn_space.page.finetune.recorded import digits
from cnn_space.settings import Settings
from cnn_space.weights import generators

_log = logging.getLogger(__name__)

SOURCES = ("digits", "forged", "photos", "zip", "hub", "folder")
AT_ONCE = ("digits", "forged")  # they need no reading
# Where a run starts from until the visitor chooses: for small images, and for photos.
BASES = (weights.DEFAULT, "googlenet.imagenette")


def may_read_folders(request: gr.Request | None = None) -> bool:
    """Whether folders of this machine may be read: only by a visitor who sits at it."""
    settings = Settings.read()
    if settings.space_id or not settings.folders:
        return False
    if request is None:
        return True
    if any(name.lower().startswith(("x-forwarded", "forwarded")) for name in request.headers):
        return False  # a proxy on this machine asks for somebody else
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname
    here = ("127.0.0.1", "::1")
    return request.client and request.client.host in here and asked in (*here, "localhost")


def available() -> list[str]:
    """The sources that this page offers."""
    missing = {"folder": not may_read_folders(), "forged": not generators.is_here()}
    return [name for name in SOURCES if not missing.get(name)]


def oldest() -> int:
    """The generator's greatest age; 1 where there is no generator."""
    return len(generators.read_card().ages) if generators.is_here() else 1


def at_once(source: str, age: int) -> VisitorSet | None:
    """The images of a source that needs no reading: ``age`` is that of who forges. None for other
    sources, and where the generator cannot be used (any more)."""
    if source == "forged":
        try:
            return real_or_forged(age) if generators.is_here() else None
        except ValueError as error:
            _log.warning("%s", error)
            return None
    return digits() if source == "digits" else None


def read(source: str, file: str | None, hub: str, folder: str, request: gr.Request) -> VisitorSet:
    """The images of a source that needs reading. Raises DataError where they cannot be used."""
    if source == "zip":
        return readers.read_zip(file)
    if source == "hub":
        return readers.read_hub(hub or "")
    if source == "folder" and may_read_folders(request):
        return readers.read_folder(folder)
    raise DataError("not_a_folder", path="")


def suited_base(visitor_set: VisitorSet | None, base: str | None) -> str | None:
    """The net to start from: of the two defaults the one for images of this size; any other net
    was chosen and stays."""
    if visitor_set is None or base not in BASES:
        return base
    fit = BASES[visitor_set.images.side > registry.SMALL_SIDE]
    return fit if weights.is_known(fit) else base
