"""CNN Space: composes the page and serves it; what the tabs do lives in ``cnn_space.page``."""

import argparse
import os

from cnn_space.page.common import start

start.prepare()  # before Gradio is imported

import gradio as gr

from cnn_space.page.about.layout import about_part
from cnn_space.page.check.layout import check_part
from cnn_space.page.classify.layout import classify_tab
from cnn_space.page.common import nets
from cnn_space.page.common.address import Address
from cnn_space.page.common.texts import I18N, t
from cnn_space.page.common.theme import STYLE_SHEETS, theme
from cnn_space.page.common.top import tab, top, whole_page_scripts
from cnn_space.page.compare.layout import compare_tab
from cnn_space.page.finetune.layout import finetune_tab, outside_of_tabs
from cnn_space.page.inception.layout import inception_tab
from cnn_space.page.server import memory
from cnn_space.page.server.options import bounds
from cnn_space.page.server.page import Page
from cnn_space.settings import Settings


def build() -> gr.Blocks:
    """The whole page, not yet served."""
    address = Address()
    with Page(title="CNN Space", delete_cache=(3600, 3600)) as demo:
        # A visitor's own fine-tuned nets, {display name: Loaded}; one dictionary a session.
        own_nets = gr.State(nets.OwnNets())
        top()
        visitor = outside_of_tabs()
        with gr.Tabs(elem_id="tabs") as tabs:
            with tab("classify"):
                photo, net = classify_tab(demo, own_nets, address)
            with tab("compare") as compare:
                nets_compared = compare_tab(compare, photo, own_nets, address)
            with tab("inception"), gr.Tabs(elem_id="inception-places") as places:
                with gr.Tab(t("check_tab_module"), id="module"):
                    inception_tab(address)
                with gr.Tab(t("check_tab"), id="check") as check:
                    check_part(check)
            with tab("finetune"):
                lists = {"classify_net": net, "compare_nets": nets_compared}
                finetune_tab(demo, tabs, own_nets, address, **lists, **visitor)
        about_part()
        address.tabs("tab", tabs)
        address.tabs("place", places, inside="inception")
        address.wire(demo)
        whole_page_scripts(demo)
    return demo.queue(api_open=False)


def launch_options() -> dict:
    """What every way of serving the page shares (the command line, a Space, the tests)."""
    return bounds() | {
        "theme": theme(),
        "css_paths": STYLE_SHEETS,
        "i18n": I18N,
        # Not the settings: their language reaches the labels alone, that of our button all.
        "footer_links": ["api"],
        # What a visitor chose (early.js) is known in the browser alone. A Space asks for Node by
        # itself; elsewhere somebody does, with GRADIO_SSR_MODE.
        "ssr_mode": False if Settings.read().space_id else None,
        "run_history": False,
        # Gradio asks its own page first, and ends the process where a busy machine takes 3 seconds.
        "_frontend": False,
    }


def read_options(argv: list[str] | None) -> argparse.Namespace:
    """The options of the command line. Ends with a sentence, exit code 2, where they, the
    environment or the machine do not allow the page."""
    parser = argparse.ArgumentParser(description="CNN Space in the browser")
    parser.add_argument("--port", type=int, help="port to listen on (default: 7860 or the next)")
    parser.add_argument("--host", help="address to listen on (default: this machine alone)")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--share", action="store_true", help="make a public link for a week")
    who.add_argument(
        "--local-folders",
        action="store_true",
        help="let browsers on this machine name a folder to learn from; not behind a proxy",
    )
    options = parser.parse_args(argv)
    try:
        Settings.read()
        start.check_address(options.host, options.port)
    except ValueError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return options


def main(argv: list[str] | None = None) -> None:
    """Serve the page: ``python app.py --help`` lists the options."""
    options = read_options(argv)
    if options.local_folders:
        os.environ["CNN_SPACE_FINETUNE_FOLDERS"] = "1"
    if options.share:
        # Whoever has the link may not read folders of this machine.
        os.environ["CNN_SPACE_FINETUNE_FOLDERS"] = "0"
        os.environ.setdefault("CNN_SPACE_FINETUNE_SECONDS", "180")  # as on a Space
    if options.host:
        start.bypass_proxies(options.host)
    demo = build()
    place = {"server_name": options.host, "server_port": options.port, "share": options.share}
    demo.launch(**place, prevent_thread_lock=True, **launch_options())
    memory.settle()
    memory.give_back()
    nets.warm()  # while the browser is still fetching the page
    demo.block_thread()


if __name__ == "__main__":
    start.end_when_interrupted()
    main()
    start.end()
