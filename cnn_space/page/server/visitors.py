"""Who asks: as far as a server can tell, an address."""

from collections.abc import Mapping

import gradio as gr
from starlette.requests import Request

from cnn_space.settings import Settings


def address(client: tuple | None, headers: Mapping[str, str]) -> str:
    """The address of a visitor, by which limits are counted. On a Space it is what Hugging Face's
    proxy says; elsewhere a stranger could make it up, and uvicorn has believed a proxy on this
    machine already."""
    forwarded = headers.get("x-forwarded-for", "").partition(",")[0].strip()
    if forwarded and Settings.read().space_id:
        return forwarded
    return client[0] if client else ""


def address_of(request: Request | gr.Request) -> str:
    """The same for a request."""
    return address((request.client.host,) if request.client else None, request.headers)
