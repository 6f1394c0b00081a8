"""Who may wait for how much. Gradio's one limit counts everything: 65 fine-tunings that nobody
listened to closed the page for all."""

from collections.abc import Callable

from gradio.queueing import Event, Queue
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cnn_space.page.common.components import TRAIN
from cnn_space.page.common.texts import language, say
from cnn_space.page.server.visitors import address_of

MOST = 64  # events that wait, of all kinds
MOST_OF_ONE = 16  # and of one visitor
RUNS, RUNS_OF_ONE = 4, 1  # among them fine-tunings, which take minutes


def bound(queue: Queue) -> None:
    """Let ``queue`` refuse what would wait too long, with status 429 and a sentence."""
    push = queue.push

    async def bounded(body, request: Request, username: str | None):
        if body.fn_index is not None and body.fn_index not in queue.blocks.fns:
            raise HTTPException(404, "There is no such event.")
        if problem := _problem(queue, body.fn_index, request):
            raise HTTPException(429, say(problem, language(request)))
        return await push(body=body, request=request, username=username)

    queue.push = bounded


def _problem(queue: Queue, fn_index: int | None, request: Request) -> str | None:
    """The key of the sentence that says why one more event may not wait; None where it may."""
    waiting = [e for events in queue.event_queue_per_concurrency_id.values() for e in events.queue]
    visitor = address_of(request)

    def count(of: Callable[[Event], bool] = lambda event: True) -> tuple[int, int]:
        """Of all visitors, and of this one."""
        chosen = [event for event in waiting if of(event)]
        return len(chosen), sum(address_of(event.request) == visitor for event in chosen)

    fn = queue.blocks.fns.get(fn_index)
    if fn is not None and fn.concurrency_id == TRAIN["concurrency_id"]:
        runs, own = count(lambda event: event.concurrency_id == fn.concurrency_id)
        if own >= RUNS_OF_ONE:
            return "server_own_run_waits"
        if runs >= RUNS:
            return "server_runs_wait"
    everything, own = count()
    return "server_busy" if everything >= MOST or own >= MOST_OF_ONE else None
