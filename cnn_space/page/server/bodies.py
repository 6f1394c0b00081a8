"""How large a request may be. Gradio limits each file of an upload and nothing else: a body of
150 MB of small numbers took 1.4 GB of memory, and what a session sends stays with it."""

import asyncio
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnn_space.page.common.texts import language, say
from cnn_space.page.server.pace import Pace
from cnn_space.page.server.quota import Answer, Quota
from cnn_space.page.server.visitors import address

MOST = 8 * 2**20  # bytes of a request that is no upload; a picture inside of it (``data:``) counts
VALUES = 100_000  # in it: reading millions holds up everyone's requests
# So much of what is refused is read all the same, and forgotten: who is cut off while sending never
# hears why.
DRAINED = 2 * MOST
# Bytes a second of one visitor, after a burst of a few requests.
RATE, UPLOAD_RATE = 2**20, 16 * 2**20
# Seconds in which a request must have come: 8 MB, and the largest upload, over a slow line.
SECONDS, UPLOAD_SECONDS = 100, 900
UPLOAD = "/gradio_api/upload"


class BoundedBodies:
    """ASGI middleware: a body above ``most`` bytes is answered with status 413; an upload above a
    visitor's share of ``quota`` too, and the others are booked there."""

    def __init__(self, app: ASGIApp, quota: Quota, most: int = MOST):
        self._app, self._quota, self._most = app, quota, most
        self._uploads = Pace(UPLOAD_RATE, burst=quota.share)
        self._others = Pace(RATE, burst=3 * most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._app(scope, receive, send)
        visitor = address(scope)
        if scope["path"].rstrip("/").endswith(UPLOAD):
            receive = _paced(receive, self._uploads, visitor)
            await self._upload(visitor, scope, receive, send)
        else:
            await self._small(scope, _paced(receive, self._others, visitor), send)

    async def _upload(self, visitor: str, scope: Scope, receive: Receive, send: Send) -> None:
        answer = Answer()
        receive = _in_time(_counted(receive, self._quota.share), language(Request(scope)))
        with suppress(ClientDisconnect):  # who leaves in the middle
            await self._app(scope, receive, answer.watching(send))
        if answer.paths:
            await run_in_threadpool(self._quota.add, visitor, answer.paths)

    async def _small(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        parts, size, is_whole = [], 0, False
        most_read = 0 if declared.isdigit() and int(declared) > DRAINED else DRAINED
        try:
            async with asyncio.timeout(SECONDS):
                while size <= most_read and not is_whole:
                    message = await receive()
                    size += len(message.get("body", b""))
                    is_whole = not message.get("more_body")  # or the visitor left
                    parts.append(message)
                    if size > self._most:
                        parts.clear()
        except TimeoutError:
            return await self._refuse("server_slow", 408, scope, receive, send)
        if not parts:
            return await self._refuse("server_body", 413, scope, receive, send)
        if sum(part.get("body", b"").count(b",") for part in parts) > VALUES:
            return await self._refuse("server_values", 413, scope, receive, send)
        parts.reverse()

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        await self._app(scope, replay, send)

    async def _refuse(self, key: str, status: int, scope: Scope, receive: Receive, send: Send):
        most = {"most": self._most // 2**20, "values": VALUES, "seconds": SECONDS}
        why = say(key, language(Request(scope)), **most)
        answer = JSONResponse({"detail": why}, status, {"connection": "close"})
        await answer(scope, receive, send)


def _paced(receive: Receive, pace: Pace, visitor: str) -> Receive:
    async def paced() -> Message:
        message = await receive()
        await pace.wait(visitor, len(message.get("body", b"")))
        return message

    return paced


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


def _in_time(receive: Receive, lang: str) -> Receive:
    """``receive`` for an upload that ends after UPLOAD_SECONDS, whole or not."""
    end = asyncio.get_running_loop().time() + UPLOAD_SECONDS

    async def timed() -> Message:
        try:
            async with asyncio.timeout_at(end):
                return await receive()
        except TimeoutError:
            why = say("server_slow", lang, seconds=UPLOAD_SECONDS)
            raise MultiPartException(why) from None

    return timed
