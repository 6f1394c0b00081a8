"""Who may wait for how much, and in which order. Gradio's one limit counts everything: 65
fine-tunings that nobody listened to closed the page for all."""

import random
import time
from collections import Counter
from collections.abc import Callable

from gradio.queueing import Event, Queue
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cnn_space.page.common.components import TRAIN
from cnn_space.page.common.texts import language, say
from cnn_space.page.server.visitors import address_of

MOST = 480  # events that wait, of all kinds
# And of one visitor. Thirty pupils of one address who open the page bring four each at once, and
# two more with the answer.
MOST_OF_ONE = 240
RUNS, RUNS_OF_ONE = 4, 1  # among them fine-tunings, which take minutes
# Events of one visitor under way in one queue, and in all, which have 40 places: others find room.
AT_ONCE, AT_ONCE_IN_ALL = 6, 20
UNHEARD = 200  # sessions whose answers nobody has come for yet


def bound(queue: Queue) -> None:
    """Let ``queue`` refuse what would wait too long, with status 429 and a sentence, take visitors
    in turn, and forget the answers that nobody comes for."""
    push, clean, tidied = queue.push, queue.clean_events, 0.0
    # Gradio drops the sessions that came first, be their runs under way; see ``_forget``.
    queue.pending_messages_per_session.max_size = 10**6

    async def bounded(body, request: Request, username: str | None):
        nonlocal tidied
        if problem := _problem(queue, body.fn_index, request):
            raise HTTPException(429, say(problem, language(request)))
        answer = await push(body=body, request=request, username=username)
        for events in queue.event_queue_per_concurrency_id.values():
            events.queue[:] = in_turn(events.queue)
        if time.monotonic() - tidied > 1:
            tidied = time.monotonic()
            _forget(queue)
        return answer

    async def cleaned(*, session_hash: str | None = None, event_id: str | None = None) -> None:
        await clean(session_hash=session_hash, event_id=event_id)
        _expect_no_more(queue, session_hash)

    queue.push, queue.clean_events = bounded, cleaned
    queue.get_events = lambda: _next(queue)


def _next(queue: Queue) -> tuple[list[Event], bool, str] | None:
    """The event that begins now, as Gradio takes it: alone, not as one of a batch, with its queue.
    None where all queues are busy, or wait for visitors who have enough under way."""
    under_way = [event for events in queue.active_jobs for event in events or []]
    of_all = Counter(map(_visitor, under_way))
    queues = [*queue.event_queue_per_concurrency_id.items()]
    for name, events in random.sample(queues, len(queues)):
        limit = events.concurrency_limit
        if not events.queue or (limit is not None and events.current_concurrency >= limit):
            continue
        here = Counter(_visitor(event) for event in under_way if event.concurrency_id == name)
        for event in events.queue:
            visitor = _visitor(event)
            if here[visitor] < AT_ONCE and of_all[visitor] < AT_ONCE_IN_ALL:
                events.queue.remove(event)
                return [event], False, name
    return None


def _visitor(event: Event) -> str:
    if not hasattr(event, "visitor"):
        event.visitor = address_of(event.request)
    return event.visitor


def in_turn(events: list[Event]) -> list[Event]:
    """The first event of each visitor, then the second of each, and so on: who sends many waits
    for them, and nobody else does."""
    sent: Counter[str] = Counter()
    turns = []
    for event in events:
        turns.append(sent[_visitor(event)])
        sent[_visitor(event)] += 1
    order = sorted(range(len(events)), key=turns.__getitem__)
    return [events[place] for place in order]


def _forget(queue: Queue) -> None:
    """Drop what the queue keeps of sessions that nothing is under way for: all that was heard, and
    of the answers that nobody has come for those of the last UNHEARD sessions not."""
    messages, expected = queue.pending_messages_per_session, queue.pending_event_ids_session
    busy = {event.session_hash for event in [*queue.event_ids_to_events.values()]}
    idle = [session for session in messages if session not in busy]
    unheard = [session for session in idle if expected.get(session)]
    for session in {*idle} - {*unheard[-UNHEARD:]}:
        del messages[session]
    for session in [*expected]:
        if session not in messages and session not in busy:
            del expected[session]


def _expect_no_more(queue: Queue, session: str | None) -> None:
    """Forget the events under way that a visitor has left. They give no answer any more, and Gradio
    would keep the lines open for it on which the same session comes back."""
    under_way = [event for events in queue.active_jobs for event in events or []]
    expected = queue.pending_event_ids_session.get(session, set())
    expected -= {event._id for event in under_way if not event.alive}


def _problem(queue: Queue, fn_index: int | None, request: Request) -> str | None:
    """The key of the sentence that says why one more event may not wait; None where it may."""
    waiting = [e for events in queue.event_queue_per_concurrency_id.values() for e in events.queue]
    visitor = address_of(request)

    def count(of: Callable[[Event], bool] = lambda event: True) -> tuple[int, int]:
        """Of all visitors, and of this one."""
        chosen = [event for event in waiting if of(event)]
        return len(chosen), sum(_visitor(event) == visitor for event in chosen)

    fn = queue.blocks.fns.get(fn_index)
    if fn is not None and fn.concurrency_id == TRAIN["concurrency_id"]:
        runs, own = count(lambda event: event.concurrency_id == fn.concurrency_id)
        if own >= RUNS_OF_ONE:
            return "server_own_run_waits"
        if runs >= RUNS:
            return "server_runs_wait"
    everything, own = count()
    return "server_busy" if everything >= MOST or own >= MOST_OF_ONE else None
