"""What several tabs put on the page: queues, download lines, what is read aloud."""

import gradio as gr

# Where a screen reader says what appears.
LIVE_JS = 'element.ariaLive = "polite";'

# Who waits for whom. All events of a queue name its limit: Gradio takes the smallest it meets.
FETCH = {"concurrency_id": "fetch", "concurrency_limit": 24}  # a net may come over the network
INFER = {"concurrency_id": "infer", "concurrency_limit": 1}
TRAIN = {"concurrency_id": "train", "concurrency_limit": 1}


def download_line() -> gr.HTML:
    """Where a net on its way here shows how far it is; no room is taken without one."""
    return gr.HTML(elem_classes="download-line")
