"""A script that runs before Gradio's own: what it sets, Gradio reads as it draws the page."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnn_space.page.common.components import script

MARK = b"<head>"


class EarlyScript:
    """ASGI middleware that puts ``early.js`` at the top of every HTML page's head. Gradio's own
    ``head`` is added once the language is settled."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.head = MARK + f"<script>{script('common/early.js')}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page: list[Message] = []  # of an HTML page, its start and its parts until it is whole

        async def put_in(message: Message) -> None:
            if message["type"] == "http.response.start":
                kind = MutableHeaders(scope=message).get("content-type", "")
                if not kind.startswith("text/html"):
                    return await send(message)
                return page.append(message)
            if not page:
                return await send(message)
            page.append(message)
            if not message.get("more_body"):
                start, *parts = page
                body = b"".join(part.get("body", b"") for part in parts)
                body = body.replace(MARK, self.head, 1)
                MutableHeaders(scope=start)["content-length"] = str(len(body))
                await send(start)
                await send({"type": "http.response.body", "body": body})

        wanted = scope["type"] == "http" and scope["method"] == "GET"
        await self.app(scope, receive, put_in if wanted else send)
