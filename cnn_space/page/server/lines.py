"""How many lines and requests are open at a time, and how slowly they may be used. Neither uvicorn
nor Gradio bounds them: whoever opens lines and says nothing, or never reads an answer, holds memory
and files for as long as they like.

The numbers leave room for a class: a browser opens six lines while it loads the page and two
afterwards, so thirty of one address need 180.
"""

from collections import Counter

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cnn_space.page.common.texts import language, say
from cnn_space.page.server.visitors import address, owner

MOST, MOST_OF_ONE = 2000, 400  # requests that are being answered, of all and of one visitor
SPARE = 100  # more lines than that, so that who has too many requests can be told
HEAD = 20  # seconds for the head of a request, from the end of the last one
STALLED = 60  # seconds in which a visitor takes nothing of what is sent
LOOK = 5  # seconds between two looks at a line


class BoundedRequests:
    """ASGI middleware: what is too much at a time is answered with status 429."""

    def __init__(self, app: ASGIApp):
        self._app = app
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        visitor = address(scope)
        if self._open[visitor] >= MOST_OF_ONE or self._open.total() >= MOST:
            why = say("server_requests", language(Request(scope)))
            answer = JSONResponse({"detail": why}, 429, {"connection": "close"})
            return await answer(scope, receive, send)
        self._open[visitor] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= {visitor: 1}  # and forgets who has none


class Line(H11Protocol):
    """uvicorn's side of a line, which it cuts where there are too many, and where nothing moves."""

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._idle = self._stuck = 0  # looks at which it was so, without a break
        self._owner = self._whose()
        of_one = sum(line._owner == self._owner for line in self.connections)
        if len(self.connections) > MOST + SPARE or (self._owner and of_one > MOST_OF_ONE + SPARE):
            transport.abort()
        else:
            self.loop.call_later(LOOK, self._look)

    def _whose(self) -> str:
        """Who has this line; nobody where it is a proxy's, which brings the requests of many."""
        host = self.client[0] if self.client else ""
        return "" if host in getattr(self.app, "trusted_hosts", ()) else owner(host)

    def on_response_complete(self) -> None:
        self._idle = 0
        super().on_response_complete()

    def resume_writing(self) -> None:
        self._stuck = 0
        super().resume_writing()

    def _should_upgrade(self) -> bool:
        return False  # nothing here speaks WebSocket

    def _look(self) -> None:
        """Looks are counted, not seconds: where this process itself stood still, what came
        meanwhile is read before the next one."""
        if self not in self.connections:
            return  # it is gone
        is_idle = self.cycle is None or self.cycle.response_complete
        # What is left to send keeps a line open that is closed already.
        is_stuck = self.flow.write_paused or self.transport.is_closing()
        self._idle = self._idle + 1 if is_idle else 0
        self._stuck = self._stuck + 1 if is_stuck else 0
        if self._stuck * LOOK > STALLED:
            self.transport.abort()
        elif self._idle * LOOK > HEAD:
            self.transport.close()
        self.loop.call_later(LOOK, self._look)
