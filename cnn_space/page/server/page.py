"""``gr.Blocks`` that bounds what strangers send."""

import inspect
import logging
import re
from contextvars import ContextVar

import gradio as gr
import uvicorn.config
from gradio import state_holder
from gradio.exceptions import ComponentProcessingError, InvalidPathError

from cnn_space.images import decoder_pool
from cnn_space.page.common.texts import language, say
from cnn_space.page.server import lines, sessions, values, waiting
from cnn_space.page.server.visitors import address_of

# Gradio has no other way to say so.
state_holder.SessionState = sessions.Session
uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{lines.__name__}:{lines.Line.__name__}"

# Gradio's words for what was a choice, in a session that is no longer here.
_NO_CHOICE = re.compile(r"Value: (.*?)(?: \(type: .*?\))? is not in the list of choices", re.DOTALL)

_log = logging.getLogger(__name__)
_lang: ContextVar[str] = ContextVar("lang", default="en")


class Page(gr.Blocks):
    """A page whose events take what ``values`` and ``waiting`` allow. What else does not fit a
    component is refused in one sentence too, and nothing of it fills the log."""

    def queue(self, **options) -> "Page":
        # Else Gradio tells all who wait of each event that begins: of a class, thousands of times.
        super().queue(**{"status_update_rate": 1} | options)
        waiting.bound(self._queue)
        return self

    async def process_api(self, block_fn, inputs, state=None, request=None, *rest, **options):
        if isinstance(request, gr.Request):
            _lang.set(language(request))
            decoder_pool.VISITOR.set(address_of(request))
        event = options.get("event_data")
        if event is not None and not isinstance(event._data, dict):  # programs may send anything
            event._data = {}
        try:
            return await super().process_api(block_fn, inputs, state, request, *rest, **options)
        except gr.Error as error:
            error.title = say(
                "notice_error", _lang.get()
            )  # above the sentence, which has it already
            raise

    def _check(self, block_fn, inputs) -> None:
        """Raise gr.Error for a value that no component should see."""
        blocks = block_fn.inputs
        if len(inputs) < len(blocks):
            raise _refusal("server_missing", given=len(inputs), needed=len(blocks))
        for name, block, value in zip(_names(block_fn), blocks, inputs, strict=False):
            if problem := values.problem(block, value):
                shown = values.short(repr(value))
                _log.warning("refused as %r: %s", name, shown)
                raise _refusal(problem, name=name, value=shown)

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        inputs = [values.by_path(value) for value in inputs]
        self._check(block_fn, inputs)
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:  # of a component: no such choice, a number out of bounds
            why = error.message
            gone = _NO_CHOICE.match(why)
            if gone and block_fn.api_visibility == "private":  # the page has asked, not a program
                raise _refusal("server_gone", value=values.short(gone[1].strip("'"))) from None
        except ComponentProcessingError as error:
            why = str(error.__cause__)
        except InvalidPathError:  # Gradio's own words name folders of this machine
            _log.warning("refused: a path that is not among the uploads")
            raise _refusal("server_not_uploaded") from None
        except ValueError as error:  # no file at all
            why = str(error)
        _log.warning("refused: %s", values.short(why, 200))
        raise _refusal("server_unusable", why=values.short(why, 200))


def _refusal(key: str, **named) -> gr.Error:
    return gr.Error(say(key, _lang.get(), **named), print_exception=False)


def _names(block_fn) -> list[str]:
    """What programs call the inputs of an endpoint; of other events the components' own names."""
    parameters = list(inspect.signature(block_fn.fn).parameters) if block_fn.fn else []
    own = [block.elem_id or type(block).__name__ for block in block_fn.inputs]
    return parameters if len(parameters) == len(own) else own
