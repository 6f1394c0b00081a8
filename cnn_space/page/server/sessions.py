"""A visitor's session without what this page does not use."""

import os
from copy import copy

from gradio import state_holder


class Session(state_holder.SessionState):
    """Gradio's session, less what it keeps for deep links, of which there are none here: a copy of
    all 200 components, a third of the time of a first request; and whatever was sent to them and
    shown by them, 0.3 MB and more a session."""

    def __init__(self, blocks):
        # In place of Gradio's own; nothing but the copy is left out.
        self.blocks_config = copy(blocks.default_config)
        self.config_values = {}
        self.state_data = {}
        self._state_ttl = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 1 if os.getenv("GRADIO_IS_E2E_TEST") else 3600

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key):
        pass

    def _update_value_in_config(self, key, value):
        pass
