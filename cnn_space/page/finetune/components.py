"""The Fine-tune tab's components, by name."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component

from cnn_space.page.finetune import running


@dataclass(eq=False)
class Components:
    """The components that the tab's events read and write."""

    # shared with other tabs
    tabs: gr.Tabs
    classify_net: gr.Dropdown
    compare_nets: gr.Dropdown
    own_nets: gr.State
    # of this tab alone
    key: gr.BrowserState  # by which a visitor comes back to the session,
    had: gr.BrowserState  # and whether there is anything in it
    session: gr.State
    clock: gr.Timer  # runs while a run is under way
    lost: gr.HTML  # what of it is no longer kept
    # step 1: images
    source: gr.Radio
    age: gr.Slider  # of the generator of forged digits
    photos: gr.HTML
    archive: gr.File
    hub: gr.Textbox
    folder: gr.Textbox
    read: gr.Button
    contents: gr.HTML
    samples: gr.HTML
    # step 2: net, and the controls of a run (see ``running.CONTROLS``)
    base: gr.Dropdown
    preset: gr.Radio
    head_epochs: gr.Slider
    top_epochs: gr.Slider
    epochs: gr.Slider
    optimizer: gr.Radio
    augment: gr.Radio
    lr: gr.Number
    lower: gr.Slider
    holdout: gr.Slider
    seed: gr.Number
    aux: gr.Checkbox
    frozen_norm: gr.Checkbox
    class_weights: gr.Radio
    cross_validate: gr.Radio
    advanced: gr.Accordion  # they are folded into it
    lr_wrong: gr.HTML
    seed_wrong: gr.HTML
    # step 3: train
    train: gr.Button
    stop: gr.Button
    state: gr.HTML
    curves: gr.HTML
    # result
    result: gr.HTML
    use: gr.Button
    download: gr.DownloadButton
    as_onnx: gr.Button
    onnx_file: gr.DownloadButton
    naming: gr.Row
    name: gr.Textbox
    rename: gr.Button
    own_net: gr.HTML
    runs: gr.HTML
    trials: gr.File
    tried: gr.HTML
    matrix: gr.HTML
    cell: gr.HTML
    mistakes: gr.HTML
    suspects: gr.HTML
    again: gr.Button
    # only where visitors can log in
    repo: gr.Textbox | None = None
    push: gr.Button | None = None

    @property
    def controls(self) -> list[Component]:
        """The controls of a run, in the order of ``running.CONTROLS``."""
        return [getattr(self, name) for name in running.CONTROLS]
