"""A visitor's session without what this page does not use."""

import os
from copy import copy

from gradio import state_holder


class Session(state_holder.SessionState):
    """Gradio's session, less a copy of all 200 components that it makes at once for its deep links,
    of which there are none here: 0.3 MB and a third of the time of a first request. Of components
    that an event touches Gradio makes it then."""

    def __init__(self, blocks):
        # In place of Gradio's own; nothing but the copy is left out.
        self.blocks_config = copy(blocks.default_config)
        self.config_values = {}
        self.state_data = {}
        self._state_ttl = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 1 if os.getenv("GRADIO_IS_E2E_TEST") else 3600
