"""What keeps a page that is open to strangers whole: Gradio believes what browsers send.

- ``visitors``: who asks.
- ``lines``: how many lines and requests are open, and how slowly they may be used.
- ``bodies``, ``pace``: how large a request may be, counted while it comes, and how fast it comes.
- ``values``: what an event's values may be: their size, and no addresses, which Gradio would fetch.
- ``waiting``: who may wait for how much, and in which order, so that a flood leaves room.
- ``tools``: the endpoints as tools of an MCP server, under the same limits.
- ``closed``: what is served at all.
- ``sessions``: what is kept of a visit.
- ``memory``: what was freed goes back to the system.
- ``quota``: how much disk uploads take, for each visitor and in all; the oldest go first.

``page.Page`` is the ``gr.Blocks`` with these rules, ``options.bounds`` what ``launch`` is given.
"""
