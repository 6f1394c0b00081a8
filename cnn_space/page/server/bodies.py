"""How large a request may be. Gradio limits each file of an upload and nothing else: a body of
150 MB of small numbers took 1.4 GB of memory, and what a session sends stays with it."""

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnn_space.page.common.texts import language, say
from cnn_space.page.server.quota import Answer, Quota
from cnn_space.page.server.visitors import address

MOST = 8 * 2**20  # bytes of a request that is no upload; a picture inside of it (``data:``) counts
# So much of what is refused is read all the same, and forgotten: who is cut off while sending never
# hears why.
DRAINED = 4 * MOST
UPLOAD = "/gradio_api/upload"


class BoundedBodies:
    """ASGI middleware: a body above ``most`` bytes is answered with status 413; an upload above a
    visitor's share of ``quota`` too, and the others are booked there."""

    def __init__(self, app: ASGIApp, quota: Quota, most: int = MOST):
        self._app, self._quota, self._most = app, quota, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
        elif scope["path"].rstrip("/").endswith(UPLOAD):
            answer = Answer()
            await self._app(scope, _counted(receive, self._quota.share), answer.watching(send))
            if answer.paths:
                visitor = address(scope.get("client"), Headers(scope=scope))
                await run_in_threadpool(self._quota.add, visitor, answer.paths)
        else:
            await self._small(scope, receive, send)

    async def _small(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        parts, size, is_whole = [], 0, False
        most_read = 0 if declared.isdigit() and int(declared) > DRAINED else DRAINED
        while size <= most_read and not is_whole:
            message = await receive()
            size += len(message.get("body", b""))
            is_whole = not message.get("more_body")  # or the visitor left
            parts.append(message)
            if size > self._most:
                parts.clear()
        if not parts:
            return await self._refuse(scope, receive, send)
        parts.reverse()

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        await self._app(scope, replay, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = say("server_body", language(Request(scope)), most=self._most // 2**20)
        answer = JSONResponse({"detail": why}, 413, {"connection": "close"})
        await answer(scope, receive, send)


def _counted(receive: Receive, most: int) -> Receive:
    """``receive`` for an upload: Gradio's parser turns the error into its answer 413."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise MultiPartException(f"The maximum allowed size of an upload is {most:,} bytes.")
        return message

    return counted
