"""What of Gradio's server this page has a use for. All else is not found: pages of statistics and
of runs, deep links (a file of a session's values, which whoever knows the session could open),
recordings, changing the page by prompt, and what a later version of Gradio brings along."""

import logging
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cnn_space.page.common.texts import language, say
from cnn_space.page.server import values

OPEN = (
    # The page, and what the browser draws it with.
    "",  # and "/"
    "/assets/{path:path}",
    "/static/{path:path}",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
    "/theme.css",
    "/gradio_api/theme.css",
    # Where a visitor signs in, on a Space that knows how.
    "/login/huggingface",
    "/login/callback",
    "/logout",
    # What programs ask before they call.
    "/config",
    "/gradio_api/app_id",  # asked again and again by a page that lost the server
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/startup-events",
    # Events and their answers; ``run`` is for those that never wait.
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/run/{api_name}",
    "/gradio_api/call/{api_name}",
    "/gradio_api/call/{api_name}/{event_id}",
    "/gradio_api/call/v2/{api_name}",
    "/gradio_api/call/v2/{api_name}/{event_id}",
    "/gradio_api/cancel",
    "/gradio_api/reset",
    "/gradio_api/heartbeat/{session_hash}",
    # Files of visitors.
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
    "/gradio_api/file={path_or_url:path}",
    # The endpoints as tools.
    "/gradio_api/mcp",
    "/gradio_api/mcp/http",
    "/gradio_api/mcp/schema",
)
# Gradio would fetch such a "file" and hand it on, for whoever asks and without an end.
ELSEWHERE = re.compile("/gradio_api/file=https?:", re.IGNORECASE)

_log = logging.getLogger(__name__)


def _pattern(route: str) -> str:
    parts = re.split(r"(\{.*?\})", route)
    return "".join(
        re.escape(part) if part[:1] != "{" else ".*" if ":path" in part else "[^/]+"
        for part in parts
    )


_OPEN = re.compile(f"({'|'.join(map(_pattern, OPEN))})/?", re.DOTALL)


def is_open(path: str) -> bool:
    """Whether what stands at ``path`` is served."""
    return bool(_OPEN.fullmatch(path)) and not ELSEWHERE.match(path)


class Closed:
    """ASGI middleware: what is not in ``OPEN`` is not found."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_open(_path(scope)):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        else:
            try:
                await self._app(scope, receive, send)
            except RuntimeError as error:
                # Who listens to a session that is none has been told so in the stream already.
                if not isinstance(error.__cause__, HTTPException):
                    raise
                await send({"type": "http.response.body"})


def _path(scope: Scope) -> str:
    """Where a page that is served under another one says the other's path, too."""
    return scope["path"].removeprefix(scope.get("root_path", ""))


async def unknown(request: Request, error: Exception) -> JSONResponse:
    """The answer to who calls an endpoint, or an event by its number, that is none: Gradio looks
    both up and lets the error through."""
    blocks = request.app.get_blocks()
    public = [fn.api_name for fn in blocks.fns.values() if fn.api_visibility == "public"]
    _log.warning("not found: %s", values.short(request.url.path))
    why = say("server_unknown", language(request), names=", ".join(sorted(public)))
    return JSONResponse({"detail": why}, 404)
