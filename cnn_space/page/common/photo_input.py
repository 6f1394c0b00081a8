"""Safe intake of a visitor's picture: handlers get upright RGB, nothing, or the reason why not."""

import base64
import binascii
import threading
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.data_classes import ImageData
from PIL import Image
from pydantic import field_serializer

from cnn_space.images import photo
from cnn_space.images.photo import PhotoError
from cnn_space.page.common.texts import say

# A picture of 50 million pixels takes half a gigabyte on its way; 24 visitors may send one at once.
_DECODING = threading.BoundedSemaphore(2)
# Pictures inside a request (data: URLs) pass Gradio's max_file_size by.
MAX_BYTES = 64 * 1024**2


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
            source = _inline(payload.url) if inline else self._upload(payload.path)
            with _DECODING:
                return photo.open_photo(source)
        except ValueError as error:
            return Refused(error)

    def _upload(self, name: str | None) -> Path:
        """Where an upload lies. Raises PhotoError for any other place, and once it is deleted."""
        # Gradio checks only paths that come with its own mark; a raw request can leave it out.
        path = Path(name or "").resolve()
        if not path.is_relative_to(Path(self.GRADIO_CACHE).resolve()):
            raise PhotoError("unreadable")
        if not path.is_file():  # uploads are deleted after a while
            raise PhotoError("gone")
        return path


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
