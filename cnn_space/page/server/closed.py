"""What Gradio serves and this page has no use for."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Writes all values of a session into a file that its link opens, a visitor's key among them.
# Whoever reads the server's log knows the sessions, which are part of addresses.
DEEP_LINK = "/gradio_api/deep_link"


class Closed:
    """ASGI middleware: what this page has no use for is not found."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(DEEP_LINK):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
