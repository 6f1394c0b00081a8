"""The endpoints as tools of an MCP server, where the package ``mcp`` is installed.

A tool is called as its function is, and described by that function's docstring.
"""

import os
from importlib.util import find_spec

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from cnn_space.page.server.visitors import address
from cnn_space.settings import Settings

PATH = "/gradio_api/mcp"


def are_offered() -> bool | None:
    """What ``launch`` is to do; None leaves it to Gradio's own variable, where somebody set it.

    A page that Node draws has no tools: where that Node does not start, Gradio starts its server
    a second time, and one with tools fails at that.
    """
    if os.environ.get("GRADIO_MCP_SERVER"):
        return None
    by_node = os.environ.get("GRADIO_SSR_MODE", "").lower() == "true"
    on_a_space = Settings.read().space_id is not None  # where the browser draws it
    return find_spec("mcp") is not None and (on_a_space or not by_node)


class Tools:
    """ASGI middleware. Gradio answers the call of a tool by a call of its own, from this machine
    and with the same headers: they get the address of who asks, by which limits are counted. One
    that a stranger wrote into them would be believed."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and PATH in scope["path"]:
            scope = scope | {"headers": [*scope["headers"]]}
            MutableHeaders(scope=scope)["x-forwarded-for"] = address(scope)
        await self._app(scope, receive, send)
