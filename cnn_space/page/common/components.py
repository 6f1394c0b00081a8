"""What several tabs put on the page: queues, download lines, scripts of components."""

import json

import gradio as gr

from cnn_space.page import PAGE


def script(name: str) -> str:
    """A script of a tab, such as "classify/pick.js", for ``js_on_load`` or an event's ``js``."""
    return (PAGE / name).read_text(encoding="utf-8")


# For scripts of events: hides what a tab shows of anything but what is chosen now.
OUTDATED_JS = script("common/outdated.js")


def hide_outdated(tab: str) -> dict:
    """An event's ``fn`` and ``js`` for the inputs photo and net (or nets, and more): what ``tab``
    shows of others (see ``templates.of``) is hidden at once, and its room kept."""
    return {
        "fn": None,
        "js": f"({script('common/current.js')})({OUTDATED_JS}, {json.dumps(tab)})",
    }


# A screen reader says what appears in an element with this script.
LIVE_JS = script("common/live.js")

# For the whole page, once: its drawings can be saved.
TAKE_HOME_JS = f"({script('common/take_home.js')})({script('common/picture.js')})"

# Who waits for whom. All events of a queue name its limit: Gradio takes the smallest it meets.
FETCH = {"concurrency_id": "fetch", "concurrency_limit": 24}  # a net may come over the network
SWEEP = {"concurrency_id": "sweep", "concurrency_limit": 2}  # seconds of work, or of a download
INFER = {"concurrency_id": "infer", "concurrency_limit": 1}
TRAIN = {"concurrency_id": "train", "concurrency_limit": 1}

# Nothing dimmed while it runs. "Hidden" alone lets Gradio tell every component that was ever an
# output of each step of every event: thousands of messages until the page is there.
UNMARKED = {"show_progress": "hidden", "show_progress_on": []}
# No endpoint for clients, either.
QUIET = {"api_visibility": "private"} | UNMARKED


def download_line() -> gr.HTML:
    """Where a net on its way here shows how far it is; no room is taken without one."""
    return gr.HTML(elem_classes="download-line")
