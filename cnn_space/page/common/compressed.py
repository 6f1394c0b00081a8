"""The page and what describes it, compressed: a sixth of the bytes for a slow line."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

LEVEL = 5  # a higher one takes more time and gains little


class Compressed(GZipMiddleware):
    """ASGI middleware for addresses without an ending, such as the page's own. Gradio compresses
    files by their ending, and nothing else."""

    def __init__(self, app):
        super().__init__(app, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_ending = "." in scope.get("path", "")
        await (self.app if has_ending else super().__call__)(scope, receive, send)
