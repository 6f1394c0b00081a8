"""The input for a visitor's picture: handlers get upright RGB, None, or the reason why not."""

import base64
import binascii
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image
from pydantic import field_serializer

from cnn_space.images.photo import MAX_BYTES, NET_SIDE, open_photo
from cnn_space.images.photo_error import PhotoError
from cnn_space.page.common import uploads
from cnn_space.page.common.components import QUIET
from cnn_space.page.common.texts import say

# What every browser shows by itself.
_SHOWN = frozenset({"AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "WEBP"})


class Picture(ImageData):
    """A picture as it arrives. Gradio keeps what arrives with the session; not the pictures that
    programs send inside of their requests, which no later event asks for."""

    @field_serializer("url")
    def _without_inline(self, url: str | None) -> str | None:
        return None if url and url.startswith("data:") else url


@dataclass(frozen=True)
class Refused:
    """In place of a picture that cannot be used: ``why`` tells the visitor in one sentence."""

    error: ValueError

    def why(self, lang: str = "en") -> str:
        if isinstance(self.error, PhotoError):
            return say(f"photo_{self.error.reason}", lang, **self.error.values)
        return say("photo_unreadable", lang)


class _Recent:
    """The pictures decoded last, by file: an answer, its heatmap and what is inside of the net ask
    for the same one."""

    def __init__(self, count: int = 8, pixels: int = 2_000_000):
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple, Image.Image] = OrderedDict()
        self._count, self._pixels = count, pixels

    def open(self, path: Path) -> Image.Image:
        """The picture in a file; raises as ``open_photo``."""
        key = self._key(path)
        with self._lock:
            if (picture := self._pictures.get(key)) is not None:
                self._pictures.move_to_end(key)
                return picture
        picture = open_photo(path, NET_SIDE)
        self.keep(path, picture)
        return picture

    def keep(self, path: Path, picture: Image.Image) -> None:
        """What ``open`` gives for a file from now on."""
        if picture.width * picture.height <= self._pixels:
            with self._lock:
                self._pictures[self._key(path)] = picture
                if len(self._pictures) > self._count:
                    self._pictures.popitem(last=False)

    @staticmethod
    def _key(path: Path) -> tuple:
        try:
            status = path.stat()
        except OSError:
            return path, None
        return path, status.st_mtime_ns, status.st_size


_RECENT = _Recent()


class PhotoInput(gr.Image):
    """``gr.Image`` that hands on an RGB PIL image, or ``Refused`` for what is none.

    Gradio's own would drop transparency, clip 16-bit pictures to white, hand on GIFs as palettes,
    and decode a picture before its size is judged. Nothing here is decoded before that. An error
    here would lose the picture that a visitor chose meanwhile, which waits in the browser.
    """

    # The stock front end of gr.Image serves this class too. (No __init__ of our own: Gradio reads
    # what it tells the browser from its signature.)
    is_template = True
    data_model = Picture

    def preprocess(self, payload) -> Image.Image | Refused | None:
        """The uploaded picture as RGB; None when there is none."""
        if payload is None or not (payload.url or payload.path):
            return None
        try:
            inline = payload.url and payload.url.startswith("data:")
            if inline:
                return open_photo(_inline(payload.url), NET_SIDE)
            picture = _RECENT.open(self._upload(payload.path))
            picture.info["path"] = payload.path  # by which the browser knows it
            return picture
        except ValueError as error:
            return Refused(error)

    def postprocess(self, value):
        """What the browser shows. A picture that ``shown`` converted keeps what is known of it."""
        payload = super().postprocess(value)
        if isinstance(value, Image.Image) and "notes" in value.info:
            picture = value.copy()
            picture.info["format"] = "PNG"
            _RECENT.keep(Path(payload.path).resolve(), picture)
        return payload

    def show_converted(self) -> None:
        """Show a picture that browsers cannot show (HEIC, TIFF) as a PNG in its place."""
        self.change(shown, self, self, **QUIET)

    def _upload(self, name: str | None) -> Path:
        """Where an upload lies. Raises PhotoError for any other place, and once it is deleted."""
        path = uploads.find(name)
        if path is None:
            raise PhotoError("unreadable")
        if not path.is_file():  # uploads are deleted after a while
            raise PhotoError("gone")
        return path


def shown(photo: Image.Image | Refused | None) -> Image.Image | dict:
    """The picture, to be shown in place of its file, where a browser cannot show that."""
    if isinstance(photo, Image.Image) and photo.info.get("format") not in _SHOWN:
        return photo
    return gr.skip()


def notes(photo: Image.Image, lang: str = "en") -> list[str]:
    """What a visitor should know of how the photo was read."""
    known = photo.info.get("notes", {})
    return [say(f"photo_note_{name}", lang, value=value) for name, value in known.items()]


def required(image: Image.Image | Refused | None, missing: str) -> Image.Image:
    """The picture, for programs. Raises gr.Error without one: ``missing``, or why it is refused."""
    if isinstance(image, Image.Image):
        return image
    why = image.why() if isinstance(image, Refused) else missing
    raise gr.Error(why, print_exception=False)


def _inline(url: str) -> bytes:
    if len(url) > MAX_BYTES * 4 // 3:
        raise PhotoError("too_many_bytes", most=MAX_BYTES // 1024**2)
    try:
        return base64.b64decode(url.partition(",")[2], validate=False)
    except (binascii.Error, ValueError):
        raise PhotoError("unreadable") from None
